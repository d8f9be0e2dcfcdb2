"""The fifth step of the sidebar: how the run ended, and the results that are here."""

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import drawing, pump, results, takes_panel
from .state import STATE, Run


def draw(layout, context, shot) -> None:
    run = STATE.run
    if run is not None and run.over:
        icon = {"done": "CHECKMARK", "stopped": "PAUSE"}.get(run.state, "ERROR")
        drawing.sentences(layout, context, [result_line(run)], icon)
        if results.wanted(run):
            drawing.sentences(layout, context, [coming_line(context)], "SORTTIME")
        if run.frames_done:
            drawing.folder(layout, run.folder)
        drawing.sentences(layout, context, run.warnings, "ERROR")
        if importable(run):
            layout.operator("worldwarp.import_result", text="Import What Is There").directory = str(run.folder)
    takes_panel.draw(layout, context)
    if results.unfinished(context.scene) and not pump.busy(pump.RUN):
        drawing.sentences(layout, context, [iface_("A run of this scene is on the server")], "INFO")
        layout.operator("worldwarp.attach", icon="FILE_REFRESH")


def coming_line(context) -> str:
    """Of a result that becomes objects, which takes a while."""
    if context.mode == "OBJECT":
        return iface_("Bringing it in ...")
    return iface_("It comes in as soon as you are in Object Mode")


def importable(run: Run) -> bool:
    """Whether frames of ``run`` came before it was ended, and are not in Blender: they do not come by themselves."""
    ended = run.state in ("cancelled", "failed") and not pump.busy(pump.RUN)
    return ended and run.frames_done > 0 and not run.imported


def result_line(run: Run) -> str:
    """How the run ended, for the panel."""
    if run.state == "failed" or run.text:
        return run.text
    line = iface_("{done} of {frames} frames").format(done=run.frames_done, frames=run.frames)
    if run.imported in bpy.data.collections:
        line = iface_("{frames} in collection {name}").format(frames=line, name=run.imported)
    return line if run.state in ("done", "stopped") else cancelled_line(run, line)


def cancelled_line(run: Run, frames: str) -> str:
    """What there is of a run that was cancelled, and how to go on."""
    if not run.frames_done:
        return iface_("Cancelled before the first frames came")
    if importable(run):
        return iface_("Cancelled: {} are there; Import What Is There, or Generate to go on").format(frames)
    return iface_("Cancelled: {}; Generate to go on").format(frames)
