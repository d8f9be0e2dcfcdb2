"""Intervals of means over few places: the bootstrap (Efron 1979), seeded."""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES, LEVEL = 10_000, 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and where it may lie."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval lies above or below 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


@lru_cache(maxsize=8)
def weights(count: int, seed: int = 0) -> Array:
    """How often each of ``count`` places is drawn in every resample, (``RESAMPLES``, count)."""
    chances = np.full(count, 1 / count)
    return np.random.default_rng(seed).multinomial(count, chances, RESAMPLES).astype(np.float64)


def of_mean(values: Array) -> Interval:
    """The mean of values (n,) that are known (not NaN); no interval (NaN) for fewer than three."""
    known = values[np.isfinite(values)]
    if len(known) < 3:
        return Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan)
    return interval(float(known.mean()), weights(len(known)) @ known / len(known), len(known))


def interval(value: float, resampled: Array, count: int) -> Interval:
    """The expanded percentile interval (Hesterberg 2015): with few places plain percentiles are too narrow.

    Args:
        resampled: the estimate in every resample; NaN where it cannot be made.
        count: of the places.
    """
    resampled = resampled[np.isfinite(resampled)]
    if count < 3 or not len(resampled):
        return Interval(value, np.nan, np.nan)
    tail = NormalDist().cdf(-((count / (count - 1)) ** 0.5) * _student(count - 1))
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def _student(freedom: int) -> float:
    """Student's t that ``LEVEL`` of its mass lies within, by Abramowitz and Stegun 26.7.5: 3 % low at 2 degrees of
    freedom, 0.1 % at 5."""
    z, v = NormalDist().inv_cdf((1 + LEVEL) / 2), freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )
