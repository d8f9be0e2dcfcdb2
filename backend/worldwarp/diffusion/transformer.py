"""ST-Diff's network: Wan2.1's video transformer with one noise level per token (paper section 4.2).

It is diffusers' ``WanTransformer3DModel``, weights and results included, but embeds each *distinct* level once and
looks the embeddings up token by token. Embedded per token, a chunk of 81 frames needs a modulation of 28,350 x 6 x
1536 numbers, 1 GB in float32; there are rarely more than a few dozen distinct levels.
"""

import functools
from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel, WanTransformerBlock
from torch import Tensor, nn

from .sampler import Velocity

WAN_1_3B: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 12,
    "attention_head_dim": 128,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 4096,
    "freq_dim": 256,
    "ffn_dim": 8960,
    "num_layers": 30,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "eps": 1e-6,
}
"""The configuration of the published weights (Wan2.1-T2V-1.3B)."""

ROWS = 64
"""Distinct levels are padded to a multiple of this. Matrix products of very few rows take other paths, whose last bits
differ; and a compiled block sees one shape, however many levels a step has."""

TIMESTEPS = 1000
"""What the network calls sigma = 1."""

Modulation = tuple[Tensor, Tensor]
"""Embedded levels (K, 6, dim), and which of them each token has (B, tokens)."""


class STDiffBlock(WanTransformerBlock):
    """A stock block that looks its shifts, scales and gates up: only these (tokens, dim) at a time are float32."""

    def forward(  # type: ignore[override]
        self, hidden_states: Tensor, encoder_hidden_states: Tensor, modulation: Modulation, rotary_emb: Any
    ) -> Tensor:
        """Tokens (B, tokens, dim) to tokens; text (B, L, dim)."""
        x, (table, index) = hidden_states, modulation
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = (self.scale_shift_table + table.float()).unbind(1)
        attended = self.attn1(_modulated(self.norm1, x, shift, scale, index), None, None, rotary_emb)
        x = (x.float() + attended * F.embedding(index, gate)).type_as(x)
        x = x + self.attn2(self.norm2(x.float()).type_as(x), encoder_hidden_states, None, None)
        fed = self.ffn(_modulated(self.norm3, x, ffn_shift, ffn_scale, index))
        return cast(Tensor, (x.float() + fed.float() * F.embedding(index, ffn_gate)).type_as(x))


def _modulated(norm: nn.Module, x: Tensor, shift: Tensor, scale: Tensor, index: Tensor) -> Tensor:
    # F.embedding and not shift[index]: its gradient sums the many tokens of a level in order, and fast.
    normed = cast(Tensor, norm(x.float()))
    return (normed * F.embedding(index, 1 + scale) + F.embedding(index, shift)).type_as(x)


class STDiff(WanTransformer3DModel):
    """``WanTransformer3DModel`` for one timestep per token; the same parameters, configuration and results.

    Bit for bit the same on a CPU from 32 tokens on; with fewer it is diffusers' own products that have few rows (see
    ``ROWS``). Text to video only, on one device.
    """

    _repeated_blocks = ["STDiffBlock"]  # noqa: RUF012 - diffusers' own
    _no_split_modules = ["STDiffBlock"]  # noqa: RUF012

    # The blocks change their class and nothing else: building them again would repeat diffusers' constructor, whose
    # signature is what configurations are read by.
    @functools.wraps(WanTransformer3DModel.__init__)  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for block in self.blocks:
            block.__class__ = STDiffBlock

    def forward(
        self, hidden_states: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, return_dict: bool = True
    ) -> Transformer2DModelOutput | tuple[Tensor]:
        """Velocity of latents (B, C, T', H', W') at ``timestep`` (B, tokens) = 1000 sigma, which may be fractions.

        ``encoder_hidden_states`` (B, L, D): the text.

        Raises:
            ValueError: the latents do not divide into tokens, or the timesteps are not one per token.
        """
        patch = self.config["patch_size"]
        grid = _tokens(hidden_states, patch)
        _check(timestep, hidden_states, grid)
        rotary = self.rope(hidden_states)
        x = self.patch_embedding(hidden_states).flatten(2).transpose(1, 2).contiguous()
        levels, index = torch.unique(timestep, return_inverse=True)
        levels = F.pad(levels, (0, -len(levels) % ROWS))
        embedded, projected, text, _ = self.condition_embedder(levels, encoder_hidden_states)
        modulation = projected.unflatten(1, (6, -1)), index
        for block in self.blocks:
            x = self._run(block, x, text, modulation, rotary)
        shift, scale = (self.scale_shift_table + embedded.unsqueeze(1)).unbind(1)
        x = self.proj_out(_modulated(self.norm_out, x, shift, scale, index))
        x = _latents(x, grid, patch)
        return Transformer2DModelOutput(sample=x) if return_dict else (x,)

    def _run(self, block: nn.Module, *arguments: Any) -> Tensor:
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            checkpointed: Any = self._gradient_checkpointing_func
            return cast(Tensor, checkpointed(block, *arguments))
        return cast(Tensor, block(*arguments))


def _tokens(latents: Tensor, patch: tuple[int, int, int]) -> tuple[int, int, int]:
    """(T', h, w)."""
    sizes = tuple(latents.shape[2:])
    if len(sizes) != 3 or any(size % side for size, side in zip(sizes, patch, strict=True)):
        raise ValueError(f"Latents of shape {tuple(latents.shape)} do not divide into tokens of {patch} latents.")
    frames, height, width = (size // side for size, side in zip(sizes, patch, strict=True))
    return frames, height, width


def _check(timestep: Tensor, latents: Tensor, grid: tuple[int, int, int]) -> None:
    frames, height, width = grid
    wanted = (len(latents), frames * height * width)
    if tuple(timestep.shape) != wanted:
        raise ValueError(
            f"Timesteps of shape {tuple(timestep.shape)} were given, one per token; but latents of shape "
            f"{tuple(latents.shape)} have {wanted[1]} tokens ({frames} x {height} x {width}) in a batch of {wanted[0]}."
        )


def _latents(x: Tensor, grid: tuple[int, int, int], patch: tuple[int, int, int]) -> Tensor:
    """Tokens (B, tokens, p_t * p_h * p_w * C) to latents (B, C, T', H', W')."""
    x = x.reshape(len(x), *grid, *patch, -1).permute(0, 7, 1, 4, 2, 5, 3, 6)
    return x.flatten(6, 7).flatten(4, 5).flatten(2, 3)


def velocity(transformer: STDiff, text: Tensor) -> Velocity:
    """The network as the sampler's model, for texts (B, L, D).

    The model maps latents (C, T', H', W') and levels (T', h, w), sigmas in [0, 1], to velocities (B, C, T', H', W') in
    float32: one for each text.
    """

    def model(x: Tensor, levels: Tensor) -> Tensor:
        batch = len(text)
        latents = x.to(transformer.dtype).expand(batch, *x.shape)
        timestep = (TIMESTEPS * levels.to(x.device, torch.float32)).flatten().expand(batch, -1)
        return cast(Tensor, transformer(latents, timestep, text.to(latents), return_dict=False)[0]).float()

    return model


def choose_attention(transformer: STDiff, device: torch.device) -> str:
    """Set the fastest attention that works on ``device``, and return its name.

    On CUDA ``flash`` where flash-attn is installed; ``_native_cudnn`` on Hopper; otherwise, as on a CPU, ``native``.
    All but the last are tried on a few numbers first. Only ``native`` on a CPU was ever run.
    """
    candidates = ["native"]
    if device.type == "cuda":
        hopper = torch.cuda.get_device_capability(device)[0] == 9
        candidates = ["flash", *["_native_cudnn"] * hopper, "native"]
    name = next(name for name in candidates if name == "native" or _works(transformer, name, device))
    transformer.set_attention_backend(name)
    return name


def _works(transformer: STDiff, backend: str, device: torch.device) -> bool:
    q = torch.ones(1, 128, 12, 128, device=device, dtype=transformer.dtype)
    try:
        transformer.set_attention_backend(backend)  # refuses what is not installed, or too old
        return bool(dispatch_attention_fn(q, q, q, backend=AttentionBackendName(backend)).isfinite().all())
    except Exception:  # an old driver, a type it cannot do: whatever it is, another one serves and is named
        return False
