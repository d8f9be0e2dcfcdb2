"""The rasteriser in plain torch, gradients by autograd: slow and obvious. The oracle of tests and benchmark."""

import numpy as np
import torch
from numpy.typing import NDArray

from .rasterise import NEAR, Rendering, rotations

TILE = 16


def rasterise(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    features: torch.Tensor,
    K: NDArray[np.float64],
    world_to_camera: NDArray[np.float64],
    width: int,
    height: int,
    near: float = NEAR,
) -> Rendering:
    """Same arguments and result as ``rasterise.rasterise``."""
    mean2d, covariance, depth = project(means, quats, scales, K, world_to_camera, width, height)
    radius = 3.34 * covariance.diagonal(dim1=1, dim2=2).detach().sqrt()
    order = torch.argsort(depth.detach().float(), stable=True)
    order = order[(depth > near)[order]]
    values = torch.cat([features, depth[:, None], torch.ones_like(depth)[:, None]], dim=1)
    rows = []
    for top in range(0, height, TILE):
        row = []
        for left in range(0, width, TILE):
            low = torch.tensor([left, top])
            high = torch.tensor([min(left + TILE, width), min(top + TILE, height)])
            near_tile = ((mean2d + radius > low) & (mean2d - radius < high)).all(dim=1)
            row.append(_tile(mean2d, covariance, opacities, values, order[near_tile[order]], low, high))
        rows.append(torch.cat(row, dim=1))
    out = torch.cat(rows)
    alpha = out[..., -1]
    return Rendering(out[..., :-2], out[..., -2] / alpha.clamp(min=1e-10), alpha)


def project(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    K: NDArray[np.float64],
    world_to_camera: NDArray[np.float64],
    width: int,
    height: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean (g, 2), covariance (g, 2, 2) dilated by 0.3 px^2, depth (g,): EWA, see ``project.py``."""
    pose = torch.as_tensor(world_to_camera, dtype=means.dtype)
    fx, fy, cx, cy = (float(K[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    x, y, z = (means @ pose[:3, :3].T + pose[:3, 3]).unbind(dim=1)
    slack_x, slack_y = 0.15 * width / fx, 0.15 * height / fy
    ux = (x / z).clamp(-cx / fx - slack_x, (width - cx) / fx + slack_x)
    uy = (y / z).clamp(-cy / fy - slack_y, (height - cy) / fy + slack_y)
    none = torch.zeros_like(z)
    J = torch.stack([fx / z, none, -fx * ux / z, none, fy / z, -fy * uy / z], dim=1).reshape(-1, 2, 3)
    axes = J @ pose[:3, :3] @ rotations(quats) * scales[:, None, :]
    covariance = axes @ axes.mT + 0.3 * torch.eye(2, dtype=means.dtype)
    return torch.stack([fx * x / z + cx, fy * y / z + cy], dim=1), covariance, z


def _tile(
    mean2d: torch.Tensor,
    covariance: torch.Tensor,
    opacities: torch.Tensor,
    values: torch.Tensor,
    order: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
) -> torch.Tensor:
    """Blend ``values`` of the Gaussians ``order`` over the pixels [low, high): (h, w, channels)."""
    y, x = torch.meshgrid(
        torch.arange(int(low[1]), int(high[1])), torch.arange(int(low[0]), int(high[0])), indexing="ij"
    )
    pixels = torch.stack([x, y], dim=-1).to(values.dtype) + 0.5
    d = pixels[:, :, None, :] - mean2d[order]
    sigma = 0.5 * torch.einsum("hwgi,gij,hwgj->hwg", d, torch.linalg.inv(covariance[order]), d)
    alpha = (opacities[order] * torch.exp(-sigma)).clamp(max=0.999)
    alpha = torch.where(alpha < 1 / 255, 0, alpha)
    after = torch.cumprod(1 - alpha, dim=-1)
    before = torch.cat([torch.ones_like(after[..., :1]), after[..., :-1]], dim=-1)
    weight = torch.where(after.detach() > 1e-4, before * alpha, 0)
    return weight @ values[order]
