"""Rotary position code in two dimensions (RoPE, arXiv 2104.09864, once for rows and once for columns)."""

from typing import NamedTuple

import torch
from torch import Tensor

BASE = 100.0


class Rotation(NamedTuple):
    """Cosine and sine of every token's angles, each (tokens, D/4) for rows, then for columns: (tokens, 2, D/4)."""

    cos: Tensor
    sin: Tensor


def rotation(positions: Tensor, head_dim: int) -> Rotation:
    """The angles at ``positions`` (..., tokens, 2), integers (row, column), for heads of ``head_dim`` channels.

    Angle i of Q = head_dim / 4 is position * base^(-i/Q). Positions may be negative: the pose token stands at (-1, -1).
    """
    quarter = head_dim // 4
    frequency = BASE ** -(torch.arange(quarter, device=positions.device, dtype=torch.float32) / quarter)
    angle = positions[..., None] * frequency
    return Rotation(angle.cos(), angle.sin())


def rotate(tokens: Tensor, by: Rotation | None) -> Tensor:
    """Rotate ``tokens`` (..., tokens, D): the first half by the row's angles, the second by the column's.

    In each half channel i is paired with channel i + Q. Without a rotation the tokens are returned as they are.
    """
    if by is None:
        return tokens
    u, v = torch.unflatten(tokens, -1, (2, 2, -1)).unbind(-2)
    return torch.stack([u * by.cos - v * by.sin, v * by.cos + u * by.sin], -2).flatten(-3)


def grid_positions(rows: int, columns: int, device: torch.device) -> Tensor:
    """(rows * columns, 2): row and column of each cell, row by row."""
    return torch.cartesian_prod(torch.arange(rows, device=device), torch.arange(columns, device=device))
