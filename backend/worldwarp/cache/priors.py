"""What is known of frames to come: the cache rendered along the path, and which of its pixels to believe."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..cameras import Cameras
from ..cameras.cameras import Array, pixel_rays
from ..nouns import Bytes, Floats, Geometry, Priors, Provenance, Report, View
from .gaussians import SIGMA, GaussianCache, known_depth, render
from .rasterise import rotations
from .visibility import confirmed

COVERED = 0.5
"""Least alpha of a valid pixel (pipeline step 5)."""

AGREES = 0.1
"""Most by which its depth may differ, relatively, from a history view's (pipeline step 5)."""

SPREAD = 0.05
"""Most standard deviation of disparity, relatively, of a pixel that is one surface."""

MIXED = 0.03
"""From this standard deviation on, a lopsided distribution is taken for two surfaces."""

EDGE_ON = 0.05
"""Cosine between ray and normal below which a Gaussian's plane is not trusted."""

LOPSIDED = 0.5
"""Least skewness of a pixel of which one of two surfaces has clearly more: 62 %."""


def render_priors(
    cache: GaussianCache,
    views: Sequence[View],  # noqa: ARG001 - the geometry says what they saw
    history_cameras: Cameras,
    geometry: Geometry,
    cameras: Cameras,
    report: Report,
) -> Priors:
    """Render colour, alpha and depth at ``cameras`` (pipeline step 5).

    A pixel is valid where alpha is above 0.5, one surface has most of it, and that surface's depth, projected back
    into at least one history view, agrees to 10 %; a pixel of the sky where it is sky in a history view.

    Its confidence is alpha, times one minus the relative deviation of disparity over ``SPREAD`` (silhouettes, surfaces
    seen edge-on, views that disagree), times ``sharpness``.
    """
    known = known_depth(geometry)
    frames = []
    for i in range(len(cameras)):
        report("priors", i, len(cameras))
        frames.append(_prior(cache, known, history_cameras, cameras, i))
    return Priors(*(np.stack(parts) for parts in zip(*frames, strict=True)))


def _prior(
    cache: GaussianCache, known: Floats, history_cameras: Cameras, cameras: Cameras, i: int
) -> tuple[Floats, NDArray[np.bool_], Floats, Bytes, Floats]:
    disparity, planes, magnified = _disparities(cache, cameras, i)
    moments = torch.stack([disparity, disparity**2, disparity**3], dim=1)
    kinds = torch.stack([cache.sky, *(cache.provenance == kind for kind in list(Provenance)[1:])], dim=1)
    seen = render(cache, cameras, i, torch.cat([cache.colours, moments, planes, kinds.float(), magnified], dim=1))
    alpha = seen.alpha.cpu().numpy()
    # Divided by alpha: the mean over what is there, without the black behind it.
    mean = seen.features.cpu().numpy() / np.maximum(alpha, 1e-10)[..., None]

    rays = pixel_rays(cameras.K[i], cameras.width, cameras.height)
    moments_here = mean[..., 3:6].astype(np.float64)
    main, one = main_disparity(moments_here, (mean[..., 6:9] * rays).sum(-1))
    sky, generated, filled, magnification = np.moveaxis(mean[..., 9:], -1, 0)
    solid = np.where(one, 1 / np.maximum(main, 1e-12), np.nan)
    depth = np.where(sky > 0.5, np.inf, solid).astype(np.float32)
    asked = np.where(alpha > COVERED, depth, np.float32(np.nan))
    valid = confirmed(asked, cameras.K[i], cameras.camera_to_world[i], known, history_cameras, AGREES)
    provenance = np.argmax([1 - generated - filled, generated, filled], axis=0).astype(np.uint8)
    depth = np.nan_to_num(depth, nan=np.inf, posinf=np.inf)
    sure = alpha * np.clip(1 - spread(moments_here) / SPREAD, 0, 1) * sharpness(magnification)
    return np.clip(mean[..., :3], 0, 1), valid, depth, provenance, np.where(valid, sure, 0).astype(np.float32)


def spread(moments: Array) -> Array:
    """Relative deviation of disparity of moments (..., 3), see ``main_disparity``; 0 where all is sky."""
    mean, square, _ = np.moveaxis(moments, -1, 0)
    # Float32 sums leave 1e-7 of the square: the root of it is no deviation.
    deviation = np.sqrt(np.maximum(square - mean**2 * (1 + 1e-6), 0))
    return np.asarray(deviation / np.maximum(mean, 1e-12))


def sharpness(magnification: NDArray[np.floating]) -> Array:
    """In (0, 1]: one over the side of what a pixel of the history has become, in pixels, where that is above 1.

    Args:
        magnification: the area of it, in square pixels: large where the camera has come closer, and where a surface
            that the history saw edge-on is now seen from the front.
    """
    return np.asarray(1 / np.sqrt(np.maximum(magnification, 1)), np.float64)


def _disparities(cache: GaussianCache, cameras: Cameras, i: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Disparity (g,) of every mean; plane (g, 3) of every Gaussian: its disparity along a ray is n . ray; and the area
    (g, 1), in square pixels, of the patch that it was made from. 0 for the sky, which only turns.

    A Gaussian is flat along its surface (``surface.patches``), the third axis is the normal.
    """
    pose = torch.as_tensor(cameras.world_to_camera[i], dtype=torch.float32, device=cache.means.device)
    points = cache.means @ pose[:3, :3].T + pose[:3, 3]
    normals = rotations(cache.quats)[:, :, 2] @ pose[:3, :3].T
    reach = (normals * points).sum(dim=1, keepdim=True)
    disparity = torch.where(cache.sky | (points[:, 2] <= 0), 0, 1 / points[:, 2])
    facing = torch.zeros_like(points)
    facing[:, 2] = disparity
    edge_on = reach.abs() < EDGE_ON * points.norm(dim=1, keepdim=True)
    planes = torch.where(edge_on | (disparity == 0)[:, None], facing, normals / reach)
    patch = cache.scales[:, :1] * cache.scales[:, 1:2] / SIGMA**2
    magnified = float(cameras.K[i, 0, 0] * cameras.K[i, 1, 1]) * patch * reach.abs() * disparity[:, None] ** 3
    return disparity, planes, magnified


def main_disparity(moments: Array, plane: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The disparity of the surface that most of a pixel shows.

    At a silhouette a pixel shows two surfaces, and the mean is a depth that neither has: a point that flies. The two
    points with given mean, variance and skewness are known in closed form; the heavier one is taken. In disparity, not
    depth: a little sky or far background would drown a mean depth.

    Args:
        moments: (..., 3): the means of the disparity, its square and its cube.
        plane: (...): the mean of the disparities that the Gaussians' planes have at this very pixel. On a slanted
            surface the nearer Gaussians cover the further ones, so the mean of their own disparities is too near.

    Returns:
        The disparity (...), and where it can be believed: where all is one surface, or one of two has clearly more.
    """
    mean, square, cube = np.moveaxis(moments, -1, 0)
    deviation = np.sqrt(np.maximum(square - mean**2, 1e-30))
    skewness = (cube - 3 * mean * square + 2 * mean**3) / deviation**3
    heavier = mean + 0.5 * deviation * (skewness - np.sign(skewness) * np.sqrt(skewness**2 + 4))
    two = (deviation > MIXED * mean) & (np.abs(skewness) > LOPSIDED)
    return np.where(two, heavier, plane), two | (deviation < SPREAD * mean)
