"""The rasteriser on the CPU: the numba kernels as one differentiable torch function. Same bits for any thread count."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .blend import LANES, blend, blend_backward
from .project import project, project_backward
from .tiles import TILE, assign, by_depth


def blended(
    means: torch.Tensor,
    quats: torch.Tensor,
    scales: torch.Tensor,
    opacities: torch.Tensor,
    features: torch.Tensor,
    K: NDArray[np.float64],
    world_to_camera: NDArray[np.float64],
    width: int,
    height: int,
    near: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Blend features and depth (arguments as ``rasterise.rasterise``, float32 or float64).

    Returns:
        features (H, W, c) and depth (H, W), both weighted sums, and alpha (H, W).
    """
    out: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = _Blended.apply(  # type: ignore[no-untyped-call]
        means, quats, scales, opacities, features, K, world_to_camera, width, height, near
    )
    return out


class _Blended(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        *tensors, K, world_to_camera, width, height, near = inputs
        means, quats, scales, opacities, colours = (t.detach().contiguous().numpy() for t in tensors)
        kind, count, channels = means.dtype, len(means), colours.shape[1]
        camera = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], np.float64)
        pose = np.ascontiguousarray(world_to_camera[:3, :4], np.float64)
        ellipse, depth = np.zeros((count, 6), kind), np.empty(count, kind)
        box = np.empty((count, 4), np.int32)
        project(means, quats, scales, opacities, camera, pose, float(near), width, height, ellipse, depth, box)

        tiles_x, tiles_y = -(-width // TILE), -(-height // TILE)
        order = by_depth(depth.astype(np.float32), box)
        offsets, starts, gaussian, slot = assign(order, box, tiles_x, tiles_y)

        features = np.zeros((count, -(-(channels + 1) // LANES), LANES), kind)
        features.reshape(count, -1)[:, :channels] = colours
        features.reshape(count, -1)[:, channels] = depth
        out = np.zeros((height, width, *features.shape[1:]), kind)
        through, last = np.empty((height, width), kind), np.empty((height, width), np.int32)
        blend(ellipse, opacities, features, box, starts, gaussian, tiles_x, out, through, last)

        ctx.gaussians = (means, quats, scales, opacities, features)
        ctx.view = (camera, pose, width, height)
        ctx.lists = (ellipse, box, offsets, starts, gaussian, slot, tiles_x, through, last)
        flat = torch.from_numpy(out.reshape(height, width, -1))
        return flat[..., :channels], flat[..., channels], torch.from_numpy(1 - through)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        v_features, v_depth, v_alpha = (g.numpy() for g in gradients)
        means, quats, scales, opacities, features = ctx.gaussians
        camera, pose, width, height = ctx.view
        ellipse, box, offsets, starts, gaussian, slot, tiles_x, through, last = ctx.lists
        channels = v_features.shape[-1]
        v_out = np.zeros((*through.shape, *features.shape[1:]), means.dtype)
        v_flat = v_out.reshape(*through.shape, -1)
        v_flat[..., :channels], v_flat[..., channels] = v_features, v_depth
        partial = np.empty((len(gaussian), 6 + v_flat.shape[-1]), means.dtype)
        T, behind = np.empty_like(through), np.empty_like(through)
        blend_backward(
            ellipse, opacities, features, box, starts, gaussian, slot, tiles_x, through, last,
            v_out, -v_alpha, T, behind, partial,
        )  # fmt: skip
        v_means, v_quats, v_scales = np.empty_like(means), np.empty_like(quats), np.empty_like(scales)
        v_rest = np.empty((len(means), 2 + channels), means.dtype)
        project_backward(
            means, quats, scales, camera, pose, width, height, ellipse, box, offsets, partial,
            v_means, v_quats, v_scales, v_rest,
        )  # fmt: skip
        to_torch = torch.from_numpy
        v_opacities, v_colours = to_torch(v_rest[:, 0].copy()), to_torch(v_rest[:, 1 : 1 + channels].copy())
        return (
            to_torch(v_means), to_torch(v_quats), to_torch(v_scales), v_opacities, v_colours,
            None, None, None, None, None,
        )  # fmt: skip
