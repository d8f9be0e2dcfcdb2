"""The most memory that a chunk needs: expected before a run, measured after it.

What ``expected`` says of 720 x 480 x 49 with the published networks, in GB (1e9 bytes): what stays, what each stage
adds to it, and the most, with 0.6 for the runtime:

    memory    stays  transformer  VAE  text encoder  captioner  geometry  most
    full       23.1          1.7  6.7          11.7  0.5 + 4.6 together   35.3
    balanced    3.3          0.8  6.7          11.7       17.1       7.8  21.0
    low         0.0          2.3  2.1           2.6        9.9       7.8  10.5

Torch-free until something is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .memory import OFFLOADED, RESIDENT, STAGED, Plan

if TYPE_CHECKING:
    import torch

NETWORKS = {
    "transformer": (1.419e9, 2),
    "vae": (0.127e9, 4),
    "text_encoder": (5.68e9, 2),
    "captioner": (8.29e9, 2),
    "geometry": (0.79e9, 4),
}
"""Parameters of the published networks, and bytes of each on a GPU."""

DIM, FFN = 1536, 8960
"""Numbers of a token in the transformer and in its feed-forward layers (Wan2.1-T2V-1.3B)."""
VAE_NUMBERS = 4866
"""Numbers that the VAE's decoder holds per pixel, counted over its operations: the features of two frames that every
causal convolution keeps (about 2,400), and the widest step. Its encoder holds fewer (3,590)."""
TILE = 256 * 256
OVERLAP = 16 / 9
"""Pixels of all tiles by the pixels of the picture: tiles of 256 at every 192."""
CAPTION_BYTES = int(0.5e9)
"""Six pictures of 256 tokens: widest feed-forward layer, keys and values."""
CAST_BYTES = int(1.1e9)
"""The captioner's largest layer (152,064 words of 3,584 numbers) in bfloat16, where it is stored in 8 bits."""
TEXT_BYTES = int(0.3e9)
"""512 tokens: attention of 64 heads in float32, feed-forward layers."""
GEOMETRY_BYTES = int(4.6e9)
"""TTT3R at 512 x 384 was measured at 7.2 GiB, weights among them."""
OFFLOADED_PART = 0.2
"""Largest layer by all weights: the text encoder's table of words is 18 % of it."""
RUNTIME_BYTES = int(0.6e9)
"""CUDA's context, and what cuBLAS and cuDNN work in."""


def published(plan: Plan) -> dict[str, int]:
    """Bytes of the published networks' weights, by name, as the plan stores them."""

    def size(name: str) -> int:
        parameters, each = NETWORKS[name]
        return int(parameters * (4 if plan.cpu else 1 if name in plan.eight_bits else each))

    return {name: size(name) for name in NETWORKS}


def expected(plan: Plan, width: int, height: int, frames: int, weights: Mapping[str, int] | None = None) -> int:
    """Most bytes that a chunk of ``frames`` at ``width`` x ``height`` needs; an estimate.

    peak = runtime + weights that stay + the largest of the stages' (weights that come + what the stage computes with)

        transformer  tokens x batch x bytes x (2 ffn + 4 dim), tokens = (1 + (frames - 1) / 4) x width x height / 256:
                     both sides of an activation function, and the residual, normalised, attended and cast tokens.
                     Attention never holds tokens x tokens; levels are looked up, (tokens, dim) at a time
        VAE          pixels x 4 x 4,866: one latent frame at a time, with the features kept of those before it;
                     tiled: of one tile, and all frames of all tiles
        others       constants: their pictures have one size, whatever the chunk's

    Words and geometry add up where they overlap. The fit of the Gaussian cache is not counted, nor cuDNN's choice of
    large workspaces.

    Args:
        weights: bytes by network; the published ones' where none are given.
    """
    weights = weights or published(plan)
    names = tuple(NETWORKS)
    stays = sum(weights[name] for name in names if getattr(plan, name) == RESIDENT)
    comes = {STAGED: 1.0, OFFLOADED: OFFLOADED_PART, RESIDENT: 0.0}
    work = working(plan, width, height, frames)
    needs = {name: comes[getattr(plan, name)] * weights[name] + work[name] for name in names}
    if not plan.one_at_a_time:
        needs["captioner"] += needs["geometry"]
    return int(RUNTIME_BYTES + stays + max(needs.values()))


def working(plan: Plan, width: int, height: int, frames: int) -> dict[str, float]:
    """Bytes that each network computes with."""
    tokens = (1 + (frames - 1) // 4) * (width // 16) * (height // 16)
    pixels = width * height
    seen = min(pixels, TILE) if plan.tiled else pixels
    clip = OVERLAP * frames * pixels * 3 if plan.tiled else 0
    return {
        "transformer": tokens * (1 + plan.together) * (4 if plan.cpu else 2) * (2 * FFN + 4 * DIM),
        "vae": 4 * (VAE_NUMBERS * seen + clip),
        "text_encoder": TEXT_BYTES * (1 + plan.cpu),
        "captioner": CAPTION_BYTES * (1 + plan.cpu) + CAST_BYTES * ("captioner" in plan.eight_bits),
        "geometry": GEOMETRY_BYTES,
    }


def measured(device: torch.device) -> int:
    """Most bytes held so far: what torch has reserved of the GPU, or this process on a CPU.

    CUDA's own context is not among them; 0 where the system does not say. ``torch.cuda.reset_peak_memory_stats`` starts
    afresh.
    """
    import torch

    from ..engines.compute import peak_bytes  # which knows the profiles, and they this room

    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else peak_bytes()
