"""A small Wan VAE: Charbonnier + 0.5 (1 - MS-SSIM) + gradient L1, a breath of KL, and no GAN, which would invent.

A share of the clips have holes that are filled smoothly, for that is what ST-Diff will have it encode.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan, patchify, unpatchify
from torch import Generator, Tensor, nn

from ..diffusion.vae import Vae
from ..holes import fill_smoothly
from ..nouns import Bytes
from ..outputs.pictures import encode_png
from . import losses
from .loop import Task, save_pretrained

LOGVAR = (-30.0, 20.0)
"""As diffusers limits the posterior's log variance."""
FIRST_LOGVAR = -6.0
"""The posterior's log variance before the first step."""

SHEET_CLIPS = 4
EXAMPLES = 20
"""Clips that the first weights are found from."""
STATISTICS_CLIPS = 64
"""Clips whose latents' mean and deviation are measured."""


class Clips(Protocol):
    """Clips by number: a ``Pool``."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> "Pictures": ...


class Pictures(Protocol):
    """A ``Clip``."""

    @property
    def rgb(self) -> Tensor:
        """(n, H, W, 3) uint8."""


@dataclass(frozen=True)
class Objective:
    """What is asked of the VAE."""

    batch: int = 2
    frames: int = 9
    """Of a part of a clip, 4k + 1."""
    size: int = 64
    """Height and width of that part, divisible by 16."""
    holed: float = 0.25
    """Share of the parts that have filled holes."""
    ssim: float = 0.5
    gradient: float = 1.0
    kl: float = 1e-6


def task(network: Vae, pool: Clips, held_out: Clips, objective: Objective, name: str = "vae") -> Task:
    """Training of diffusers' ``AutoencoderKLWan`` on a pool of clips; the held-out ones measure it at full size."""
    device = next(network.parameters()).device

    def loss(network: nn.Module, step: int, generator: Generator) -> dict[str, Tensor]:  # noqa: ARG001
        video = batch(pool, objective, generator).to(device)
        mean, logvar = encode(network, video)
        noise = torch.randn(mean.shape, generator=generator).to(device)
        seen = decode(network, mean + (0.5 * logvar).exp() * noise)
        return terms(seen.float(), video, mean.float(), logvar.float(), objective)

    def evaluate(network: nn.Module) -> dict[str, float]:
        found = [_measure(network, as_video(held_out[i].rgb)[None].to(device), objective) for i in range(len(held_out))]
        return {name: sum(one[name] for one in found) / len(found) for name in found[0]}

    def sheet(network: nn.Module, folder: Path, step: int) -> None:
        videos = [as_video(held_out[i].rgb)[None] for i in range(min(SHEET_CLIPS, len(held_out)))]
        pairs = [(video, decode(network, encode(network, video.to(device))[0])) for video in videos]
        (folder / f"{step:08d}.png").write_bytes(encode_png(_drawn(pairs)))

    def save(network: nn.Module, folder: Path) -> None:
        mean, std = statistics(network, pool)
        network.register_to_config(latents_mean=mean, latents_std=std)  # type: ignore[operator]
        save_pretrained(network, folder)

    return Task(name, network, loss, sheet, evaluate, save)


def encode(vae: Vae, video: Tensor) -> tuple[Tensor, Tensor]:
    """The posterior's mean and log variance (B, C, T', h, w) of a video (B, 3, n, H, W) in [0, 1], with gradients.

    Equals ``vae.encode``. The convolutions are causal, so everything after frame 0 may pass at once and not in fours;
    that is faster, and takes memory in proportion to n.
    """
    x, features = video * 2 - 1, [None] * vae._cached_conv_counts["encoder"]
    if vae.config.patch_size is not None:
        x = patchify(x, patch_size=vae.config.patch_size)
    pieces = [x[:, :, :1], x[:, :, 1:]] if x.shape[2] > 1 else [x]
    mean, logvar = vae.quant_conv(
        torch.cat([vae.encoder(p, feat_cache=features, feat_idx=[0]) for p in pieces], 2)
    ).chunk(2, 1)
    return mean, logvar.clamp(*LOGVAR)


def decode(vae: Vae, z: Tensor) -> Tensor:
    """Video (B, 3, n, H, W), in [0, 1] but for what is not learned yet, of latents as ``encode`` gives them.

    Equals ``vae.decode`` before it clamps: a clamped pixel would have no gradient.
    """
    x, features = vae.post_quant_conv(z), [None] * vae._cached_conv_counts["decoder"]
    out: Tensor = vae.decoder(x[:, :, :1], feat_cache=features, feat_idx=[0], first_chunk=True)
    if x.shape[2] > 1:
        out = torch.cat([out, vae.decoder(x[:, :, 1:], feat_cache=features, feat_idx=[0])], 2)
    if vae.config.patch_size is not None:
        out = unpatchify(out, patch_size=vae.config.patch_size)
    return out / 2 + 0.5


def terms(seen: Tensor, video: Tensor, mean: Tensor, logvar: Tensor, objective: Objective) -> dict[str, Tensor]:
    """What is minimised and its parts, of videos (B, 3, n, H, W) and the posterior."""
    x, y = (one.flatten(0, 2) for one in (seen, video))
    found = {
        "charbonnier": losses.charbonnier(x, y),
        "unlike": 1 - losses.ms_ssim(x, y).mean(),
        "gradient_l1": losses.gradient_l1(x, y),
        "kl": losses.kl(mean, logvar),
    }
    weights = (1.0, objective.ssim, objective.gradient, objective.kl)
    total = torch.stack([w * one for w, one in zip(weights, found.values(), strict=True)]).sum()
    return {"loss": total, **found}


def batch(pool: Clips, objective: Objective, generator: Generator) -> Tensor:
    """Parts of random clips (B, 3, frames, size, size) in [0, 1], mirrored, backwards or with filled holes."""
    draws = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    return torch.stack(
        [_part(pool[int(draws.integers(len(pool)))].rgb, objective, draws) for _ in range(objective.batch)]
    )


def examples(pool: Clips, objective: Objective) -> Tensor:
    """The first frames of some clips of a pool, whole: (EXAMPLES at most, 3, frames, H, W) in [0, 1]."""
    return torch.stack([as_video(pool[i].rgb[: objective.frames]) for i in _spread(pool, EXAMPLES)])


def _spread(clips: Clips, count: int) -> list[int]:
    """Numbers of at most ``count`` clips, evenly from the first to the last."""
    return [int(i) for i in np.linspace(0, len(clips) - 1, min(count, len(clips)))]


def as_video(rgb: Tensor) -> Tensor:
    """(3, n, H, W) float32 in [0, 1] of frames (n, H, W, 3) uint8."""
    return rgb.permute(3, 0, 1, 2).float() / 255


def holes(height: int, width: int, draws: np.random.Generator) -> np.ndarray:
    """A mask (H, W) of what is known: smooth noise above a random height, as disocclusions are, in patches."""
    coarse = torch.from_numpy(draws.standard_normal((1, 1, 4, 4), np.float32))
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)[0, 0].numpy()
    return np.asarray(smooth > np.quantile(smooth, draws.uniform(0.1, 0.6)))


@torch.no_grad()
def statistics(vae: Vae, clips: Clips) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each latent channel, over the posterior's means of some clips."""
    device = next(vae.parameters()).device
    chosen = _spread(clips, STATISTICS_CLIPS)
    means = [encode(vae, as_video(clips[i].rgb)[None].to(device))[0].float().cpu() for i in chosen]
    values = torch.stack([one.double().transpose(0, 1).flatten(1) for one in means], 1).flatten(1)
    return values.mean(1).tolist(), values.std(1).tolist()


def _part(rgb: Tensor, objective: Objective, draws: np.random.Generator) -> Tensor:
    n, h, w = min(objective.frames, len(rgb)), *(min(objective.size, side) for side in rgb.shape[1:3])
    t, y, x = (int(draws.integers(all_ - some + 1)) for all_, some in zip(rgb.shape, (n, h, w), strict=False))
    video = as_video(rgb[t : t + n, y : y + h, x : x + w])
    if flipped := [axis for axis in (1, 3) if draws.random() < 0.5]:
        video = video.flip(flipped)
    return _holed(video, draws) if draws.random() < objective.holed else video


def _holed(video: Tensor, draws: np.random.Generator) -> Tensor:
    """All frames but the first, which is always whole, with the same holes filled."""
    channels, n, h, w = video.shape
    values = video[:, 1:].reshape(-1, h, w).permute(1, 2, 0).numpy()
    filled = torch.from_numpy(fill_smoothly(values, holes(h, w, draws).astype(np.float32)))
    return torch.cat([video[:, :1], filled.permute(2, 0, 1).reshape(channels, n - 1, h, w)], 1)


def _measure(vae: nn.Module, video: Tensor, objective: Objective) -> dict[str, float]:
    mean, logvar = encode(vae, video)
    seen = decode(vae, mean).float().clamp(0, 1)
    found = terms(seen, video, mean.float(), logvar.float(), objective)
    return {"loss": float(found["loss"]), "psnr": float(losses.psnr(seen, video)), "unlike": float(found["unlike"])}


def _drawn(pairs: Sequence[tuple[Tensor, Tensor]]) -> Bytes:
    """Rows of first, middle and last frames: what was given above what came back."""
    rows = []
    for pair in pairs:
        for video in pair:
            shown = video[0, :, [0, video.shape[2] // 2, -1]].float().clamp(0, 1).cpu()
            rows.append((shown.permute(2, 1, 3, 0).flatten(1, 2) * 255).round().byte())
    return np.asarray(torch.cat(rows).numpy())


def make(keywords: dict[str, object], seed: int, device: torch.device) -> Vae:
    """A new VAE of these sizes, its weights drawn from the seed.

    Its posterior begins narrow: as wide as the latents themselves, colours drown in it for thousands of steps.
    """
    torch.manual_seed(seed)
    vae = AutoencoderKLWan(**keywords)
    with torch.no_grad():
        vae.quant_conv.bias[vae.config["z_dim"] :].fill_(FIRST_LOGVAR)
    return vae.to(device)
