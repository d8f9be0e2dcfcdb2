"""Points of a known frame, looked up in another: what their surroundings should look like there is searched nearby.

Each point carries the patch around it, with the depth of every pixel, so the patch is warped by the camera that the
other frame is believed to have, and only a shift of a few pixels is left to find (Lucas and Kanade 1981), from coarse
to fine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cameras.cameras import Array, project
from ..evaluation.features import cornerness, corners
from ..evaluation.images import blur, gradient, grey, is_inside, sample, scaled
from ..nouns import Bytes

LEVELS = (0.25, 0.5, 1.0)
"""Of the frame's size, coarsest first."""

POINTS = 300
"""Most of one frame."""

APART = 4
"""Pixels between two of them, at least."""

PATCH = np.arange(-4, 5.0)
"""Pixels about a point, at every level."""

TORN = 1.1
"""Most that depth may differ within a patch: beyond it two surfaces move apart in it."""

ALIKE = 0.85
"""Least correlation with what was found."""

REACH = 6.0
"""Pixels of a level that a patch may be away from where it was believed to be."""

ROUNDS = 12


@dataclass(frozen=True)
class Patches:
    """Points of one frame and what surrounds them, level by level."""

    points: Array
    """(n, 3) in the world."""
    surroundings: tuple[Array, ...]
    """Of each level (n, k, 3): the world points of the patch's pixels."""
    shades: tuple[Array, ...]
    """Of each level (n, k): their grey values, mean 0."""


def pyramid(frame: Bytes) -> tuple[Array, ...]:
    """A frame (H, W, 3) at every level: (3, h, w) of grey values and their slopes along x and y."""
    image = grey(frame)
    return tuple(_with_slopes(scaled(image, level)) for level in LEVELS)


def patches(frame: Bytes, depth: NDArray[np.floating], K: Array, camera_to_world: Array) -> Patches:
    """The points of a frame (H, W, 3) that are worth following, at its planar depth (H, W); inf is sky."""
    positions = corners(cornerness(grey(frame)), POINTS, APART)
    offsets = np.stack(np.meshgrid(PATCH, PATCH), -1).reshape(-1, 2)
    whole = np.concatenate([positions[:, None] + offsets / level for level in LEVELS], 1)
    kept = is_inside(positions, depth.shape, -PATCH[0] + 0.5) & _untorn(depth, whole[:, -len(offsets) :])
    positions, whole = positions[kept], whole[kept]
    around = np.split(whole, len(LEVELS), axis=1)
    middle = _depth_at(depth, positions)
    surroundings = tuple(_lifted(at, _filled(_depth_at(depth, at), middle), K, camera_to_world) for at in around)
    shades = [sample(p[:1], at * level)[..., 0] for p, at, level in zip(pyramid(frame), around, LEVELS, strict=True)]
    points = _lifted(positions[:, None], middle[:, None], K, camera_to_world)[:, 0]
    return Patches(points, surroundings, tuple(s - s.mean(1, keepdims=True) for s in shades))


def follow(known: Patches, image: Array, level: int, K: Array, world_to_camera: Array) -> tuple[Array, Array]:
    """Where points are in a frame, if it was taken about from ``world_to_camera`` (4, 4).

    Args:
        image: (3, h, w) of this level of the frame's ``pyramid``.
        level: which of ``LEVELS``.

    Returns:
        Positions (n, 2) in pixels of the whole frame, and how alike the patches are, (n,) at most 1; -1 where a
        point leaves the frame or its patch was not found.
    """
    scale = LEVELS[level]
    expected, depth = project(known.surroundings[level], K, world_to_camera)
    centre, z = project(known.points, K, world_to_camera)
    seen = (z > 0) & (depth > 0).all(1) & is_inside(centre * scale, image.shape[1:], -PATCH[0])
    shift, alike = np.zeros((len(centre), 2)), np.full(len(centre), -1.0)
    shift[seen], alike[seen] = _shift(expected[seen] * scale, known.shades[level][seen], image)
    return centre + shift / scale, alike


def _shift(at: Array, shades: Array, image: Array) -> tuple[Array, Array]:
    """Shifts (n, 2) that bring patches (n, k, 2) of ``shades`` (n, k) onto the image, and their correlation (n,)."""
    shift = np.zeros((len(at), 2))
    for _ in range(ROUNDS):
        found, slopes, _ = _looked_up(at + shift[:, None], shades, image)
        H = np.einsum("nki,nkj->nij", slopes, slopes) + 1e-9 * np.eye(2)
        step = -np.linalg.solve(H, np.einsum("nki,nk->ni", slopes, found)[..., None])[..., 0]
        shift += np.clip(step, -1, 1)
    _, _, alike = _looked_up(at + shift[:, None], shades, image)
    return shift, np.where(np.linalg.norm(shift, axis=1) < REACH, alike, -1)


def _looked_up(at: Array, shades: Array, image: Array) -> tuple[Array, Array, Array]:
    """Difference (n, k) to the shades but for brightness and contrast, slopes (n, k, 2), correlation (n,)."""
    values = sample(image, at)
    values -= values.mean(1, keepdims=True)
    grey_here, slopes = values[..., 0], values[..., 1:]
    both, mine, theirs = ((a * b).sum(1) for a, b in ((grey_here, shades), (shades, shades), (grey_here, grey_here)))
    contrast = np.maximum(both, 0) / np.maximum(mine, 1e-12)
    return grey_here - contrast[:, None] * shades, slopes, both / np.sqrt(np.maximum(mine * theirs, 1e-24))


def _with_slopes(image: Array) -> Array:
    smooth = blur(image, 0.8)
    return np.stack([smooth, *gradient(smooth)])


def _depth_at(depth: NDArray[np.floating], positions: Array) -> Array:
    columns, rows = (np.clip(positions[..., a], 0, depth.shape[1 - a] - 1).astype(np.intp) for a in (0, 1))
    return depth[rows, columns].astype(np.float64)


def _untorn(depth: NDArray[np.floating], at: Array) -> NDArray[np.bool_]:
    around = _depth_at(depth, at)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(around).all(1) & (around.max(1) < TORN * around.min(1)))


def _filled(around: Array, middle: Array) -> Array:
    """Coarse patches reach further: where they meet sky or another surface they go on at their middle's depth."""
    with np.errstate(invalid="ignore"):
        same = (around < TORN * middle[:, None]) & (around > middle[:, None] / TORN)
    return np.where(same, around, middle[:, None])


def _lifted(positions: Array, depth: Array, K: Array, camera_to_world: Array) -> Array:
    rays = np.concatenate([positions, np.ones((*positions.shape[:-1], 1))], -1) @ np.linalg.inv(K).T
    return np.asarray((rays * depth[..., None]) @ camera_to_world[:3, :3].T + camera_to_world[:3, 3])
