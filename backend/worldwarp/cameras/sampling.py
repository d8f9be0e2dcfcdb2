"""Which frames of a path have to be generated, and which can be rendered from the finished world."""

import numpy as np
from numpy.typing import NDArray

from .cameras import Array, Cameras, project, unproject
from .retiming import at_times

STEPS = (4, 2, 1)
"""Every so many frames."""

ENOUGH = 4.0
"""Parallax in pixels between two generated frames that is filled in without being noticed: a strip that neither of
them saw is no wider, a quarter of the 16 pixels of a token."""

POINTS = 2048
"""About so many points of the picture stand for all of it."""

NEAREST = 0.99
"""Quantile of the parallax that counts as the largest: single wrong depths do not."""


def sampling(cameras: Cameras, every: int) -> Cameras:
    """Every so many cameras, from the first; the last one always."""
    index = np.append(np.arange(0, len(cameras) - 1, every), len(cameras) - 1)
    return cameras[index]


def in_betweens(cameras: Cameras) -> Cameras:
    """A camera for every frame number from the first to the last: the way back from ``sampling``.

    Given cameras stay bit for bit; the others lie between them as ``retiming.at_times`` has it.
    """
    frame = np.arange(cameras.frame[0], cameras.frame[-1] + 1)
    return at_times(cameras, frame.astype(np.float64), frame)


def recommend(cameras: Cameras, depth: NDArray[np.float32]) -> tuple[int, str]:
    """Every how many frames to generate, 1, 2 or 4, and the sentence that says why.

    Args:
        cameras: the path; camera 0 took the picture.
        depth: (H, W) of the picture, planar, world units; inf is sky.
    """
    largest = float(parallax(cameras, depth).max(initial=0.0))
    every = next((step for step in STEPS if step * largest <= ENOUGH), 1)
    moves = f"Near things move {largest:.1f} pixels a frame against far ones"
    if every == 1:
        return 1, f"{moves}: generate every frame."
    return every, (
        f"{moves}: generating every {every}{'nd' if every == 2 else 'th'} frame is enough, where nothing in the scene "
        "moves; those between are rendered from the finished world."
    )


def parallax(cameras: Cameras, depth: NDArray[np.float32]) -> Array:
    """(n - 1,): pixels by which near things move against infinitely far ones, from each frame to the next.

    Only turning moves nothing against anything. Points of the picture count that both frames see.
    """
    points = _points(cameras, depth)
    return np.array([_between(points, cameras[[i, i + 1]]) for i in range(len(cameras) - 1)])


def _points(cameras: Cameras, depth: NDArray[np.float32]) -> Array:
    """(m, 3): thinned, without sky."""
    step = max(1, round(np.sqrt(depth.size / POINTS)))
    ratio = np.array([[depth.shape[1] / cameras.width], [depth.shape[0] / cameras.height], [1]])
    K = ratio * cameras.K[0]
    solid = np.isfinite(depth) & (depth > 0)
    points = unproject(np.where(solid, depth, 1), K, cameras.camera_to_world[0])
    thinned = (slice(step // 2, None, step),) * 2
    return np.asarray(points[thinned][solid[thinned]])


def _between(points: Array, pair: Cameras) -> float:
    moved = points + pair.centres[1] - pair.centres[0]  # seen by the second as the first sees the point
    views = [project(where, pair.K[i], pair.world_to_camera[i]) for where, i in ((points, 0), (points, 1), (moved, 1))]
    size = [pair.width, pair.height]
    seen = np.all([(z > 0) & ((xy >= 0) & (xy < size)).all(axis=1) for xy, z in views[:2]], axis=0) & (views[2][1] > 0)
    if not seen.any():
        return 0.0
    apart = np.linalg.norm(views[1][0][seen] - views[2][0][seen], axis=1)
    return float(np.quantile(apart, NEAREST))
