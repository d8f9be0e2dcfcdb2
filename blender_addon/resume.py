"""A run that was under way when its .blend was closed is picked up when it is opened again."""

from contextlib import suppress

import bpy
from bpy.app.handlers import persistent

from . import preferences, pump, results, shooting, wheels
from .actions import reachable
from .problems import Problem
from .state import STATE


@persistent
def after_load(*_) -> None:
    """Look for such a run; it is picked up a moment later, when the file is drawn."""
    if bpy.app.background or wheels.missing():
        return
    if pump.busy():
        _follow_reopened()
    elif any(results.unfinished(scene) for scene in bpy.data.scenes):
        pump.start_after(pick_up)


def _follow_reopened() -> None:
    """A file that was opened anew while its run is under way holds new scenes: the result goes to those."""
    run = STATE.run
    if run is not None and not run.over and results.scene_of(run) is None:
        for scene in bpy.data.scenes:
            if run.id and scene.worldwarp.run == run.id:
                run.scene = scene.session_uid


def pick_up() -> bool:
    """Pick up the first unfinished run of a scene that is shown, from this machine's own server; always True."""
    if not preferences.is_local(preferences.get().address):
        return True
    scenes = [window.scene for window in bpy.context.window_manager.windows]
    scene = next((scene for scene in scenes if results.unfinished(scene)), None)
    if scene is not None:
        with suppress(Problem):  # the panel says it, and offers Pick Up Run
            shooting.fetch(scene, reachable())
    return True


def register() -> None:
    bpy.app.handlers.load_post.append(after_load)
    if not bpy.app.background:  # Blender shows no data to an extension that is being registered
        bpy.app.timers.register(after_load)


def unregister() -> None:
    if bpy.app.timers.is_registered(after_load):
        bpy.app.timers.unregister(after_load)
    bpy.app.handlers.load_post.remove(after_load)
