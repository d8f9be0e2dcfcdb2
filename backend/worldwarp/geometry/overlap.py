"""What depth that is known already says of an estimate's scale."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..cameras import Cameras
from ..cameras.cameras import project, unproject
from ..nouns import Estimate, Floats, Provenance, View
from .robust import ROUNDS, Array, Measured, biweight, location, weighted_median

TRUST = {Provenance.PICTURE: 0.0, Provenance.GENERATED: 0.02, Provenance.FILLED: 0.2}
"""Relative standard deviation of known depth, all pixels of a view being wrong together; what was filled is a guess."""

VIEW = 0.02
"""By how much an estimate's scale differs from one view to the next, relatively."""

DRIFT = {Provenance.PICTURE: 0.0002, Provenance.GENERATED: 0.0007, Provenance.FILLED: 0.0007}
"""Relative drift of known depth over one frame of the path, a random walk: older memory is nearer to the truth."""

PIXEL = 0.01
"""Least relative deviation of single pixels."""

PATCH = 256
"""Pixels that are wrong together."""

SAMPLES = 20_000
"""Most pixels of a view that are compared."""

LEAST = 2 * PATCH
"""Fewer pixels than this say nothing of a view, and not less than ``LEAST_SHARE`` of it."""
LEAST_SHARE = 0.01


def overlap_scale(estimate: Estimate, history: Sequence[View]) -> tuple[Measured | None, float]:
    """Logarithm of known over estimated depth, one for all views, and the share of pixels that say so.

    Views count by their variance: the picture and old memory more than what was generated lately, so that errors do not
    add up from chunk to chunk. Views whose own scale has jumped are left out.
    """
    parts, compared = [], 0
    for view, depth, confidence in zip(history, estimate.depth, estimate.confidence, strict=True):
        ratio, usable = _log_ratio(view, depth, confidence)
        for kind in Provenance:
            mine = usable & (view.provenance == kind)
            if mine.sum() < least(depth.size):
                continue
            compared += int(mine.sum())
            parts.append(_view_scale(ratio[mine], confidence[mine], kind, view.index))
    if not parts:
        return None, 0.0
    return _together(np.array(parts)), compared / estimate.depth.size


def least(pixels: int) -> int:
    """How many pixels of a view have to be compared."""
    return max(min(LEAST, pixels // 8), int(LEAST_SHARE * pixels))


def agreement(depth: Floats, confidence: Floats, history: Sequence[View]) -> float | None:
    """Median relative difference of aligned and known depth, of what was not filled; None where nothing is known."""
    errors = []
    for view, aligned, sure in zip(history, depth, confidence, strict=True):
        ratio, usable = _log_ratio(view, aligned, sure)
        errors.append(np.abs(ratio[usable & (view.provenance != Provenance.FILLED)]))
    pooled = np.concatenate(errors)
    return float(np.expm1(np.median(pooled))) if pooled.size else None


def seen_from(depth: Floats, cameras: Cameras, i: int, j: int) -> Floats:
    """What camera ``i`` knows, depth (H, W), as camera ``j`` sees it: (H, W), NaN where nothing lands."""
    solid = np.isfinite(depth)
    points = unproject(np.where(solid, depth, 1), cameras.K[i], cameras.camera_to_world[i])[solid]
    pixels, z = project(points, cameras.K[j], cameras.world_to_camera[j])
    height, width = depth.shape
    inside = (z > 0) & (pixels >= 0).all(-1) & (pixels[:, 0] < width) & (pixels[:, 1] < height)
    column, row = np.floor(pixels[inside]).astype(np.intp).T
    nearest = np.full(depth.shape, np.inf)
    np.minimum.at(nearest, (row, column), z[inside])
    return np.where(np.isinf(nearest), np.nan, nearest).astype(np.float32)


def _log_ratio(view: View, depth: Floats, confidence: Floats) -> tuple[Array, NDArray[np.bool_]]:
    """Of known over estimated depth (H, W), and where both say something."""
    if view.depth is None:
        return np.zeros(depth.shape), np.zeros(depth.shape, np.bool_)
    usable = (confidence > 0) & np.isfinite(depth) & np.isfinite(view.depth)
    usable &= np.where(usable, depth, 0) > 0
    known, estimated = (np.where(usable, z, 1).astype(np.float64) for z in (view.depth, depth))
    return np.log(known / estimated), usable


def _view_scale(ratio: Array, confidence: Floats, kind: Provenance, index: int) -> tuple[float, float, float]:
    """Logarithm of the scale, its own variance, and the deviation that it shares with all known depth like it."""
    step = -(-len(ratio) // SAMPLES)
    weights = np.minimum(confidence, np.quantile(confidence, 0.95)).astype(np.float64)
    centre, deviation, kept = location(ratio[::step], weights[::step], PIXEL)
    patches = max(kept * len(ratio) / PATCH, 1)
    own = deviation**2 / patches + VIEW**2
    return centre, own, float(np.sqrt(TRUST[kind] ** 2 + DRIFT[kind] ** 2 * index))


def _together(parts: Array) -> Measured:
    """One scale of views (m, 3), by generalised least squares: however many recent views there are, together they know
    no more than the depth that all of them were made from."""
    values, own, common = parts.T
    centre = weighted_median(values, 1 / (own + common**2))
    for _ in range(ROUNDS):
        sure = biweight(values - centre, np.sqrt(own + common**2)) / own
        # the inverse of diag(own) + common common', applied to ones
        weights = sure * (1 - common * (sure * common).sum() / (1 + (sure * common**2).sum()))
        weights = np.maximum(weights, 0)
        centre = float((weights * values).sum() / weights.sum())
    share = weights / weights.sum()
    return Measured(centre, float((share**2 * own).sum() + (share * common).sum() ** 2))
