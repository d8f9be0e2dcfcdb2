"""What cameras would see of points that are known, coarsely and fast: numbers only, no ``bpy``.

Points are homogeneous: (x, y, z, 1) is a place, (x, y, z, 0) a direction, as which the sky stays infinitely far.
"""

from dataclasses import dataclass

import numpy as np

CELLS = 48
"""Most columns of the raster in which the known is counted."""

NEAR = 1e-6
"""Nothing nearer than this is seen, in world units."""

SPACING = 2.5
"""Cells are so many points wide: spread at random, they leave 2 of 1,000 cells empty."""

PARALLAX_POINTS = 1000
"""Points that stand for all where it is asked how far they move."""

QUANTILE = 0.99
"""Of the points' parallax: single wrong depths are not the largest."""


@dataclass(frozen=True)
class Scenery:
    """What is known: points (p, 4) float32 relative to ``origin`` (3,), in mixed order, and colours (p, 3) uint8."""

    points: np.ndarray
    rgb: np.ndarray
    origin: np.ndarray


def raster_of(points: int, size: tuple[int, int], most: int) -> tuple[int, int]:
    """A raster of the proportions of ``size`` so coarse that points spread over it leave no cell empty by chance."""
    columns = max(1, min(most, int(np.sqrt(points * size[0] / size[1]) / SPACING)))
    return columns, max(1, round(columns * size[1] / size[0]))


def projection(K: np.ndarray, camera_to_world: np.ndarray, origin: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(3, 4) float32 from points relative to ``origin`` to pixels times depth; ``scale`` (2,) resizes the raster."""
    R = camera_to_world[:3, :3].T
    extrinsics = np.column_stack([R, -R @ (camera_to_world[:3, 3] - origin)])
    return (np.diag([*scale, 1.0]) @ K @ extrinsics).astype(np.float32)


def cells(points: np.ndarray, P: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which points are in the picture, their cells in it counted row by row, and their depths (all three short)."""
    x, y, z = P @ points.T
    seen = np.flatnonzero(z > NEAR)
    z = z[seen]
    column, row = x[seen] / z, y[seen] / z
    inside = (column >= 0) & (column < size[0]) & (row >= 0) & (row < size[1])
    cell = row[inside].astype(np.int32) * size[0] + column[inside].astype(np.int32)
    return seen[inside], cell, z[inside]


def known(scenery: Scenery, K: np.ndarray, poses: np.ndarray, raster: tuple[int, int]) -> np.ndarray:
    """(n,): the share of each picture in which anything known is seen.

    Args:
        K: (n, 3, 3) pixels of ``raster``; poses: (n, 4, 4) camera to world.
    """
    size = raster_of(len(scenery.points), raster, CELLS)
    scale = np.divide(size, raster)
    shares = []
    for one, pose in zip(K, poses, strict=True):
        hit = np.zeros(size[0] * size[1], bool)
        hit[cells(scenery.points, projection(one, pose, scenery.origin, scale), size)[1]] = True
        shares.append(hit.mean())
    return np.array(shares)


def view(scenery: Scenery, K: np.ndarray, pose: np.ndarray, raster: tuple[int, int], size: tuple[int, int]):
    """What one camera sees: colours (h, w, 3) uint8 and what of them is known (h, w); the nearest point covers."""
    scale = np.divide(size, raster)
    index, cell, z = cells(scenery.points, projection(K, pose, scenery.origin, scale), size)
    far = np.flatnonzero(scenery.points[index, 3] == 0)
    z[far] = np.inf
    order = np.argsort(-z)
    rgb, seen = np.zeros((size[0] * size[1], 3), np.uint8), np.zeros(size[0] * size[1], bool)
    rgb[cell[order]] = scenery.rgb[index[order]]  # the last one stays
    seen[cell] = True
    return _closed(rgb.reshape(size[1], size[0], 3), seen.reshape(size[1], size[0]))


def _closed(rgb: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cracks of one pixel between known ones are no holes: what is above or left of them fills them."""
    for lines, colours in ((seen, rgb), (seen.T, rgb.transpose(1, 0, 2))):
        crack = ~lines[1:-1] & lines[:-2] & lines[2:]
        colours[1:-1][crack] = colours[:-2][crack]
        lines[1:-1] |= crack
    return rgb, seen


def first_depth(scenery: Scenery, K: np.ndarray, pose: np.ndarray, raster: tuple[int, int], reach: float = 0.02):
    """``depth(u, v)`` of the picture: of the point nearest to that place in it; inf where none is near, as in the sky.

    Args:
        reach: how far from (u, v) the point may be, as a share of the picture's width.
    """
    x, y, z = projection(K, pose, scenery.origin, np.ones(2)) @ scenery.points.T

    def depth(u: float, v: float) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.hypot(x / z - u * raster[0], y / z - v * raster[1])
        away[~(z > NEAR)] = np.inf
        best = int(np.argmin(away))
        solid = away[best] <= reach * raster[0] and scenery.points[best, 3] > 0
        return float(z[best]) if solid else float("inf")

    return depth


def turns(poses: np.ndarray) -> np.ndarray:
    """(n - 1,): radians that the camera turns by from each frame to the next."""
    relative = poses[:-1, :3, :3].transpose(0, 2, 1) @ poses[1:, :3, :3]
    sine = np.linalg.norm(relative - relative.transpose(0, 2, 1), axis=(1, 2)) / np.sqrt(8)
    return np.arctan2(sine, (np.trace(relative, axis1=1, axis2=2) - 1) / 2)


def parallax(scenery: Scenery, K: np.ndarray, poses: np.ndarray, raster: tuple[int, int]) -> np.ndarray:
    """(n - 1,): pixels by which near things move against infinitely far ones, from each frame to the next.

    A point that both frames see counts: where the second sees it, against where it would, had it only turned.
    """
    points = scenery.points[scenery.points[:, 3] > 0][:PARALLAX_POINTS]
    return np.array([_apart(points, scenery.origin, K[i : i + 2], poses[i : i + 2], raster) for i in range(len(K) - 1)])


def _apart(points: np.ndarray, origin: np.ndarray, K: np.ndarray, poses: np.ndarray, raster) -> float:
    turned = poses[1].copy()
    turned[:3, 3] = poses[0, :3, 3]
    now = cells(points, projection(K[1], poses[1], origin, np.ones(2)), raster)[0]
    both = np.intersect1d(now, cells(points, projection(K[0], poses[0], origin, np.ones(2)), raster)[0])
    places = [points[both] @ projection(K[1], pose, origin, np.ones(2)).T for pose in (turned, poses[1])]
    ahead = (places[0][:, 2] > NEAR) & (places[1][:, 2] > NEAR)
    if not ahead.any():
        return 0.0
    first, second = (place[ahead, :2] / place[ahead, 2:] for place in places)
    return float(np.quantile(np.linalg.norm(second - first, axis=1), QUANTILE))
