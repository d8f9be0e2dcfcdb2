"""How far one picture is from another, for training: all differentiable, over frames in [0, 1]."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..cache.loss import C1, C2, blur

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's scales, fine to coarse (Wang, Simoncelli and Bovik 2003, section 3.2)."""
WINDOW = 11
"""Pixels that SSIM's window covers: what is smaller has no scale."""
SOFT = 1e-3
"""Of Charbonnier's loss: a quarter of a grey level, below which it is a parabola."""


def charbonnier(x: Tensor, y: Tensor) -> Tensor:
    """Mean of sqrt((x - y)^2 + SOFT^2) - SOFT: L1 with a round bottom (Charbonnier et al. 1994)."""
    return ((x - y).square() + SOFT**2).sqrt().mean() - SOFT


def gradient_l1(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference between the pixel steps of images (..., H, W), down and across."""
    difference = x - y
    return difference.diff(dim=-2).abs().mean() + difference.diff(dim=-1).abs().mean()


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """MS-SSIM (c,) of images (c, H, W) in [0, 1] (Wang, Simoncelli and Bovik 2003, eq. 7).

    Windows stay inside the picture. Small pictures have fewer than five scales, as many as a window fits into; the
    weights of those sum to one.
    """
    count = min(len(WEIGHTS), (min(x.shape[-2:]) // WINDOW).bit_length())
    if not count:
        raise ValueError(f"images of {tuple(x.shape[-2:])} are smaller than SSIM's window of {WINDOW} pixels")
    product = torch.ones_like(x[:, 0, 0])
    for scale, weight in enumerate(WEIGHTS[:count]):
        luminance, contrast = _likeness(x, y)
        likeness = luminance * contrast if scale == count - 1 else contrast
        # A negative covariance has no real power.
        product = product * likeness.mean((-2, -1)).clamp(min=1e-4) ** (weight / sum(WEIGHTS[:count]))
        x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    return product


def kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """Mean over all elements of the divergence of N(mean, exp(logvar)) from N(0, 1) (Kingma and Welling 2014)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """PSNR in dB (n,) of clips (n, ...) in [0, 1], over all their pixels; 100 at most."""
    return -10 * (x - y).square().flatten(1).mean(1).clamp(min=1e-10).log10()


def _likeness(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast with structure, (c, H - 10, W - 10) each (Wang et al. 2004, eq. 6 and 13)."""
    inside = slice(WINDOW // 2, -(WINDOW // 2))
    mean_x, mean_y, xx, yy, xy = blur(torch.stack([x, y, x * x, y * y, x * y]))[..., inside, inside]
    variances, covariance = xx - mean_x**2 + yy - mean_y**2, xy - mean_x * mean_y
    return (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1), (2 * covariance + C2) / (variances + C2)
