"""Which Gaussians a camera may see: a z-buffer, so that background does not shine through cracks (numba).

Gaussians let light through: half a pixel of crack where the camera comes close, a few percent everywhere. What is
hidden behind a surface must not be blended through it, so it is left out before blending. Cracks of up to two pixels,
where fitting has shrunk Gaussians at a sharp edge or the camera has pulled them apart, count as closed.
"""

import math

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from .project import normalise, rotation, to_camera

TOLERANCE = 0.05
"""What is less than this behind the nearest surface, relatively, is part of it."""

REACH = 1.5
"""Half-width of the square that a Gaussian hides, and its depth, in standard deviations: just over half a pixel of the
view it was made from, so that a whole surface has no cracks and hides little beyond its edge."""

MOST = 8
"""Pixels: the largest half-width of such a square. A camera that is closer sees cracks."""


def visible(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    K: NDArray[np.float64],
    world_to_camera: NDArray[np.float64],
    width: int,
    height: int,
) -> torch.Tensor:
    """1 for Gaussians that no surface hides from the camera, else 0: (g,), for multiplying opacities.

    Arguments as ``rasterise.rasterise``.
    """
    m, q, s = (t.detach().cpu().contiguous().numpy() for t in (means, quats, scales))
    out = np.ones(len(means), m.dtype)
    camera = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], np.float64)
    pose = np.ascontiguousarray(world_to_camera[:3, :4], np.float64)
    _hide(m, q, s, camera, pose, np.full((height, width), np.inf), out)
    return torch.from_numpy(out).to(means.device)


@njit(cache=True)
def _hide(means, quats, scales, camera, pose, behind, out):  # type: ignore[no-untyped-def]
    """``behind`` (H, W), infinite at first, becomes the depth from which on everything is hidden."""
    height, width = behind.shape
    q, R = np.empty(4), np.empty((3, 3))
    pixels = np.empty((len(means), 3))
    for g in range(len(means)):
        x, y, z = to_camera(means[g], pose)
        pixels[g, 2] = z
        if z <= 0:
            continue
        u, v = camera[0] * x / z + camera[2], camera[1] * y / z + camera[3]
        pixels[g, 0], pixels[g, 1] = u, v
        if not (0 <= u < width and 0 <= v < height):
            continue
        normalise(quats[g], q)
        rotation(q, R)
        deep = 0.0
        for j in range(3):
            along = pose[2, 0] * R[0, j] + pose[2, 1] * R[1, j] + pose[2, 2] * R[2, j]
            deep += (along * scales[g, j]) ** 2.0
        limit = z * (1 + TOLERANCE) + REACH * math.sqrt(deep)
        size = min(scales[g, 0], scales[g, 1]) * REACH * camera[0] / z
        half = min(max(size, 0.5), MOST)
        for row in range(max(math.ceil(v - half - 0.5), 0), min(math.floor(v + half - 0.5), height - 1) + 1):
            for column in range(max(math.ceil(u - half - 0.5), 0), min(math.floor(u + half - 0.5), width - 1) + 1):
                behind[row, column] = min(behind[row, column], limit)
    behind = _closed(behind)
    for g in range(len(means)):
        u, v, z = pixels[g]
        if z <= 0 or not (0 <= u < width and 0 <= v < height):
            continue
        # Hidden only where all four pixels around it are: rows of a floor seen edge-on do not hide each other.
        left, top = max(int(u + 0.5) - 1, 0), max(int(v + 0.5) - 1, 0)
        right, bottom = min(int(u + 0.5), width - 1), min(int(v + 0.5), height - 1)
        far = max(behind[top, left], behind[top, right], behind[bottom, left], behind[bottom, right])
        if z > far:
            out[g] = 0


@njit(cache=True)
def _closed(behind):  # type: ignore[no-untyped-def]
    """Cracks of one or two pixels closed: the nearest within a pixel, then the farthest of that; edges stay."""
    height, width = behind.shape
    near, closed = np.empty_like(behind), np.empty_like(behind)
    for row in range(height):
        for column in range(width):
            near[row, column] = behind[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].min()
    for row in range(height):
        for column in range(width):
            closed[row, column] = near[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].max()
    return closed
