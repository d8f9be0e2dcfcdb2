"""The wan profile: the paper's own models (Wan2.1-T2V-1.3B with ST-Diff's weights, UMT5, Qwen2.5-VL).

Torch-free until ``load``, so that the front door can say what is missing.
"""

from collections.abc import Callable
from typing import Any

from worldwarp_protocol.messages import Settings

from . import diffusion

PROFILE = "wan"


def missing() -> str:
    """One sentence that says which weights are not here and how to get them; empty where all are."""
    from .weights import needs

    return needs.missing(PROFILE)


def recipe(settings: Settings) -> list[Any]:
    """What changes pixels besides the settings: code, library and weights."""
    from .weights import needs

    return [diffusion.VERSION, needs.digests(PROFILE), settings.geometry]


def load(settings: Settings) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """``caption``, ``geometry`` and ``fill``, ready to be called; models are read when first called and kept."""
    raise NotImplementedError
