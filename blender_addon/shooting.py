"""From Generate to the server: the picture is rendered as a job, then the shot is sent."""

import bpy

from . import order, pump
from .picture import JobRender
from .problems import Problem
from .results import scene_of
from .state import STATE, Run


def begin(context, server) -> None:
    """Render the picture while Blender stays alive, then send the shot to ``server``.

    Raises:
        Problem: something stands in the way.
    """
    scene = context.scene
    if found := order.problems(scene):
        raise Problem(found[0])
    if bpy.app.is_job_running("RENDER"):
        raise Problem("Blender is rendering: wait for it, or cancel it")
    frames = order.frames_of(scene)
    render = JobRender(scene, order.camera_of(scene), frames[0])
    STATE.run = Run(order.output_base(scene), scene.session_uid, frames=len(frames), state="rendering")
    pump.start_after(lambda: _rendered(render, server))


def _rendered(render: JobRender, server) -> bool:
    """Whether the render is over; if so, what comes after it has been started."""
    if render.running:
        return False
    run = STATE.run
    try:
        picture = render.picture()
        window = next((w for w in bpy.context.window_manager.windows if w.scene == scene_of(run)), None)
        if run.state == "cancelled":
            return True
        if window is None:
            raise Problem("The scene was closed while its picture was rendered: open it and generate again")
        with bpy.context.temp_override(window=window):
            send(bpy.context, server, picture)
    except Problem as problem:
        run.state, run.text = "failed", str(problem)
    except Exception as error:  # Blender drops a timer that raises, and the panel would wait forever
        run.state, run.text = "failed", f"The picture could not be sent: {type(error).__name__}: {error}"
    return True


def send(context, server, picture=None) -> None:
    """Submit the shot of ``context.scene``, with ``picture`` where it was rendered before.

    Raises:
        Problem: something stands in the way.
    """
    from . import link

    shot, folder, warnings = order.prepare(context, picture)
    STATE.run = Run(folder, context.scene.session_uid, frames=len(shot.arrays["K"]), warnings=warnings)
    pump.start(link.Link(server, link.generate(shot, folder)))
