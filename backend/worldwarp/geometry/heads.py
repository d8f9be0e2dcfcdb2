"""What the network predicts of a frame; only what is asked for is computed."""

from collections.abc import Sequence

from torch import Tensor, nn

from . import activations, poses
from .blocks import Mlp, ModulatedBlock
from .config import TTT3RConfig
from .dpt import DPT
from .rope import grid_positions, rotation

TRANSFORM_DEPTH = 2
"""Modulated blocks that carry tokens from a frame's own camera to the world."""


class PoseHead(nn.Module):
    """The refined pose token (B, C) to seven raw numbers."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp = Mlp(dim, 7)

    def forward(self, token: Tensor) -> Tensor:
        raw: Tensor = self.mlp(token)
        return raw


class Heads(nn.Module):
    """Points in the frame's own camera and in the world, colours, pose."""

    def __init__(self, config: TTT3RConfig) -> None:
        super().__init__()
        c = config
        self.head_dim = c.dec_embed_dim // c.dec_num_heads

        def dense(channels: int) -> DPT:
            dims = [c.enc_embed_dim, *3 * [c.dec_embed_dim]]
            return DPT(dims, c.dpt_layer_dims, c.dpt_feature_dim, c.dpt_last_dim, channels)

        self.dpt_self, self.dpt_cross, self.dpt_rgb = dense(4), dense(4), dense(3)
        self.final_transform = nn.ModuleList(
            ModulatedBlock(c.dec_embed_dim, c.dec_num_heads) for _ in range(TRANSFORM_DEPTH)
        )
        self.pose_head = PoseHead(c.dec_embed_dim)

    def own_points(self, levels: Sequence[Tensor], grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Points (B, H, W, 3) in the frame's own camera (OpenCV axes, metres) and confidence (B, H, W)."""
        return _points(self.dpt_self(levels, grid))

    def world_points(
        self, levels: Sequence[Tensor], grid: tuple[int, int], pose_token: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same in the world, which is the camera of the first frame since the last reset."""
        *finer, tokens = levels
        rope = rotation(grid_positions(*grid, tokens.device), self.head_dim)
        for block in self.final_transform:
            tokens = block(tokens, pose_token, rope)
        return _points(self.dpt_cross([*finer, tokens], grid))

    def colours(self, levels: Sequence[Tensor], grid: tuple[int, int]) -> Tensor:
        """RGB (B, H, W, 3) in (-1, 1): of use where a ray map was given and no picture."""
        return activations.colours(self.dpt_rgb(levels, grid).movedim(1, -1))

    def pose(self, pose_token: Tensor) -> Tensor:
        """(B, 7): t xyz in metres, q wxyz; camera-to-world."""
        return poses.pose(self.pose_head(pose_token))


def _points(raw: Tensor) -> tuple[Tensor, Tensor]:
    raw = raw.movedim(1, -1)
    return activations.points(raw[..., :3]), activations.confidence(raw[..., 3])
