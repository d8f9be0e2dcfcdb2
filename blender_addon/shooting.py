"""From Generate to the server: the picture is rendered as a job, then the shot is sent."""

from pathlib import Path

import bpy

from . import masks, order, picture_again, pump, waiting
from .diffusion import wanted
from .problems import Problem
from .rendering import JobRender
from .state import STATE, Run


def begin(context, server, only_next: bool = False) -> None:
    """Render the picture while Blender stays alive, then send the shot to ``server``; at once with that of a take.

    Args:
        only_next: stop after the first range that is new.

    Raises:
        Problem: something stands in the way.
    """
    scene = context.scene
    if found := order.problems(scene):
        raise Problem(found[0])
    waiting.check_free()
    masks.check(scene)
    if picture_again.begins(scene, context.evaluated_depsgraph_get()):
        send(context, server, only_next=only_next)
        return
    frames = order.frames_of(scene)
    render = JobRender(scene, order.camera_of(scene), frames[0])
    STATE.run = Run(order.output_base(scene), scene.session_uid, frames=len(frames), state="rendering")
    waiting.follow(render, STATE.run, render.picture, lambda context, taken: send(context, server, taken, only_next))


def fetch(scene, server, run: str = "", folder: str = "") -> None:
    """Pick ``run`` up into ``folder``; by default the newest run of ``scene``, into its own.

    Raises:
        Problem: there is none.
    """
    from . import link

    shot = scene.worldwarp
    number, folder = run or shot.run, folder or shot.run_folder
    if not number or not folder:
        raise Problem("This scene has started no run yet: press Generate")
    STATE.run = Run(Path(bpy.path.abspath(folder)), scene.session_uid, id=number, denoises=wanted(shot))
    pump.start(link.Link(server, link.fetch(number, STATE.run.folder)))


def send(context, server, picture=None, only_next: bool = False) -> None:
    """Submit the shot of ``context.scene``, with ``picture`` where it was rendered before.

    Args:
        only_next: stop after the first range that is new.

    Raises:
        Problem: something stands in the way.
    """
    from . import link

    shot, folder, warnings = order.prepare(context, picture)
    scene = context.scene
    STATE.run = Run(
        folder,
        scene.session_uid,
        frames=len(shot.arrays["K"]),
        denoises=wanted(scene.worldwarp),
        warnings=warnings,
        only_next=only_next,
        anew=scene.worldwarp.render_anew,
    )
    pump.start(link.Link(server, link.generate(shot, folder, only_next)))
