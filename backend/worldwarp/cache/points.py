"""The history as bare points of one size (paper table 3, "Caching by RGB point cloud"): no fit, no blending.

Against the Gaussians: nothing is interpolated, silhouettes grow by the radius, and where the camera comes closer than
``splat.RADIUS`` allows, what is behind a surface shows through its cracks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..cameras import Cameras
from ..cameras.cameras import Array
from ..nouns import Bytes, Floats, Geometry, Priors, Report, View
from .gaussians import AGREES, known_depth
from .priors import sharpness
from .rasterise import device
from .splat import unprojected, winners
from .surface import disparity, patches, silhouettes
from .visibility import contradicted


@dataclass(frozen=True)
class Cloud:
    """p points, the most trusted views' first."""

    points: torch.Tensor
    """(p, 4) float64, homogeneous, in Blender's world; w = 0 is sky."""
    patch: Floats
    """(p, 3): normal of the patch of surface that a pixel saw, as long as its area, in square world units."""
    rgb: Bytes
    """(p, 3), display-referred."""
    provenance: Bytes
    """(p,) of ``Provenance``."""
    rank: torch.Tensor
    """(p,) int64: position in the order of trust of the view that it comes from."""


def render_points(
    history: Sequence[View], history_cameras: Cameras, geometry: Geometry, cameras: Cameras, report: Report
) -> Priors:
    """Priors at ``cameras`` by the points of all views; a pixel is valid where a point covers it.

    Where several are within 5 % of the nearest depth, the view that comes first in the order of trust decides. The
    confidence falls with the distance to the point shown, with the depth by which points differ, and with
    magnification.

    Args:
        history: c frames in the order of trust; ``history_cameras[i]`` and ``geometry.depth[i]`` are of ``history[i]``.
    """
    cloud = gather(history, history_cameras, geometry)
    frames = []
    for i in range(len(cameras)):
        report("priors", i, len(cameras))
        frames.append(_prior(cloud, cameras, i))
    return Priors(*(np.stack(parts) for parts in zip(*frames, strict=True)))


def gather(history: Sequence[View], cameras: Cameras, geometry: Geometry) -> Cloud:
    """All points of known depth, unprojected at the cameras that were asked for (paper, equations 2 and 3).

    Left out: what hangs between two surfaces at a tear in depth, and what an earlier view looked through.
    """
    depth = known_depth(geometry)
    parts = [_from_view(view, depth[: i + 1], cameras, i) for i, view in enumerate(history)]
    points, patch, rgb, provenance = (np.concatenate(part) for part in zip(*parts, strict=True))
    rank = torch.repeat_interleave(torch.tensor([len(part[0]) for part in parts]))
    return Cloud(torch.from_numpy(points).to(device()), patch, rgb, provenance, rank.to(device()))


def _from_view(view: View, depth: Floats, cameras: Cameras, i: int) -> tuple[Array, Floats, Bytes, Bytes]:
    K, pose, own = cameras.K[i], cameras.camera_to_world[i], depth[i]
    solid = np.where(np.isfinite(own), own, 1.0)
    near, far = silhouettes(disparity(np.where(np.isnan(own), 1.0, own)))
    through = contradicted(own, K, pose, depth[:i], cameras[:i], AGREES)
    wanted = ~np.isnan(own) & ~(near & far) & ~through
    axes, size = patches(solid, K)
    patch = (axes[..., 2] * (size[..., :1] * size[..., 1:2])) @ pose[:3, :3].T
    points = unprojected(torch.from_numpy(own), K, pose).numpy()
    return points[wanted], patch[wanted].astype(np.float32), view.rgb[wanted], view.provenance[wanted]


def _prior(cloud: Cloud, cameras: Cameras, i: int) -> tuple[Floats, NDArray[np.bool_], Floats, Bytes, Floats]:
    pose = cameras.world_to_camera[i]
    won = winners(
        cloud.points, cameras.K[i], pose, cameras.width, cameras.height, rank=cloud.rank, tolerance=AGREES
    )  # fmt: skip
    index, depth, nearest, offset = (t.cpu().numpy() for t in (won.point, won.depth, won.nearest, won.offset))
    valid = index >= 0
    shown = index[valid]
    rgb, provenance = np.zeros((*valid.shape, 3), np.float32), np.zeros(valid.shape, np.uint8)
    rgb[valid], provenance[valid] = cloud.rgb[shown] / np.float32(255), cloud.provenance[shown]

    points = (cloud.points.cpu().numpy()[shown] @ pose.T)[:, :3]
    facing = np.abs(((cloud.patch[shown] @ pose[:3, :3].T) * points).sum(axis=1))
    magnified = cameras.K[i][0, 0] * cameras.K[i][1, 1] * facing / np.maximum(depth[valid], 1e-12) ** 3
    with np.errstate(invalid="ignore"):
        apart = np.nan_to_num(1 - nearest[valid] / depth[valid]) / AGREES  # inf / inf: the sky has one depth
    confidence = np.zeros(valid.shape, np.float32)
    confidence[valid] = (1 - offset[valid]) * np.clip(1 - apart, 0, 1) * sharpness(magnified)
    return rgb, valid, depth.astype(np.float32), provenance, confidence
