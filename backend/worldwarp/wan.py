"""The wan profile: the paper's own models (Wan2.1-T2V-1.3B with ST-Diff's weights, UMT5, Qwen2.5-VL).

Torch-free until ``load`` and ``forget``, so that the front door can say what is missing.
"""

from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from worldwarp_protocol.messages import Settings

from . import captions, diffusion
from .diffusion import memory, peaks
from .weights import needs

NAME = "wan"

PARTS = ("st-diff", "vae", "text-encoder", "tokenizer")
LIBRARIES = ("diffusers", "torch", "transformers")


def missing() -> str:
    """One sentence that says which weights are not here and how to get them; empty where all are."""
    return needs.missing(NAME)


def describes(settings: Settings) -> bool:
    """Whether a chunk's words are the captioner's."""
    return not settings.diffusion.prompt.strip()


def recipe(settings: Settings) -> list[Any]:
    """What changes pixels besides the settings: code, libraries and weights; the captioner's where it is asked."""
    captioner = needs.digests_of("captioner") if describes(settings) else []
    libraries = [version(name) for name in LIBRARIES if find_spec(name)]
    # captions' code acts on the user's own words, too: it joins them with the style, and says what should not be seen
    versions = [diffusion.VERSION, captions.VERSION]
    return [versions, libraries, [needs.digests_of(part) for part in PARTS], captioner]


def announce(settings: Settings, width: int, height: int) -> str:
    """What memory it will take at the most, in words."""
    chosen = settings.diffusion.memory
    plan = memory.plan(chosen, "cuda")
    peak = peaks.expected(plan, width, height, settings.chunk_frames)
    return f"On a GPU: {memory.summary(chosen, plan, peak)}"


def full(settings: Settings, width: int, height: int) -> str:
    """What to do where the GPU's memory was not enough, in words."""
    chosen = settings.diffusion.memory
    peak = peaks.expected(memory.plan(chosen, "cuda"), width, height, settings.chunk_frames) / 1e9
    less = {"full": "memory balanced or low, or ", "balanced": "memory low, or ", "low": ""}[chosen]
    need = f"about {peak:.1f} GB are needed in memory mode '{chosen}'"
    return f"The GPU's memory is full ({need}): choose {less}a smaller size."


def load(settings: Settings) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """``caption``, ``geometry`` and ``fill``. Call it in the main thread, where the captioner is read if it is asked;
    the other networks are read when first needed, and all stay as the memory mode says."""
    from .diffusion import loading

    return loading.profile(settings.diffusion.memory, tuple(needs.digests(NAME)), describes(settings))


def forget() -> None:
    """Let go of all networks."""
    from .diffusion import loading

    loading.forget()
