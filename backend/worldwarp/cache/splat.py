"""Points of one fixed size and a z-buffer: the renderer that ST-Diff is trained with (paper 4.1, "uniform radii").

A point covers the pixels whose centres lie within ``radius`` of its own place in the image, as in PyTorch3D's
PointsRenderer, whatever its depth; the nearest one wins. Points are homogeneous: those of the sky are directions
(w = 0), which have no parallax and are behind everything.

Only minima are taken, so the order in which a GPU works does not matter. Differentiable in the features alone.
"""

from typing import NamedTuple

import numpy as np
import torch

from ..cameras import Cameras
from ..cameras.cameras import Array

RADIUS = 1.5
"""Pixels: 3 x 3 of them at most. No cracks until a surface is magnified by more than this times the root of two."""

LEVELS = 2**16
"""Steps of a point's squared distance from the pixel's centre, when that decides."""


class Splat(NamedTuple):
    """What one camera sees of the points."""

    features: torch.Tensor
    """(H, W, c), 0 where nothing is."""
    depth: torch.Tensor
    """(H, W), planar, world units; inf where nothing or only the sky is."""
    covered: torch.Tensor
    """(H, W) bool; the sky's points cover, too."""


class Winners(NamedTuple):
    """Which point each pixel shows."""

    point: torch.Tensor
    """(H, W) int64: its index; -1 where nothing is."""
    depth: torch.Tensor
    """(H, W) float64, planar depth of that point; inf where nothing or the sky is."""
    nearest: torch.Tensor
    """(H, W) float64: the least depth of all that cover the pixel; ``depth`` is at most ``tolerance`` behind it."""
    offset: torch.Tensor
    """(H, W) float64 in [0, 1): its squared distance from the pixel's centre, in radii; 0 where nothing is."""


def splat(
    points: torch.Tensor,
    features: torch.Tensor,
    K: Array,
    world_to_camera: Array,
    width: int,
    height: int,
    radius: float = RADIUS,
) -> Splat:
    """Render points with a z-buffer; of two at the same depth the one closer to the pixel's centre wins.

    Args:
        points: (p, 3), world units, or (p, 4), homogeneous: w = 1 is a point, w = 0 a direction (sky). NaN is left out.
        features: (p, c): colours or anything else.
        K: (3, 3), pixels, pixel centres at +0.5.
        world_to_camera: (4, 4), OpenCV axes.
        radius: of every point, in pixels. At 0.5 a point whose pixel it is covers that pixel alone, and one between
            pixels may cover none; from 0.71 on it always covers one.
    """
    won = winners(points, K, world_to_camera, width, height, radius)
    empty = torch.zeros_like(features[:1]) if len(features) else features.new_zeros((1, features.shape[1]))
    return Splat(torch.cat([features, empty])[won.point], won.depth.float(), won.point >= 0)


def winners(
    points: torch.Tensor,
    K: Array,
    world_to_camera: Array,
    width: int,
    height: int,
    radius: float = RADIUS,
    rank: torch.Tensor | None = None,
    tolerance: float = 0.0,
) -> Winners:
    """The point that each pixel shows: among those that are at most ``tolerance`` behind the nearest one, relatively,
    the one of lowest ``rank``, then the one closest to the pixel's centre, then the first.

    Args:
        points, K, world_to_camera, radius: as ``splat``; p is below 2^32.
        rank: (p,) integers in [0, 2^15): the lower, the more a point is trusted. None: all alike.
    """
    which, u, v, z = _in_image(points, K, world_to_camera, width, height, radius)
    places = _places(u, v, width, height, radius)
    nearest = z.new_full((height * width + 1,), torch.inf)
    for pixel, _ in places:
        nearest.scatter_reduce_(0, pixel, z, "amin")
    limit = nearest * (1 + tolerance)
    trust = torch.zeros_like(which) if rank is None else rank.to(torch.int64)[which]
    nobody = torch.iinfo(torch.int64).max
    best = which.new_full((height * width + 1,), nobody)
    for pixel, offset in places:
        # trust in the highest bits, then the offset, then the index: the least number is the winner
        key = ((trust * LEVELS + (offset * LEVELS).long()) << 32) + which
        best.scatter_reduce_(0, pixel, torch.where(z <= limit[pixel], key, nobody), "amin")
    best = best[:-1].reshape(height, width)
    covered = best != nobody
    index = torch.where(covered, best & (2**32 - 1), -1)
    depth_of = z.new_full((len(points) + 1,), torch.inf).index_copy_(0, which, z)
    offset = torch.where(covered, ((best >> 32) % LEVELS) / LEVELS, 0)
    return Winners(index, depth_of[index], nearest[:-1].reshape(height, width), offset)


def one_to_all(
    rgb: torch.Tensor,
    depth: torch.Tensor,
    K: Array,
    camera_to_world: Array,
    cameras: Cameras,
    radius: float = RADIUS,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One frame warped into all views: unprojected once, rendered n times (paper, equations 2 and 3).

    View by view: one already keeps a GPU busy, and all at once would need n times the memory.

    Args:
        rgb: (H, W, 3), of any type.
        depth: (H, W), planar, world units; inf is sky, NaN or 0 is unknown.
        K, camera_to_world: of the frame; ``cameras`` are the n that look.

    Returns:
        rgb (n, H', W', 3), 0 where nothing is; valid (n, H', W') bool; depth (n, H', W') float32, inf is sky.
    """
    known = depth > 0
    points, colours = unprojected(depth, K, camera_to_world)[known], rgb[known]
    poses = cameras.world_to_camera
    seen = [
        splat(points, colours, cameras.K[i], poses[i], cameras.width, cameras.height, radius)
        for i in range(len(cameras))
    ]
    return (
        torch.stack([s.features for s in seen]),
        torch.stack([s.covered for s in seen]),
        torch.stack([s.depth for s in seen]),
    )


def unprojected(depth: torch.Tensor, K: Array, camera_to_world: Array) -> torch.Tensor:
    """Homogeneous world points (H, W, 4) float64 of planar depth (H, W); where it is infinite, directions."""
    height, width = depth.shape
    v, u = torch.meshgrid(
        torch.arange(height, dtype=torch.float64, device=depth.device) + 0.5,
        torch.arange(width, dtype=torch.float64, device=depth.device) + 0.5,
        indexing="ij",
    )
    to_world = _tensor(camera_to_world[:3, :3] @ np.linalg.inv(K), depth.device)
    rays = torch.stack([u, v, torch.ones_like(u)], dim=-1) @ to_world.T
    sky = torch.isinf(depth)[..., None]
    z = depth.double()[..., None]
    solid = rays * z + _tensor(camera_to_world[:3, 3], depth.device)
    return torch.cat([torch.where(sky, rays, solid), (~sky).double()], dim=-1)


def _in_image(
    points: torch.Tensor, K: Array, world_to_camera: Array, width: int, height: int, radius: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Index, place (u, v) in pixels and planar depth of the points before the camera that can reach its image."""
    pose = _tensor(world_to_camera[:3], points.device)
    w = points[:, 3].double() if points.shape[1] == 4 else points.new_ones(len(points), dtype=torch.float64)
    x, y, z = (points[:, :3].double() @ pose[:, :3].T + w[:, None] * pose[:, 3]).unbind(dim=1)
    u, v = K[0, 0] * x / z + K[0, 2], K[1, 1] * y / z + K[1, 2]
    inside = (z > 0) & (u > -radius) & (u < width + radius) & (v > -radius) & (v < height + radius)
    which = inside.nonzero()[:, 0]
    return which, u[which], v[which], torch.where(w == 0, torch.inf, z)[which]


def _places(
    u: torch.Tensor, v: torch.Tensor, width: int, height: int, radius: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The footprint, place by place: for every point a pixel and how far off its centre is, as ``Winners.offset``.

    Where a place is outside the disc or the image its pixel is the one after the last.
    """
    columns, rows = _line(u, width, radius), _line(v, height, radius)
    places = []
    for y, row_inside, dy in rows:
        for x, column_inside, dx in columns:
            offset = dx + dy
            inside = (offset < 1) & row_inside & column_inside
            places.append((torch.where(inside, y * width + x, height * width), torch.where(inside, offset, 0)))
    return places


def _line(centre: torch.Tensor, length: int, radius: float) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Along one axis: the pixels that may be reached, whether they exist, and their squared distance in radii."""
    first = torch.ceil(centre - radius - 0.5).long()
    pixels = [first + i for i in range(int(np.ceil(2 * radius)))]
    return [(x, (x >= 0) & (x < length), ((x + 0.5 - centre) / radius) ** 2) for x in pixels]


def _tensor(a: Array, device: torch.device) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float64, device=device)
