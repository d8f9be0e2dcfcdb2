"""The cache itself, and how it begins: one Gaussian per pixel of known depth."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from ..cameras import Cameras
from ..cameras.cameras import Array, pixel_rays, unproject
from ..nouns import Floats, Geometry, View
from .arbitrate import visible
from .rasterise import Rendering, device, rasterise
from .surface import disparity, patches, quaternions, silhouettes
from .visibility import confirmed, contradicted

SIGMA = 0.45
"""Standard deviation of a Gaussian, in pixels of the view it was made from: the smallest without cracks at any
magnification (at 0.35 the sharpness gained is 0.3 dB)."""

SILHOUETTE_SIGMA = 0.3
"""The same at a tear in depth, so that nothing reaches across it."""

OPACITY = 0.8
"""To begin with. The nearer of two neighbours, which changes with the camera, covers the other: the lower the opacity,
the less a novel view depends on the order. Against 0.95: 0.5 to 0.8 dB gained, 1 % of coverage lost."""

SKY_DISTANCE = 100.0
"""Radius of the sky's shell, in units of the furthest depth: a tenth of a pixel of parallax at most in a walk."""

AGREES = 0.05
"""Depth that differs by less, relatively, is the same surface."""


@dataclass(frozen=True)
class GaussianCache:
    """The online 3D cache (paper 4.2): Gaussians in Blender's world, on one device."""

    means: torch.Tensor
    """(g, 3), world units."""
    quats: torch.Tensor
    """(g, 4), wxyz, not necessarily normalised."""
    scales: torch.Tensor
    """(g, 3), standard deviations in world units, positive."""
    opacities: torch.Tensor
    """(g,), in (0, 1)."""
    colours: torch.Tensor
    """(g, 3), display-referred RGB, nominally in [0, 1]."""
    provenance: torch.Tensor
    """(g,) uint8 of ``Provenance``: what kind of pixel the Gaussian was made from."""
    sky: torch.Tensor
    """(g,) bool: part of the shell behind the scene; it has a direction, but no depth."""


def initialise(views: Sequence[View], geometry: Geometry, cameras: Cameras) -> GaussianCache:
    """Unproject the history at the cameras that were asked for (paper, equations 2 and 3).

    One Gaussian per pixel, as large as the pixel's patch of surface. A later view adds only what the views before it
    do not show: pixels that are already covered are left out, and so is what would hang in front of them.

    Args:
        views: c frames in the order of trust.
        geometry: their depth; ``cameras[i]`` belongs to ``views[i]``.
    """
    depth = known_depth(geometry)
    radius = _sky_radius(depth, cameras)
    cache = _from_view(views[0], depth[0], ~np.isnan(depth[0]), cameras, 0, radius)
    for i in range(1, len(views)):
        K, pose = cameras.K[i], cameras.camera_to_world[i]
        seen = render(cache, cameras, i)
        covered, behind = seen.alpha.cpu().numpy() > 0.5, depth[i] > seen.depth.cpu().numpy()
        known = covered & (behind | confirmed(depth[i], K, pose, depth[:i], cameras[:i], AGREES))
        in_front = contradicted(depth[i], K, pose, depth[:i], cameras[:i], AGREES)
        wanted = ~np.isnan(depth[i]) & ~known & ~in_front
        if wanted.any():
            cache = _joined(cache, _from_view(views[i], depth[i], wanted, cameras, i, radius))
    return cache


def render(cache: GaussianCache, cameras: Cameras, i: int, features: torch.Tensor | None = None) -> Rendering:
    """The cache at ``cameras[i]``: its colours, or any ``features`` (g, c)."""
    camera = cameras.K[i], cameras.world_to_camera[i], cameras.width, cameras.height
    shown = visible(cache.means, cache.quats, cache.scales, *camera)
    features = cache.colours if features is None else features
    with torch.no_grad():
        return rasterise(cache.means, cache.quats, cache.scales, cache.opacities * shown, features, *camera)


def known_depth(geometry: Geometry) -> Floats:
    """(c, H, W) planar depth; inf is sky, NaN where nothing is known."""
    return np.where(geometry.confidence > 0, geometry.depth, np.float32(np.nan)).astype(np.float32)


def _sky_radius(depth: Floats, cameras: Cameras) -> float:
    finite = depth[np.isfinite(depth)]
    path = np.ptp(cameras.centres, axis=0).max()
    return SKY_DISTANCE * max(float(finite.max(initial=0)), float(path), 1e-3 if finite.size else 1.0)


def _from_view(
    view: View, depth: Floats, wanted: NDArray[np.bool_], cameras: Cameras, i: int, radius: float
) -> GaussianCache:
    K, pose = cameras.K[i], cameras.camera_to_world[i]
    sky = np.isinf(depth)
    rays = pixel_rays(K, view.rgb.shape[1], view.rgb.shape[0])
    solid = np.where(sky, radius / np.linalg.norm(rays, axis=-1), np.nan_to_num(depth, nan=1.0))
    axes, size = patches(solid, K)
    near, far = silhouettes(disparity(np.where(np.isnan(depth), 1.0, depth)))
    sigma = np.where(near | far, SILHOUETTE_SIGMA, SIGMA)
    quats = quaternions(pose[:3, :3] @ axes[wanted])
    return GaussianCache(
        means=_tensor(unproject(solid, K, pose)[wanted]),
        quats=_tensor(quats),
        scales=_tensor((size * sigma[..., None])[wanted]),
        opacities=_tensor(np.full(int(wanted.sum()), OPACITY)),
        colours=_tensor(view.rgb[wanted] / 255.0),
        provenance=torch.from_numpy(view.provenance[wanted]).to(device()),
        sky=torch.from_numpy(sky[wanted]).to(device()),
    )


def _joined(a: GaussianCache, b: GaussianCache) -> GaussianCache:
    return GaussianCache(*(torch.cat([getattr(a, f.name), getattr(b, f.name)]) for f in fields(GaussianCache)))


def _tensor(a: Array) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float32, device=device())
