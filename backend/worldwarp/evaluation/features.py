"""Corners of a frame, how they look, and which of them two frames share: the frames alone decide, no pose is given.

Corners are those of Shi and Tomasi (1994), found at three scales; each is described by the upright patch around it,
normalised in brightness and contrast. Cameras that roll by more than about 20 degrees share few.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cameras.cameras import Array
from ..nouns import Bytes
from .images import blur, gradient, grey, is_inside, sample, scaled

SCALES = (1.0, 0.707, 0.5)

CORNERS = 700
"""Most of one scale."""

APART = 3
"""Pixels between two corners of one scale, at least."""

SLOPE = 1e-4
"""Least squared slope across a corner's weaker direction: about 2.5 of 255 grey levels a pixel."""

PATCH = 2.0 * (np.arange(8) - 3.5)
"""Where a patch is looked at, in pixels about its corner."""

RATIO = 0.85
"""A match is so much nearer than the nearest one elsewhere (Lowe 2004)."""

ELSEWHERE = 6.0
"""Pixels: matches closer than this are the same place at another scale."""

FOLLOWING = 8
"""Matches of a corner among which the nearest one elsewhere is sought."""

SMOOTH = 1.05
"""Most that depth may differ between the neighbours of a corner: beyond it the corner may be a silhouette's."""


@dataclass(frozen=True)
class Features:
    """Corners of one frame."""

    positions: Array
    """(n, 2), (x, y) in pixels, finer than a pixel."""
    patches: Array
    """(n, 64), mean 0 and norm 1."""


@dataclass(frozen=True)
class Landmarks:
    """Corners of a frame whose depth and camera are known."""

    features: Features
    points: Array
    """(n, 3) in the world."""


def detect(frame: Bytes) -> Features:
    """The corners of a frame (H, W, 3), strongest first within each scale."""
    image = grey(frame)
    found = [_at_scale(image, scale) for scale in SCALES]
    return Features(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def corners(strength: Array, count: int, apart: int) -> Array:
    """Positions (n, 2) of the ``count`` strongest corners, in whole pixels, strongest first; ``apart`` or further."""
    highest = strength
    for axis in (0, 1):
        padding = [(apart, apart) if a == axis else (0, 0) for a in (0, 1)]
        highest = np.lib.stride_tricks.sliding_window_view(np.pad(highest, padding), 2 * apart + 1, axis).max(-1)
    rows, columns = np.nonzero((strength > SLOPE) & (strength >= highest))
    best = np.argsort(-strength[rows, columns], kind="stable")[:count]
    return np.asarray(np.stack([columns[best], rows[best]], -1) + 0.5)


def cornerness(image: Array) -> Array:
    """The smaller eigenvalue of a grey image's structure tensor (H, W), in squared slopes; 0 along the edge."""
    x, y = gradient(blur(image, 1.0))
    xx, xy, yy = (blur(product, 1.5) for product in (x * x, x * y, y * y))
    strength = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    edge = np.zeros_like(strength)
    edge[2:-2, 2:-2] = strength[2:-2, 2:-2]
    return edge


def match(first: Features, second: Features) -> NDArray[np.intp]:
    """Pairs (m, 2) of corners that look alike in both frames: each the other's best, and better than any elsewhere."""
    if not len(first.patches) or not len(second.patches):
        return np.empty((0, 2), np.intp)
    alike = first.patches @ second.patches.T
    there, back = alike.argmax(1), alike.argmax(0)
    mine = np.arange(len(there))
    runner_up = _best_elsewhere(alike, second.positions, there)
    distinct = 1 - alike[mine, there] < RATIO**2 * (1 - runner_up)
    kept = distinct & (np.square(first.positions[back[there]] - first.positions).sum(-1) < ELSEWHERE**2)
    return np.stack([mine[kept], there[kept]], -1)


def landmarks(frame: Bytes, depth: NDArray[np.floating], K: Array, camera_to_world: Array) -> Landmarks:
    """The corners of a frame that lie on smooth surfaces, as points of the world.

    Args:
        frame: (H, W, 3); depth: (H, W), planar, inf is sky; K: (3, 3); camera_to_world: (4, 4).
    """
    found = detect(frame)
    disparity = 1 / depth.astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(disparity, 1, mode="edge"), (3, 3))
    nearest, furthest = windows.max((-2, -1)), windows.min((-2, -1))
    columns, rows = found.positions.astype(np.intp).T
    with np.errstate(invalid="ignore"):
        kept = (nearest <= SMOOTH * furthest)[rows, columns] & (furthest > 0)[rows, columns]
    positions = found.positions[kept]
    z = 1 / sample(np.where(np.isfinite(disparity), disparity, 0)[None], positions)[:, 0]
    in_camera = np.concatenate([positions, np.ones((len(z), 1))], -1) @ np.linalg.inv(K).T * z[:, None]
    points = in_camera @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]
    return Landmarks(Features(positions, found.patches[kept]), points)


def _best_elsewhere(alike: Array, positions: Array, best: NDArray[np.intp]) -> Array:
    """How like (n,) the best match is that lies elsewhere than ``best`` (n,), or at most is."""
    few = min(FOLLOWING, alike.shape[1])
    top = np.argpartition(-alike, few - 1, axis=1)[:, :few]
    values = np.take_along_axis(alike, top, 1)
    apart = np.linalg.norm(positions[top] - positions[best][:, None], axis=-1) >= ELSEWHERE
    return np.asarray(np.where(apart, values, values.min(1, keepdims=True)).max(1))


def _at_scale(image: Array, scale: float) -> tuple[Array, Array]:
    small = scaled(image, scale)
    strength = cornerness(small)
    positions = _between_pixels(corners(strength, CORNERS, APART), strength)
    positions = positions[is_inside(positions, small.shape, -PATCH[0])]
    grid = np.stack(np.meshgrid(PATCH, PATCH), -1).reshape(-1, 2)
    patches = sample(blur(small, 1.2)[None], positions[:, None] + grid)[..., 0]
    patches -= patches.mean(1, keepdims=True)
    return positions / scale, patches / np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), 1e-12)


def _between_pixels(positions: Array, strength: Array) -> Array:
    """Positions (n, 2) moved to the top of the parabola through the strength at their neighbours."""
    columns, rows = positions.astype(np.intp).T
    moved = positions.copy()
    for axis, (dx, dy) in enumerate(((1, 0), (0, 1))):
        before, here, after = (strength[rows + k * dy, columns + k * dx] for k in (-1, 0, 1))
        bend = np.minimum(before - 2 * here + after, -1e-12)
        moved[:, axis] += np.clip((before - after) / (2 * bend), -0.5, 0.5)
    return moved
