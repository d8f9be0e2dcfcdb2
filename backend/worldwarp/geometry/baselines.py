"""What the requested cameras say of an estimate's scale and rotation."""

import numpy as np

from .robust import ROUNDS, Array, Measured, biweight, degrees, mean_rotation

NOISE = 0.01
"""Least standard deviation of an estimated camera centre, per axis, in units of the scene's median depth."""

SYSTEMATIC = 0.03
"""By how much the scale of estimated translations may differ from that of estimated depth, however long the path."""

TOO_SHORT = 0.2
"""A path whose scale would be less sure than this, relatively, says nothing: a turn, or a few small steps."""

MAXWELL = 1.538
"""Median length of a vector of three normal numbers, in units of their standard deviation."""


def world_rotation(estimated: Array, requested: Array) -> Array:
    """(3, 3): from the estimate's world to the requested one: the robust mean of requested times estimated inverse."""
    return mean_rotation(requested[:, :3, :3] @ estimated[:, :3, :3].transpose(0, 2, 1))


def rotation_residual(estimated: Array, requested: Array) -> float:
    """Degrees between the two paths' rotations when they are laid on one another at the first camera.

    Args:
        estimated, requested: (c, 4, 4) camera-to-world; the first is the one that is trusted most.
    """
    mean = world_rotation(estimated, requested)
    first = requested[0, :3, :3] @ estimated[0, :3, :3].T
    return float(degrees(mean @ first.T))


def baseline_scale(estimated: Array, requested: Array, depth: float) -> Measured | None:
    """Logarithm of requested over estimated lengths, from camera centres; None where the path is too short to say.

    The estimate is regressed on the request, u R C + t = c, with R from the cameras' rotations: the requested centres
    have no noise, so that, unlike a similarity fitted to both (Umeyama), short steps do not bias u towards 1 / 0.
    Straight paths are no special case.

    Args:
        estimated, requested: (c, 4, 4) camera-to-world.
        depth: the estimate's median depth, the unit of its noise.
    """
    R = world_rotation(estimated, requested)
    c, C = estimated[:, :3, 3] @ R.T, requested[:, :3, 3]
    weight, floor = np.ones(len(c)), NOISE * depth
    u, deviation = 0.0, floor
    for round_ in range(2 * ROUNDS):
        mean = [np.average(points, axis=0, weights=weight) for points in (c, C)]
        spread = float((weight * ((C - mean[1]) ** 2).sum(1)).sum())
        if spread <= 1e-12 * depth**2 * len(c):
            return None
        u = float((weight * ((c - mean[0]) * (C - mean[1])).sum(1)).sum()) / spread
        apart = np.linalg.norm(c - mean[0] - u * (C - mean[1]), axis=1)
        # of 3 c numbers 4 are used up by u and t
        deviation = max(float(np.median(apart)) / MAXWELL * (3 * len(c) / (3 * len(c) - 4)) ** 0.5, floor)
        # least absolute residuals first, which finds the majority; then the biweight, which forgets the rest
        weight = 1 / np.maximum(apart, 0.1 * floor) if round_ < ROUNDS else biweight(apart, deviation) + 1e-9
        weight /= weight.max()
    noise = deviation / np.sqrt(spread) / u if u > 0 else np.inf
    return Measured(-float(np.log(u)), noise**2 + SYSTEMATIC**2) if noise < TOO_SHORT else None
