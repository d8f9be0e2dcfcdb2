"""0.8 L1 + 0.2 (1 - SSIM) + 0.01 L1 on disparity (Kerbl et al. 2023, eq. 7; pipeline step 4), over known pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from .rasterise import Rendering

WINDOW = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
"""Of SSIM (Wang et al. 2004): 11 taps, sigma 1.5."""
WINDOW /= WINDOW.sum()

C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Target:
    """A history view, as the loss wants it."""

    rgb: torch.Tensor
    """(H, W, 3) in [0, 1]."""
    disparity: torch.Tensor
    """(H, W), ``unit`` / depth."""
    weight: torch.Tensor
    """(H, W), 0 to 1: how much the colour of a pixel counts; 0 where it is not compared."""
    weight_disparity: torch.Tensor
    """(H, W), likewise for its disparity."""
    unit: float
    """The scene's median depth, so that the loss does not depend on the world's units."""


def loss(seen: Rendering, target: Target) -> tuple[torch.Tensor, float]:
    """The loss of one view, and its PSNR in dB (100 at most), over the pixels that count.

    The mean is over their number, not their weights: a view of little worth pulls little. Colours are compared after
    division by alpha, as the priors are read: light that passes is not black paint.
    """
    count = (target.weight > 0).sum().clamp(min=1)
    colour = seen.features / seen.alpha.clamp(min=1e-3)[..., None]
    difference = (colour - target.rgb) * (target.weight > 0)[..., None]
    l1 = (difference.abs() * target.weight[..., None]).sum() / (3 * count)
    likeness = ssim(colour.permute(2, 0, 1), target.rgb.permute(2, 0, 1)).mean(0)
    unlike = ((1 - likeness) * target.weight).sum() / count
    covered = target.weight_disparity * (seen.alpha.detach() > 0.5)
    disparity = target.unit / torch.where(covered > 0, seen.depth, target.unit)
    l1_disparity = ((disparity - target.disparity) * covered).abs().sum() / (covered > 0).sum().clamp(min=1)
    mse = float(difference.detach().square().sum() / (3 * count))
    return 0.8 * l1 + 0.2 * unlike + 0.01 * l1_disparity, -10 * float(np.log10(max(mse, 1e-10)))


def ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIM (c, H, W) of images (c, H, W) in [0, 1], black around them (Wang et al. 2004, eq. 13)."""
    mean_x, mean_y, xx, yy, xy = blur(torch.stack([x, y, x * x, y * y, x * y]))
    variances, covariance = xx - mean_x**2 + yy - mean_y**2, xy - mean_x * mean_y
    means = mean_x**2 + mean_y**2
    likeness: torch.Tensor = (2 * mean_x * mean_y + C1) * (2 * covariance + C2) / ((means + C1) * (variances + C2))
    return likeness


def blur(images: torch.Tensor) -> torch.Tensor:
    """Filter (..., H, W) with ``WINDOW`` in both directions, zeros around: our kernel on the CPU, torch's on CUDA."""
    if images.is_cuda:
        taps = torch.as_tensor(WINDOW, dtype=images.dtype, device=images.device)
        flat = images.reshape(-1, 1, *images.shape[-2:])
        flat = torch.nn.functional.conv2d(flat, taps[None, None, :, None], padding=(5, 0))
        return torch.nn.functional.conv2d(flat, taps[None, None, None, :], padding=(0, 5)).reshape(images.shape)
    blurred: torch.Tensor = _Blur.apply(images)  # type: ignore[no-untyped-call]
    return blurred


class _Blur(torch.autograd.Function):
    """The window is symmetric and the border zero, so the filter is its own transpose."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        return _blurred(images)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        return _blurred(gradient)


def _blurred(images: torch.Tensor) -> torch.Tensor:
    planes: NDArray[Any] = images.detach().contiguous().numpy().reshape(-1, *images.shape[-2:])
    out = np.empty_like(planes)
    _blur(planes, WINDOW.astype(planes.dtype), np.empty_like(planes), out)
    return torch.from_numpy(out).reshape(images.shape)


@njit(parallel=True, cache=True, fastmath={"contract"})
def _blur(planes, taps, rows, out):  # type: ignore[no-untyped-def]
    count, height, width = planes.shape
    radius = len(taps) // 2
    for i in prange(count * height):
        plane, y = i // height, i % height
        row = rows[plane, y]
        row[:] = 0
        for k in range(max(-radius, -y), min(radius, height - 1 - y) + 1):
            tap = taps[k + radius]
            for x in range(width):
                row[x] += tap * planes[plane, y + k, x]
    for i in prange(count * height):
        row, target = rows[i // height, i % height], out[i // height, i % height]
        target[:] = 0
        for k in range(-radius, radius + 1):
            tap = taps[k + radius]
            for x in range(max(0, -k), min(width, width - k)):
                target[x] += tap * row[x + k]
