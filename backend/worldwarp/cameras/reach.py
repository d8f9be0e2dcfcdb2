"""Which pixel of the picture each pixel of a frame shows: patches of surface and a z-buffer (numba)."""

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from ..cache.surface import disparity, slope
from .cameras import Cameras, between

HALF = 0.55
"""Of a patch's side, in pixels: a tenth more than a pixel, so that the patches of a curved surface leave no cracks."""


def reach(depth: NDArray[np.float32], cameras: Cameras, size: tuple[int, int]) -> NDArray[np.int32]:
    """What frames show of the picture: (n, height, width), the picture's pixel (row * W + column); -1 is a hole.

    Each pixel of the picture is a quadrilateral on the plane that it saw, so what comes nearer has no false holes. The
    nearest patch wins; one that is seen from behind hides what is behind it and shows nothing, as nobody saw its back.

    Args:
        depth: (H, W), planar, of camera 0; inf is sky, which has no parallax; NaN is left out.
        cameras: n of them; their pixels are those of ``depth``.
        size: width and height of the frames looked at; their proportions are the cameras'.
    """
    d = disparity(depth)
    scale = np.array([size[0] / cameras.width, size[1] / cameras.height, 1])
    turn, shift = between(cameras)
    seen = np.empty((len(cameras), size[1], size[0]), np.int32)
    _draw(d, slope(d, 1), slope(d, 0), scale[:, None] * turn, scale * shift, seen)
    return seen


@njit(parallel=True, cache=True)
def _draw(d, across, down, turn, shift, seen):  # type: ignore[no-untyped-def]
    for frame in prange(len(seen)):
        nearest = np.full(seen.shape[1:], -1.0)
        corners = np.empty((4, 2))
        seen[frame] = -1
        for y in range(d.shape[0]):
            for x in range(d.shape[1]):
                if np.isnan(d[y, x]):
                    continue  # left out
                nearness = _place(d[y, x], across[y, x], down[y, x], x, y, turn[frame], shift[frame], corners)
                if nearness >= 0:
                    _fill(corners, nearness, y * d.shape[1] + x, nearest, seen[frame])


@njit(inline="always")
def _place(d, across, down, x, y, turn, shift, corners):  # type: ignore[no-untyped-def]
    """Where a patch's corners lie, clockwise; its 1 / depth, or -1 where it reaches behind the camera."""
    for i in range(4):
        right, below = (HALF if i in (1, 2) else -HALF), (HALF if i >= 2 else -HALF)
        u, v, there = x + 0.5 + right, y + 0.5 + below, max(d + right * across + below * down, 0.0)
        w = turn[2, 0] * u + turn[2, 1] * v + turn[2, 2] + there * shift[2]
        if w <= 1e-6:
            return -1.0
        corners[i, 0] = (turn[0, 0] * u + turn[0, 1] * v + turn[0, 2] + there * shift[0]) / w
        corners[i, 1] = (turn[1, 0] * u + turn[1, 1] * v + turn[1, 2] + there * shift[1]) / w
    return d / (turn[2, 0] * (x + 0.5) + turn[2, 1] * (y + 0.5) + turn[2, 2] + d * shift[2])


@njit(inline="always")
def _fill(corners, nearness, pixel, nearest, seen):  # type: ignore[no-untyped-def]
    height, width = seen.shape
    left, right = corners[:, 0].min(), corners[:, 0].max()
    top, bottom = corners[:, 1].min(), corners[:, 1].max()
    if right < 0 or bottom < 0 or left > width or top > height:
        return
    side = _turn(corners, 0, corners[2, 0], corners[2, 1]) + _turn(corners, 2, corners[0, 0], corners[0, 1])
    facing = 1.0 if side > 0 else -1.0
    for row in range(max(int(np.ceil(top - 0.5)), 0), min(int(np.floor(bottom - 0.5)), height - 1) + 1):
        for column in range(max(int(np.ceil(left - 0.5)), 0), min(int(np.floor(right - 0.5)), width - 1) + 1):
            if nearness > nearest[row, column]:
                inside = True
                for i in range(4):
                    inside &= facing * _turn(corners, i, column + 0.5, row + 0.5) >= 0
                if inside:
                    nearest[row, column] = nearness
                    seen[row, column] = pixel if facing > 0 else -1


@njit(inline="always")
def _turn(corners, i, x, y):  # type: ignore[no-untyped-def]
    """Above 0 where (x, y) lies to the right of the edge from corner i to the next, as a picture is seen."""
    j = (i + 1) % 4
    a, b = corners[j, 0] - corners[i, 0], corners[j, 1] - corners[i, 1]
    return a * (y - corners[i, 1]) - b * (x - corners[i, 0])
