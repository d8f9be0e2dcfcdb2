"""Frames to latents and back with Wan's causal video VAE, and coarse pictures of latents that need no VAE.

A latent frame holds four frames, the first one only frame 0: T' = 1 + (n - 1) / 4. Latents are normalised: zero mean
and unit variance per channel, by the constants in the VAE's own configuration (pipeline step 7).
"""

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, unpatchify
from diffusers.utils.torch_utils import get_module_execution_device
from torch import Tensor
from torch.nn.functional import avg_pool2d
from worldwarp_protocol.errors import InvalidShot

from ..nouns import Bytes, Floats

Vae = Any
"""diffusers' ``AutoencoderKLWan``, in the published form or patched (``patch_size``); its attributes are not typed."""

RIDGE = 1e-6
"""Of the latents' mean variance: decides where latents do not vary, and is nothing where they do."""


@torch.no_grad()
def encode(vae: Vae, frames: Floats) -> Tensor:
    """Normalised latents (C, T', H/8, W/8), float32, of frames (n, H, W, 3) in [0, 1]: the posterior's mode.

    Raises:
        InvalidShot: n is not 4k + 1; the VAE would drop the frames that are over.
    """
    if len(frames) % 4 != 1:
        raise InvalidShot("frames", f"There are {len(frames)} of them; the VAE takes 4k + 1, such as 49.")
    video = torch.from_numpy(frames).to(get_module_execution_device(vae), vae.dtype).permute(3, 0, 1, 2)
    try:
        posterior = vae.encode(video[None] * 2 - 1).latent_dist
    finally:
        vae.clear_cache()  # what an error leaves there would keep its memory
    mode: Tensor = posterior.mode()[0].float()
    mean, std = _statistics(vae, mode)
    return (mode - mean) / std


def decode(vae: Vae, latents: Tensor) -> Iterator[Floats]:
    """Frames (k, H, W, 3) in [0, 1] of normalised latents (C, T', H/8, W/8): 1 frame, then 4 at a time.

    Equals ``vae.decode`` to the bit, but holds one latent frame's pictures and the causal convolutions' features
    only, and gives both back when the consumer stops early. Decodes of one VAE may overlap.

    With tiling enabled (memory mode ``low``) nothing is streamed: all n frames come at once, since a tile is decoded
    over the whole length before its neighbour.
    """
    mean, std = _statistics(vae, latents)
    z = (latents.float() * std + mean).to(get_module_execution_device(vae), vae.dtype)[None]
    if vae.use_tiling:
        yield _decode_tiles(vae, z)
        return
    z = _prepare(vae, z)
    features: list[Tensor | str | None] = [None] * sum(isinstance(m, WanCausalConv3d) for m in vae.decoder.modules())
    try:
        for t in range(z.shape[2]):
            yield _decode_frame(vae, z[:, :, t : t + 1], features, t == 0)
    finally:
        features.clear()


def preview_map(latents: Tensor, frames: Floats) -> Tensor:
    """The affine map (C + 1, 3) from a latent to the mean colour of its 8 x 8 pixels, fitted to this very chunk.

    Least squares over the chunk's own priors, so it needs no constants and fits any VAE.

    Args:
        latents: (C, T', h, w), of ``frames``.
        frames: (n, H, W, 3) in [0, 1]; 0, 4, 8, ... are compared, the last of those that a latent holds.
    """
    x = latents.double().cpu().flatten(1).T
    shown = torch.from_numpy(frames[::4]).permute(0, 3, 1, 2)
    y = avg_pool2d(shown, frames.shape[1] // latents.shape[2]).permute(0, 2, 3, 1).reshape(-1, 3).double()
    centred, colours = x - x.mean(0), y - y.mean(0)
    squares = centred.T @ centred
    squares.diagonal().add_(RIDGE * squares.diagonal().mean() + 1e-12)
    weights = torch.linalg.solve(squares, centred.T @ colours)
    return torch.cat([weights, y.mean(0, keepdim=True) - x.mean(0, keepdim=True) @ weights]).float()


def preview(latents: Tensor, mapping: Tensor) -> Bytes:
    """What latents (C, T', h, w) look like by ``preview_map``'s map: (T', h, w, 3), every fourth frame, coarsely."""
    mapping = mapping.to(latents.device)
    colours = torch.einsum("cthw,cd->thwd", latents.float(), mapping[:-1]) + mapping[-1]
    shown: Bytes = (colours.clamp(0, 1) * 255).round().byte().cpu().numpy()
    return shown


def _statistics(vae: Vae, like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel, (C, 1, 1, 1), where ``like`` is."""
    given = torch.tensor([vae.config.latents_mean, vae.config.latents_std], device=like.device)
    mean, std = given[..., None, None, None]
    return mean, std


@torch.no_grad()
def _prepare(vae: Vae, z: Tensor) -> Tensor:
    """What ``vae.decode`` does before its loop: wake an offloaded model, and mix the channels."""
    if hook := getattr(vae, "_hf_hook", None):
        hook.pre_forward(vae)
    mixed: Tensor = vae.post_quant_conv(z)
    return mixed


@torch.no_grad()
def _decode_frame(vae: Vae, z: Tensor, features: list[Tensor | str | None], first: bool) -> Floats:
    """The frames of one latent frame z (1, C, 1, h, w); ``features`` of the frames before it are brought up to date."""
    out = vae.decoder(z, feat_cache=features, feat_idx=[0], first_chunk=first)
    if vae.config.patch_size is not None:
        out = unpatchify(out, patch_size=vae.config.patch_size)
    return _from_video(out.clamp(-1, 1))


@torch.no_grad()
def _decode_tiles(vae: Vae, z: Tensor) -> Floats:
    try:
        return _from_video(vae.decode(z).sample)
    finally:
        vae.clear_cache()


def _from_video(video: Tensor) -> Floats:
    """(1, 3, k, H, W) in [-1, 1] to (k, H, W, 3) in [0, 1]."""
    frames: Floats = (video[0].float() / 2 + 0.5).permute(1, 2, 3, 0).contiguous().cpu().numpy()
    return frames
