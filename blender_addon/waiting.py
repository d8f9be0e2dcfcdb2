"""Work of Blender's own that comes before the server's: a render, or a clip that is read, as a job."""

from collections.abc import Callable

import bpy

from . import pump
from .problems import Problem
from .results import scene_of
from .state import Inquiry, Run


def follow(job, task: Run | Inquiry, take: Callable[[], object], send: Callable[[object, object], None]) -> None:
    """Once ``job`` runs no more, ``send`` (context, what ``take`` returns); a problem fails ``task``."""
    kind = pump.RUN if isinstance(task, Run) else pump.INQUIRY
    pump.start_after(lambda: _over(job, task, take, send), kind)


def _over(job, task, take, send) -> bool:
    if job.running:
        return False
    try:
        taken = take()
        if task.state == "cancelled":
            return True
        scene = scene_of(task)
        if scene is None:
            raise Problem("The scene was closed meanwhile: open it and try again")
        window = next((w for w in bpy.context.window_manager.windows if w.scene == scene), None)
        if window is None:
            raise Problem(f"No window shows the scene {scene.name!r} any more: show it and try again")
        with bpy.context.temp_override(window=window):
            send(bpy.context, taken)
    except Problem as problem:
        task.state, task.text = "failed", str(problem)
    except Exception as error:  # Blender drops a timer that raises, and the panel would wait forever
        task.state, task.text = "failed", f"This could not be sent: {type(error).__name__}: {error}"
    return True


def check_free() -> None:
    """Raise ``Problem`` while Blender renders: it has one render at a time."""
    if bpy.app.is_job_running("RENDER"):
        raise Problem("Blender is rendering: wait for it, or cancel it")
