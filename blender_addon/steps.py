"""What the steps of the sidebar hold. Each has a line that stands for it where it is closed."""

import textwrap
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import anchor, diffusion_panel, geometry, masks, order, pump, results, solved
from .camera import scene_raster
from .diffusion import wanted
from .parts import MARK, part
from .state import STATE, Inquiry, Run

PIXELS_PER_CHARACTER = 7.2
"""Of Blender's interface font at scale 1, with a little to spare."""

MOST_RESULTS = 4
"""Result collections that are listed, the newest first."""


def sentences(layout, context, lines: list[str], icon: str) -> None:
    """Sentences wrapped to the sidebar's width: labels do not wrap by themselves."""
    scale = context.preferences.system.ui_scale
    width = max(20, int(context.region.width / (PIXELS_PER_CHARACTER * scale)) - 8)
    for line in lines:
        column = layout.column(align=True)
        column.scale_y = 0.75
        for number, piece in enumerate(textwrap.wrap(line, width)):
            column.label(text=piece, icon=icon if number == 0 else "BLANK1", translate=False)


def draw_picture(layout, context, shot) -> None:
    layout.row().prop(shot, "source", expand=True)
    if shot.source == "RENDER":
        return
    layout.prop(shot, "picture_file")
    layout.prop(shot, "depth_source")
    if shot.depth_source == "given":
        layout.prop(shot, "depth_file")
    else:
        draw_missing(layout, context, shot, shot.depth_source)


def draw_masks(layout, context, shot) -> None:
    layout.prop(shot, "mask_file")
    layout.prop(shot, "sky_file")


def masks_line(context, shot) -> str:
    return ", ".join(path.name for path in masks.files(shot).values())


def draw_missing(layout, context, shot, source: str) -> None:
    """The command that gets a source what it lacks; the server's whole sentence is the button's tooltip."""
    if sentence := STATE.sources.get(source):
        name = shot.bl_rna.properties["depth_source"].enum_items[source].name
        command = sentence.split("`")[1] if sentence.count("`") >= 2 else sentence
        sentences(layout, context, [iface_("{} has no weights yet: {}").format(name, command)], "ERROR")


def picture_line(context, shot) -> str:
    if shot.source == "RENDER":
        return iface_("Render")
    return Path(shot.picture_file.removeprefix("//")).name


def draw_geometry(layout, context, shot) -> None:
    inquiry, scene = STATE.inquiry, context.scene
    collection = geometry.of_scene(scene)
    if draw_inquiry(layout, context, "picture"):
        return
    layout.operator("worldwarp.estimate", icon="MESH_GRID", text="Estimate" if collection is None else "Estimate Anew")
    if collection is None:
        return
    row = layout.row(align=True)
    for role, text in (("surface", "Surface"), ("points", "Points")):
        draw_shown(row, part(collection, role), text)
    shading = context.space_data.shading
    if shading.type == "SOLID" and shading.color_type != "VERTEX":
        row = layout.row()
        row.use_property_split = False
        row.prop_enum(shading, "color_type", "VERTEX", text="Show Its Colors", icon="COLOR")
    if anchor.anchored(collection) is not None:
        column = layout.column(align=True)
        column.prop(shot, "geometry_scale")
        row = column.row(align=True)
        row.prop(shot, "anchor_distance", text="Anchor")
        row.operator("worldwarp.anchor_to_focus", text="", icon="CON_CAMERASOLVER")
    if shot.source == "FILE":
        layout.operator("worldwarp.match_camera", icon="CAMERA_DATA")
        sentences(layout, context, order.lens_notes(scene), "ERROR")
    if inquiry is not None and inquiry.what == "picture":
        sentences(layout, context, [text for text in inquiry.warnings if "Match Camera" not in text], "INFO")


def draw_shown(row, thing, text: str) -> None:
    """A button that shows ``thing`` in viewports, or hides it."""
    row.use_property_split = False
    row.prop(thing, "hide_viewport", text=text, toggle=True, invert_checkbox=True)


def geometry_line(context, shot) -> str:
    collection = geometry.of_scene(context.scene)
    if collection is None:
        return ""
    count = len(part(collection, "points").data.vertices)
    source = "" if collection[MARK] == "given" else f", {anchor.factor(collection):.3g}x"
    return iface_("{count} points").format(count=f"{count:,}") + source


def draw_inquiry(layout, context, what: str) -> bool:
    """An inquiry's progress, or why it ended; whether it is under way."""
    inquiry: Inquiry | None = STATE.inquiry
    if inquiry is None or inquiry.what != what:
        return False
    if inquiry.over or not pump.busy():
        if inquiry.state == "failed":
            sentences(layout, context, [inquiry.text], "ERROR")
        return False
    words = {"reading": "Reading the clip" if what == "path" else "Rendering the picture"}
    text = iface_(words.get(inquiry.state, "Drawing" if what == "draft" else "Estimating"))
    if inquiry.steps:
        layout.progress(factor=inquiry.step / inquiry.steps, text=text)
    else:
        layout.label(text=text, icon="SORTTIME", translate=False)
    layout.operator("worldwarp.cancel", icon="X")
    return True


def draw_path(layout, context, shot) -> None:
    scene = context.scene
    layout.prop(shot, "camera")
    if not shot.camera and scene.camera:
        layout.label(text=iface_("Scene camera: {}").format(scene.camera.name), icon="BLANK1", translate=False)
    layout.prop(shot, "use_scene_range")
    column = layout.column(align=True)
    column.active = not shot.use_scene_range
    owner = scene if shot.use_scene_range else shot
    column.prop(owner, "frame_start", text="Start")
    column.prop(owner, "frame_end", text="End")


def path_line(context, shot) -> str:
    camera, frames = order.camera_of(context.scene), order.frames_of(context.scene)
    return f"{camera.name}, {frames.start}\u2013{frames.stop - 1}" if camera and frames else ""


def draw_video(layout, context, shot) -> None:
    layout.prop(shot, "clip_file")
    column = layout.column(align=True)
    column.prop(shot, "clip_speed")
    column.prop(shot, "clip_scale")
    column.prop(shot, "clip_step")
    if not draw_inquiry(layout, context, "path"):
        layout.operator("worldwarp.camera_from_video", text="Add Camera", icon="OUTLINER_OB_CAMERA")
        draw_missing(layout, context, shot, "ttt3r")


def draw_generate(layout, context, shot) -> None:
    layout.prop(shot, "name")
    layout.prop(shot, "profile")
    diffusion_panel.draw_surface(layout, shot)
    layout.prop(shot, "longest_side")
    run = STATE.run
    if pump.busy() and run is not None and not run.over:
        draw_run(layout, context, run)
        return
    scene = context.scene
    width, height = order.generated_size(scene_raster(scene), shot.longest_side)
    plan = iface_("{frames} frames, {width} x {height} pixels")
    found = order.problems(scene)
    if found:
        sentences(layout, context, found, "ERROR")
    else:
        text = plan.format(frames=len(order.frames_of(scene)), width=width, height=height)
        sentences(layout, context, [text], "INFO")
        sentences(layout, context, [note for note in [order.detail_note(scene)] if note], "BLANK1")
        shown = order.lens_notes(scene) if context.window_manager.worldwarp.geometry else []
        sentences(layout, context, [note for note in order.notes(scene) if note not in shown], "BLANK1")
    row = layout.row()
    row.scale_y = 1.5
    row.operator("worldwarp.generate", icon="PLAY")


def draw_run(layout, context, run: Run) -> None:
    """Progress, and the ways to end it."""
    column = layout.column(align=True)
    text = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
    column.progress(factor=run.fraction, text=text)
    if run.lost:
        sentences(layout, context, [run.lost], "UNLINKED")
    elif run.state == "rendering":
        layout.label(text="Rendering the picture", icon="SORTTIME")
    elif run.stage:
        text = iface_(run.stage).format(step=run.progress.step, steps=run.progress.steps)
        layout.label(text=text, icon="SORTTIME", translate=False)
    else:
        layout.label(text="Waiting for the server", icon="SORTTIME")
    diffusion_panel.draw_preview(layout, context)
    column = layout.column(align=True)
    column.operator("worldwarp.cancel", icon="X")
    column.operator("worldwarp.stop_after_chunk", icon="PAUSE")
    sentences(layout, context, run.warnings, "ERROR")


def draw_advanced(layout, context, shot) -> None:
    layout.prop(shot, "seed")
    column = layout.column(align=True)
    column.prop(shot, "cache")
    column.prop(shot, "cache_steps")
    layout.prop(shot, "memory_frames", text="Remembered")
    layout.prop(shot, "every")
    if wanted(shot):
        layout.prop(shot, "ease_frames")
    layout.prop(shot, "overscan")
    layout.prop(shot, "far")
    layout.prop(shot, "output_folder")


def draw_result(layout, context, shot) -> None:
    run = STATE.run
    if run is not None and run.over:
        icon = {"done": "CHECKMARK", "stopped": "PAUSE"}.get(run.state, "ERROR")
        sentences(layout, context, [result_line(run)], icon)
        if run.frames_done:
            draw_folder(layout, run.folder)
        sentences(layout, context, run.warnings, "ERROR")
        if run.imported in bpy.data.collections:
            layout.operator("worldwarp.look_through", icon="VIEW_CAMERA").collection = run.imported
    here = [collection for collection in context.scene.collection.children_recursive if "worldwarp_run" in collection]
    column = layout.column(align=True)
    for collection in here[: -MOST_RESULTS - 1 : -1]:
        row = column.row(align=True)
        row.label(text=collection.name, icon="OUTLINER_COLLECTION", translate=False)
        row.operator("worldwarp.look_through", text="", icon="VIEW_CAMERA").collection = collection.name
        for thing in collection.objects:
            if thing.type == "MESH":  # the points cover the frames where one looks through the camera
                draw_shown(row, thing, "Points")
        draw_cameras(column, collection)
    column = layout.column(align=True)
    column.operator("worldwarp.import_result", icon="IMPORT")
    if results.unfinished(context.scene) and not pump.busy():
        sentences(layout, context, [iface_("A run of this scene is on the server")], "INFO")
        layout.operator("worldwarp.attach", icon="FILE_REFRESH")


def draw_cameras(layout, collection) -> None:
    """The switch between requested and solved camera, and how far each is off."""
    camera = solved.camera_of(collection)
    if camera is None:
        return
    row = layout.row(align=True)
    for name, text in ((solved.REQUESTED, iface_("Requested")), (solved.SOLVED, iface_("Solved"))):
        text = ", ".join(part for part in (text, solved.off(camera, name)) if part)
        button = row.operator("worldwarp.switch_camera", text=text, translate=False, depress=solved.shown(camera, name))
        button.collection, button.to = collection.name, name


def draw_folder(layout, folder: Path) -> None:
    """Where a result lies, shortened, and a button that opens it."""
    row = layout.row(align=True)
    row.label(text=short_path(folder), icon="BLANK1", translate=False)
    row.operator("wm.path_open", text="", icon="FILE_FOLDER").filepath = str(folder)


def short_path(folder: Path) -> str:
    """Relative to the .blend file where it lies beside it, else its end."""
    beside = Path(bpy.data.filepath).parent
    if bpy.data.filepath and folder.is_relative_to(beside):
        return f"//{folder.relative_to(beside).as_posix()}"
    return "\u2026/" + "/".join(folder.parts[-2:])


def result_line(run: Run) -> str:
    """How the run ended, for the panel."""
    if run.state in ("done", "stopped"):
        line = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
        return iface_("{frames} in collection {name}").format(frames=line, name=run.imported) if run.imported else line
    return run.text or iface_("Cancelled")
