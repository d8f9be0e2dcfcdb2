"""When a world that was made becomes objects, and when the next one is asked for while a run goes on."""

import bpy

from . import world
from .problems import Problem
from .results import scene_of
from .state import STATE, Making, Run


def ready(making: Making) -> bool:
    """Whether what was made need only be linked to its scene; makes a bounded piece more of it."""
    scene = scene_of(making)
    return scene is None or world.ready(scene, making)


def bring_in() -> None:
    """Place what was made, as one undo step."""
    making = STATE.making
    scene = scene_of(making)
    if scene is None:
        making.state, making.text = "failed", "The scene was closed meanwhile: the files are in the result folder"
        return
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.worldwarp.place_world("EXEC_DEFAULT", True)
    except RuntimeError as error:
        making.state, making.text = "failed", str(error).removeprefix("Error: ").strip()


def refresh() -> None:
    """Ask for the world anew where a run has finished another part and its world is wanted as it grows."""
    from .world_operators import ask

    run = STATE.run
    if run is None or not bpy.context.window_manager.worldwarp.world_refresh or not _grown(run, STATE.making):
        return
    scene = scene_of(run)
    if scene is None:
        return
    home = world.collection_of(scene, run.id)
    there = tuple(name for name in ("points", "mesh") if home is not None and world.part(home, name) is not None)
    try:
        ask(scene, run.id, run.folder, there or ("points",))
    except Problem as problem:
        STATE.making = Making(run.id, run.folder, scene.session_uid, (), "failed", str(problem))


def _grown(run: Run, before: Making | None) -> bool:
    """Whether ``run`` has parts that its world, as it was made ``before``, lacks."""
    if not run.id or not run.chunks_done or run.state in ("failed", "cancelled"):
        return False
    if before is None or before.run != run.id:
        return not run.over
    return before.chunks < run.chunks_done and before.state == "done"
