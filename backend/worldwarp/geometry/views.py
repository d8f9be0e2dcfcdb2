"""Depth of views: as they carry it, estimated where they do not, and completed where a chunk invented something."""

from collections.abc import Sequence

import numpy as np
from worldwarp_protocol.messages import Settings

from ..cameras import Cameras
from ..holes import fill_frame, fill_smoothly
from ..masks import RIM, grown
from ..nouns import Bytes, Floats, Geometry, Priors, View
from . import sources
from .alignment import geometry_of

LARGEST = float(np.log(1.25))
"""Known and estimated depth that differ by more say nothing of their neighbours: one of them is another surface."""


def geometry(views: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
    """The depth that the views carry; where some of it is not known, an estimate at the scale of what is.

    What the views leave out is not estimated: it has no confidence.

    Raises:
        InvalidShot: there is something to estimate, and the source that ``settings`` name cannot be used here.
    """
    depth = [_carried(view) for view in views if view.depth is not None]
    if len(depth) < len(views) or np.isnan(depth).any():
        return geometry_of(sources.load(settings.geometry), views, cameras, settings)
    known = [~np.isnan(view.depth) for view in views if view.depth is not None]
    return Geometry(depth=np.stack(depth), confidence=np.stack(known).astype(np.float32))


def _carried(view: View) -> Floats:
    """A view's own depth, filled from around it in what the view leaves out: nobody asks what stands there."""
    assert view.depth is not None
    unknown = np.isnan(view.depth)
    if view.left_out is None or not unknown.any():
        return view.depth
    filled = fill_frame(view.rgb.astype(np.float32), view.depth, ~unknown)[1]
    return np.where(grown(view.left_out, RIM), filled, view.depth)


def as_views(frames: Bytes, priors: Priors, first: int) -> list[View]:
    """New frames (n, H, W, 3), the first at ``first`` in the path, with what the cache knew of their depth."""
    depth = np.where(priors.valid, priors.depth, np.float32(np.nan))
    return [View(first + i, frames[i], depth[i], priors.provenance[i]) for i in range(len(frames))]


def complete(priors: Priors, estimated: Geometry) -> Floats:
    """Depth (n, H, W) of new frames: the cache's where it knew it, else the estimate, bent to meet it at the border.

    What was known stays as it was, so that a place seen again is where it was. In a hole the estimate's disparity is
    multiplied by a smooth factor that carries on what known and estimated depth differ by around it.
    """
    return np.stack([_complete(*frame) for frame in zip(priors.depth, priors.valid, estimated.depth, strict=True)])


def beyond(depth: Floats, views: Sequence[View]) -> Floats:
    """Depth (n, H, W), infinite beyond the border of the views, its first frames, where what is nearest of them is sky:
    sky goes on. Their own depth carries its edge on, so it says where that is.
    """
    whole = depth.copy()
    for frame, view in zip(whole, views, strict=False):
        if view.known is not None and view.depth is not None:
            frame[~view.known & np.isinf(view.depth)] = np.inf
    return whole


def _complete(depth: Floats, valid: np.ndarray, estimated: Floats) -> Floats:
    both = valid & np.isfinite(depth) & np.isfinite(estimated)
    ratio = np.log(np.where(both, depth, 1) / np.where(both, estimated, 1)).astype(np.float32)
    trust = (both & (np.abs(ratio) < LARGEST)).astype(np.float32)
    factor = np.exp(fill_smoothly(ratio[..., None], trust)[..., 0])
    return np.where(valid, depth, estimated * factor).astype(np.float32)
