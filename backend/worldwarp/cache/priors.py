"""What is known of frames to come: the cache rendered along the path, and which of its pixels to believe."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..cameras import Cameras
from ..nouns import Bytes, Floats, Geometry, Priors, Provenance, Report, View
from .gaussians import GaussianCache, known_depth, render
from .visibility import confirmed

COVERED = 0.5
"""Least alpha of a valid pixel (pipeline step 5)."""

AGREES = 0.1
"""Most by which its depth may differ, relatively, from a history view's (pipeline step 5)."""

SPREAD = 0.1
"""Most standard deviation of its depth, relatively: at a silhouette two surfaces mix to a depth that neither has."""


def render_priors(
    cache: GaussianCache,
    views: Sequence[View],  # noqa: ARG001 - the geometry says what was seen
    history_cameras: Cameras,
    geometry: Geometry,
    cameras: Cameras,
    report: Report,
) -> Priors:
    """Render colour, alpha and expected depth at ``cameras`` (pipeline step 5).

    A pixel is valid where alpha is above 0.5, one surface makes up its depth, and that depth, projected back into at
    least one history view, agrees to 10 %; a pixel of the sky where it is sky in a history view.
    """
    known = known_depth(geometry)
    frames = []
    for i in range(len(cameras)):
        report("priors", i, len(cameras))
        frames.append(_prior(cache, known, history_cameras, cameras, i))
    rgb, valid, depth, provenance = (np.stack(parts) for parts in zip(*frames, strict=True))
    return Priors(rgb, valid, depth, provenance)


def _prior(
    cache: GaussianCache, known: Floats, history_cameras: Cameras, cameras: Cameras, i: int
) -> tuple[Floats, NDArray[np.bool_], Floats, Bytes]:
    W = torch.as_tensor(cameras.world_to_camera[i], dtype=torch.float32, device=cache.means.device)
    z = cache.means @ W[2, :3] + W[2, 3]
    kinds = torch.stack([cache.sky, *(cache.provenance == kind for kind in list(Provenance)[1:])], dim=1)
    seen = render(cache, cameras, i, torch.cat([cache.colours, (z * z)[:, None], kinds.float()], dim=1))
    alpha = seen.alpha.cpu().numpy()
    features = seen.features.cpu().numpy() / np.maximum(alpha, 1e-10)[..., None]
    expected = seen.depth.cpu().numpy()

    sky = features[..., 4] > 0.5
    variance = features[..., 3] - expected**2
    whole = sky | (variance < (SPREAD * expected) ** 2)
    depth = np.where(sky, np.float32(np.inf), expected)
    covered = alpha > COVERED
    asked = np.where(covered & whole, depth, np.float32(np.nan))
    valid = confirmed(asked, cameras.K[i], cameras.camera_to_world[i], known, history_cameras, AGREES)
    generated, filled = features[..., 5], features[..., 6]
    provenance = np.argmax([1 - generated - filled, generated, filled], axis=0).astype(np.uint8)
    return np.clip(features[..., :3], 0, 1), valid, depth, provenance
