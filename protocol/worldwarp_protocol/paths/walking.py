"""A described path, walked: how long each of its moves takes, and the cameras."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..errors import InvalidShot
from ..limits import MAX_FRAMES
from .cameras import Array, Cameras
from .grammar import PACES, Ahead, Description, Move, Pixel, Place, Step, Target
from .presets import PARTS, PRESETS, TRAVEL, motion, place

Depth = Callable[[float, float], float]
"""``depth(u, v)``: planar depth of the picture at (u, v), 0 to 1 from its top left corner; inf is sky."""

SKY = 1e8
"""Depth beyond this is sky."""


def walk(
    path: Description,
    start: Cameras,
    frames: int | None = None,
    depth: Depth | None = None,
    places: Mapping[str, Array] | None = None,
) -> Cameras:
    """The cameras of a described path.

    A step is as long as the longest time that its moves name with ``over``. Where they name none it takes its
    presets' usual time, twice as long for slow moves and half as long for fast ones; with ``frames`` such steps share
    what is left, in these proportions. Within a step a move without a time of its own lasts all of it, a fast one half
    of it, and beside a slow one everything else half as long as that; what is done before the others rests.

    Args:
        path: what ``grammar.parse`` made of it.
        start: one camera, which took the picture; the first of the path, as it is.
        frames: that the path has in all, the first included; None: as many as it takes.
        depth: of the picture, where targets are pixels.
        places: (3,) in the world by name, where targets are places.

    Raises:
        InvalidShot: the path does not fit into ``frames``, or a target cannot be found or kept.
    """
    cameras = start
    for step, length in zip(path.steps, lengths(path, start.fps, frames), strict=True):
        point = _point(step.target, start, cameras[-1:], depth, places or {})
        cameras = _joined(cameras, _walk_step(step, length, cameras[-1:], point))
    return cameras


def lengths(path: Description, fps: float, frames: int | None = None) -> list[int]:
    """Frames that each step adds, as ``walk`` has it."""
    fixed = [max(_own(move, fps) for move in step.moves) for step in path.steps]
    usual = [_usual(step) for own, step in zip(fixed, path.steps, strict=True) if not own]
    if frames is None:
        frames = 1 + sum(fixed) + sum(max(round(seconds * fps), 1) for seconds in usual)
    if not 2 <= frames <= MAX_FRAMES:
        raise InvalidShot("frames", f"{frames:,} make no path; it has 2 to {MAX_FRAMES:,}.")
    left = frames - 1 - sum(fixed)
    if left < len(usual) or (left and not usual):
        needed = f"{'at least' if usual else 'exactly'} {sum(fixed) + len(usual) + 1}"
        raise InvalidShot(
            "frames",
            f"{frames} do not fit: the times in the path need {needed}, the first included; change one of them.",
        )
    shares = iter(_shared(usual, left))
    return [own or next(shares) for own in fixed]


def _shared(weights: list[float], count: int) -> list[int]:
    """``count`` in whole parts of at least 1 that are proportional to ``weights`` but for rounding."""
    ends = np.rint(np.cumsum(weights) / sum(weights) * count).astype(np.int64)
    least = np.arange(1, len(weights) + 1)
    ends = least + np.clip(np.maximum.accumulate(ends - least), 0, count - len(weights))
    return [int(part) for part in np.diff(ends, prepend=0)]


def _own(move: Move, fps: float) -> int:
    """The frames that a move says it takes; 0 where it does not."""
    return move.frames or (max(round(move.seconds * fps), 1) if move.seconds else 0)


def _usual(step: Step) -> float:
    return max(PRESETS[move.name].seconds * PACES[move.pace] for move in step.moves)


def _walk_step(step: Step, length: int, start: Cameras, target: Array | None) -> Cameras:
    slowest = max(PACES[move.pace] for move in step.moves)
    total = np.zeros((length, len(PARTS)))
    for move in step.moves:
        count = _own(move, start.fps) or max(round(length * PACES[move.pace] / slowest), 1)
        total += _rested(_motion(move, count), length)
    look = any(move.target and PRESETS[move.name].travels for move in step.moves)
    cameras = place(start, total, target, look)
    if look and target is not None:
        _check_passes(_joined(start, cameras), target)
    return cameras


def _motion(move: Move, frames: int) -> Array:
    """A move's motion; where it looks at a target, it turns for nothing else."""
    moved = motion(move.name, move.amount, frames, move.easing or "linear")
    if move.target and PRESETS[move.name].travels:
        moved[:, TRAVEL:] = 0
    return moved


def _rested(motion: Array, length: int) -> Array:
    return np.concatenate([motion, np.repeat(motion[-1:], length - len(motion), axis=0)])


def _point(
    target: Target | None, first: Cameras, start: Cameras, depth: Depth | None, places: Mapping[str, Array]
) -> Array | None:
    """A target in the world: ahead of where its step begins, where the first camera's picture shows it, or a place."""
    match target:
        case None:
            return None
        case Ahead(distance):
            return np.asarray(start.centres[0] + distance * start.camera_to_world[0, :3, 2])
        case Pixel(u, v):
            return _seen(u, v, first, depth)
        case Place(name) if name not in places:
            raise InvalidShot("path", f"@{name} is a place in Blender's scene and not known here; give @target 3m.")
        case Place(name):
            return places[name]


def _seen(u: float, v: float, camera: Cameras, depth: Depth | None) -> Array:
    if depth is None:
        raise InvalidShot("path", f"@{u:g},{v:g} is a pixel of the picture, and its depth is not known; give --depth.")
    distance = depth(u, v)
    if not 0 < distance < SKY:
        raise InvalidShot("path", f"@{u:g},{v:g} shows sky; choose a pixel of something solid, or @target 3m.")
    ray = np.linalg.solve(camera.K[0], [u * camera.width, v * camera.height, 1])
    pose = camera.camera_to_world[0]
    return np.asarray(pose[:3, 3] + pose[:3, :3] @ (distance * ray))


def _check_passes(cameras: Cameras, target: Array) -> None:
    """Refuse cameras that look at a target and run through it: they would flip."""
    ways = target - cameras.centres
    through = (ways[1:] * ways[:-1]).sum(axis=1) <= 0
    if through.any():
        frame = cameras.frame[int(np.argmax(through)) + 1]
        raise InvalidShot(
            "path", f"runs through its target at frame {frame}; go less far, choose one further away, or leave it out."
        )


def _joined(first: Cameras, second: Cameras) -> Cameras:
    return replace(
        first,
        K=np.concatenate([first.K, second.K]),
        camera_to_world=np.concatenate([first.camera_to_world, second.camera_to_world]),
        frame=np.concatenate([first.frame, second.frame]),
    )
