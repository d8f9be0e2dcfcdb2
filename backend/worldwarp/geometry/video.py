"""The path of a camera that filmed a clip."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES
from worldwarp_protocol.paths.rotations import slerp

from ..cameras import Cameras
from ..cameras.cameras import Array
from ..cameras.sizes import Size, shrink_picture
from ..nouns import Bytes, Floats, Source
from .floor import UPRIGHT
from .lens import estimated, intrinsics

VERSION = "2"
"""Raised when the same estimate gives another path."""


LONG_SIDE = 512
"""Frames are looked at with no longer side than this: what the network was trained with."""


def path_from_frames(
    frames: Bytes, source: Source, fps: float = 24.0, speed: float = 1.0, scale: float = 1.0, K: Array | None = None
) -> tuple[Cameras, Floats]:
    """The cameras that took the frames of a clip.

    The first camera is at the world's origin, held level and looking along Y. Where the lens is not known, one focal
    length is taken for the whole clip: the median of those that the source estimates.

    Args:
        frames: (n, H, W, 3), at least 2, in order.
        source: of geometry; one that estimates cameras.
        fps: of the path.
        speed: 2 is twice as fast, so half as many cameras.
        scale: that distances are multiplied by.
        K: (n, 3, 3) in pixels of the frames, where the lens is known.

    Returns:
        The path, at the frames' size, and the confidence (m,) of each of its cameras: the median over its frame.

    Raises:
        InvalidShot: the frames are too few, the source knows no cameras, or speed and scale are not above zero.
    """
    check_retiming(len(frames), speed, scale)
    return retimed(*estimate_path(frames, source, fps, K), speed, scale)


def estimate_path(frames: Bytes, source: Source, fps: float, K: Array | None = None) -> tuple[Cameras, Floats]:
    """``path_from_frames`` at its own speed and scale: the part that takes long."""
    size = frames.shape[2], frames.shape[1]
    small = np.stack([shrink_picture(frame, LONG_SIDE) for frame in frames])
    ratio = np.array([small.shape[2] / size[0], small.shape[1] / size[1], 1])
    estimate = source(small, None if K is None else ratio[:, None] * K)
    if estimate.camera_to_world is None:
        raise InvalidShot("geometry", "This source knows no cameras; use ttt3r for the path of a video.")
    if K is None:
        focal = estimated(estimate.focal, (small.shape[2], small.shape[1]))
        if focal is None:
            raise InvalidShot("video", "shows nothing that a focal length could be told from; choose another clip.")
        K = np.repeat(intrinsics(focal * (max(size) / max(small.shape[1:3])), size)[None], len(frames), axis=0)
    poses = UPRIGHT @ np.linalg.inv(estimate.camera_to_world[0]) @ estimate.camera_to_world
    U, _, Vt = np.linalg.svd(poses[:, :3, :3])
    poses[:, :3, :3] = U @ Vt  # networks compute in float32
    cameras = Cameras(K, poses, *size, np.arange(1, len(frames) + 1), fps)
    return cameras, np.median(estimate.confidence, axis=(1, 2)).astype(np.float32)


def at_size(cameras: Cameras, size: Size) -> Cameras:
    """The path for frames of another size and the same proportions, up to rounding."""
    focal = float(cameras.K[0, 0, 0]) * max(size) / max(cameras.width, cameras.height)
    K = np.repeat(intrinsics(focal, size)[None], len(cameras), axis=0)
    return replace(cameras, K=K, width=size[0], height=size[1])


def check_retiming(count: int, speed: float, scale: float) -> None:
    """Refuse what leaves no path of ``count`` cameras.

    Raises:
        InvalidShot: speed or scale is not above zero, or less than two or too many cameras would be left.
    """
    if count < 2:
        raise InvalidShot("video", f"has {count} frame{'s' * (count != 1)}; a path needs at least 2.")
    for name, value in (("speed", speed), ("scale", scale)):
        if not 0 < value < np.inf:
            raise InvalidShot(name, f"is {value:g}; give a number above 0.")
    left = round((count - 1) / speed) + 1
    if not 2 <= left <= MAX_FRAMES:
        raise InvalidShot("speed", f"of {speed:g} makes {left:,} cameras of {count}; a path has 2 to {MAX_FRAMES:,}.")


def retimed(cameras: Cameras, confidence: Floats, speed: float, scale: float) -> tuple[Cameras, Floats]:
    """The path at another speed and scale, from its first camera to its last.

    Locations are linear in time, rotations turn about one axis at one rate (SLERP), focal lengths stay.

    Raises:
        InvalidShot: as ``check_retiming``.
    """
    check_retiming(len(cameras), speed, scale)
    count = round((len(cameras) - 1) / speed) + 1
    time = np.linspace(0, len(cameras) - 1, count)
    before = np.minimum(time.astype(np.intp), len(cameras) - 2)
    share = time - before
    old, poses = cameras.camera_to_world, np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, 3] = scale * _between(old[before, :3, 3], old[before + 1, :3, 3], share[:, None])
    poses[:, :3, :3] = slerp(old[before, :3, :3], old[before + 1, :3, :3], share)
    K = _between(cameras.K[before], cameras.K[before + 1], share[:, None, None])
    path = replace(cameras, K=K, camera_to_world=poses, frame=np.arange(1, count + 1))
    return path, _between(confidence[before], confidence[before + 1], share).astype(np.float32)


def _between(first: NDArray[Any], second: NDArray[Any], share: Array) -> Array:
    return np.asarray((1 - share) * first + share * second, np.float64)
