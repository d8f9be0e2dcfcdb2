"""The pose memory: what earlier frames looked like, and the pose tokens they led to."""

import torch
from torch import Tensor, nn

from .blocks import DecoderBlock

DEPTH = 2
"""Blocks to read with, and as many to write with."""


class PoseMemory(nn.Module):
    """Slots that hold pairs (picture's summary, pose token), read by summary. No position codes."""

    def __init__(self, slots: int, feature_dim: int, dim: int, heads: int) -> None:
        super().__init__()
        self.mem = nn.Parameter(0.02 * torch.randn(1, slots, 2 * dim))
        self.masked_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.proj_q = nn.Linear(feature_dim, dim)
        self.read_blocks = nn.ModuleList(DecoderBlock(2 * dim, heads) for _ in range(DEPTH))
        self.write_blocks = nn.ModuleList(DecoderBlock(2 * dim, heads) for _ in range(DEPTH))

    def read(self, memory: Tensor, summary: Tensor) -> Tensor:
        """The pose token (B, 1, dim) that ``memory`` (B, slots, 2 dim) expects of a picture.

        Args:
            memory: the slots.
            summary: (B, 1, feature_dim), mean of the picture's features.
        """
        key = self.proj_q(summary)
        pair = torch.cat([key, self.masked_token.expand_as(key)], -1)
        for block in self.read_blocks:
            pair, _ = block(pair, memory)
        return pair[..., key.shape[-1] :]

    def write(self, memory: Tensor, summary: Tensor, pose_token: Tensor) -> Tensor:
        """The slots after they have taken in a picture and its refined pose token (B, 1, dim)."""
        pair = torch.cat([self.proj_q(summary), pose_token], -1)
        for block in self.write_blocks:
            memory, _ = block(memory, pair)
        return memory
