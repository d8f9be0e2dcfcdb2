"""Joining crops of one picture, each of which the network saw on its own. Torch-free."""

import numpy as np
from numpy.typing import NDArray

from ..nouns import Floats
from .sizing import Crop

WIDTH = 32
"""Pixels over which a further crop takes over from the first, so that no step shows."""

ROUNDS = 10
"""Of reweighting, so that pixels on which two crops disagree do not count."""


def paste(canvas: Floats, confidence: Floats, crop: Crop, points: Floats, certainty: Floats, other: Crop) -> None:
    """Write a further crop beside the first, in place, at its scale and blending over the seam.

    Args:
        canvas: (H, W, 3) at ``crop.scaled``: the first crop's points, NaN where there are none.
        confidence: (H, W), 0 there.
        crop: where the first one lies.
        points: (h, w, 3) of the further crop.
        certainty: (h, w), its confidence.
        other: where it lies.
    """
    there, sure = canvas[other.where], confidence[other.where]
    moved = aligned(there, points, sure)
    share = np.broadcast_to(_share(crop, other), sure.shape) * ~np.isnan(there[..., 0])
    canvas[other.where] = share[..., None] * np.nan_to_num(there) + (1 - share[..., None]) * moved
    confidence[other.where] = share * sure + (1 - share) * certainty


def aligned(canvas: Floats, points: Floats, confidence: Floats) -> Floats:
    """Points of a further crop, turned and scaled onto the first one's where both know the same pixels.

    Both were taken from one place; but the network takes the middle of what it sees for the optical axis, so that a
    crop off the middle comes out turned. Least squares over relative distances (Kabsch 1976), reweighted (Cauchy).

    Args:
        canvas: (h, w, 3), points of the first crop, NaN where it has none.
        points: (h, w, 3), points of the further crop, of the same pixels.
        confidence: (h, w), the first crop's.
    """
    known = np.isfinite(canvas).all(-1) & np.isfinite(points).all(-1)
    there, here = canvas[known].astype(np.float64), points[known].astype(np.float64)
    if len(there) < 3:
        return points
    weight = trust = confidence[known] / (there**2).sum(-1)
    for _ in range(ROUNDS):
        R, scale = _turn_and_scale(here, there, weight)
        off = np.linalg.norm(scale * here @ R - there, axis=-1) / np.linalg.norm(there, axis=-1)
        weight = trust / (1 + (off / max(float(np.median(off)), 1e-6)) ** 2)
    return (scale * points.astype(np.float64) @ R).astype(np.float32)


def _turn_and_scale(
    here: NDArray[np.float64], there: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """R and s that minimise the weighted sum of |s here R - there|^2, of points (n, 3)."""
    U, spread, Vt = np.linalg.svd((weight[:, None] * here).T @ there)
    proper = np.array([1, 1, np.sign(np.linalg.det(U @ Vt))])
    return (U * proper) @ Vt, float((spread * proper).sum() / (weight[:, None] * here**2).sum())


def _share(crop: Crop, other: Crop) -> NDArray[np.float32]:
    """(h, w), or to be broadcast to it: how much the first crop counts in the pixels of the further one."""
    rows, columns = (np.arange(side, dtype=np.float32) + 0.5 for side in (other.height, other.width))
    if other.top != crop.top:
        from_top = rows + (other.top - crop.top)
        inside = np.minimum(from_top, crop.height - from_top)[:, None]
    else:
        from_left = columns + (other.left - crop.left)
        inside = np.minimum(from_left, crop.width - from_left)[None]
    return np.asarray(np.clip(inside / WIDTH, 0, 1))
