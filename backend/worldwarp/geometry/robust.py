"""Means that a minority of wrong values cannot move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NORMAL = 1.4826
"""Standard deviation of a normal distribution, in units of its median absolute deviation."""

BIWEIGHT = 4.685
"""Standard deviations beyond which a value counts nothing (Tukey's biweight, 95 % efficient)."""

ROUNDS = 20
"""Of reweighting."""


@dataclass(frozen=True)
class Measured:
    """A number and how sure it is."""

    value: float
    variance: float


def weighted_median(values: Array, weights: Array) -> float:
    """The value at half of the weight."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def biweight(residuals: Array, deviation: float | Array) -> Array:
    """Tukey's weights in [0, 1]."""
    return np.asarray(np.clip(1 - (residuals / (BIWEIGHT * deviation)) ** 2, 0, None) ** 2)


def location(values: Array, weights: Array, floor: float) -> tuple[float, float, float]:
    """Where most ``values`` (n,) are.

    Args:
        weights: (n,), how much each counts.
        floor: the least standard deviation, in the values' units.

    Returns:
        Centre, standard deviation about it, and the share of the weight that was kept.
    """
    centre = weighted_median(values, weights)
    deviation = max(NORMAL * weighted_median(np.abs(values - centre), weights), floor)
    for _ in range(ROUNDS):
        kept = weights * biweight(values - centre, deviation)
        centre = float((kept * values).sum() / kept.sum())
    return centre, deviation, float(kept.sum() / weights.sum())


def combined(parts: list[Measured]) -> Measured:
    """The mean by inverse variances; widened where the parts disagree by more than they should (Birge's ratio)."""
    values, variances = (np.array([getattr(part, name) for part in parts]) for name in ("value", "variance"))
    weights = 1 / variances
    mean = float((weights * values).sum() / weights.sum())
    ratio = (weights * (values - mean) ** 2).sum() / max(len(parts) - 1, 1)
    return Measured(mean, float(max(ratio, 1) / weights.sum()))


def mean_rotation(rotations: Array) -> Array:
    """The rotation (3, 3) from which the angles to ``rotations`` (n, 3, 3) add up to least (Weiszfeld, chordal)."""
    distances = np.linalg.norm(rotations[:, None] - rotations[None], axis=(2, 3)).sum(1)
    mean: Array = rotations[np.argmin(distances)]
    for _ in range(ROUNDS):
        apart = np.linalg.norm(rotations - mean, axis=(1, 2))
        mean = nearest_rotation((rotations / np.maximum(apart, 1e-6)[:, None, None]).sum(0))
    return mean


def nearest_rotation(matrix: Array) -> Array:
    """The rotation nearest to a matrix (3, 3)."""
    U, _, Vt = np.linalg.svd(matrix)
    turn: Array = U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
    return turn


def degrees(rotations: Array) -> Array:
    """Angles (...) of rotations (..., 3, 3)."""
    off_axis = rotations - np.swapaxes(rotations, -1, -2)
    sine = np.linalg.norm(off_axis, axis=(-2, -1)) / np.sqrt(8)
    cosine = (np.trace(rotations, axis1=-2, axis2=-1) - 1) / 2
    return np.asarray(np.degrees(np.arctan2(sine, cosine)))
