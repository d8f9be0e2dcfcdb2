"""The VAE's first weights: the best linear code that its layers can carry, found in closed form and not by descent.

From random weights a small VAE spends most of a short training on what linear algebra gives in seconds: after 1,000
steps it had found three main components of the pictures, and no colours. So every residual branch begins silent, each
layer that shrinks takes the main components of what it sees, and each layer that grows is fitted by least squares to
what the encoder knew at its place. Training then learns what is not linear.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import (
    WanAttentionBlock,
    WanCausalConv3d,
    WanResidualBlock,
    patchify,
)
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from ..diffusion.vae import Vae
from . import vae as coding

ROWS = 60_000
"""Places at which a layer's input is looked at."""
RIDGE = 1e-4
"""Of the least squares, as a part of the inputs' mean variance."""
LOUD = 2.0
"""A constant channel, so many times as large as the others together: norms then keep how bright a place is."""
SOFT = 0.5
"""Gain of the norms before the last activations, which are nearly linear for small values."""

Layer = Any
"""A convolution of torch's, in two dimensions or three, with a bias."""


@torch.no_grad()
def begin(vae: Vae, video: Tensor, generator: Generator) -> None:
    """Give a Wan VAE without 2.2's shortcuts its first weights, in place; the posterior's width stays as it is.

    Args:
        video: (B, 3, n, H, W) in [0, 1], some dozens of clips; n = 4k + 1, more than 1.
        generator: draws the places that are looked at.
    """
    _silence(vae)
    top, levels = _fit_encoder(vae, video, generator)
    _fit_decoder(vae, video, top, levels, generator)


def _fit_encoder(vae: Vae, video: Tensor, generator: Generator) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Main components, layer by layer; returns what the head is given, and each level before its halving of space and
    before that of time, finest first: (B, C, n, h, w) all."""
    encoder, z = vae.encoder, vae.config.z_dim

    def run() -> Tensor:
        return coding.encode(vae, video)[0]

    _pass_on(encoder.conv_in)
    encoder.conv_in.bias[-1] = LOUD
    downs = [block for block in encoder.down_blocks if hasattr(block, "time_conv")]
    for down in downs:
        halve_space(down.resample[1], _seen(down.resample[1], run), generator)
        halve_time(down.time_conv, _seen(down.time_conv, run), generator)
    encoder.norm_out.gamma.fill_(SOFT)
    code(encoder.conv_out, _seen(encoder.conv_out, run), z, generator)
    _pass_on(vae.quant_conv)
    vae.quant_conv.weight[z:] = 0
    levels = [(torch.cat(_seen(down, run), 2), torch.cat(_seen(down.time_conv, run), 2)) for down in downs]
    return torch.cat(_seen(encoder.norm_out, run), 2), levels


def _fit_decoder(
    vae: Vae, video: Tensor, top: Tensor, levels: list[tuple[Tensor, Tensor]], generator: Generator
) -> None:
    """Least squares, layer by layer, towards what the encoder knew."""
    decoder, latents = vae.decoder, coding.encode(vae, video)[0]

    def fit(layer: Layer, wanted: Sequence[Tensor]) -> None:
        least_squares(layer, _seen(layer, lambda: coding.decode(vae, latents)), wanted, generator)

    _pass_on(vae.post_quant_conv)
    fit(decoder.conv_in, _pieces(top))
    ups = [block.upsamplers[0] for block in decoder.up_blocks if block.upsamplers is not None]
    for up, (space, time) in zip(ups, reversed(levels), strict=True):
        missing = up.time_conv.in_channels - time.shape[1]
        pairs = [pad(time[:, :, first::2], (0, 0, 0, 0, 0, 0, 0, missing)) for first in (1, 2)]
        fit(up.time_conv, [torch.cat(pairs, 1)])
        kept = space[:, : up.resample[1].out_channels]
        fit(up.resample[1], [piece.transpose(1, 2).flatten(0, 1) for piece in _pieces(kept)])
    decoder.norm_out.gamma.fill_(SOFT)
    fit(decoder.conv_out, _pieces(patchify(video * 2 - 1, vae.config.patch_size)))


def halve_space(layer: Layer, seen: list[Tensor], generator: Generator) -> None:
    """The main components of 2 x 2 places, as large as those places are; the last channel is the loud constant."""
    count, wide = layer.out_channels - 1, layer.in_channels
    rows = _columns(layer, seen, generator).reshape(-1, wide, 3, 3)[:, :, :2, :2].flatten(1)
    mean, variances, axes = _components(rows, count)
    weight = torch.zeros(count + 1, wide, 3, 3, dtype=rows.dtype)
    axes = axes / variances.mean().sqrt()
    weight[:count, :, :2, :2] = axes.T.reshape(count, wide, 2, 2)
    _set(layer, weight, _loud(-mean @ axes))


def halve_time(layer: Layer, seen: list[Tensor], generator: Generator) -> None:
    """Of each two frames the means of the first two thirds of the channels, and the main components of how they differ.

    A first frame, which has no second, passes by; so does what stands still.
    """
    count = layer.out_channels - 1
    still = 2 * layer.out_channels // 3
    rows = _columns(layer, seen, generator).reshape(-1, count + 1, 3)
    halves = (rows[:, :count, 2] - rows[:, :count, 1]) / 2
    _, _, axes = _components(halves, count - still)
    weight = torch.zeros(count + 1, count + 1, 3, dtype=rows.dtype)
    weight[range(still), range(still), 1:] = 0.5
    weight[still:count, :count, 2], weight[still:count, :count, 1] = axes.T / 2, -axes.T / 2
    _set(layer, weight, _loud(torch.zeros(count, dtype=rows.dtype)))


def code(layer: Layer, seen: list[Tensor], count: int, generator: Generator) -> None:
    """The first ``count`` outputs become the main components at a place, the small ones made larger."""
    wide = layer.in_channels
    rows = _columns(layer, seen, generator).reshape(-1, wide, 3, 3, 3)[:, :, 2, 1, 1]
    mean, variances, axes = _components(rows, count)
    axes = axes * variances**-0.25 / variances.sqrt().mean().sqrt()
    weight = torch.zeros(layer.weight.shape, dtype=rows.dtype)
    weight[:count, :, 2, 1, 1] = axes.T
    _set(layer, weight, torch.cat([-mean @ axes, torch.zeros(len(weight) - count, dtype=rows.dtype)]))


def least_squares(layer: Layer, seen: list[Tensor], wanted: Sequence[Tensor], generator: Generator) -> None:
    """Weights with which the layer makes ``wanted`` (B, C, ...) of what it sees, as nearly as it can."""
    state = generator.get_state()
    x = _columns(layer, seen, generator)
    y = _chosen([one.movedim(1, -1) for one in wanted], wanted[0].ndim - 1, generator.set_state(state))
    mean_x, mean_y = x.mean(0), y.mean(0)
    inner = (x - mean_x).T @ (x - mean_x) / len(x)
    inner += RIDGE * inner.diagonal().mean() * torch.eye(len(inner), dtype=inner.dtype)
    weight = torch.linalg.solve(inner, (x - mean_x).T @ (y - mean_y) / len(x)).T
    _set(layer, weight, mean_y - weight @ mean_x)


def _components(rows: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (m,), variances (count,) and axes (m, count) of the main components of rows (r, m)."""
    mean = rows.mean(0)
    variances, axes = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
    return mean, variances.flip(0)[:count].clamp(min=1e-12), axes.flip(1)[:, :count]


def _loud(bias: Tensor) -> Tensor:
    """A bias with the constant channel after it."""
    return torch.cat([bias, bias.new_tensor([LOUD * len(bias) ** 0.5])])


def _silence(vae: Vae) -> None:
    for module in vae.modules():
        if isinstance(module, WanResidualBlock):
            _nothing(module.conv2)
            if isinstance(module.conv_shortcut, nn.Conv3d):
                _pass_on(module.conv_shortcut)
        elif isinstance(module, WanAttentionBlock):
            _nothing(module.proj)


def _nothing(layer: Layer) -> None:
    layer.weight.zero_()
    layer.bias.zero_()


def _pass_on(layer: Layer) -> None:
    """The newest frame's own place, channel by channel, as far as there are channels; biases stay where they are."""
    channels = range(min(layer.weight.shape[:2]))
    place = (-1, *(size // 2 for size in layer.kernel_size[1:])) if layer.weight.ndim == 5 else (0, 0)
    layer.weight.zero_()
    layer.weight[channels, channels, *place] = 1


def _set(layer: Layer, weight: Tensor, bias: Tensor) -> None:
    layer.weight.copy_(weight.reshape(layer.weight.shape))
    layer.bias.copy_(bias)


def _seen(module: nn.Module, run: Callable[[], object]) -> list[Tensor]:
    """What a module is given, call by call, a convolution with its padding and the frames kept from before."""
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda layer, given: seen.append(_padded(layer, *given[:2])))
    run()
    handle.remove()
    return seen


def _padded(layer: Layer, x: Tensor, kept: Tensor | None = None) -> Tensor:
    if isinstance(layer, WanCausalConv3d):
        *space, before, after = layer._padding
        frames = [x] if kept is None or not before else [kept, x]
        return pad(torch.cat(frames, 2), (*space, before - (0 if len(frames) == 1 else frames[0].shape[2]), after))
    if isinstance(layer, nn.Conv2d):
        return pad(x, layer._reversed_padding_repeated_twice)
    return x


def _columns(layer: Layer, seen: list[Tensor], generator: Generator) -> Tensor:
    """What the layer's outputs see (rows, in x taps), float64, at random places of all calls."""
    dims, windows = len(layer.kernel_size), []
    for x in seen:
        for i in range(dims):
            x = x.unfold(2 + i, layer.kernel_size[i], layer.stride[i])
        windows.append(x.movedim(1, 1 + dims))
    return _chosen(windows, 1 + dims, generator)


def _chosen(parts: Sequence[Tensor], dims: int, generator: Generator) -> Tensor:
    """Random places, the first ``dims`` axes, of all parts: (rows, the rest of the axes), float64, on the CPU."""
    counts = [part.shape[:dims].numel() for part in parts]
    places = torch.randperm(sum(counts), generator=generator)[:ROWS].sort().values
    rows, first = [], 0
    for part, count in zip(parts, counts, strict=True):
        here = places[(places >= first) & (places < first + count)] - first
        index = torch.unravel_index(here, part.shape[:dims])
        rows.append(part[tuple(axis.to(part.device) for axis in index)].flatten(1).cpu().double())
        first += count
    return torch.cat(rows)


def _pieces(x: Tensor) -> list[Tensor]:
    """As the coder is called: with the first frame, then with the others."""
    return [x[:, :, :1], x[:, :, 1:]]
