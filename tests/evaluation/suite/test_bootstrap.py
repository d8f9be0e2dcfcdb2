"""Intervals against normal theory."""

import numpy as np
import pytest
from scipy import stats
from worldwarp.evaluation.suite import bootstrap


@pytest.mark.parametrize(("count", "tolerance"), [(8, 0.15), (60, 0.04)])
def test_the_interval_of_a_normal_mean_is_students(count: int, tolerance: float) -> None:
    values = 3 + 2 * stats.norm.ppf((np.arange(count) + 0.5) / count)
    found = bootstrap.of_mean(values)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert found.value == pytest.approx(3)
    assert found.low == pytest.approx(low, abs=tolerance * (high - low))
    assert found.high == pytest.approx(high, abs=tolerance * (high - low))


def test_intervals_of_eight_places_hold_the_truth_about_as_often_as_they_say() -> None:
    draws = np.random.default_rng(1).normal(size=(200, 8))
    held = [found.low < 0 < found.high for found in map(bootstrap.of_mean, draws)]
    assert 0.90 < np.mean(held) < 0.99


def test_the_quantile_of_student_is_close_enough() -> None:
    for freedom, most in ((2, 0.031), (5, 0.0012), (31, 1e-5)):
        assert bootstrap._student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=most)


def test_same_values_same_interval_and_unknown_ones_do_not_count() -> None:
    values = np.array([1.0, 2, 4, np.nan, 3])
    assert bootstrap.of_mean(values) == bootstrap.of_mean(values[np.isfinite(values)])
    assert np.isnan(bootstrap.of_mean(np.array([1.0, 2])).low)
    assert np.isnan(bootstrap.of_mean(np.array([np.nan])).value)


def test_a_sign_is_said_only_where_the_whole_interval_has_it() -> None:
    assert [bootstrap.Interval(0, *ends).sign for ends in ((1, 2), (-2, -1), (-1, 1), (np.nan, np.nan))] == [
        1,
        -1,
        0,
        0,
    ]
