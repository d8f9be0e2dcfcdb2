"""How far cameras are from cameras: R_dist and T_dist (paper, section 5.1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cameras.cameras import Array, inverse

STILL = 1e-9
"""World units: a path that goes no further does not move, and has no scale to divide by."""


@dataclass(frozen=True)
class Distances:
    """Of n frames; NaN where a frame's camera was not found."""

    R_dist: Array
    """(n,), radians."""
    T_dist: Array
    """(n,), in units of the furthest frame's distance from the first; NaN throughout where a path does not move."""

    def summary(self) -> dict[str, float]:
        """Mean and sum over the frames that were found but for the first, which is 0 by definition; the last frame's;
        and how many frames were not found. The paper's tables give the distance of one frame (50th, 200th)."""
        summed: dict[str, float] = {"lost": int(np.isnan(self.R_dist).sum())}
        for name, values in (("R_dist", self.R_dist), ("T_dist", self.T_dist)):
            later = values[1:][np.isfinite(values[1:])]
            summed[f"{name}_mean"] = float(later.mean()) if len(later) else np.nan
            summed[f"{name}_sum"] = float(later.sum()) if len(later) else np.nan
            summed[f"{name}_last"] = float(values[-1])
        return summed


def compare(generated: Array, truth: Array) -> Distances:
    """The distances of generated cameras from the true ones.

    Both paths are taken relative to their first frame, and each one's translation is divided by the distance of its
    own furthest frame, among those that were found.

    Args:
        generated: (n, 4, 4), camera to world; NaN where a camera was not found, the first one was.
        truth: (n, 4, 4).
    """
    found = np.isfinite(generated).all((1, 2))
    there, here = relative(generated[found]), relative(truth[found])
    R, T = np.full(len(truth), np.nan), np.full(len(truth), np.nan)
    R[found] = rotation_distance(there[:, :3, :3], here[:, :3, :3])
    T[found] = np.linalg.norm(_by_furthest(here[:, :3, 3]) - _by_furthest(there[:, :3, 3]), axis=1)
    return Distances(R, T)


def rotation_distance(generated: Array, truth: Array) -> Array:
    """arccos(0.5 (tr(R_gen R_gt^T) - 1)), (n,) in radians, of rotations (n, 3, 3)."""
    trace = np.einsum("nij,nij->n", generated, truth)
    return np.asarray(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def relative(camera_to_world: Array) -> Array:
    """Poses (n, 4, 4) as the first camera sees them."""
    return np.asarray(inverse(camera_to_world[0]) @ camera_to_world)


def _by_furthest(t: NDArray[np.float64]) -> Array:
    furthest = np.linalg.norm(t, axis=1).max()
    return t / furthest if furthest > STILL else np.full_like(t, np.nan)
