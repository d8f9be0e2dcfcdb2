"""The published networks, read from their folders and put where the memory mode wants them.

What was read is kept for one ``Setup`` at a time. All reading is the main thread's: while transformers and diffusers
read, they change torch's default type for the whole process.
"""

import gc
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.metadata import version
from threading import RLock
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor, nn
from transformers import AutoTokenizer, UMT5EncoderModel
from worldwarp_protocol.messages import Diffusion, Settings

from .. import captions
from ..cameras import Cameras
from ..devices import for_networks
from ..geometry import sources, views
from ..nouns import Bytes, Filled, Geometry, Priors, Prompt, Report, View
from ..weights import needs
from . import memory, text
from .first_frame import first_frame
from .memory import RESIDENT, Mode, Plan
from .st_diff import Models, fill
from .transformer import STDiff, choose_attention

Functions = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]
Turn = AbstractContextManager[object]
Used = Callable[[nn.Module], AbstractContextManager[None]]


@dataclass(frozen=True)
class Setup:
    """What networks are read from, and where they wait and compute."""

    plan: Plan
    device: torch.device
    made_of: tuple[str, ...]
    """Digests of all weights."""

    @property
    def dtype(self) -> torch.dtype:
        """What networks compute in, but for the VAE: it is float32 everywhere."""
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32


def profile(mode: Mode, made_of: tuple[str, ...], describes: bool) -> Functions:
    """``caption``, ``geometry`` and ``fill`` of the wan profile.

    Args:
        made_of: digests of all weights.
        describes: whether words are the captioner's. It is read here: ``caption`` may be called in any thread.
    """
    setup = _setup(mode, made_of)
    turn: Turn = RLock() if setup.plan.one_at_a_time else nullcontext()
    captioner = None
    if describes and not needs.absent(needs.part("captioner")):
        _captioner(setup)
        captioner = partial(_describe, setup, turn)
    return (
        lambda history, settings, report: captions.prompt(history, settings, captioner, report),
        partial(_geometry, setup, turn),
        partial(_fill, setup),
    )


def first_picture(
    asked: Diffusion, made_of: tuple[str, ...], width: int, height: int, seed: int, report: Report
) -> Bytes:
    """A picture (H, W, 3) of words, by the plain Wan2.1-T2V network."""
    setup = _setup(asked.memory, made_of)
    prompt = captions.prompt([], Settings(diffusion=asked), None, report)
    texts = _embedded(setup, prompt.text, prompt.negative)
    models = _models(setup, WanTransformer3DModel, "transformer")
    with models.used(models.transformer), models.used(models.vae):
        return first_frame(
            models.transformer, models.vae, texts[prompt.text], texts[prompt.negative], width, height,
            asked.steps, asked.shift, asked.guidance, seed, report,
        )  # fmt: skip


def forget() -> None:
    """Let go of all networks: they are read again when they are asked again."""
    for kept in (_captioner, _text_encoder, _tokenizer, _models):
        kept.cache_clear()
    sources.forget()
    gc.collect()  # networks with hooks refer to themselves
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _setup(mode: Mode, made_of: tuple[str, ...]) -> Setup:
    device = for_networks()
    setup = Setup(memory.plan(mode, device.type), device, made_of)
    _make_room(setup)
    return setup


@lru_cache(maxsize=1)
def _make_room(setup: Setup) -> None:  # noqa: ARG001 - called anew for another one than the last
    """What was read for another mode or of other weights would share the memory with what is read now."""
    forget()


def _fill(
    setup: Setup, priors: Priors, context: Sequence[View], prompt: Prompt, settings: Settings, report: Report
) -> Filled:
    report("encode", 0, 1)  # before gigabytes are read
    texts = _embedded(setup, prompt.text, prompt.negative)
    models = _models(setup, STDiff, "st-diff")
    said = {**models.said, **_too_long(setup, prompt)}
    return fill(replace(models, embed=texts.__getitem__, said=said), priors, context, prompt, settings, report)


def _too_long(setup: Setup, prompt: Prompt) -> dict[str, str]:
    named = {"prompt": prompt.text, "negative prompt": prompt.negative}
    notes = [note for name, words in named.items() if (note := text.warning(_tokenizer(setup), name, words))]
    return {"prompt_warning": " ".join(notes)} if notes else {}


def _geometry(setup: Setup, turn: Turn, seen: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
    with turn:
        found = views.geometry(seen, cameras, settings)
        if setup.plan.geometry != RESIDENT:
            sources.forget()  # a few seconds to read again
        return found


@lru_cache(maxsize=1)
def _models(setup: Setup, network: Any, part: str) -> Models:
    transformer = read(network, part, setup.dtype)
    vae = read(AutoencoderKLWan, "vae", torch.float32)
    attention = choose_attention(transformer, setup.device)
    used = memory.apply(setup.plan, setup.device, {"transformer": transformer, "vae": vae})
    embed = lambda words: _embedded(setup, words)[words]  # noqa: E731
    return Models(transformer, vae, embed, used, setup.plan.together, {"attention": attention})


def _embedded(setup: Setup, *texts: str) -> dict[str, Tensor]:
    """Embeddings by text; those that are new in one stage of the text encoder."""
    weights = [*needs.digests_of("text-encoder"), *needs.digests_of("tokenizer")]
    made_of = " ".join([*weights, str(setup.dtype), setup.device.type, version("transformers")])
    return text.cached(needs.root() / "texts", made_of, texts, partial(_embed, setup))


def _embed(setup: Setup, texts: list[str]) -> list[Tensor]:
    encoder, used = _text_encoder(setup)
    with used(encoder):
        found = [text.embed(_tokenizer(setup), encoder, words) for words in texts]
    if setup.plan.drops(setup.plan.text_encoder):
        _text_encoder.cache_clear()
    return found


@lru_cache(maxsize=1)
def _tokenizer(setup: Setup) -> Any:  # noqa: ARG001 - of these weights
    return AutoTokenizer.from_pretrained(needs.folder("tokenizer"), local_files_only=True)


@lru_cache(maxsize=1)
def _text_encoder(setup: Setup) -> tuple[nn.Module, Used]:
    encoder = read(UMT5EncoderModel, "text-encoder", setup.dtype)
    return encoder, memory.apply(setup.plan, setup.device, {"text_encoder": encoder})


def _describe(setup: Setup, turn: Turn, frames: Sequence[Bytes], style: str, report: Report) -> str:
    with turn:
        tokenizer, processor, model, used = _captioner(setup)
        with used(model):
            words = captions.caption(tokenizer, processor, model, frames, style, report)
        if setup.plan.drops(setup.plan.captioner):
            _captioner.cache_clear()
        return words


@lru_cache(maxsize=1)
def _captioner(setup: Setup) -> tuple[Any, Any, nn.Module, Used]:
    tokenizer, processor, model = captions.load(needs.folder("captioner"), "cpu", setup.dtype)
    return tokenizer, processor, model, memory.apply(setup.plan, setup.device, {"captioner": model})


def read(network: Any, part: str, dtype: torch.dtype) -> Any:
    """A network from its folder: numbers only, never code, never from elsewhere."""
    read = network.from_pretrained(needs.folder(part), torch_dtype=dtype, local_files_only=True, use_safetensors=True)
    return read.eval().requires_grad_(False)
