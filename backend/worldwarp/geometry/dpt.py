"""A dense head (DPT, arXiv 2103.13413): four levels of tokens to a map at the picture's resolution."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DPT(nn.Module):
    """Tokens of four levels, finest first, to (B, channels, 16 h, 16 w)."""

    def __init__(
        self, token_dims: Sequence[int], layer_dims: Sequence[int], feature_dim: int, last_dim: int, channels: int
    ) -> None:
        super().__init__()
        # each level is brought to a resolution of its own: 4, 2, 1 and 1/2 pixels a token
        rescale: list[list[nn.Module]] = [
            [nn.ConvTranspose2d(layer_dims[0], layer_dims[0], 4, stride=4)],
            [nn.ConvTranspose2d(layer_dims[1], layer_dims[1], 2, stride=2)],
            [],
            [nn.Conv2d(layer_dims[3], layer_dims[3], 3, stride=2, padding=1)],
        ]
        self.act_postprocess = nn.ModuleList(
            nn.Sequential(PointConv(tokens, layer), *more)
            for tokens, layer, more in zip(token_dims, layer_dims, rescale, strict=True)
        )
        self.scratch = Fusion(layer_dims, feature_dim)
        self.head = nn.Sequential(
            nn.Conv2d(feature_dim, last_dim, 3, padding=1),
            Upsample(),
            nn.Conv2d(last_dim, last_dim, 3, padding=1),
            nn.ReLU(),
            PointConv(last_dim, channels),
        )

    def forward(self, levels: Sequence[Tensor], grid: tuple[int, int]) -> Tensor:
        """The map, of four levels (B, h * w, C) of tokens.

        Args:
            levels: as the network passes them, first to last.
            grid: (h, w).
        """
        maps = [
            rescale(torch.unflatten(tokens.transpose(1, 2), 2, grid))
            for rescale, tokens in zip(self.act_postprocess, levels, strict=True)
        ]
        return cast(Tensor, self.head(self.scratch(maps)))


class Fusion(nn.Module):
    """Coarse to fine: each level is added to what the coarser ones say, at twice their resolution."""

    def __init__(self, layer_dims: Sequence[int], dim: int) -> None:
        super().__init__()
        self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn = (
            nn.Conv2d(layer, dim, 3, padding=1, bias=False) for layer in layer_dims
        )
        # the same four under a second name: the checkpoint holds them twice
        self.layer_rn = nn.ModuleList([self.layer1_rn, self.layer2_rn, self.layer3_rn, self.layer4_rn])
        self.refinenet1, self.refinenet2, self.refinenet3, self.refinenet4 = (FusionBlock(dim) for _ in range(4))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(B, dim, 8 h, 8 w) of maps with 4, 2, 1 and 1/2 pixels a token."""
        one, two, three, four = (layer(level) for layer, level in zip(self.layer_rn, maps, strict=True))
        path = self.refinenet4(four)[..., : three.shape[-2], : three.shape[-1]]  # of odd sizes half a token overhangs
        return cast(Tensor, self.refinenet1(self.refinenet2(self.refinenet3(path, three), two), one))


class FusionBlock(nn.Module):
    """Add a level, refine, double the resolution."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.resConfUnit1, self.resConfUnit2 = ResidualConv(dim), ResidualConv(dim)
        self.upsample = Upsample()
        self.out_conv = PointConv(dim, dim)

    def forward(self, path: Tensor, level: Tensor | None = None) -> Tensor:
        if level is not None:
            path = path + self.resConfUnit1(level)
        return cast(Tensor, self.out_conv(self.upsample(self.resConfUnit2(path))))


class ResidualConv(nn.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.conv2(F.relu(self.conv1(F.relu(x)))))


class PointConv(nn.Conv2d):
    """A 1 x 1 convolution as the matrix product that it is: its bits do not depend on the number of CPU threads."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.movedim(1, -1), self.weight.flatten(1), self.bias).movedim(-1, 1)


class Upsample(nn.Module):
    """Twice the resolution, corner on corner as the network was trained."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
