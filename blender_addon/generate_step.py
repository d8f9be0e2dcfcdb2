"""The fourth step of the sidebar: what will be made, the button, and the run while it goes."""

import time

from bpy.app.translations import pgettext_iface as iface_

from . import diffusion_panel, drawing, order, picture_step, presets, pump, ranges_forecast
from .camera import scene_raster
from .diffusion import wanted
from .ranges_forecast import Forecast
from .ranges_panel import duration
from .shifts import SHIFT
from .state import STATE, Run


def draw(layout, context, shot) -> None:
    ranges_forecast.ask(context.scene)
    row = layout.row(align=True)
    row.prop(shot, "profile")
    presets.WORLDWARP_PT_presets.draw_panel_header(row.row(align=True))
    layout.prop(shot, "speed")
    diffusion_panel.draw_freedom(layout, shot)
    run = STATE.run
    if pump.busy(pump.RUN) and run is not None and not run.over:
        draw_run(layout, context, run)
        return
    scene, forecast = context.scene, ranges_forecast.of(context.scene)
    found = order.problems(scene) or ([forecast.locked] if forecast.locked else [])
    if found:
        drawing.sentences(layout, context, found, "ERROR")
    else:
        draw_plan(layout, context, forecast)
        drawing.sentences(layout, context, [note for note in [order.detail_note(scene)] if note], "BLANK1")
        shown = order.lens_notes(scene) if context.window_manager.worldwarp.geometry else []
        drawing.sentences(layout, context, [note for note in order.notes(scene) if note not in shown], "BLANK1")
    column = layout.column(align=True)
    column.enabled = not forecast.locked
    row = column.row(align=True)
    row.scale_y = 1.5
    row.operator("worldwarp.generate", icon="PLAY")
    column.operator("worldwarp.generate_next", icon="NEXT_KEYFRAME")


def draw_plan(layout, context, forecast: Forecast) -> None:
    """What Generate will keep and compute, and what that takes."""
    scene = context.scene
    width, height = order.generated_size(scene_raster(scene), scene.worldwarp.longest_side)
    plan = iface_("{frames} frames, {width} x {height} pixels")
    size = plan.format(frames=len(order.frames_of(scene)), width=width, height=height)
    drawing.sentences(layout, context, [size], "INFO")
    told = [kept_line(forecast), took_line(forecast, width, height), picture_step.again_line(context)]
    drawing.sentences(layout, context, told, "BLANK1")
    draw_reach(layout, context, forecast)
    if not forecast.seen:
        if forecast.rows:
            drawing.sentences(layout, context, [iface_("By the path as it was last looked at")], "BLANK1")
        layout.operator("worldwarp.look_ahead", icon="VIEWZOOM")


def draw_reach(layout, context, forecast: Forecast) -> None:
    """Why cameras are elsewhere far from the key that was moved, and what helps."""
    if not forecast.reached:
        return
    text = iface_(
        "Blender's automatic handles let a late key move early frames: undo it, keep keys local, move it again"
    )
    drawing.sentences(layout, context, [text], "INFO")
    layout.operator("worldwarp.keep_keys_local", icon="HANDLE_FREE")


def kept_line(forecast: Forecast) -> str:
    """What is kept, what is computed, and why."""
    if not forecast.rows:
        return ""
    if not forecast.kept:
        return iface_("All is computed ({})").format(forecast.differs) if forecast.differs else ""
    text = _kept(forecast)
    return f"{text}; {iface_('kept cameras move by less than {} px').format(SHIFT)}" if forecast.nudged else text


def _kept(forecast: Forecast) -> str:
    if not forecast.new:
        return iface_("All is kept") if forecast.sure else iface_("All is kept, if the picture is the same")
    sure, unsure = "{kept} kept; {new} computed", "{kept} kept, if the picture is the same; {new} computed"
    text = iface_(sure if forecast.sure else unsure).format(kept=forecast.kept, new=forecast.new)
    return f"{text} ({forecast.differs})" if forecast.differs else text


def took_line(forecast: Forecast, width: int, height: int) -> str:
    """Minutes and memory, as far as such a shot was made here before."""
    if not forecast.new:
        return ""
    if forecast.seconds is None:
        return iface_("Time and memory are not measured here yet")
    parts = [iface_("About {}").format(duration(forecast.seconds))]
    if memory := forecast.memory:
        text = iface_("{:.1f} GB of GPU memory") if memory.gpu else iface_("{:.1f} GB of memory")
        other = "" if (memory.width, memory.height) == (width, height) else f" ({memory.width} x {memory.height})"
        parts.append(text.format(memory.bytes / 1e9) + other)
    return ", ".join(parts)


def draw_run(layout, context, run: Run) -> None:
    """Progress, and the ways to end it."""
    column = layout.column(align=True)
    text = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
    column.progress(factor=run.fraction, text=text)
    if run.lost:
        drawing.sentences(layout, context, [run.lost], "UNLINKED")
    elif run.cancelling:
        layout.label(text="Cancelling ...", icon="SORTTIME")
        return
    elif run.state == "rendering":
        layout.label(text="Rendering the picture", icon="SORTTIME")
    elif run.stage:
        drawing.sentences(layout, context, [stage_line(context.scene, run)], "SORTTIME")
    else:
        layout.label(text="Waiting for the server", icon="SORTTIME")
    diffusion_panel.draw_preview(layout, context)
    layout.prop(context.window_manager.worldwarp_live, "show_frames")
    column = layout.column(align=True)
    column.operator("worldwarp.cancel", icon="X").what = pump.RUN
    column.operator("worldwarp.stop_after_chunk", icon="PAUSE")
    drawing.sentences(layout, context, run.warnings, "ERROR")


def stage_line(scene, run: Run) -> str:
    """What is being done, to which frames, and how long it still takes."""
    parts = [iface_(run.stage).format(step=run.progress.step, steps=run.progress.steps)]
    rows = ranges_forecast.of(scene).rows
    parts += [iface_("frames {}\u2013{}").format(row.first, row.last) for row in rows if row.state == "working"]
    left = run.seconds_left(time.monotonic())
    return ", ".join([*parts, *([iface_("{} left").format(duration(left))] if left is not None else [])])


def draw_advanced(layout, context, shot) -> None:
    layout.prop(shot, "name")
    layout.prop(shot, "longest_side")
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
