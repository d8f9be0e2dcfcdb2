"""Who says how far away things are: ``given`` (with the picture), ``ttt3r``, ``depth-anything``, or ``mini``.

``mini`` is TTT3R's network in a small size, trained on made places (``worldwarp train geometry``) and shipped.

Torch-free until ``load``, so that the front door can say what is missing.
"""

import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot

from .. import mini
from ..nouns import Bytes, Estimate, Source
from . import VERSION, checkpoint, depth_anything

if TYPE_CHECKING:
    from .ttt3r import TTT3R

NAMES = ("given", "ttt3r", "depth-anything", "mini")

RESET_INTERVAL = 100
"""Frames after which the network forgets and the poses are chained: longer clips wear its state out."""


def status() -> list[tuple[str, bool, str]]:
    """Name, whether it can be used here, and otherwise one sentence: what is missing and how to get it."""
    missing = [(name, _missing(name)) for name in NAMES]
    return [(name, not sentence, sentence) for name, sentence in missing]


def check(name: str) -> None:
    """Refuse a source that cannot be used here.

    Raises:
        InvalidShot: unknown, or its weights are missing; names file, size, licence and command.
    """
    if name not in NAMES:
        raise InvalidShot("settings.geometry", f"There is no source '{name}'; choose one of {', '.join(NAMES)}.")
    if sentence := _missing(name):
        raise InvalidShot("settings.geometry", f"'{name}' cannot be used here: {sentence[0].lower()}{sentence[1:]}")


def recipe(name: str) -> list[str] | None:
    """What of a source changes pixels: its name, its code's version, its weights' digest. None for given depth.

    Where its weights are missing nothing can be computed, and their digest is empty.
    """
    if name == "given":
        return None
    weights = ""
    if not _missing(name):
        weights = depth_anything.digest() if name == "depth-anything" else checkpoint.about(_path(name))["digest"]
    return [name, VERSION, weights]


def load(name: str) -> Source:
    """The source, ready to be called; its network is read once and kept until its weights change.

    Raises:
        InvalidShot: as ``check``; ``given`` cannot be loaded, for there is nothing to ask.
    """
    check(name)
    if name == "given":
        raise InvalidShot("depth", "is missing; give it with the picture, or choose another source of geometry.")
    return _loaded(name, tuple(recipe(name) or ()))


def forget() -> None:
    """Let go of the networks: they are read again when they are asked again."""
    _loaded.cache_clear()
    if "torch" in sys.modules and (torch := sys.modules["torch"]).cuda.is_available():
        torch.cuda.empty_cache()


@lru_cache(maxsize=2)
def _loaded(name: str, made_of: tuple[str, ...]) -> Source:  # noqa: ARG001 - other weights, another network
    from ..devices import for_networks
    from . import weights

    device = for_networks()
    if name == "depth-anything":
        return depth_anything.load()
    return ttt3r(weights.load(_path(name), device=device.type))


def ttt3r(network: "TTT3R") -> Source:
    """The recurrent network over the frames, from a fresh state; the intrinsics are not told to it."""
    from .pictures import picture_geometry
    from .ttt3r import begin

    def source(frames: Bytes, K: NDArray[np.float64] | None) -> Estimate:  # noqa: ARG001 - a source's signature
        found, _ = picture_geometry(network, begin(network), frames, reset_interval=RESET_INTERVAL)
        return Estimate(found.depth, found.confidence, found.camera_to_world, found.focal)

    return source


def _path(name: str) -> Path:
    """Of a recurrent network's weights."""
    return mini.FOLDER / "geometry.safetensors" if name == "mini" else checkpoint.default_path()


def _missing(name: str) -> str:
    """One sentence, empty where nothing is missing."""
    if name == "given":
        return ""
    if name == "depth-anything":
        return depth_anything.missing()
    try:
        checkpoint.about(_path(name))
    except checkpoint.WeightsError:
        if name == "mini":
            return f"Its weights {_path(name).name} are not in this installation: install worldwarp again."
        return (
            f"Its weights {checkpoint.FILE} (3.2 GB, {checkpoint.LICENCE}: non-commercial use only) are not here; "
            f"download them from the CUT3R project, then run `{checkpoint.COMMAND}`."
        )
    return ""
