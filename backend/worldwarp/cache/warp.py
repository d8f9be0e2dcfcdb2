"""What the history shows along the path: by 3D Gaussians, by bare points, or nothing (paper table 3)."""

from collections.abc import Sequence

import numpy as np
from worldwarp_protocol.messages import Settings

from ..cameras import Cameras
from ..nouns import Floats, Geometry, Priors, Report, View
from .fit import fit
from .gaussians import initialise
from .points import render_points
from .priors import render_priors


def warp(
    history: Sequence[View],
    history_cameras: Cameras,
    geometry: Geometry,
    cameras: Cameras,
    settings: Settings,
    report: Report,
) -> tuple[Priors, dict[str, float | str]]:
    """Priors at ``cameras`` from the history, by the cache that ``settings.cache`` names; and numbers about it."""
    if settings.cache == "none":
        return nothing(cameras), {}
    if settings.cache == "points":
        return render_points(history, history_cameras, geometry, cameras, report), {}
    cache = initialise(history, geometry, history_cameras)
    cache, fitted = fit(cache, history, history_cameras, geometry, settings.cache_steps, settings.seed, report)
    said = {"gaussians": float(len(cache.means)), "steps_cache": float(fitted.steps), "psnr_cache": fitted.psnr}
    return render_priors(cache, history, history_cameras, geometry, cameras, report), {**said}


def nothing(cameras: Cameras) -> Priors:
    """No cache: nothing is known of any frame but what the context brings."""
    shape = len(cameras), cameras.height, cameras.width
    empty: Floats = np.zeros(shape, np.float32)
    return Priors(
        rgb=np.zeros((*shape, 3), np.float32),
        valid=np.zeros(shape, bool),
        depth=np.full(shape, np.inf, np.float32),
        provenance=np.zeros(shape, np.uint8),
        confidence=empty,
    )
