"""The sizes by name: ``smoke`` for what two CPU cores train in an afternoon, ``mini`` for one GPU, ``wan`` in full."""

from dataclasses import dataclass, replace
from typing import Any

from .geometry import Objective as GeometryObjective
from .loop import Options
from .st_diff import Objective as StDiffObjective
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
    warps: int = 4
    """Of each clip, for ST-Diff."""
    gaps: float = 0.0
    """Share of a token that may be blank where it counts as known: in small pictures tokens are large."""


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

QUICK_VAE = {**SMALL_VAE, "dim_mult": [1, 2, 2], "base_dim": 24, "num_res_blocks": 1, "z_dim": 32}
"""1.5 M numbers; a step of two parts of a clip takes one CPU core 0.6 s. With 16 channels it cannot show the textures
of so small pictures: 16 main components of 4 frames x 8 x 8 pixels explain held-out clips to 23.3 dB, 32 to 25.2 dB."""

VAE = {
    "smoke": Plan(
        QUICK_VAE,
        Footage(train=320, held_out=8, frames=17, height=64, width=96),
        Options(steps=2700, lr=3e-4, warmup=200, ema=0.995, evaluate_every=250, checkpoint_every=250),
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

SMALL_ST_DIFF = {
    "patch_size": (1, 2, 2),
    "attention_head_dim": 32,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 64,
    "freq_dim": 64,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
}

QUICK_ST_DIFF = {
    **SMALL_ST_DIFF,
    "in_channels": QUICK_VAE["z_dim"],
    "out_channels": QUICK_VAE["z_dim"],
    "num_attention_heads": 8,
    "ffn_dim": 1024,
    "num_layers": 6,
}
"""7.0 M numbers; a step of 960 tokens takes one CPU core 0.8 s."""

GAPS = 0.1
"""Of warps at 128 x 192, 84 % of the pixels are known, but only 59 % of the tokens wholly; so 74 % count."""

ST_DIFF = {
    "smoke": Plan(
        QUICK_ST_DIFF,
        replace(VAE["smoke"].footage, warps=2, gaps=GAPS),
        Options(steps=1000, lr=1e-3, warmup=100, ema=0.995, evaluate_every=200, checkpoint_every=200),
        StDiffObjective(batch=8),
    ),
    "smoke-wide": Plan(
        QUICK_ST_DIFF,
        Footage(train=64, held_out=4, frames=17, height=128, width=192, warps=2, gaps=GAPS),
        Options(steps=700, lr=5e-4, warmup=50, ema=0.995, evaluate_every=200, checkpoint_every=200),
        StDiffObjective(batch=2),
    ),
    "mini": Plan(
        {**SMALL_ST_DIFF, "num_attention_heads": 8, "ffn_dim": 1024, "num_layers": 8},
        replace(VAE["mini"].footage, gaps=GAPS),
        Options(steps=13_000, lr=4e-4, warmup=500, evaluate_every=1000, checkpoint_every=1000),
        StDiffObjective(batch=128),
    ),
    "wan": Plan(
        {},
        Footage(train=2048, held_out=8, frames=49, height=480, width=720),
        Options(steps=10_000, lr=5e-5, warmup=1000, decay=False),
        StDiffObjective(batch=8),
    ),
}
"""``smoke-wide`` goes on from ``smoke`` with larger pictures. ``wan`` fine-tunes the published network as the paper did
(section 7); 8 GPUs make its batch of 64."""

SMALL_GEOMETRY = {
    "enc_embed_dim": 192,
    "enc_depth": 6,
    "enc_num_heads": 4,
    "dec_embed_dim": 96,
    "dec_depth": 4,
    "dec_num_heads": 4,
    "state_dec_num_heads": 4,
    "state_size": 128,
    "local_mem_size": 32,
    "ray_enc_depth": 0,
    "dpt_feature_dim": 32,
    "dpt_layer_dims": (24, 32, 48, 64),
    "dpt_last_dim": 24,
}
"""8.0 M numbers, 15.2 MiB in float16. A decoder of 192 would make a pose memory of 384 and 22 M numbers."""

GEOMETRY = {
    "smoke": Plan(
        {**SMALL_GEOMETRY, "img_size": (64, 96)},
        VAE["smoke"].footage,
        Options(steps=3000, lr=5e-4, warmup=100, ema=0.995, evaluate_every=200, checkpoint_every=200),
        GeometryObjective(batch=4, frames=4),
    ),
    "mini": Plan(
        {**SMALL_GEOMETRY, "img_size": (128, 192)},
        VAE["mini"].footage,
        Options(steps=6000, lr=6e-4, warmup=300, evaluate_every=500, checkpoint_every=500),
        GeometryObjective(batch=16, frames=8),
    ),
}
"""The full network is published, under terms of its own; it is not trained here."""
