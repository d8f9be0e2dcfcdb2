"""The cameras of frames from their features and the depth of some of them: told nothing of the cameras asked for."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..cameras.cameras import Array, inverse
from ..nouns import Bytes, Floats, Report
from . import features, pnp

KEYFRAME = 8
"""Every so many frames one becomes a reference, where its depth is known; the last two are, beside the first frame."""

FEW = 12
"""Matches that agree, at least, for a camera to be believed."""


@dataclass(frozen=True)
class Evidence:
    """Points that a frame shows, and where."""

    points: Array
    """(m, 3) in the world."""
    pixels: Array
    """(m, 2)."""

    def residual(self, K: Array, camera_to_world: Array) -> float:
        """Median distance in pixels of the points from where a camera sees them; NaN where there are none."""
        if not len(self.points):
            return np.nan
        return float(np.median(pnp.distances(self.points, self.pixels, K, inverse(camera_to_world))))


@dataclass(frozen=True)
class Estimated:
    """The cameras of n frames."""

    camera_to_world: Array
    """(n, 4, 4); NaN where a frame's camera was not found."""
    evidence: tuple[Evidence, ...]
    """n: what speaks for each camera."""


def estimate(
    frame: Callable[[int], Bytes],
    depth: Callable[[int], Floats | None],
    K: Array,
    first: Array,
    report: Report,
) -> Estimated:
    """Find the cameras of n frames, one after the other.

    Each frame is matched with the first one and with the last two keyframes, which stand where they were found.

    Args:
        frame: gives the frame (H, W, 3) at a position of the path.
        depth: gives its planar depth (H, W), world units, inf is sky; the first frame's is known.
        K: (n, 3, 3), pixels.
        first: (4, 4), the first frame's camera to world.
    """
    picture, shape = frame(0), depth(0)
    assert shape is not None  # as said above
    known = [features.landmarks(picture, shape, K[0], first)]
    poses, evidence = [first], [Evidence(np.empty((0, 3)), np.empty((0, 2)))]
    for i in range(1, len(K)):
        report("evaluate", i, len(K))
        seen = frame(i)
        matched = _matches(known, features.detect(seen))
        located = pnp.locate(matched.points, matched.pixels, K[i], seed=i)
        if located is None or located.inliers.sum() < FEW:
            poses.append(np.full((4, 4), np.nan))
            evidence.append(evidence[0])
            continue
        poses.append(inverse(located.world_to_camera))
        evidence.append(Evidence(matched.points[located.inliers], matched.pixels[located.inliers]))
        if i % KEYFRAME == 0 and (shape := depth(i)) is not None:
            known = [known[0], *known[1:][-1:], features.landmarks(seen, shape, K[i], poses[-1])]
    return Estimated(np.stack(poses), tuple(evidence))


def _matches(known: list[features.Landmarks], seen: features.Features) -> Evidence:
    pairs = [features.match(one.features, seen) for one in known]
    return Evidence(
        np.concatenate([one.points[pair[:, 0]] for one, pair in zip(known, pairs, strict=True)]),
        np.concatenate([seen.positions[pair[:, 1]] for pair in pairs]),
    )
