"""Paths without jitter: least-squares polynomials over a sliding window (Savitzky and Golay, 1964)."""

from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..errors import InvalidShot
from .cameras import Array, Cameras
from .rotations import from_vectors, mean, to_vectors

ORDER = 3
"""Of the polynomials: they keep accelerations that change steadily."""


def smoothed(cameras: Cameras, window: int) -> Cameras:
    """A path whose locations, rotations and focal lengths are smoothed; its first and last camera stay as they are.

    Rotations are smoothed as vectors relative to the mean of their window, so that no direction is special.

    Args:
        cameras: evenly spaced in time.
        window: frames that count for each of them; odd, above ``ORDER``, at most as many as the path has.

    Raises:
        InvalidShot: the window is not one, or frames are missing in between.
    """
    _check(cameras, window)
    poses, K = cameras.camera_to_world.copy(), cameras.K.copy()
    inner = slice(1, -1)
    poses[inner, :3, 3] = savitzky_golay(cameras.centres, window)[inner]
    poses[inner, :3, :3] = _smooth_rotations(poses[:, :3, :3], window)[inner]
    K[inner, [0, 1], [0, 1]] = np.exp(savitzky_golay(np.log(K[:, [0, 1], [0, 1]]), window))[inner]
    K[inner, :2, 2] = savitzky_golay(K[:, :2, 2], window)[inner]
    return replace(cameras, K=K, camera_to_world=poses)


def savitzky_golay(values: Array, window: int, order: int = ORDER) -> Array:
    """Values (n, k), each replaced by the polynomial that fits its window best, at its middle.

    Beyond its ends the series goes on mirrored through its end point, which therefore stays where it is.
    """
    half = window // 2
    padded = np.pad(values, ((half, half), (0, 0)), "reflect", reflect_type="odd")
    return np.asarray(sliding_window_view(padded, window, axis=0) @ kernel(window, order))


def kernel(window: int, order: int) -> Array:
    """(window,): weights whose sum with values is their least-squares polynomial at the middle one."""
    positions = np.arange(window) - window // 2
    return np.asarray(np.linalg.pinv(np.vander(positions / (window // 2), order + 1, increasing=True))[0])


def _smooth_rotations(R: Array, window: int) -> Array:
    """Rotations (n, 3, 3), mirrored at the ends as ``savitzky_golay`` does it: R_0 R_k^-1 R_0."""
    half = window // 2
    before = R[0] @ R[half:0:-1].transpose(0, 2, 1) @ R[0]
    after = R[-1] @ R[-2 : -half - 2 : -1].transpose(0, 2, 1) @ R[-1]
    padded = np.concatenate([before, R, after])
    windows = np.moveaxis(sliding_window_view(padded, window, axis=0), -1, 1)
    centre = mean(windows)
    relative = to_vectors(centre[:, None].transpose(0, 1, 3, 2) @ windows)
    return np.asarray(centre @ from_vectors(np.einsum("nki,k->ni", relative, kernel(window, ORDER))))


def _check(cameras: Cameras, window: int) -> None:
    if not (window % 2 and ORDER < window <= len(cameras)):
        raise InvalidShot(
            "smooth",
            f"is {window}; give an odd number of frames from {ORDER + 2} to the {len(cameras)} of the path, such as 9.",
        )
    if len(set(np.diff(cameras.frame))) > 1:
        raise InvalidShot("smooth", "needs frames at equal distances; bring the path to a number of frames first.")
