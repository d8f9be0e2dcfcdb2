"""How well the picture knows the path: shares of each frame, in sentences, markers and a strip over timelines."""

from dataclasses import dataclass

import numpy as np

from . import order, sight
from .camera import Raster, sample, scene_raster
from .geometry import of_scene
from .problems import Problem
from .scenery import scenery

PREFIX = "WW holes"
"""Begins the names of our markers."""

MOST_LOOKS = 250
"""Frames that are looked at, of longer paths every so many."""


@dataclass(frozen=True)
class Health:
    """What was found of a path: frame (n,), the share known (n,), radians (n,) and pixels (n,) since the frame before.

    Turn and parallax are per frame of the timeline, also where only every so many are looked at.
    """

    scene: int
    camera: str
    frame: np.ndarray
    known: np.ndarray
    turn: np.ndarray
    parallax: np.ndarray
    width: int


class _Last:
    health: Health | None = None


def last(scene) -> Health | None:
    """The newest check of a path of ``scene``."""
    return _Last.health if _Last.health and _Last.health.scene == scene.session_uid else None


def forget() -> None:
    _Last.health = None


def check(context) -> Health:
    """Look along the followed camera's path; what is found stays until the next time.

    Raises:
        Problem: there is no camera or no geometry.
    """
    scene, camera = context.scene, order.camera_of(context.scene)
    seen = scenery(of_scene(scene))
    if camera is None:
        raise Problem("There is no camera: choose one here, or add one to the scene")
    if seen is None:
        raise Problem("The picture's geometry is not known yet: press Estimate first")
    frames = order.frames_of(scene)
    frames = frames[:: -(-len(frames) // MOST_LOOKS)]
    full = scene_raster(scene)
    width, height = order.generated_size(full, scene.worldwarp.longest_side)
    raster = Raster(width, height, full.aspect_x, full.aspect_y)
    path = sample(scene, camera, frames, context.evaluated_depsgraph_get(), raster)
    poses, size = path.camera_to_world, (width, height)
    turn, parallax = sight.turns(poses) / frames.step, sight.parallax(seen, path.K, poses, size) / frames.step
    _Last.health = Health(
        scene.session_uid,
        camera.name,
        path.frame,
        sight.known(seen, path.K, poses, size),
        np.append(0, turn),
        np.append(0, parallax),
        width,
    )
    return _Last.health


def sentences(health: Health, threshold: float) -> list[str]:
    """What to know of it; ``threshold`` is the share of which less is too little."""
    turn, apart, least = (int(np.argmax(values)) for values in (health.turn, health.parallax, -health.known))
    found = [
        f"{health.camera}: least known at frame {health.frame[least]}, {health.known[least]:.0%}",
        f"Turns by at most {np.degrees(health.turn[turn]):.1f}\u00b0 a frame (at {health.frame[turn]}), parallax "
        f"{health.parallax[apart]:.1f} pixels of {health.width} (at {health.frame[apart]})",
    ]
    short = np.flatnonzero(health.known < threshold)
    if len(short):
        found.append(f"From frame {health.frame[short[0]]} on less than {threshold:.0%} is known")
    return found


def mark(scene, health: Health, threshold: float) -> int:
    """Markers where less than ``threshold`` begins to be known, in place of those of before; says how many."""
    unmark(scene)
    short = health.known < threshold
    starts = np.flatnonzero(short & ~np.append(False, short[:-1]))
    for start in starts:
        end = start + int(np.argmin(np.append(short[start:], False)))
        share = 1 - float(health.known[start:end].min())
        scene.timeline_markers.new(f"{PREFIX} {share:.0%}", frame=int(health.frame[start]))
    return len(starts)


def unmark(scene) -> None:
    """Remove our markers."""
    for marker in [marker for marker in scene.timeline_markers if marker.name.startswith(PREFIX)]:
        scene.timeline_markers.remove(marker)
