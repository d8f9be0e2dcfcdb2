"""The mini profile: ST-Diff and VAE of the paper's classes in small sizes, trained on procedural scenes and shipped.

It knows only such scenes and reads no words. Torch-free until ``load``, so that the front door can say what is missing.
"""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import structs
from worldwarp_protocol.messages import Diffusion, Settings

from . import diffusion
from .cameras.sizes import MULTIPLE, Size
from .nouns import Filled

NAME = "mini"

FOLDER = Path(__file__).parent / "weights" / "mini"
"""What is shipped: ``vae`` and ``st-diff`` as diffusers writes them, and ``trained.json``."""

PARTS = ("vae", "st-diff")
LIBRARIES = ("diffusers", "torch")


def missing() -> str:
    """One sentence where the shipped files are not all here."""
    absent = [part for part in PARTS if not any((FOLDER / part).glob("*.safetensors"))]
    if not absent:
        return ""
    return f"Its small models ({', '.join(absent)}) are not in this installation: install it again, or use draft."


@lru_cache(maxsize=1)
def trained() -> dict[str, Any]:
    """What the models were trained on: ``frames`` of a clip, its ``width`` and ``height``, ``label``; ``gaps``: share
    of a token that could be blank; ``sigma``: where they revise best."""
    found: dict[str, Any] = json.loads((FOLDER / "trained.json").read_text("utf-8"))
    return found


def recipe() -> list[Any]:
    """What changes pixels besides the settings: code, libraries and weights."""
    return [diffusion.VERSION, [version(name) for name in LIBRARIES], _digests(), trained()["gaps"]]


def adapted(settings: Settings, size: Size) -> tuple[Settings, list[str]]:
    """The settings as these models need them, for a picture of ``size``, and what the user should know of it.

    Chunks are as long as the clips that they were trained on, and there is no guidance, for there are no words. Where
    no size is chosen it is theirs, in the picture's proportions. The paper's own noise level counts as not chosen: in
    its place comes one from which they do not lose what was warped. Models that are not here ask for nothing.
    """
    if missing():
        return settings, []
    known = trained()
    frames = min(settings.chunk_frames, known["frames"])
    context = min(settings.context_frames, frames - 4)
    choice = structs.replace(settings.diffusion, guidance=1.0, guidance_valid=None)
    notes = [f"The mini profile is for trying things out: {known['label']}. It knows simple made-up places only."]
    if choice.sigma == Diffusion().sigma:
        choice = structs.replace(choice, sigma=known["sigma"])
        notes.append(f"What is warped starts from noise level {choice.sigma:g}, not the paper's: it is kept better so.")
    width, height = settings.width, settings.height
    if (width, height) == (0, 0):
        width, height = _near(size, known["width"] * known["height"])
    if settings.diffusion.prompt or settings.diffusion.style or settings.diffusion.negative_prompt:
        notes.append("The mini profile reads no words: prompt, style and negative prompt do nothing.")
    if width * height > 2 * known["width"] * known["height"]:
        usual = " x ".join(map(str, _near(size, known["width"] * known["height"])))
        notes.append(f"Its models were trained on small pictures: at {width} x {height} expect worse than at {usual}.")
    adapted = structs.replace(
        settings, width=width, height=height, chunk_frames=frames, context_frames=context, diffusion=choice
    )
    return adapted, notes


def filler() -> Callable[..., Filled]:
    """``fill``; its networks are read when first needed."""
    from .diffusion import small

    return small.filler(FOLDER, tuple(_digests()), trained()["gaps"])


def _near(size: Size, area: int) -> Size:
    """A size of about ``area`` pixels in the proportions of ``size``, its sides multiples of 16."""
    scale = (area / (size[0] * size[1])) ** 0.5
    width, height = (max(round(side * scale / MULTIPLE), 1) * MULTIPLE for side in size)
    return width, height


@lru_cache(maxsize=1)
def _digests() -> list[str]:
    files = sorted(file for part in PARTS for file in (FOLDER / part).glob("*"))
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
