"""Few keys for many frames: cubic curves that pass through every frame's value."""

import numpy as np

THIRDS = np.array([1 / 3, 2 / 3])
"""Where the handles of a span lie in it: its curve is then a cubic of the time itself."""


def spans(values: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys and handles of curves through ``values``; the spans between keys are as long as the tolerance allows.

    Args:
        values: (n, k), one row a frame; tolerance: (k,), how far a curve may pass from a value.

    Returns:
        Rows (m,) that are keys, the first and the last among them, and handles (m - 1, 2, k) at ``THIRDS`` of each
        span. Neighbouring spans meet at their key, and may do so with a kink.
    """
    keys, handles = [0], []
    while keys[-1] < len(values) - 1:
        length = _longest(values[keys[-1] :], tolerance)
        handles.append(_fit(values[keys[-1] : keys[-1] + length + 1])[0])
        keys.append(keys[-1] + length)
    return np.array(keys), np.array(handles).reshape(len(handles), 2, values.shape[1])


def _longest(values: np.ndarray, tolerance: np.ndarray) -> int:
    """How many frames the first span takes in: doubled while it fits, then halved in on."""
    most = len(values) - 1
    good = 1
    while good < most and _fits(values[: min(2 * good, most) + 1], tolerance):
        good = min(2 * good, most)
    bad = min(2 * good, most + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _fits(values[: middle + 1], tolerance) else (good, middle)
    return good


def _fits(values: np.ndarray, tolerance: np.ndarray) -> bool:
    return bool((np.abs(_fit(values)[1]) <= tolerance).all())


def _fit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Handles (2, k) of the one cubic that fits best and ends at the ends, and what is left (n - 2, k) inside."""
    s = np.linspace(0, 1, len(values))[1:-1, None]
    first, rise = values[0], values[-1] - values[0]
    bend = values[1:-1] - first - s * rise
    basis = np.hstack([3 * s * (1 - s) ** 2, 3 * s**2 * (1 - s)])
    off = np.linalg.lstsq(basis, bend, rcond=None)[0]
    return first + THIRDS[:, None] * rise + off, bend - basis @ off
