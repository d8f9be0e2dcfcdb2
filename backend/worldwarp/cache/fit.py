"""Fitting the cache to the history views with Adam."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..cameras import Cameras
from ..nouns import Geometry, Provenance, Report, View
from .gaussians import GaussianCache, known_depth
from .loss import ssim
from .rasterise import Rendering, rasterise

RATES = {"means": 1.6e-3, "scales": 5e-3, "quats": 1e-3, "opacities": 5e-2, "colours": 2.5e-3}
"""The release's learning rates; that of the means is in pixels of the history, the others in the parameters' units."""

WINDOW = 20
"""Steps between two looks at the PSNR."""

PLATEAU = 0.1
"""Less gain than this, in dB over a window, ends the fit."""


@dataclass(frozen=True)
class FitReport:
    """How a fit ended."""

    steps: int
    """Adam steps that were taken."""
    psnr: float
    """dB, mean over the history views of their last renders, before the step that followed; NaN without steps."""


@dataclass(frozen=True)
class _Target:
    """One history view, as the loss wants it."""

    rgb: torch.Tensor
    """(H, W, 3) in [0, 1]."""
    disparity: torch.Tensor
    """(H, W) in units of the scene's; 0 where not solid."""
    weight: torch.Tensor
    """(H, W): 1 where colour counts, else 0."""
    solid: torch.Tensor
    """(H, W): 1 where disparity counts, else 0."""


def fit(
    cache: GaussianCache,
    views: Sequence[View],
    cameras: Cameras,
    geometry: Geometry,
    steps: int,
    seed: int,
    report: Report,
) -> tuple[GaussianCache, FitReport]:
    """Fit the cache to its views: one random view a step, no densification (pipeline step 4).

    Args:
        views: the history; ``cameras[i]`` and ``geometry.depth[i]`` belong to ``views[i]``.
        steps: the most that are taken; a PSNR plateau ends it earlier.
        seed: which views are drawn.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # torch's threads spin while numba's work: 3 times slower with both
    try:
        return _fit(cache, views, cameras, geometry, steps, seed, report)
    finally:
        torch.set_num_threads(threads)


def _fit(
    cache: GaussianCache,
    views: Sequence[View],
    cameras: Cameras,
    geometry: Geometry,
    steps: int,
    seed: int,
    report: Report,
) -> tuple[GaussianCache, FitReport]:
    depth = known_depth(geometry)
    finite = depth[np.isfinite(depth)]
    unit = float(np.median(finite)) if finite.size else 1.0
    first_hand = _first_hand(views)
    targets = [_target(views[i], depth[i], first_hand[i], unit, cache.means.device) for i in range(len(views))]
    drawable = [i for i in range(len(views)) if targets[i].weight.any()]
    parameters = _parameters(cache)
    footprint = unit / float(np.sqrt(cameras.K[0, 0, 0] * cameras.K[0, 1, 1]))
    rates = RATES | {"means": RATES["means"] * footprint}
    optimiser = torch.optim.Adam(
        [{"params": [p], "lr": rates[k]} for k, p in parameters.items()], eps=1e-15, fused=True
    )
    draw = np.random.default_rng(seed)
    latest: dict[int, float] = {}
    before = -np.inf
    taken = 0
    for step in range(steps if drawable else 0):
        report("cache", step, steps)
        i = drawable[draw.integers(len(drawable))]
        optimiser.zero_grad()
        now = _activated(parameters, cache)
        seen = rasterise(
            now.means, now.quats, now.scales, now.opacities, now.colours,
            cameras.K[i], cameras.world_to_camera[i], cameras.width, cameras.height,
        )  # fmt: skip
        loss, latest[i] = _loss(seen, targets[i], unit)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        taken = step + 1
        if taken % WINDOW == 0:
            mean = float(np.mean(list(latest.values())))
            if mean - before < PLATEAU:
                break
            before = mean
    with torch.no_grad():
        fitted = _activated({k: p.detach() for k, p in parameters.items()}, cache)
    return fitted, FitReport(taken, float(np.mean(list(latest.values()))) if latest else float("nan"))


def _first_hand(views: Sequence[View]) -> list[np.ndarray]:
    """Pixels (H, W) that teach something: where the picture itself is there, its warped copies do not."""
    whole = [bool((view.provenance == Provenance.PICTURE).all()) for view in views]
    copies = any(whole)
    return [
        np.ones_like(view.provenance, bool) if is_picture or not copies else view.provenance != Provenance.PICTURE
        for view, is_picture in zip(views, whole, strict=True)
    ]


def _target(view: View, depth: np.ndarray, first_hand: np.ndarray, unit: float, device: torch.device) -> _Target:
    known = ~np.isnan(depth) & first_hand
    solid = np.isfinite(depth) & first_hand
    disparity = np.where(solid, unit / np.where(solid, depth, 1), 0)

    def tensor(a: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(a, dtype=torch.float32, device=device)

    return _Target(tensor(view.rgb / 255.0), tensor(disparity), tensor(known), tensor(solid))


def _parameters(cache: GaussianCache) -> dict[str, torch.Tensor]:
    start = {
        "means": cache.means,
        "scales": cache.scales.log(),
        "quats": cache.quats,
        "opacities": torch.logit(cache.opacities),
        "colours": cache.colours,
    }
    return {name: value.detach().clone().requires_grad_() for name, value in start.items()}


def _activated(p: dict[str, torch.Tensor], cache: GaussianCache) -> GaussianCache:
    return GaussianCache(
        means=p["means"],
        quats=p["quats"],
        scales=p["scales"].exp(),
        opacities=p["opacities"].sigmoid(),
        colours=p["colours"],
        provenance=cache.provenance,
        sky=cache.sky,
    )


def _loss(seen: Rendering, target: _Target, unit: float) -> tuple[torch.Tensor, float]:
    """The loss, and the view's PSNR in dB."""
    count = target.weight.sum().clamp(min=1)
    difference = (seen.features - target.rgb) * target.weight[..., None]
    l1 = difference.abs().sum() / (3 * count)
    likeness = ssim(seen.features.permute(2, 0, 1), target.rgb.permute(2, 0, 1)).mean(0)
    dissimilar = ((1 - likeness) * target.weight).sum() / count
    solid = target.solid * (seen.alpha.detach() > 0.5)
    disparity = unit / torch.where(solid > 0, seen.depth, unit)
    l1_disparity = ((disparity - target.disparity) * solid).abs().sum() / solid.sum().clamp(min=1)
    mse = float((difference.detach() ** 2).sum() / (3 * count))
    return 0.8 * l1 + 0.2 * dissimilar + 0.01 * l1_disparity, -10 * float(np.log10(max(mse, 1e-10)))
