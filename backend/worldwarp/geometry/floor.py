"""The floor of a picture, and the turn that brings it to Z = 0."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cameras.cameras import Array, unproject
from ..nouns import Floats

UPRIGHT = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""(4, 4): OpenCV axes of a camera held level, to a world with Z up in which it looks along Y."""

CELLS = 128
"""Along the longer side, of the grid whose cells' mean points planes are fitted to."""

HYPOTHESES = 400
"""Planes that are tried, each through three points."""

CLOSE = 0.03
"""A point is on a plane where its depth differs by less than this, relative, from the plane's."""

UNEVEN = 0.15
"""A point that faces up and is off a plane by less than this is part of the same floor, which then is not even."""

STEEPEST = 0.5
"""Least cosine between the floor's normal and the picture's upward direction: the camera may pitch by 60 degrees."""

BELOW = 2.0
"""How much a point below a plane speaks against it being the floor, when one on it counts 1."""

LEAST = 0.04
"""Of the points that are known a floor has at least this share."""

ROUNDS = 20
"""Of reweighting (Cauchy)."""


@dataclass(frozen=True)
class Floor:
    """A plane in a camera's own OpenCV axes: ``normal @ p == -height``."""

    normal: Array
    """(3,), of length 1, up."""
    height: float
    """Of the camera above it, at the depth's scale."""
    confidence: float
    """In [0, 1]: points on it, against those a little off it (it is not even) and those below it (it is no floor)."""


def find_floor(depth: Floats, confidence: Floats, K: Array) -> Floor | None:
    """The lowest large plane that faces up.

    Random triples of points that face up propose planes (RANSAC, seeded), the best is refined by reweighted least
    squares of relative depth: on a plane p @ m = 1.

    Args:
        depth: (H, W), planar; not finite where nothing is known.
        confidence: (H, W).
        K: (3, 3), pixels.
    """
    grid, weight = _cells(depth, confidence, K)
    known = np.isfinite(grid).all(-1) & (weight > 0)
    up = _up(grid, known) >= STEEPEST
    if up.sum() < 3:
        return None
    p, all_points = grid[up], grid[known]
    m = _best(p, all_points)
    if m is None:
        return None
    try:
        m = _refined(m, p, weight[up])
    except np.linalg.LinAlgError:  # all of them on one line: no plane
        return None
    off = p @ m - 1
    on, near, below = (np.abs(off) < CLOSE).sum(), (np.abs(off) < UNEVEN).sum(), (all_points @ m - 1 > UNEVEN).sum()
    height = 1 / float(np.linalg.norm(m))
    normal = -m * height
    if on < LEAST * len(all_points) or normal[1] > -STEEPEST:
        return None
    return Floor(normal, height, float(on / (near + below)))


def level(floor: Floor | None) -> Array:
    """(4, 4): the camera's OpenCV axes to a Z-up world that has the floor at Z = 0 and the camera above its origin.

    The camera looks along the world's Y, up to its pitch. Without a floor the camera is taken as held level.
    """
    if floor is None:
        return UPRIGHT.copy()
    forward = np.array([0, 0, 1.0]) - floor.normal[2] * floor.normal
    y = forward / np.linalg.norm(forward)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(y, floor.normal), y, floor.normal])
    pose[2, 3] = floor.height
    return pose


def _cells(depth: Floats, confidence: Floats, K: Array) -> tuple[Array, Array]:
    """Mean point (h, w, 3) and mean confidence (h, w) of the cells of a grid; those of a plane's points lie on it.

    The point is NaN where one of the cell's pixels is unknown. Of large pictures not every pixel is looked at.
    """
    skip = -(-max(depth.shape) // (8 * CELLS))
    depth, confidence = depth[::skip, ::skip], confidence[::skip, ::skip]
    skipped = np.array([[1 / skip, 0, (skip - 1) / 2 / skip], [0, 1 / skip, (skip - 1) / 2 / skip], [0, 0, 1]])
    known = np.where(np.isfinite(depth), depth, np.float32(np.nan))
    points = unproject(known, skipped @ K, np.eye(4))
    step = -(-max(depth.shape) // CELLS)
    rows, columns = (max(side // step, 1) for side in depth.shape)

    def mean(values: NDArray[np.floating]) -> Array:
        cut = values[: rows * step, : columns * step].astype(np.float64)
        return np.asarray(cut.reshape(rows, cut.shape[0] // rows, columns, cut.shape[1] // columns, -1).mean((1, 3)))

    return mean(points), mean(confidence[..., None])[..., 0]


def _up(grid: Array, known: NDArray[np.bool_]) -> Array:
    """(h, w): how much each point's surface faces the picture's upward direction, -1 where that is unknown."""
    filled = np.where(known[..., None], grid, np.nan)
    across, down = np.full_like(filled, np.nan), np.full_like(filled, np.nan)
    across[:, 1:-1] = filled[:, 2:] - filled[:, :-2]
    down[1:-1] = filled[2:] - filled[:-2]
    normal = np.cross(down, across)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nan_to_num(-normal[..., 1] / np.linalg.norm(normal, axis=-1), nan=-1.0))


def _best(p: Array, everything: Array) -> Array | None:
    """The plane m (p @ m = 1) with most of ``p`` on it and least of ``everything`` below it."""
    random = np.random.default_rng(0)
    best, score = None, 0.0
    for triple in random.integers(0, len(p), (HYPOTHESES, 3)):
        try:
            m = np.linalg.solve(p[triple], np.ones(3))
        except np.linalg.LinAlgError:
            continue
        if m[1] < STEEPEST * np.linalg.norm(m):
            continue
        on = np.abs(p @ m - 1) < CLOSE
        below = everything @ m - 1 > CLOSE
        if on.sum() - BELOW * below.sum() > score:
            best, score = m, float(on.sum() - BELOW * below.sum())
    return best


def _refined(m: Array, p: Array, weight: Array) -> Array:
    for _ in range(ROUNDS):
        off = np.abs(p @ m - 1)
        spread = max(3 * float(np.median(off[off < CLOSE])), 1e-4) if (off < CLOSE).any() else CLOSE
        w = weight / (1 + (off / spread) ** 2) ** 2
        weighted = w[:, None] * p
        # einsum: matrix products of BLAS differ with the number of threads
        m = np.linalg.solve(np.einsum("ni,nj->ij", weighted, p), weighted.sum(0))
    return m
