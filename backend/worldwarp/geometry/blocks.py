"""Transformer blocks. Tokens are (B, N, C); attributes bear the names that the checkpoint gives them."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import MLP_RATIO, NORM_EPS, PATCH
from .rope import Rotation, rotate


def layer_norm(dim: int) -> nn.LayerNorm:
    """Every norm of the network but the modulated ones."""
    return nn.LayerNorm(dim, eps=NORM_EPS)


class PatchEmbed(nn.Module):
    """Pictures (B, channels, H, W) to one token per patch (B, H/16 * W/16, dim), row by row."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, PATCH, stride=PATCH)

    def forward(self, pictures: Tensor) -> Tensor:
        return cast(Tensor, self.proj(pictures)).flatten(2).transpose(1, 2)


class Mlp(nn.Module):
    """Two layers with a GELU between."""

    def __init__(self, dim: int, out: int | None = None) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, MLP_RATIO * dim)
        self.fc2 = nn.Linear(MLP_RATIO * dim, dim if out is None else out)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc2(F.gelu(self.fc1(x))))


class Attention(nn.Module):
    """Self-attention."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, rope: Rotation | None = None) -> Tensor:
        q, k, v = (_split(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        return cast(Tensor, self.proj(_join(_attend(rotate(q, rope), rotate(k, rope), v))))


class CrossAttention(nn.Module):
    """Attention of tokens x to other tokens y."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.projq, self.projk, self.projv, self.proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(
        self, x: Tensor, y: Tensor, rope_x: Rotation | None = None, rope_y: Rotation | None = None
    ) -> tuple[Tensor, Tensor]:
        """What x takes from y (B, Nx, C), and its mean logit (B, Nx), before the softmax, over heads and keys.

        The mean over keys of q.k is q.(mean of k): no attention map is ever made.
        """
        q = rotate(_split(self.projq(x), self.heads), rope_x)
        k = rotate(_split(self.projk(y), self.heads), rope_y)
        v = _split(self.projv(y), self.heads)
        logit = (q * k.mean(2, keepdim=True)).sum(-1).mean(1) * q.shape[-1] ** -0.5
        return self.proj(_join(_attend(q, k, v))), logit


class EncoderBlock(nn.Module):
    """Self-attention and MLP."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = layer_norm(dim), layer_norm(dim)
        self.attn = Attention(dim, heads)
        self.mlp = Mlp(dim)

    def forward(self, x: Tensor, rope: Rotation | None) -> Tensor:
        x = x + self.attn(self.norm1(x), rope)
        return cast(Tensor, x + self.mlp(self.norm2(x)))


class DecoderBlock(nn.Module):
    """Self-attention, cross-attention to y, MLP."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3, self.norm_y = (layer_norm(dim) for _ in range(4))
        self.attn = Attention(dim, heads)
        self.cross_attn = CrossAttention(dim, heads)
        self.mlp = Mlp(dim)

    def forward(
        self, x: Tensor, y: Tensor, rope_x: Rotation | None = None, rope_y: Rotation | None = None
    ) -> tuple[Tensor, Tensor]:
        """The new x (B, Nx, C), and the mean logit (B, Nx) of its cross-attention."""
        x = x + self.attn(self.norm1(x), rope_x)
        taken, logit = self.cross_attn(self.norm2(x), self.norm_y(y), rope_x, rope_y)
        x = x + taken
        return x + self.mlp(self.norm3(x)), logit


class Modulation(nn.Module):
    """A layer norm whose shift and scale are read off a condition (B, C)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = layer_norm(dim)
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(dim, 2 * dim))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.mlp(condition)[:, None].chunk(2, -1)
        return cast(Tensor, self.norm(x) * (1 + scale) + shift)


class ModulatedBlock(nn.Module):
    """An encoder block under a condition."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = Modulation(dim), Modulation(dim)
        self.attn = Attention(dim, heads)
        self.mlp = Mlp(dim)

    def forward(self, x: Tensor, condition: Tensor, rope: Rotation | None) -> Tensor:
        x = x + self.attn(self.norm1(x, condition), rope)
        return cast(Tensor, x + self.mlp(self.norm2(x, condition)))


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D)) v, of (B, heads, N, D) each."""
    if q.shape[2] == 1:  # the fused kernel would sum in an order that depends on the number of CPU threads
        return torch.softmax(q @ k.mT * q.shape[-1] ** -0.5, -1) @ v
    return F.scaled_dot_product_attention(q, k, v)


def _split(tokens: Tensor, heads: int) -> Tensor:
    """(B, N, C) to (B, heads, N, C / heads)."""
    return torch.unflatten(tokens, -1, (heads, -1)).transpose(1, 2)


def _join(tokens: Tensor) -> Tensor:
    """(B, heads, N, D) to (B, N, heads * D)."""
    return tokens.transpose(1, 2).flatten(2)
