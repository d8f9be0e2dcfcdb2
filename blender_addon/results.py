"""When and where a finished run becomes objects."""

from pathlib import Path

import bpy

from . import importer, importing, preferences
from .paths_of_blend import kept
from .state import Inquiry, Run

KIND = "result"
"""Of the work, for ``importing``."""


def wanted(run: Run | None) -> bool:
    """Whether ``run`` ended with something to show that is not in Blender yet."""
    return run is not None and run.state in ("done", "stopped") and not run.imported and run.frames_done > 0


def scene_of(run: Run | Inquiry):
    """The scene that ``run`` was started from, or None where its file is open no more."""
    return next((scene for scene in bpy.data.scenes if scene.session_uid == run.scene), None)


def remember(run: Run) -> None:
    """Keep with its scene which run it started and where, so that it can be picked up after Blender was closed."""
    if scene := scene_of(run):
        shot = scene.worldwarp
        if shot.run != run.id:
            shot.run_server = preferences.get().address
        shot.run, shot.run_folder, shot.run_over = run.id, kept(run.folder), run.over


def unfinished(scene) -> bool:
    """Whether the newest run of ``scene`` may have more to bring: it was not seen to end, and is not in the scene."""
    shot = scene.worldwarp
    if not shot.run or not shot.run_folder or shot.run_over:
        return False
    return all(found.get("worldwarp_run") != shot.run for found in scene.collection.children_recursive)


def user_is_free() -> bool:
    """Whether an undo step can be made now: object mode, and nobody in the middle of dragging something."""
    windows = bpy.context.window_manager.windows
    return bpy.context.mode == "OBJECT" and not any(len(window.modal_operators) for window in windows)


def ready(run: Run) -> bool:
    """Make a bounded piece more of the objects of ``run``; True once they need only be linked to its scene."""
    scene = scene_of(run)
    return scene is None or importing.ready(KIND, run.folder, lambda: importer.placing(scene, run.folder))


def place(scene, folder: Path) -> importer.Imported:
    """What is left of that, or all of it for any ``folder``; raises ``Problem`` as ``importer.import_result``."""
    return importing.finish(KIND, folder, lambda: importer.placing(scene, folder))


def bring_in(run: Run) -> None:
    """Import ``run`` into its scene, as one undo step. Its folder stays where the scene's file is open no more."""
    scene = scene_of(run)
    if scene is None:
        run.imported = "-"
        run.warnings.append(
            "The file that this run was started from is closed: open it again, or import the result here"
        )
        return
    run.imported = "-"  # whatever comes of it, it is not tried again by itself
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            if run.anew:  # the next Generate uses the picture of this one
                scene.worldwarp.render_anew = False
            bpy.ops.worldwarp.import_result("EXEC_DEFAULT", True, directory=str(run.folder))
    except RuntimeError as error:
        run.warnings.append(str(error).removeprefix("Error: ").strip())
