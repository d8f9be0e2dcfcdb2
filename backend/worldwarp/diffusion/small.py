"""The shipped small networks, read from their folder: the same classes as the published ones, without words."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor
from worldwarp_protocol.messages import Settings

from ..devices import for_networks
from ..nouns import Filled, Priors, Prompt, Report, View
from .st_diff import Models, fill
from .transformer import STDiff


def filler(folder: Path, made_of: tuple[str, ...], gaps: float) -> Callable[..., Filled]:
    """``fill`` of the mini profile.

    Args:
        folder: with ``vae`` and ``st-diff``.
        made_of: digests of all weights.
        gaps: as ``noise.valid_tokens``.
    """
    return partial(_fill, folder, made_of, gaps)


def no_words(transformer: STDiff) -> Tensor:
    """What stands for the text, (1, D): the networks were trained with nothing else."""
    return torch.zeros(1, transformer.config["text_dim"])


def _fill(
    folder: Path,
    made_of: tuple[str, ...],
    gaps: float,
    priors: Priors,
    context: Sequence[View],
    prompt: Prompt,
    settings: Settings,
    report: Report,
) -> Filled:
    return fill(_models(folder, made_of, gaps), priors, context, prompt, settings, report)


@lru_cache(maxsize=1)
def _models(folder: Path, made_of: tuple[str, ...], gaps: float) -> Models:  # noqa: ARG001 - other weights, other networks
    transformer, vae = _read(STDiff, folder / "st-diff"), _read(AutoencoderKLWan, folder / "vae")
    words = no_words(transformer)
    return Models(transformer, vae, lambda _: words, lambda _: nullcontext(), together=True, gaps=gaps, detail=True)


def _read(network: Any, folder: Path) -> Any:
    """In float32 whatever the file holds: small networks cost nothing, and a CPU is slow at anything else."""
    read = network.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True, use_safetensors=True)
    return read.eval().requires_grad_(False).to(for_networks())
