"""The wan profile: the paper's own models (Wan2.1-T2V-1.3B with ST-Diff's weights, UMT5, Qwen2.5-VL).

Torch-free until ``load``, so that the front door can say what is missing.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from worldwarp_protocol.messages import Settings

from . import captions, diffusion
from .diffusion import memory, peaks
from .weights import needs

NAME = "wan"


def missing() -> str:
    """One sentence that says which weights are not here and how to get them; empty where all are."""
    return needs.missing(NAME)


def recipe(settings: Settings) -> list[Any]:  # noqa: ARG001 - a profile's
    """What changes pixels besides the settings: code, libraries and weights."""
    libraries = [version(name) for name in ("diffusers", "transformers")] if not missing() else []
    return [diffusion.VERSION, captions.VERSION, libraries, needs.digests(NAME)]


def announce(settings: Settings, width: int, height: int) -> str:
    """What memory it will take at the most, in words."""
    chosen = settings.diffusion.memory
    plan = memory.plan(chosen, "cuda")
    peak = peaks.expected(plan, width, height, settings.chunk_frames)
    return f"On a GPU: {memory.summary(chosen, plan, peak)}"


def load(settings: Settings) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """``caption``, ``geometry`` and ``fill``; networks are read when first needed, and stay as the memory mode says."""
    from .diffusion import loading

    return loading.profile(settings.diffusion.memory, tuple(needs.digests(NAME)))
