"""Sources that know disparity only up to a scale and a shift, which differ from frame to frame."""

from collections.abc import Sequence

import numpy as np
from worldwarp_protocol.messages import Settings

from ..cameras import Cameras
from ..nouns import Estimate, Floats, Provenance, View
from .anchor import first_scale
from .overlap import SAMPLES, least, seen_from
from .robust import NORMAL, ROUNDS, Array, biweight, weighted_median

TRUST = {Provenance.PICTURE: 1.0, Provenance.GENERATED: 0.5, Provenance.FILLED: 0.05}
"""How much known depth counts; what was filled is a guess."""

FLAT = 0.02
"""Disparity that varies by less, relatively, tells a scale but no shift."""

FURTHEST = 0.1
"""No disparity becomes less than this part of the least that is known: what a shift would push beyond the horizon."""


def affine_depth(
    estimate: Estimate, history: Sequence[View], cameras: Cameras, settings: Settings
) -> tuple[Floats, list[float]]:
    """Depth (c, H, W) in world units, and the factors on disparity of the views that are not sky only.

    Each view is fitted to its own known depth, or to what the views before it, already aligned, show of it. With
    nothing known of any (chunk 0) the first is scaled by the settings and not shifted.
    """
    done: list[Floats] = []
    factors = []
    for i, view in enumerate(history):
        depth, sure = estimate.depth[i], estimate.confidence[i]
        known, trust = _known(i, view, done, cameras)
        usable = (sure > 0) & np.isfinite(depth) & np.isfinite(known) & (trust > 0)
        solid = depth[(sure > 0) & np.isfinite(depth)]
        if not solid.size:
            done.append(depth)
            continue
        if usable.sum() >= least(depth.size):
            scale, shift, limit = _fit(1 / depth[usable], 1 / known[usable], (sure * trust)[usable])
        else:
            size = _size_of(done)
            factor = first_scale(depth, sure, settings) if size is None else size / float(np.median(solid))
            scale, shift, limit = 1 / factor, 0.0, 0.0
        disparity = np.maximum(scale / depth.astype(np.float64) + shift, limit)
        # the source's sky stays sky, whatever the shift
        with np.errstate(divide="ignore"):
            done.append(np.where(np.isinf(depth), np.inf, 1 / disparity).astype(np.float32))
        factors.append(scale)
    return np.stack(done), factors


def _known(i: int, view: View, done: list[Floats], cameras: Cameras) -> tuple[Floats, Array]:
    """Known depth (H, W) of a view, NaN where there is none, and how much it counts."""
    if view.depth is not None:
        kinds = np.array([TRUST[kind] for kind in Provenance])
        return view.depth, kinds[view.provenance]
    shown = [seen_from(depth, cameras, j, i) for j, depth in enumerate(done)]
    known = np.full(view.rgb.shape[:2], np.nan, np.float32)
    for one in shown:
        known = np.where(np.isnan(known), one, known)
    return known, np.ones(known.shape)


def _size_of(done: list[Floats]) -> float | None:
    """Median depth of the views so far, for one of which nothing is known."""
    solid = np.concatenate([depth[np.isfinite(depth)] for depth in done]) if done else np.zeros(0)
    return float(np.median(solid)) if solid.size else None


def _fit(estimated: Array, known: Array, weights: Array) -> tuple[float, float, float]:
    """Scale, shift and least disparity: scale * estimated + shift = known (n,), robustly."""
    step = -(-len(known) // SAMPLES)
    x, y, w = (a[::step].astype(np.float64) for a in (estimated, known, weights))
    limit = FURTHEST * float(np.quantile(y, 0.01))
    middle = weighted_median(x, w)
    steep = NORMAL * weighted_median(np.abs(x - middle), w) > FLAT * middle
    scale, shift = weighted_median(y / x, w), 0.0
    kept = w
    for round_ in range(2 * ROUNDS if steep else 0):
        mx, my = np.average(x, weights=kept), np.average(y, weights=kept)
        scale = float((kept * (x - mx) * (y - my)).sum() / (kept * (x - mx) ** 2).sum())
        shift = float(my - scale * mx)
        apart = np.abs(y - scale * x - shift)
        deviation = max(NORMAL * weighted_median(apart, w), 1e-3 * float(my))
        # least absolute residuals first, which finds the majority; then the biweight, which forgets the rest
        kept = w / np.maximum(apart, 0.1 * deviation) if round_ < ROUNDS else w * biweight(apart, deviation)
    if scale <= 0:  # the order of near and far contradicts what is known: leave the shift alone
        scale, shift = weighted_median(y / x, w), 0.0
    return scale, shift, limit
