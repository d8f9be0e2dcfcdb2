"""How far things move in the image because the camera travels, not because it turns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .cameras import Array, Cameras, between

POINTS = 4096
"""About so many pixels of the picture stand for all of it."""

FAST_TURN = 3.0
"""Degrees from frame to frame: at 24 frames a second a quarter of a circle takes little more than a second."""


def parallax(depth: NDArray[np.floating], cameras: Cameras, quantiles: Sequence[float]) -> Array:
    """(quantiles, n): pixels by which what is in view moved since the frame before, had the camera travelled there
    without turning or zooming; 0 for the first frame. What is infinitely far does not move.

    Args:
        depth: (H, W), of camera 0, planar, world units; inf is sky, NaN is left out.
        cameras: n of them, of the size of ``depth``.
        quantiles: of all that is in view of what the picture shows, 0 to 1.
    """
    step = max(1, int(np.sqrt(depth.size / POINTS)))
    d = 1 / depth[::step, ::step].astype(np.float64)
    v, u = np.mgrid[0 : depth.shape[0] : step, 0 : depth.shape[1] : step] + 0.5
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
    turn, shift = between(cameras)
    # where the camera before was, in this camera's axes: its turn and lens are this one's
    travelled = cameras.K @ cameras.world_to_camera[:, :3, :3]
    moved = np.zeros((len(quantiles), len(cameras)))
    for i in range(1, len(cameras)):
        here = pixels @ turn[i].T + d[..., None] * shift[i]
        before = here + d[..., None] * (travelled[i] @ (cameras.centres[i] - cameras.centres[i - 1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            at, was = here[..., :2] / here[..., 2:], before[..., :2] / before[..., 2:]
            inside = ((at >= 0) & (at < [cameras.width, cameras.height])).all(axis=-1)
        inside &= (here[..., 2] > 0) & (before[..., 2] > 0)
        if inside.any():
            moved[:, i] = np.quantile(np.linalg.norm(at[inside] - was[inside], axis=-1), quantiles)
    return moved


def rotation(cameras: Cameras) -> Array:
    """(n,): degrees by which the camera turned since the frame before; 0 for the first."""
    R = cameras.camera_to_world[:, :3, :3]
    turn = R[:-1].transpose(0, 2, 1) @ R[1:]
    # by sine and cosine, as the cosine alone is blind to small angles
    sine = np.linalg.norm(turn - turn.transpose(0, 2, 1), axis=(1, 2)) / np.sqrt(2)
    cosine = np.trace(turn, axis1=1, axis2=2) - 1
    return np.concatenate([[0.0], np.degrees(np.arctan2(sine, cosine))])
