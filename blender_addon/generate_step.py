"""The fourth step of the sidebar: what will be made, the button, and the run while it goes."""

from bpy.app.translations import pgettext_iface as iface_

from . import diffusion_panel, drawing, order, pump
from .camera import scene_raster
from .diffusion import wanted
from .state import STATE, Run


def draw(layout, context, shot) -> None:
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
        drawing.sentences(layout, context, found, "ERROR")
    else:
        text = plan.format(frames=len(order.frames_of(scene)), width=width, height=height)
        drawing.sentences(layout, context, [text], "INFO")
        drawing.sentences(layout, context, [note for note in [order.detail_note(scene)] if note], "BLANK1")
        shown = order.lens_notes(scene) if context.window_manager.worldwarp.geometry else []
        drawing.sentences(layout, context, [note for note in order.notes(scene) if note not in shown], "BLANK1")
    row = layout.row()
    row.scale_y = 1.5
    row.operator("worldwarp.generate", icon="PLAY")


def draw_run(layout, context, run: Run) -> None:
    """Progress, and the ways to end it."""
    column = layout.column(align=True)
    text = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
    column.progress(factor=run.fraction, text=text)
    if run.lost:
        drawing.sentences(layout, context, [run.lost], "UNLINKED")
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
    drawing.sentences(layout, context, run.warnings, "ERROR")


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
