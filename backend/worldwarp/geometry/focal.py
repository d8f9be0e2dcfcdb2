"""Focal length from points in a camera's own axes."""

import torch
from torch import Tensor

ROUNDS = 10
"""Of Weiszfeld's algorithm."""

DISAGREES = 1.25
"""Ratio to the pixels' median vote beyond which outliers have taken over the estimate."""


def focal(points: Tensor, centre: Tensor | None = None) -> Tensor:
    """Focal lengths (...) in pixels of point maps (..., H, W, 3), pixels square.

    The f that minimises the sum of |p - f a| (Weiszfeld), where p is the pixel (numbered from 0) less the principal
    point and a = (x/z, y/z). Ten rounds do not recover from heavy outliers: where the estimate is far from the median
    of what each pixel alone would say, the median counts.

    Args:
        points: OpenCV axes. Pixels with z = 0 tell nothing and are passed over.
        centre: (2,) the principal point x, y; (W // 2, H // 2) without.
    """
    height, width = points.shape[-3:-1]
    v, u = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    middle = torch.tensor([width // 2, height // 2]) if centre is None else centre
    p = (torch.stack([u, v], -1).to(points) - middle.to(points)).flatten(0, 1)
    a = (points[..., :2] / points[..., 2:]).nan_to_num(0, 0, 0).flatten(-3, -2)
    pa, aa = (p * a).sum(-1), (a * a).sum(-1)
    f = pa.mean(-1) / aa.mean(-1)
    for _ in range(ROUNDS):
        weight = 1 / (p - f[..., None, None] * a).norm(dim=-1).clamp_min(1e-8)
        f = (weight * pa).mean(-1) / (weight * aa).mean(-1)
    f, vote = f.clamp_min(0), (pa / aa).nanmedian(-1).values
    return torch.where((f > DISAGREES * vote) | (f < vote / DISAGREES), vote, f).clamp_min(0)
