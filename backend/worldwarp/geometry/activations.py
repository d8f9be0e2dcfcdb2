"""From the heads' raw numbers to points, confidence and colours."""

import torch
from torch import Tensor


def points(raw: Tensor) -> Tensor:
    """Points (..., 3) in metres from raw vectors (..., 3): their length d becomes exp(d) - 1."""
    d: Tensor = torch.linalg.vector_norm(raw, dim=-1, keepdim=True)
    return raw * (torch.expm1(d) / d.clamp_min(1e-8))


def confidence(raw: Tensor) -> Tensor:
    """In (1, inf)."""
    return 1 + raw.exp()


def colours(raw: Tensor) -> Tensor:
    """RGB in (-1, 1)."""
    margin = 1e-6
    return 2 * (raw.sigmoid() * (1 - 2 * margin) + margin - 0.5)
