"""The rasteriser on CUDA: gsplat (Ye et al. 2024), whose kernels are compiled at their first use."""

import gsplat
import numpy as np
import torch
from numpy.typing import NDArray


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
    """Blend features and depth (arguments as ``rasterise.rasterise``, float32 on CUDA).

    Returns:
        features (H, W, c) and depth (H, W), both weighted sums, and alpha (H, W).
    """

    def batched(matrix: NDArray[np.float64]) -> torch.Tensor:
        return torch.as_tensor(matrix, dtype=means.dtype, device=means.device)[None]

    # One camera, unpacked: the packed mode is slower at this size. "RGB+D" appends the summed, not the expected depth.
    rendered, alpha, _ = gsplat.rasterization(
        means, quats, scales, opacities, features, batched(world_to_camera), batched(K), width, height,
        near_plane=near, packed=False, render_mode="RGB+D",
    )  # fmt: skip
    return rendered[0, ..., :-1], rendered[0, ..., -1], alpha[0, ..., 0]
