"""What a training of ST-Diff is made of: networks, clips, and latents, which are made where they are missing."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor
from worldwarp_protocol.errors import InvalidShot

from ..diffusion.transformer import STDiff
from ..diffusion.vae import Vae
from ..geometry import sources
from . import datasets, full, latents, st_diff
from .configs import Footage, Plan
from .latents import Clips, Latents, Recipe
from .loop import Task

PROMPT = "A still, empty place, walked through by a camera."
"""What the full model is told of every clip."""

PARTS = ("train", "held_out")


def task(
    plan: Plan,
    clips: tuple[Clips, Clips],
    folder: Path,
    vae: Path | None,
    history: Path | None,
    start: Path | None,
    device: torch.device,
) -> Task:
    """ST-Diff on clips to train on and held-out ones, for ``loop.train``.

    Args:
        folder: latents are kept in it, for each VAE and history in a folder of their own.
        vae: a folder with a trained one; None: the published one.
        start: a folder with the weights to begin with; None: the published ones, or new ones.
        history: a folder with an ST-Diff whose own frames are warped, for the last part of a training; None: true ones.
    """
    coder = _vae(vae).eval().requires_grad_(False).to(device)
    network = _first(plan, start, device)
    if network.config["in_channels"] != coder.config.z_dim:
        channels = f"takes latents of {network.config['in_channels']} channels, the VAE makes {coder.config.z_dim}"
        raise InvalidShot("start" if start else "vae", f"does not fit: the network {channels}.")
    words = {} if plan.network else full.embeddings(["", PROMPT], device)
    own = None if history is None else _network(history, device)
    recipe = Recipe(sources=plan.footage.warps, gaps=plan.footage.gaps)
    training, held_out = (
        _pool(folder / f"latents-{part}", some, recipe, coder, words, own)
        for part, some in zip(PARTS, clips, strict=True)
    )
    return st_diff.task(network, training, held_out, coder, plan.objective)


def _first(plan: Plan, start: Path | None, device: torch.device) -> STDiff:
    """The network before the first step."""
    if start is not None:
        return cast(STDiff, _read(STDiff, start).to(device))
    return st_diff.make(plan.network, plan.options.seed, device) if plan.network else full.network().to(device)


def footage(folder: Path, wanted: Footage, step: int = 1) -> tuple[Clips, Clips]:
    """Clips of RealEstate10K or DL3DV in a folder, depth by TTT3R; the last ones are held out.

    Raises:
        InvalidShot: it holds neither, too few of them, or TTT3R's weights are missing.
    """
    source = sources.load("ttt3r")
    there = any(folder.glob("*/transforms.json"))
    found = (
        datasets.dl3dv_footage(folder, (wanted.width, wanted.height))
        if there
        else datasets.realestate10k_footage(folder)
    )
    clips = datasets.cut(found, wanted.frames, step, wanted.height, wanted.width, source)
    if len(clips) <= wanted.held_out:
        raise InvalidShot(
            "footage", f"{folder} makes {len(clips)} clips, of which {wanted.held_out} would be held out."
        )
    split = len(clips) - wanted.held_out
    return replace(clips, windows=clips.windows[:split]), replace(clips, windows=clips.windows[split:])


def _pool(
    folder: Path, clips: Clips, recipe: Recipe, vae: Vae, words: dict[str, Tensor], own: STDiff | None
) -> Latents:
    name = latents.name_of(vae, recipe, *([latents.digest(own)] if own else []), *words)
    embed = words.__getitem__ if words else None
    history = st_diff.imagined(own, vae, embed=embed) if own else None
    prompts = [PROMPT] * len(clips) if words else ()
    return latents.make(folder / name, clips, vae, recipe, history, prompts, embed, _say)


def _say(done: int, of: int) -> None:
    if done % 10 == 0 or done == of:
        print(f"latents of {done} of {of} clips", file=sys.stderr, flush=True)


def _vae(folder: Path | None) -> Vae:
    return full.vae() if folder is None else _read(AutoencoderKLWan, folder)


def _network(folder: Path, device: torch.device) -> STDiff:
    return cast(STDiff, _read(STDiff, folder).eval().requires_grad_(False).to(device))


def _read(network: Vae, folder: Path) -> Vae:
    if not (folder / "config.json").is_file():
        raise InvalidShot("folder", f"{folder} holds no weights; name the folder 'best' of a training.")
    return network.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True, use_safetensors=True)
