"""Pictures between their pixels."""

import numpy as np
from numpy.typing import NDArray

from ..nouns import Floats


def cubic(image: Floats, pixels: NDArray[np.float64]) -> Floats:
    """(..., 3): the image (H, W, 3) at ``pixels`` (..., 2), centres at +0.5, by Keys' cubic (a = -1/2, 1981)."""
    height, width = image.shape[:2]
    x, y = pixels[..., 0] - 0.5, pixels[..., 1] - 0.5
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    across, down = _keys(x - column), _keys(y - row)
    total = np.zeros((*x.shape, image.shape[2]), np.float32)
    for j in range(4):
        r = np.clip(row + j - 1, 0, height - 1)
        for i in range(4):
            c = np.clip(column + i - 1, 0, width - 1)
            total += (down[j] * across[i])[..., None] * image[r, c]
    return total


def _keys(t: NDArray[np.float64]) -> list[Floats]:
    """The weights of the pixels at -1, 0, 1 and 2 for a place ``t`` between 0 and 1."""
    t2, t3 = t * t, t * t * t
    weights = (-t + 2 * t2 - t3) / 2, (2 - 5 * t2 + 3 * t3) / 2, (t + 4 * t2 - 3 * t3) / 2, (t3 - t2) / 2
    return [weight.astype(np.float32) for weight in weights]
