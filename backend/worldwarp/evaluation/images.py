"""Grey images: blurred, scaled, and read between their pixels. Positions are (x, y), pixel centres at (0.5, 0.5)."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..cameras.cameras import Array
from ..nouns import Bytes

LUMA = np.array([0.299, 0.587, 0.114]) / 255


def grey(rgb: Bytes) -> Array:
    """(H, W) in [0, 1] of a frame (H, W, 3)."""
    return np.asarray(rgb @ LUMA)


def blur(image: Array, sigma: float) -> Array:
    """The image (H, W) under a Gaussian of ``sigma`` pixels, its edges repeated."""
    reach = int(np.ceil(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        padding = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding, mode="edge"), len(taps), axis)
        image = windows @ taps
    return image


def scaled(image: Array, scale: float) -> Array:
    """The image (H, W) at ``scale`` (at most 1) of its size; a position x becomes ``scale * x``."""
    height, width = (int(side * scale) for side in image.shape)
    x, y = np.meshgrid((np.arange(width) + 0.5) / scale, (np.arange(height) + 0.5) / scale)
    return sample((blur(image, 0.6 / scale) if scale < 1 else image)[None], np.stack([x, y], -1))[..., 0]


def gradient(image: Array) -> tuple[Array, Array]:
    """Slopes (H, W) along x and along y, per pixel: central differences."""
    return np.asarray(np.gradient(image, axis=1)), np.asarray(np.gradient(image, axis=0))


def sample(channels: Array, positions: Array) -> Array:
    """Channels (c, H, W) at positions (..., 2), bilinearly; beyond the edge the edge goes on.

    Returns:
        (..., c).
    """
    flat = _bilinear(np.ascontiguousarray(channels), np.ascontiguousarray(positions).reshape(-1, 2))
    return np.asarray(flat.reshape(*positions.shape[:-1], len(channels)))


def is_inside(positions: Array, shape: tuple[int, ...], margin: float) -> NDArray[np.bool_]:
    """Which positions (..., 2) lie in an image (H, W), at least ``margin`` pixels from its edge."""
    size = np.array([shape[1], shape[0]])
    return np.asarray(((positions >= margin) & (positions <= size - margin)).all(-1))


@njit(cache=True)
def _bilinear(channels, positions):  # type: ignore[no-untyped-def]
    count, height, width = channels.shape
    out = np.empty((len(positions), count))
    for i in range(len(positions)):
        x = min(max(positions[i, 0] - 0.5, 0.0), width - 1.0)
        y = min(max(positions[i, 1] - 0.5, 0.0), height - 1.0)
        column, row = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
        right, below = min(column + 1, width - 1), min(row + 1, height - 1)
        u, v = x - column, y - row
        for c in range(count):
            top = channels[c, row, column] * (1 - u) + channels[c, row, right] * u
            bottom = channels[c, below, column] * (1 - u) + channels[c, below, right] * u
            out[i, c] = top * (1 - v) + bottom * v
    return out
