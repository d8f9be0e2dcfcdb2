"""The same path in another time: slower, faster, in a number of frames, at another frame rate."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES
from worldwarp_protocol.paths.rotations import slerp

from .cameras import Array, Cameras

NTSC = 1000 / 1001
"""What 23.976, 29.97 and 59.94 are short for: 24, 30 and 60 times this."""
BROADCAST = (24, 30, 48, 60, 120)
"""Frames per second that are used times this; of others, 12.99 is no more than that."""


def exact_rate(fps: float) -> float:
    """Frames per second as they are meant: 23.976 is 24000 / 1001."""
    return next((rate * NTSC for rate in BROADCAST if abs(fps - rate * NTSC) < 0.005), fps)


def check_rate(fps: float) -> None:
    """Refuse what is no frame rate.

    Raises:
        InvalidShot: it is not above zero, or above 1000.
    """
    if not 0 < fps <= 1000:
        raise InvalidShot("fps", f"is {fps:g}; give frames per second, such as 24 or 23.976.")


def in_frames(cameras: Cameras, count: int) -> Cameras:
    """The path in ``count`` frames, from its first camera to its last; both stay bit for bit.

    Frame numbers go on from the first one at the distance that they have on average.

    Raises:
        InvalidShot: a path cannot have so many.
    """
    if not 2 <= count <= MAX_FRAMES:
        raise InvalidShot("frames", f"{count:,} make no path; it has 2 to {MAX_FRAMES:,}.")
    if count == len(cameras):
        return cameras
    first, last = int(cameras.frame[0]), int(cameras.frame[-1])
    times = np.linspace(first, last, count)
    return at_times(cameras, times, first + _spacing(cameras) * np.arange(count))


def at_speed(cameras: Cameras, speed: float) -> Cameras:
    """The path at ``speed`` times its speed, to the nearest frame; 1 is the path itself.

    Raises:
        InvalidShot: the speed is not above zero, or a path cannot be as long or short.
    """
    if not 0 < speed < np.inf:
        raise InvalidShot("speed", f"is {speed:g}; give a number above 0, such as 0.5 for half as fast.")
    return in_frames(cameras, _count((len(cameras) - 1) / speed))


def at_rate(cameras: Cameras, fps: float) -> Cameras:
    """The path sampled at another frame rate, so that it takes as long, to the nearest frame; it starts as it did.

    Raises:
        InvalidShot: the frame rate is none.
    """
    check_rate(fps)
    rate = exact_rate(fps)
    count = _count((len(cameras) - 1) * rate / exact_rate(cameras.fps))
    return replace(in_frames(cameras, count), fps=rate)


def mismatches(cameras: Cameras, fps: float | None = None, first_frame: int | None = None) -> list[str]:
    """Sentences about a path that leaves frames out, or goes into a timeline of another frame rate or another start.

    Raises:
        InvalidShot: the frame rate is none.
    """
    found = []
    ours = exact_rate(cameras.fps)
    if fps is not None:
        check_rate(fps)
    theirs = ours if fps is None else exact_rate(fps)
    if abs(ours / theirs - 1) > 1e-6:
        there, here = _seconds(cameras, theirs), _seconds(cameras, ours)
        digits = 2 if abs(there - here) >= 0.01 else 4
        found.append(
            f"The path has {ours:.6g} frames a second and the timeline {theirs:.6g}: it would take "
            f"{there:.{digits}f} s instead of {here:.{digits}f} s; "
            f"worldwarp path retime --fps {theirs:.5g} keeps its duration."
        )
    if first_frame is not None and cameras.frame[0] != first_frame:
        found.append(f"The path starts at frame {cameras.frame[0]} and the timeline at {first_frame}.")
    gaps = np.flatnonzero(np.diff(cameras.frame) != 1)
    if len(gaps):
        before, after = cameras.frame[gaps[0] : gaps[0] + 2]
        found.append(
            f"The path leaves frames out, as between {before} and {after}: what is generated has no frames there, and "
            "a video of it runs faster than the timeline; give a camera for every frame."
        )
    return found


def at_times(cameras: Cameras, times: Array, frame: NDArray[np.int64]) -> Cameras:
    """The cameras at ``times`` (m,), in frame numbers of the path and within it, renumbered ``frame`` (m,).

    Locations, focal lengths (their logarithms) and principal points are cubic between two cameras, with the slopes
    that parabolas through three of them have; rotations turn about one axis at one rate (SLERP). At a frame of the
    path the camera is that of the path, bit for bit.
    """
    knots = cameras.frame.astype(np.float64)
    before = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    share = (times - knots[before]) / np.diff(knots)[before]
    values = np.concatenate([cameras.centres, np.log(cameras.K[:, [0, 1], [0, 1]]), cameras.K[:, :2, 2]], axis=1)
    cubic = _hermite(knots, values, before, share)
    poses, K = np.tile(np.eye(4), (len(times), 1, 1)), np.tile(np.eye(3), (len(times), 1, 1))
    R = cameras.camera_to_world[:, :3, :3]
    poses[:, :3, :3], poses[:, :3, 3] = slerp(R[before], R[before + 1], share), cubic[:, :3]
    K[:, [0, 1], [0, 1]], K[:, :2, 2] = np.exp(cubic[:, 3:5]), cubic[:, 5:]
    kept, old = np.nonzero(times[:, None] == knots[before + np.array([[0], [1]])].T)
    poses[kept], K[kept] = cameras.camera_to_world[before[kept] + old], cameras.K[before[kept] + old]
    return replace(cameras, K=K, camera_to_world=poses, frame=frame)


def _hermite(knots: Array, values: Array, before: NDArray[np.intp], share: Array) -> Array:
    """Cubics through values (n, k) at knots (n,), ``share`` (m,) of the way from each ``before`` (m,) to the next."""
    slopes = np.gradient(values, knots, axis=0, edge_order=2 if len(knots) > 2 else 1)
    gap, s = np.diff(knots)[before, None], share[:, None]
    rise = values[before + 1] - values[before]
    first, last = gap * slopes[before], gap * slopes[before + 1]
    return np.asarray(values[before] + s * (first + s * (3 * rise - 2 * first - last + s * (first + last - 2 * rise))))


def _count(steps: float) -> int:
    """Cameras of a path of so many steps, to the nearest; of more than a path can have, one too many."""
    return round(min(steps, MAX_FRAMES)) + 1


def _spacing(cameras: Cameras) -> int:
    return max(round(float(np.diff(cameras.frame).mean())), 1)


def _seconds(cameras: Cameras, fps: float) -> float:
    return float(cameras.frame[-1] - cameras.frame[0]) / fps
