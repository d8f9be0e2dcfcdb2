"""The sizes by name: ``smoke`` for what two CPU cores train in an afternoon, ``mini`` for one GPU, ``wan`` in full."""

from dataclasses import dataclass
from typing import Any

from .loop import Options
from .vae import Objective as VaeObjective


@dataclass(frozen=True)
class Footage:
    """How many clips of what size are made."""

    train: int
    held_out: int
    frames: int
    """4k + 1."""
    height: int
    width: int
    """Divisible by 16, a token's size, both."""


@dataclass(frozen=True)
class Plan:
    """One network: its keyword arguments, the clips, and how it is trained."""

    network: dict[str, Any]
    footage: Footage
    options: Options
    objective: Any


PATCHED = {"z_dim": 16, "dim_mult": [1, 2, 4], "patch_size": 2, "in_channels": 12, "out_channels": 12}
SMALL_VAE = {**PATCHED, "temperal_downsample": [True, True]}
"""Wan's 8 x 8 x 4 compression with three levels: pixels enter in 2 x 2 patches."""

VAE = {
    "smoke": Plan(
        {**SMALL_VAE, "base_dim": 16, "num_res_blocks": 1},
        Footage(train=256, held_out=8, frames=17, height=64, width=96),
        Options(steps=4500, lr=2e-3, warmup=100, ema=0.998, evaluate_every=250, checkpoint_every=250),
        VaeObjective(batch=2, frames=9, size=64),
    ),
    "mini": Plan(
        {**SMALL_VAE, "base_dim": 24, "num_res_blocks": 2},
        Footage(train=2048, held_out=16, frames=25, height=128, width=192),
        Options(steps=6000, lr=8e-4, warmup=300, evaluate_every=500, checkpoint_every=500),
        VaeObjective(batch=16, frames=17, size=96),
    ),
    "wan": Plan(
        {},
        Footage(train=2048, held_out=16, frames=17, height=256, width=384),
        Options(steps=10_000, lr=1e-5, warmup=1000),
        VaeObjective(batch=1, frames=17, size=256),
    ),
}
"""The full VAE is published; its plan fine-tunes it."""
