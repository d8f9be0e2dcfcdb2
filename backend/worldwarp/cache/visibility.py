"""What the history views say about points in space (numba)."""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from ..cameras import Cameras

Mask = NDArray[np.bool_]

CONFIRMED, CONTRADICTED = 0, 1


def confirmed(
    depth: NDArray[np.float32], K: NDArray[np.float64], camera_to_world: NDArray[np.float64],
    known: NDArray[np.float32], cameras: Cameras, tolerance: float,
) -> Mask:  # fmt: skip
    """Pixels (H, W) whose point at least one view saw at its own depth, to ``tolerance``; sky is confirmed by sky.

    Args:
        depth: (H, W), planar, of the camera K, camera_to_world; inf is sky, NaN is unknown.
        known: (c, H, W), planar depth of the views, likewise; ``cameras`` are theirs.
    """
    return _ask(depth, K, camera_to_world, known, cameras, tolerance, CONFIRMED)


def contradicted(
    depth: NDArray[np.float32], K: NDArray[np.float64], camera_to_world: NDArray[np.float64],
    known: NDArray[np.float32], cameras: Cameras, tolerance: float,
) -> Mask:  # fmt: skip
    """Pixels (H, W) whose point hangs in front of what some view saw there: that view looked through it.

    Arguments as ``confirmed``.
    """
    return _ask(depth, K, camera_to_world, known, cameras, tolerance, CONTRADICTED)


def _ask(
    depth: NDArray[np.float32], K: NDArray[np.float64], camera_to_world: NDArray[np.float64],
    known: NDArray[np.float32], cameras: Cameras, tolerance: float, question: int,
) -> Mask:  # fmt: skip
    # From this camera's pixels straight to each view's: p' z' = z (K' R R'^T K^-1) p + K' t.
    relative = cameras.world_to_camera @ camera_to_world
    turn = cameras.K @ relative[:, :3, :3] @ np.linalg.inv(K)
    shift = (cameras.K @ relative[:, :3, 3:])[..., 0]
    out = np.zeros(depth.shape, np.bool_)
    _compare(np.ascontiguousarray(depth), turn, shift, np.ascontiguousarray(known), tolerance, question, out)
    return out


@njit(parallel=True, cache=True)
def _compare(depth, turn, shift, known, tolerance, question, out):  # type: ignore[no-untyped-def]
    height, width = known.shape[1:]
    for y in prange(depth.shape[0]):
        p = np.empty(3)
        for x in range(depth.shape[1]):
            z = depth[y, x]
            if np.isnan(z):
                continue
            for view in range(len(known)):
                for i in range(3):
                    direction = turn[view, i, 0] * (x + 0.5) + turn[view, i, 1] * (y + 0.5) + turn[view, i, 2]
                    # A point of the sky is a direction: no parallax.
                    p[i] = direction if np.isinf(z) else z * direction + shift[view, i]
                if p[2] <= 0:
                    continue
                u, v = p[0] / p[2], p[1] / p[2]
                if 0 <= u < width and 0 <= v < height:
                    agreeing = _agreeing(known[view], u, v, np.inf if np.isinf(z) else p[2], tolerance, question)
                    if agreeing >= (1 if question == CONFIRMED else 4):
                        out[y, x] = True
                        break


@njit(inline="always")
def _agreeing(known, u, v, z, tolerance, question):  # type: ignore[no-untyped-def]
    """How many of the four pixels around (u, v) agree: at a silhouette they are not one surface."""
    height, width = known.shape
    agreeing = 0
    for row in (int(v + 0.5) - 1, int(v + 0.5)):
        for column in (int(u + 0.5) - 1, int(u + 0.5)):
            there = known[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
            if question == CONTRADICTED:
                agreeing += z < (1 - tolerance) * there
            elif np.isinf(z):
                agreeing += np.isinf(there)
            else:
                agreeing += abs(there - z) <= tolerance * z
    return agreeing
