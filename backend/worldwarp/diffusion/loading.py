"""The published networks, read from their folders and put where the memory mode wants them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from threading import RLock
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor, nn
from transformers import AutoTokenizer, UMT5EncoderModel
from worldwarp_protocol.messages import Settings

from .. import captions
from ..cameras import Cameras
from ..geometry import sources, views
from ..nouns import Bytes, Geometry, Report, View
from ..weights import needs
from . import memory, text
from .memory import RESIDENT, Mode, Plan
from .st_diff import Models, fill
from .transformer import STDiff, choose_attention

Functions = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]


@lru_cache(maxsize=1)
def profile(mode: Mode, made_of: tuple[str, ...]) -> Functions:  # noqa: ARG001 - other weights
    """``caption``, ``geometry`` and ``fill`` of the wan profile."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = memory.plan(mode, device.type)
    turn: AbstractContextManager[object] = RLock() if plan.one_at_a_time else nullcontext()
    captioner = partial(_describe, plan, device, turn) if not needs.absent(needs.part("captioner")) else None
    return (
        lambda history, settings, report: captions.prompt(history, settings, captioner, report),
        partial(_geometry, plan, turn),
        partial(_fill, plan, device),
    )


def _fill(plan: Plan, device: torch.device, *arguments: Any) -> Any:
    return fill(_models(plan, device), *arguments)


def _geometry(
    plan: Plan, turn: AbstractContextManager[object], seen: Sequence[View], cameras: Cameras, settings: Settings
) -> Geometry:
    with turn:
        found = views.geometry(seen, cameras, settings)
        if plan.geometry != RESIDENT:
            sources.forget()
        return found


@lru_cache(maxsize=1)
def _models(plan: Plan, device: torch.device) -> Models:
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    transformer = _read(STDiff, "st-diff", dtype)
    vae = _read(AutoencoderKLWan, "vae", dtype)
    choose_attention(transformer, device)
    used = memory.apply(plan, device, {"transformer": transformer, "vae": vae})
    return Models(transformer, vae, partial(_embed, plan, device), used, plan.together)


def _embed(plan: Plan, device: torch.device, words: str) -> Tensor:
    made_of = " ".join(needs.digests_of("text-encoder") + needs.digests_of("tokenizer"))

    def compute(words: str) -> Tensor:
        tokenizer, encoder, used = _text_encoder(plan, device)
        with used(encoder):
            embedding = text.embed(tokenizer, encoder, words)
        if plan.text_encoder != RESIDENT:
            _text_encoder.cache_clear()
        return embedding

    return text.cached(needs.root() / "texts", made_of, words, compute)


@lru_cache(maxsize=1)
def _text_encoder(plan: Plan, device: torch.device) -> tuple[Any, nn.Module, Callable[..., Any]]:
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    tokenizer = AutoTokenizer.from_pretrained(needs.folder("tokenizer"), local_files_only=True)
    encoder = _read(UMT5EncoderModel, "text-encoder", dtype)
    return tokenizer, encoder, memory.apply(plan, device, {"text_encoder": encoder})


def _describe(
    plan: Plan,
    device: torch.device,
    turn: AbstractContextManager[object],
    frames: Sequence[Bytes],
    style: str,
    report: Report,
) -> str:
    with turn:
        tokenizer, processor, model, used = _captioner(plan, device)
        with used(model):
            words = captions.caption(tokenizer, processor, model, frames, style, report)
        if plan.captioner != RESIDENT:
            _captioner.cache_clear()
        return words


@lru_cache(maxsize=1)
def _captioner(plan: Plan, device: torch.device) -> tuple[Any, Any, nn.Module, Callable[..., Any]]:
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    tokenizer, processor, model = captions.load(needs.folder("captioner"), "cpu", dtype)
    return tokenizer, processor, model, memory.apply(plan, device, {"captioner": model})


def _read(network: Any, part: str, dtype: torch.dtype) -> Any:
    """A network from its folder: numbers only, never code, never from elsewhere."""
    read = network.from_pretrained(needs.folder(part), torch_dtype=dtype, local_files_only=True, use_safetensors=True)
    return read.eval().requires_grad_(False)
