"""The sidebar tab: connection, picture, path, generate, result."""

import textwrap

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import order, pump, wheels
from .camera import scene_raster
from .state import STATE, Run

PIXELS_PER_CHARACTER = 7.2
"""Of Blender's interface font at scale 1, with a little to spare."""


class Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "WorldWarp"


def sentences(layout, context, lines: list[str], icon: str) -> None:
    """Sentences wrapped to the sidebar's width: labels do not wrap by themselves."""
    scale = context.preferences.system.ui_scale
    width = max(20, int(context.region.width / (PIXELS_PER_CHARACTER * scale)) - 8)
    for line in lines:
        column = layout.column(align=True)
        column.scale_y = 0.75
        for number, piece in enumerate(textwrap.wrap(line, width)):
            column.label(text=piece, icon=icon if number == 0 else "BLANK1", translate=False)


class WORLDWARP_PT_main(Sidebar, bpy.types.Panel):
    bl_label = "WorldWarp"

    def draw(self, context) -> None:
        layout = self.layout
        if sentence := wheels.missing():
            sentences(layout, context, [sentence], "ERROR")
            return
        row = layout.row()
        if STATE.connected:
            row.label(text=iface_("Connected to {}").format(STATE.connection), icon="LINKED", translate=False)
        elif STATE.connected is None:
            row.label(text="Server not tried yet", icon="UNLINKED")
        else:
            sentences(row.column(), context, [STATE.connection], "ERROR")
        row.operator("worldwarp.test_connection", text="", icon="FILE_REFRESH")


class Step(Sidebar):
    """A step of the way, below the main panel."""

    bl_parent_id = "WORLDWARP_PT_main"

    @classmethod
    def poll(cls, context) -> bool:
        return not wheels.missing()

    def draw(self, context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        self.fill(context, layout, context.scene.worldwarp)


class WORLDWARP_PT_picture(Step, bpy.types.Panel):
    bl_label = "Picture"

    def fill(self, context, layout, shot) -> None:
        layout.prop(shot, "source", expand=True)
        if shot.source == "FILE":
            column = layout.column()
            column.prop(shot, "picture_file")
            column.prop(shot, "depth_file")


class WORLDWARP_PT_path(Step, bpy.types.Panel):
    bl_label = "Camera & Range"

    def fill(self, context, layout, shot) -> None:
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


class WORLDWARP_PT_generate(Step, bpy.types.Panel):
    bl_label = "Generate"

    def fill(self, context, layout, shot) -> None:
        layout.prop(shot, "name")
        layout.prop(shot, "profile")
        layout.prop(shot, "longest_side")
        run = STATE.run
        if pump.busy() and run is not None:
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
            sentences(layout, context, order.notes(scene), "BLANK1")
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
        layout.label(text=iface_(run.stage), icon="SORTTIME", translate=False)
    else:
        layout.label(text="Waiting for the server", icon="SORTTIME")
    column = layout.column(align=True)
    column.operator("worldwarp.cancel", icon="X")
    column.operator("worldwarp.stop_after_chunk", icon="PAUSE")
    sentences(layout, context, run.warnings, "ERROR")


class WORLDWARP_PT_advanced(Step, bpy.types.Panel):
    bl_label = "Advanced"
    bl_parent_id = "WORLDWARP_PT_generate"
    bl_options = {"DEFAULT_CLOSED"}

    def fill(self, context, layout, shot) -> None:
        layout.prop(shot, "seed")
        layout.prop(shot, "cache_steps")
        layout.prop(shot, "far")
        layout.prop(shot, "output_folder")


class WORLDWARP_PT_result(Step, bpy.types.Panel):
    bl_label = "Result"

    def fill(self, context, layout, shot) -> None:
        run = STATE.run
        if run is not None and run.over:
            icon = {"done": "CHECKMARK", "stopped": "PAUSE"}.get(run.state, "ERROR")
            sentences(layout, context, [result_line(run)], icon)
            sentences(layout, context, run.warnings, "ERROR")
        column = layout.column(align=True)
        column.operator("worldwarp.import_result", icon="IMPORT")
        if shot.run and not pump.busy():
            column.operator("worldwarp.attach", icon="FILE_REFRESH")


def result_line(run: Run) -> str:
    """How the run ended, for the panel."""
    if run.state in ("done", "stopped"):
        line = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
        return iface_("{frames} in collection {name}").format(frames=line, name=run.imported) if run.imported else line
    return run.text or iface_("Cancelled")


CLASSES = (
    WORLDWARP_PT_main,
    WORLDWARP_PT_picture,
    WORLDWARP_PT_path,
    WORLDWARP_PT_generate,
    WORLDWARP_PT_advanced,
    WORLDWARP_PT_result,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
