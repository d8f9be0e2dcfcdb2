"""The path of a camera that filmed a clip."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot

from ..cameras import Cameras
from ..cameras.cameras import Array
from ..nouns import Bytes, Floats, Source
from .floor import UPRIGHT
from .lens import intrinsics


def path_from_frames(
    frames: Bytes, source: Source, fps: float = 24.0, speed: float = 1.0, scale: float = 1.0
) -> tuple[Cameras, Floats]:
    """The cameras that took the frames of a clip.

    The first camera is at the world's origin, held level and looking along Y. One focal length is taken for the whole
    clip.

    Args:
        frames: (n, H, W, 3), at least 2, in order.
        source: of geometry; one that estimates cameras and focal lengths.
        fps: of the path.
        speed: 2 is twice as fast, so half as many cameras.
        scale: that distances are multiplied by.

    Returns:
        The path, at the frames' size, and the confidence (m,) of each of its cameras: the median over its frame.

    Raises:
        InvalidShot: the frames are too few, or the source knows no cameras.
    """
    if len(frames) < 2:
        raise InvalidShot("video", f"has {len(frames)} frames; a path needs at least 2.")
    estimate = source(frames, None)
    if estimate.camera_to_world is None or estimate.focal is None:
        raise InvalidShot("geometry", "this source knows no cameras; use ttt3r for a path from a video.")
    size = frames.shape[2], frames.shape[1]
    first = np.linalg.inv(estimate.camera_to_world[0])
    poses = UPRIGHT @ first @ estimate.camera_to_world
    K = np.repeat(intrinsics(float(np.median(estimate.focal)), size)[None], len(frames), axis=0)
    cameras = Cameras(K, poses, *size, np.arange(1, len(frames) + 1), fps)
    confidence = np.median(estimate.confidence, axis=(1, 2)).astype(np.float32)
    return retimed(cameras, confidence, speed, scale)


def retimed(cameras: Cameras, confidence: Floats, speed: float, scale: float) -> tuple[Cameras, Floats]:
    """The path at another speed and scale, from its first camera to its last.

    Locations are linear in time, rotations turn about one axis at one rate (SLERP), focal lengths stay.

    Raises:
        InvalidShot: speed or scale is not above zero, or nothing but one camera would be left.
    """
    for name, value in (("speed", speed), ("scale", scale)):
        if not 0 < value < np.inf:
            raise InvalidShot(name, f"is {value:g}; give a number above 0.")
    count = round((len(cameras) - 1) / speed) + 1
    if count < 2:
        raise InvalidShot("speed", f"of {speed:g} leaves less than 2 cameras of {len(cameras)}; give a smaller one.")
    time = np.linspace(0, len(cameras) - 1, count)
    before = np.minimum(time.astype(np.intp), len(cameras) - 2)
    share = time - before
    old, poses = cameras.camera_to_world, np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, 3] = scale * _between(old[before, :3, 3], old[before + 1, :3, 3], share[:, None])
    poses[:, :3, :3] = slerp(old[before, :3, :3], old[before + 1, :3, :3], share)
    K = _between(cameras.K[before], cameras.K[before + 1], share[:, None, None])
    path = replace(cameras, K=K, camera_to_world=poses, frame=np.arange(1, count + 1))
    return path, _between(confidence[before], confidence[before + 1], share).astype(np.float32)


def slerp(first: Array, second: Array, share: Array) -> Array:
    """Rotations (m, 3, 3) that have gone ``share`` (m,) of the shortest turn from ``first`` to ``second``."""
    turn = first.transpose(0, 2, 1) @ second
    axis = np.stack([turn[:, 2, 1] - turn[:, 1, 2], turn[:, 0, 2] - turn[:, 2, 0], turn[:, 1, 0] - turn[:, 0, 1]], 1)
    sine = np.linalg.norm(axis, axis=1)
    angle = share * np.arctan2(sine, np.trace(turn, axis1=1, axis2=2) - 1)
    x, y, z = (axis / np.maximum(sine, 1e-300)[:, None]).T
    o = np.zeros_like(x)
    cross = np.stack([o, -z, y, z, o, -x, -y, x, o], axis=1).reshape(-1, 3, 3)
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.asarray(first @ (np.eye(3) + s * cross + (1 - c) * cross @ cross))


def _between(first: NDArray[Any], second: NDArray[Any], share: Array) -> NDArray[Any]:
    return (1 - share) * first + share * second
