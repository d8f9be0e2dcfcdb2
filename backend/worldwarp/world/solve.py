"""Solved cameras: where the frames of a finished run were really taken from, by what they show of the known world.

Frame by frame, points of the picture and of the last keyframes (each at its own depth and solved pose) are looked up in
the frame, from coarse to fine, and the pose that fits them is refined from the requested one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from worldwarp_protocol.errors import InvalidShot

from ..cameras import Cameras
from ..cameras.cameras import Array, inverse
from ..cameras.ease import matrices, vectors
from ..evaluation import pnp
from ..nouns import Bytes, Floats, Report, Solved
from . import tracking

KEYFRAME = 8
"""Every so many frames one is kept, to find later ones by; the last two are."""

OWN_DEPTH = 0.25
"""What a keyframe's points count against the picture's: their depth is generated, their pose solved."""

FEW = 16
"""Points that agree, at least; with fewer a frame says nothing of its camera."""

ENOUGH = 60
"""With so many, a frame's pose stands for itself; with fewer, it leans on its neighbours'."""

SHARE = 0.4
"""Of the points that look alike, so many must agree."""

NEAR = 2.0
"""Pixels within which a point agrees, at the frame's full size."""

NEIGHBOURS = 4.0
"""Frames: standard deviation of the window that weak evidence is smoothed over."""

DOUBT = 0.2
"""What having been asked for counts where evidence is weak, in frames with enough of it."""


@dataclass(frozen=True)
class Reference:
    """A frame whose camera is known, to find others by."""

    patches: tracking.Patches
    weight: float
    """What its points count."""


@dataclass(frozen=True)
class Found:
    """What one frame says of its camera."""

    camera_to_world: Array
    points: Array
    pixels: Array


def _quiet(stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:
    """A report to nobody."""


def solve(frames: Iterable[Bytes], depths: Iterable[Floats], cameras: Cameras, report: Report = _quiet) -> Solved:
    """Find the cameras of a run's frames; the first frame is the picture and its camera is exact.

    Args:
        frames: n of (H, W, 3), looked at once and in order, so they may come from the disk one by one.
        depths: n of (H, W), planar, world units; inf is sky.
        cameras: n, the requested ones.

    Raises:
        InvalidShot: there are not as many frames and depths as cameras.
    """
    found = search(frames, depths, cameras, lambda i, n: report("solve", i, n))
    solved = judged(found, cameras, smoothed(found, cameras, exact=1))
    solved.kept[0] = False
    return solved


def search(
    frames: Iterable[Bytes],
    depths: Iterable[Floats],
    cameras: Cameras,
    tell: Callable[[int, int], None],
    known: Sequence[Reference] = (),
) -> list[Found | None]:
    """What each of n frames says of its camera, None where that is too little. Arguments as ``solve``.

    Args:
        tell: called with the frame's number, and n.
        known: what all frames are looked at by; where there is nothing, the first frame is.
    """
    own: list[Reference] = []
    found: list[Found | None] = []
    correction = np.eye(4)
    for i, (frame, depth) in enumerate(_together(frames, depths, len(cameras))):
        tell(i, len(cameras))
        requested, K = cameras.camera_to_world[i], cameras.K[i]
        levels, references = tracking.pyramid(frame), [*known, *own]
        one = _locate(levels, references, K, requested @ correction) or _locate(levels, references, K, requested)
        if one:
            correction = inverse(requested) @ one.camera_to_world
        if not known and i == 0:
            known = [reference(frame, depth, K, requested, 1.0)]
        elif one and i % KEYFRAME == 0:
            own = [*own[-1:], reference(frame, depth, K, one.camera_to_world)]
        found.append(one)
    return found


def reference(frame: Bytes, depth: Floats, K: Array, camera_to_world: Array, weight: float = OWN_DEPTH) -> Reference:
    """A frame (H, W, 3) at its depth (H, W) and its camera."""
    return Reference(tracking.patches(frame, depth, K, camera_to_world), weight)


def _together(frames: Iterable[Bytes], depths: Iterable[Floats], count: int) -> Iterator[tuple[Bytes, Floats]]:
    try:
        for frame, depth, _ in zip(frames, depths, range(count), strict=True):
            yield frame, depth
    except ValueError:
        text = f"differ in number from their depths or their {count} cameras; give one of each for each frame."
        raise InvalidShot("frames", text) from None


def _locate(levels: tuple[Array, ...], references: Sequence[Reference], K: Array, start: Array) -> Found | None:
    """The pose near ``start`` that the frame fits, or None where too little agrees."""
    pose: Array = inverse(start)
    for level, image in enumerate(levels):
        points, pixels, weights = _matches(image, level, references, K, pose)
        if len(points) < FEW:
            return None
        near = pnp.refine(points, pixels, K, pose, weights, within=NEAR / tracking.LEVELS[level])
        pose = near.world_to_camera
    inliers = pnp.distances(points, pixels, K, pose) < NEAR
    if inliers.sum() < max(FEW, SHARE * len(points)):
        return None
    return Found(inverse(pose), points[inliers], pixels[inliers])


def _matches(
    image: Array, level: int, references: Sequence[Reference], K: Array, pose: Array
) -> tuple[Array, Array, Array]:
    """Points (m, 3), their pixels (m, 2) and what they count (m,): of all references, those that look alike."""
    parts = []
    for known in references:
        pixels, alike = tracking.follow(known.patches, image, level, K, pose)
        good = alike > tracking.ALIKE
        parts.append((known.patches.points[good], pixels[good], known.weight * alike[good]))
    if not parts:
        return np.empty((0, 3)), np.empty((0, 2)), np.empty(0)
    points, places, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return points, places, weights


def smoothed(found: Sequence[Found | None], cameras: Cameras, exact: int = 0) -> Array:
    """Poses (n, 4, 4): as found where there is evidence enough, else leaning on the neighbours'.

    The first ``exact`` of them are the cameras' own: nothing is surer.
    """
    n = len(found)
    strength = np.array([0.0 if one is None else min(len(one.points) / ENOUGH, 1) for one in found])
    strength[:exact] = 1
    corrections = np.tile(np.eye(4), (n, 1, 1))
    for i, one in enumerate(found):
        if one is not None:
            corrections[i] = inverse(cameras.camera_to_world[i]) @ one.camera_to_world
    apart = vectors(corrections)
    window = np.exp(-0.5 * (np.subtract.outer(np.arange(n), np.arange(n)) / NEIGHBOURS) ** 2) * strength
    around = window @ apart / (window.sum(1, keepdims=True) + DOUBT)
    leaning = strength[:, None] * apart + (1 - strength[:, None]) * around
    moved = cameras.camera_to_world @ matrices(leaning)
    return np.where((strength == 1)[:, None, None], cameras.camera_to_world @ corrections, moved)


def judged(found: Sequence[Found | None], cameras: Cameras, poses: Array) -> Solved:
    """The poses with their residuals; one that fits its own points worse than the requested one is not taken."""
    before, after = residuals(found, cameras.K, cameras.camera_to_world), residuals(found, cameras.K, poses)
    worse = after > before
    poses = np.where(worse[:, None, None], cameras.camera_to_world, poses)
    after = np.where(worse, before, after)
    inliers = np.array([0 if one is None else len(one.points) for one in found])
    return Solved(poses, before, after, inliers, (inliers == 0) | (after == before))


def residuals(found: Sequence[Found | None], K: Array, poses: Array) -> Array:
    """(n,): how far, in pixels, each frame's points are from where the poses (n, 4, 4) see them; NaN: no points."""
    return np.array(
        [np.nan if one is None else _residual(one, *lens) for one, *lens in zip(found, K, poses, strict=True)]
    )


def _residual(one: Found, K: Array, camera_to_world: Array) -> float:
    return float(np.median(pnp.distances(one.points, one.pixels, K, inverse(camera_to_world))))
