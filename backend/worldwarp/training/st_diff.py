"""ST-Diff's training objective (paper section 4.1): composite latents, a noise level per token, one velocity.

pool ──> composite (5) ──> levels by region and frame (6) ──> noisy (7) ──> network ──> velocity (8)
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from worldwarp_protocol.messages import Diffusion, Settings

from ..diffusion.noise import Mask
from ..diffusion.sampler import per_latent
from ..diffusion.small import no_words
from ..diffusion.st_diff import Models, denoise, fill
from ..diffusion.transformer import TIMESTEPS, STDiff, velocity
from ..diffusion.vae import Vae, decode
from ..nouns import Bytes, Floats, NoiseMap, Prompt
from ..outputs.pictures import encode_png
from ..pipeline import with_context
from .clips import Clip
from .latents import History, Latents, views
from .levels import draw
from .loop import Task
from .warps import silent, warp

Target = Literal["paper", "consistent"]

SOFT = 0.2
"""Below this level the consistent target, (x - z) / sigma, counts by (sigma / SOFT)^2: the error of a warp would
otherwise be divided by next to nothing. In inference it shrinks together with sigma."""

FIXED_LEVELS = (0.25, 0.5, 0.75, 0.95)
"""At which the held-out loss is taken."""

MOST_HELD_OUT = 8
"""Items that are looked at in an evaluation."""

ONE_SHOT = Diffusion(steps=8, guidance=1)
"""How held-out items are denoised; sigma and shift are the product's own."""


@dataclass(frozen=True)
class Objective:
    """What is asked of the network."""

    batch: int = 16
    target: Target = "paper"
    shift: float = 5.0
    """Of the schedule that inference will walk down."""
    text_dropout: float = 0.1
    """Share of items that are trained without their words, for classifier-free guidance (arXiv 2207.12598)."""


@dataclass(frozen=True)
class Batch:
    """What the network sees, and what it should say; all tensors on one device."""

    noisy: Tensor
    """(B, C, T', H', W')."""
    sigma: Tensor
    """(B, T', h, w), one level per token."""
    text: Tensor
    """(B, L, D)."""
    target: Tensor
    """As ``noisy``: a velocity."""
    weight: Tensor
    """(B, 1, T', H', W'): how much each latent counts; 0 where sigma is 0, for there nothing ever moves."""
    valid: Tensor
    """(B, T', h, w) bool."""


def composite(true: Tensor, warped: Tensor, valid: Tensor) -> Tensor:
    """Latents (B, C, T', H', W'): the warp's where tokens ``valid`` (B, T', h, w) carry one, else the true ones (5)."""
    return torch.where(per_latent(valid)[:, None], warped, true)


def noisy(clean: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """(1 - sigma) clean + sigma noise, with ``sigma`` (B, T', h, w) per token (paper equation 7)."""
    level = per_latent(sigma)[:, None]
    return (1 - level) * clean + level * noise


def target_of(x: Tensor, true: Tensor, sigma: Tensor, noise: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """The velocity that is asked for, and how much each latent counts (B, 1, T', H', W').

    paper: noise - true at every level (equation 8). On a warp with an error e, one who always says this ends with
        (1 - sigma_start) e left over.
    consistent: (x - true) / sigma, which leads from x to the true latents from any level.
    """
    level = per_latent(sigma)[:, None]
    if target == "paper":
        return noise - true, (level > 0).float()
    return torch.where(level > 0, (x - true) / level, 0), (level / SOFT).clamp(max=1) ** 2


def batch_of(pool: Latents, objective: Objective, words: Tensor, generator: torch.Generator, device: Any) -> Batch:
    """Random items with random levels and noise; a pure function of the generator's state.

    ``words`` (1, L, D): what stands for the text where the pool has none.
    """
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    draws = np.random.default_rng(seed)
    items = draws.integers(len(pool), size=objective.batch).tolist()
    sigma = np.stack([draw(pool.valid[i], int(pool.context[i]), objective.shift, draws) for i in items])
    noise = torch.from_numpy(draws.standard_normal((len(items), *pool.true.shape[1:]), np.float32))
    silent_ones = draws.random(len(items)) < objective.text_dropout
    text = _texts(pool, items, silent_ones, words)
    return assemble(pool, items, torch.from_numpy(sigma), noise, text, objective.target, device)


def assemble(
    pool: Latents, items: list[int], sigma: Tensor, noise: Tensor, text: Tensor, target: Target, device: Any
) -> Batch:
    """The batch of these items at these levels (B, T', h, w) with this noise (B, C, T', H', W')."""
    true, warped = (_floats([of(i) for i in items]).to(device) for of in (pool.true_of, pool.warped.__getitem__))
    valid = torch.from_numpy(np.stack([pool.valid[i] for i in items])).to(device)
    sigma, noise = sigma.to(device), noise.to(device)
    x = noisy(composite(true, warped, valid), sigma, noise)
    return Batch(x, sigma, text.to(device), *target_of(x, true, sigma, noise, target), valid)


def loss_of(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The mean square of the velocity's error, over all that counts (equation 8), and over each region."""
    said = network(batch.noisy, TIMESTEPS * batch.sigma.flatten(1), batch.text, return_dict=False)[0]
    error = (said.float() - batch.target) ** 2
    warped = per_latent(batch.valid)[:, None]
    regions = {"loss": batch.weight, "warped": batch.weight * warped, "filled": batch.weight * ~warped}
    channels = error.shape[1]
    return {name: (error * w).sum() / (w.sum() * channels).clamp(min=1) for name, w in regions.items()}


def make(keywords: dict[str, Any], seed: int, device: torch.device) -> STDiff:
    """A new network of these sizes, its weights drawn from the seed.

    It begins by saying what it is given: a token goes in by orthogonal directions and comes out by the same ones, and
    no block adds to it yet. From random weights a small network needs hundreds of steps to find that way through, which
    most of a velocity, noise less picture, has to go. Gates are open, so that blocks learn at once.
    """
    torch.manual_seed(seed)
    network = STDiff(**keywords)
    with torch.no_grad():
        enter, leave = network.patch_embedding, network.proj_out
        ways = nn.init.orthogonal_(torch.empty(enter.weight.shape[0], leave.out_features))
        enter.weight.copy_(ways.reshape(enter.weight.shape))
        tokens = ways.reshape(enter.weight.shape).permute(2, 3, 4, 1, 0)  # as they leave: channels last
        leave.weight.copy_(tokens.reshape(leave.weight.shape) * (leave.out_features / len(ways)) ** 0.5)
        for block in network.blocks:
            for layer in (block.attn1.to_out[0], block.attn2.to_out[0], block.ffn.net[2]):
                nn.init.zeros_(layer.weight)
            block.scale_shift_table[:, (2, 5)] = 1
        for layer in (enter, leave, *(block.ffn.net[2] for block in network.blocks)):
            nn.init.zeros_(layer.bias)
    return cast(STDiff, network.to(device))


def task(
    network: STDiff, pool: Latents, held_out: Latents, vae: Vae, objective: Objective, name: str = "st-diff"
) -> Task:
    """ST-Diff on a pool, for ``loop.train``; held-out items are what evaluations and sheets show."""
    words = no_words(network)[None]

    def loss(network: nn.Module, step: int, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG001
        device = next(network.parameters()).device
        return loss_of(network, batch_of(pool, objective, words, generator, device))

    def evaluated(network: nn.Module) -> dict[str, float]:
        return evaluate(network, held_out, objective.target, words)

    def sheet(network: nn.Module, folder: Path, step: int) -> None:
        picture = sample_sheet(network, held_out, vae, words)
        (folder / f"{step:08d}.png").write_bytes(encode_png(picture))

    return Task(name, network, loss, sheet, evaluated)


@torch.no_grad()
def evaluate(network: nn.Module, pool: Latents, target: Target, words: Tensor) -> dict[str, float]:
    """``velocity_<level>``: loss with all of a clip but its context at one level; ``loss``: their mean.

    ``psnr``, ``psnr_warped`` and ``psnr_filled``: of latents denoised as in inference, over the spread of the true
    ones; ``psnr_prior``: of the warps.
    """
    items = list(range(min(MOST_HELD_OUT, len(pool))))
    found: dict[str, list[float]] = {}
    for i in items:
        for name, value in (
            _fixed_levels(network, pool, i, target, words) | _one_shot(network, pool, i, words)
        ).items():
            found.setdefault(name, []).append(value)
    means = {name: float(np.nanmean(values)) for name, values in found.items() if not np.isnan(values).all()}
    return {"loss": float(np.mean([means[f"velocity_{level}"] for level in FIXED_LEVELS])), **means}


def _fixed_levels(network: nn.Module, pool: Latents, i: int, target: Target, words: Tensor) -> dict[str, float]:
    noise = torch.randn((1, *pool.true.shape[1:]), generator=torch.Generator().manual_seed(i))
    device, text = next(network.parameters()).device, _texts(pool, [i], np.zeros(1, bool), words)
    found = {}
    for level in FIXED_LEVELS:
        sigma = torch.full((1, *pool.valid.shape[1:]), level)
        sigma[:, : int(pool.context[i])] = 0
        found[f"velocity_{level}"] = float(
            loss_of(network, assemble(pool, [i], sigma, noise, text, target, device))["loss"]
        )
    return found


def _one_shot(network: nn.Module, pool: Latents, i: int, words: Tensor) -> dict[str, float]:
    true, warped = _floats([pool.true_of(i)])[0], _floats([pool.warped[i]])[0]
    made, known = denoised(network, pool, i, words).cpu(), torch.from_numpy(np.array(pool.valid[i]))
    later = per_latent(torch.arange(len(known))[:, None, None].expand_as(known)) >= int(pool.context[i])
    seen = per_latent(known)
    return {
        "psnr": _psnr(made, true, later),
        "psnr_warped": _psnr(made, true, later & seen),
        "psnr_filled": _psnr(made, true, later & ~seen),
        "psnr_prior": _psnr(warped, true, later),
    }


@torch.no_grad()
def denoised(network: nn.Module, pool: Latents, i: int, words: Tensor, choice: Diffusion = ONE_SHOT) -> Tensor:
    """An item's latents (C, T', H', W') made of its warp alone, as in inference (paper equations 9 and 10)."""
    device, valid = next(network.parameters()).device, np.array(pool.valid[i])
    start = np.where(valid, choice.sigma, 1).astype(np.float32)
    start[: int(pool.context[i])] = 0
    text = _texts(pool, [i], np.zeros(1, bool), words).to(device)
    model = velocity(cast(STDiff, network), text)
    clean = _floats([pool.warped[i]])[0].to(device)
    return denoise(lambda x, levels: model(x, levels)[0], clean, NoiseMap(start, valid), choice, i, lambda *_: None)


def sample_sheet(network: nn.Module, pool: Latents, vae: Vae, words: Tensor, count: int = 4) -> Bytes:
    """Every 4th frame of items: the truth, below it the warp as the VAE has it, and what the network makes of it."""
    rows = []
    for i in range(min(count, len(pool))):
        for latents in (_floats([pool.true_of(i)])[0], _floats([pool.warped[i]])[0], denoised(network, pool, i, words)):
            frames = np.concatenate(list(decode(vae, latents)))[::4]
            rows.append(np.concatenate(list(frames), axis=1))
    picture: Bytes = np.rint(np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8)
    return picture


def imagined(
    network: STDiff, vae: Vae, choice: Diffusion = ONE_SHOT, embed: Callable[[str], Tensor] | None = None
) -> History:
    """Clips as the network itself generates them from their first frame, for ``latents.make``.

    In the last part of a training the warps are of such frames, while the target stays true: what the network did wrong
    in one chunk it learns to revise in the next.
    """
    words = no_words(network)
    models = Models(network, vae, embed or (lambda _: words), _as_it_is, together=True)

    def history(clip: Clip, seed: int) -> Bytes:
        context = views(clip, 1)
        priors = with_context(warp(clip, 0, "exact", seed), context)
        return fill(models, priors, context, Prompt(), Settings(seed=seed, diffusion=choice), silent).frames

    return history


def _as_it_is(network: nn.Module) -> AbstractContextManager[None]:  # noqa: ARG001 - a signature of ``Models``
    return nullcontext()


def _texts(pool: Latents, items: list[int], without: Mask, words: Tensor) -> Tensor:
    """(B, L, D): each clip's words; none ``without`` them."""
    if pool.text is None or pool.said is None:
        return words.expand(len(items), -1, -1)
    said = [0 if left_out else int(pool.said[pool.clip_of(i)]) for i, left_out in zip(items, without, strict=True)]
    return _floats([pool.text[row] for row in said])


def _floats(arrays: list[Any]) -> Tensor:
    stacked: Floats = np.stack(arrays).astype(np.float32)
    return torch.from_numpy(stacked)


def _psnr(a: Tensor, b: Tensor, where: Tensor) -> float:
    """In dB over the spread of b's values, of the latents ``where`` (T', H', W'); NaN where there are none."""
    error = (a - b)[:, where]
    return float(10 * torch.log10((b.max() - b.min()) ** 2 / error.square().mean())) if error.numel() else float("nan")
