"""One rasteriser for all: gsplat's semantics; gsplat itself on CUDA, our own kernels on the CPU.

The semantics (gsplat 1.5.3, ``rasterize_mode="classic"``; Kerbl et al. 2023, sec. 4-6): EWA projection dilated by
0.3 px^2, pixel centres at +0.5, front to back by the depth of the means, alpha = min(0.999, opacity e^-sigma),
alphas below 1/255 skipped, a pixel ends before the Gaussian that would leave less than 1e-4 of the light.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray

NEAR = 0.01
"""Gaussians nearer than this, in world units, are culled."""


@dataclass(frozen=True)
class Rendering:
    """What one camera sees of the Gaussians."""

    features: torch.Tensor
    """(H, W, c), blended onto black: divide by alpha for the colour of what is there."""
    depth: torch.Tensor
    """(H, W), expected planar depth, sum(w z) / alpha; 0 where nothing is."""
    alpha: torch.Tensor
    """(H, W) in [0, 1)."""


@cache
def device() -> torch.device:
    """Where Gaussians live: the GPU where there is one and gsplat with it, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() and find_spec("gsplat") else "cpu")


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
    """Render Gaussians at one camera; differentiable in all five tensors, not in the camera.

    Args:
        means: (g, 3), world units.
        quats: (g, 4), wxyz, any length but 0.
        scales: (g, 3), standard deviations in world units.
        opacities: (g,) in [0, 1].
        features: (g, c): colours or anything else to blend.
        K: (3, 3), pixels.
        world_to_camera: (4, 4), OpenCV axes.
    """
    if means.is_cuda:
        from .gsplat_rasteriser import blended
    else:
        from .numba_rasteriser import blended
    summed, depth, alpha = blended(means, quats, scales, opacities, features, K, world_to_camera, width, height, near)
    return Rendering(summed, depth / alpha.clamp(min=1e-10), alpha)


def rotations(quats: torch.Tensor) -> torch.Tensor:
    """(g, 3, 3) of quaternions (g, 4), wxyz."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(dim=1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)
