"""Fitting the cache to the history views with Adam."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..cameras import Cameras
from ..nouns import WORTH, Floats, Geometry, Provenance, Report, View
from .arbitrate import visible
from .gaussians import GaussianCache, known_depth
from .loss import Target, loss
from .rasterise import rasterise

RATES = {"means": 1.6e-2, "scales": 5e-3, "quats": 3e-4, "opacities": 5e-2, "colours": 2.5e-3}
"""Adam's steps: the release's (scales are logarithms, opacities logits), but for two. Means move by pixels of the
history at the scene's median depth: the release's 1.6e-3 of the scene would be half a pixel a step. Quaternions turn a
third as fast: the surfaces' normals are known. Measured: colours of novel views the same, wrong depths fewer."""

WINDOW = 20
"""Steps between two looks at the PSNR."""

PLATEAU = 0.1
"""Less gain than this, in dB over a window, ends the fit."""

ENOUGH = 50.0
"""dB at which the fit ends: beyond it are the picture's own 8 bits, and novel views gain nothing."""


@dataclass(frozen=True)
class FitReport:
    """How a fit ended."""

    steps: int
    """Adam steps that were taken."""
    psnr: float
    """dB, the mean over the history views of their last renders; 0 where nothing was rendered."""


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
        return _fit(cache, cameras, targets(views, geometry, cache.means.device), steps, seed, report)
    finally:
        torch.set_num_threads(threads)


def _fit(
    cache: GaussianCache, cameras: Cameras, views: list[Target], steps: int, seed: int, report: Report
) -> tuple[GaussianCache, FitReport]:
    parameters = free(cache)
    pixel = views[0].unit / float(np.sqrt(cameras.K[0, 0, 0] * cameras.K[0, 1, 1])) if views else 1.0
    optimiser = adam(parameters, pixel)
    lenses = [(cameras.K[i], cameras.world_to_camera[i], cameras.width, cameras.height) for i in range(len(views))]
    shown = [visible(cache.means, cache.quats, cache.scales, *lens) for lens in lenses]
    draw = np.random.default_rng(seed)
    latest: dict[int, float] = {}
    before, taken = -np.inf, 0
    for step in range(steps if views else 0):
        report("cache", step, steps)
        i = int(draw.integers(len(views)))
        optimiser.zero_grad()
        now = activated(parameters, cache)
        seen = rasterise(now.means, now.quats, now.scales, now.opacities * shown[i], now.colours, *lenses[i])
        value, latest[i] = loss(seen, views[i])
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        taken = step + 1
        psnr = float(np.mean(list(latest.values())))
        if taken % WINDOW == 0:
            if psnr > ENOUGH or psnr - before < PLATEAU:
                break
            before = psnr
    final = activated({name: value.detach() for name, value in parameters.items()}, cache)
    return final, FitReport(taken, psnr if taken else 0.0)


def targets(views: Sequence[View], geometry: Geometry, device: torch.device) -> list[Target]:
    """What the loss compares with: pixels of known depth, each where it was seen first hand, for what it is worth.

    Where the picture itself is among the views, its warped copies in later frames would only blur it.
    """
    depth = known_depth(geometry)
    solid = depth[np.isfinite(depth)]
    unit = float(np.median(solid)) if solid.size else 1.0
    pictures = [bool((view.provenance == Provenance.PICTURE).all()) for view in views]
    out = []
    for view, z, is_picture in zip(views, depth, pictures, strict=True):
        copied = (view.provenance == Provenance.PICTURE) & (any(pictures) and not is_picture)
        out.append(_target(view, z, ~np.isnan(z) & ~copied, unit, device))
    return out


def _target(view: View, depth: Floats, known: NDArray[np.bool_], unit: float, device: torch.device) -> Target:
    solid = known & np.isfinite(depth)
    worth = WORTH[view.provenance]
    arrays = view.rgb / 255.0, np.where(solid, unit / np.where(solid, depth, 1), 0), known * worth, solid * worth
    rgb, disparity, weight, weight_disparity = (torch.as_tensor(a, dtype=torch.float32, device=device) for a in arrays)
    return Target(rgb, disparity, weight, weight_disparity, unit)


def free(cache: GaussianCache) -> dict[str, torch.Tensor]:
    """What Adam moves, unbounded: scales as logarithms, opacities as logits."""
    start = {
        "means": cache.means,
        "scales": cache.scales.log(),
        "quats": cache.quats,
        "opacities": torch.logit(cache.opacities),
        "colours": cache.colours,
    }
    return {name: value.detach().clone().requires_grad_() for name, value in start.items()}


def adam(parameters: dict[str, torch.Tensor], pixel: float) -> torch.optim.Adam:
    """Adam at ``RATES``; ``pixel`` is the footprint of a pixel at the scene's median depth, world units."""
    rates = RATES | {"means": RATES["means"] * pixel}
    groups = [{"params": [value], "lr": rates[name]} for name, value in parameters.items()]
    return torch.optim.Adam(groups, eps=1e-15, fused=True)


def activated(parameters: dict[str, torch.Tensor], cache: GaussianCache) -> GaussianCache:
    """The Gaussians that ``free`` parameters stand for."""
    return replace(
        cache,
        means=parameters["means"],
        scales=parameters["scales"].exp(),
        quats=parameters["quats"],
        opacities=parameters["opacities"].sigmoid(),
        colours=parameters["colours"],
    )
