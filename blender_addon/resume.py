"""Runs that were under way when their .blend was closed are picked up when it is opened again, one after the other."""

import atexit

import bpy
from bpy.app.handlers import persistent
from bpy.app.translations import pgettext_rpt as rpt_

from . import preferences, pump, results, shooting, wheels
from .actions import reachable
from .backend_operators import NONE_YET
from .problems import Problem
from .state import STATE

TICK_SECONDS = 1.0
"""Between two looks whether the next one can be picked up."""


class _Tried:
    runs: set[str] = set()
    """Since the file was opened: each run is tried once, then it is up to the user."""


@persistent
def after_load(*_) -> None:
    """Look for such runs; they are picked up a moment later, when the file is drawn."""
    _Tried.runs = set()
    if wheels.missing():
        return
    if pump.busy(pump.RUN):
        follow_reopened()
    if not bpy.app.background and next_scene() and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=0, persistent=True)


def follow_reopened() -> None:
    """A file that was opened anew while its run is under way holds new scenes: the result goes to those."""
    run = STATE.run
    if run is not None and not run.over and results.scene_of(run) is None:
        for scene in bpy.data.scenes:
            if run.id and scene.worldwarp.run == run.id:
                run.scene = scene.session_uid


@persistent
def note(*_) -> None:
    """What is saved, or comes back by undo and redo, knows of the run that goes on."""
    if STATE.run is not None and STATE.run.id:
        results.remember(STATE.run)


def next_scene():
    """A scene whose run can be picked up and was not tried yet, those that are shown first; None: there is none."""
    shown = [window.scene for window in bpy.context.window_manager.windows]
    for scene in [*shown, *bpy.data.scenes]:
        run = scene.worldwarp.run
        if results.unfinished(scene) and run not in _Tried.runs and ours(scene) and not _followed(run):
            return scene
    return None


def ours(scene) -> bool:
    """Whether the run of ``scene`` is at the server of the preferences; on another machine only if it began there."""
    address = preferences.get().address
    return preferences.is_local(address) or scene.worldwarp.run_server == address


def _followed(run: str) -> bool:
    return STATE.run is not None and STATE.run.id == run and not STATE.run.over


def tick() -> float | None:
    """The timer, until none is left."""
    if pump.busy(pump.RUN) or results.wanted(STATE.run):
        return TICK_SECONDS
    scene = next_scene()
    if scene is None:
        return None
    _Tried.runs.add(scene.worldwarp.run)
    try:
        shooting.fetch(scene, reachable())
    except Problem:  # the panel offers Pick Up Run
        if preferences.is_local(preferences.get().address):
            STATE.connected, STATE.connection = None, rpt_(NONE_YET)
    pump.redraw()
    return TICK_SECONDS


def _end() -> None:
    """Blender crashes or hangs where it exits with a timer."""
    for timer in (tick, after_load):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)


NOTED = ("save_pre", "undo_post", "redo_post")


def register() -> None:
    bpy.app.handlers.load_post.append(after_load)
    for event in NOTED:
        getattr(bpy.app.handlers, event).append(note)
    atexit.register(_end)
    if not bpy.app.background:  # Blender shows no data to an extension that is being registered
        bpy.app.timers.register(after_load)


def unregister() -> None:
    atexit.unregister(_end)
    _end()
    for event in NOTED:
        getattr(bpy.app.handlers, event).remove(note)
    bpy.app.handlers.load_post.remove(after_load)
