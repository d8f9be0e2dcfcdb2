"""What is here, compared with the networks' architecture by names and shapes, then with its digests."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..geometry import checkpoint, depth_anything
from ..geometry.checkpoint import WeightsError
from . import files, needs, registry, show
from .files import Shapes, some
from .parts import DEPTH_ANYTHING, TTT3R, Part

CLASSES = {
    "st-diff": ("diffusers", "WanTransformer3DModel"),
    "transformer": ("diffusers", "WanTransformer3DModel"),
    "vae": ("diffusers", "AutoencoderKLWan"),
    "text-encoder": ("transformers", "UMT5EncoderModel"),
    "captioner": ("transformers", "Qwen2_5_VLForConditionalGeneration"),
    "depth-anything": ("transformers", "DepthAnythingForDepthEstimation"),
}

QWEN_RENAMED = ((r"^visual\.", "model.visual."), (r"^model\.(?!visual\.|language_model\.)", "model.language_model."))
"""Names of Qwen2.5-VL's published files, and what the class calls them."""


def part(part: Part) -> str:
    """Read all of a part that is here; one sentence. What is sound is registered.

    Raises:
        WeightsError: it is not complete, of another network, or not what was registered; names what differs.
    """
    if part is TTT3R:
        return _ttt3r()
    if part is DEPTH_ANYTHING:
        return _depth_anything()
    folder = needs.folder(part.name)
    if not folder.is_dir() or not any(folder.iterdir()):
        return f"{part.name}: {show.state(part)}"
    found = files.complete(part, folder)
    architecture(part, folder)
    before = registry.records().get(part.name, registry.Record("found here", {}))
    _compare(before, folder)
    after = registry.register(part.name, folder, {*found, *before.files}, before.revision)
    return f"{part.name}: sound, {folder}" + unpublished(part, after)


def architecture(part: Part, folder: Path) -> None:
    """Compare names and shapes with the network that ``config.json`` describes; only headers are read.

    Raises:
        WeightsError: they differ, or the package with the network's class is missing.
    """
    if not part.weights:
        return
    found: Shapes = {}
    for name in files.weights(part, folder):
        if name.endswith(".safetensors"):
            found |= files.shapes(folder / name)
    if part.name == "captioner":
        found = {_renamed(name): shape for name, shape in found.items()}
    network = _blank(part, folder)
    differs = differences(found, _groups(network))
    if differs:
        raise WeightsError(f"{folder} does not fit {type(network).__name__}: {' '.join(differs)}")


def differences(found: Shapes, groups: dict[str, tuple[tuple[str, ...], tuple[int, ...]]]) -> list[str]:
    """One sentence each for missing names, unexpected ones and wrong shapes.

    Args:
        found: what a file holds.
        groups: by each name of the network: the names that share its tensor, itself among them, and its shape.
    """
    missing = [name for name, (twins, _) in groups.items() if name == twins[0] and not found.keys() & set(twins)]
    unexpected = sorted(found.keys() - groups.keys())
    wrong = [
        f"{name} has shape {shape}, not {groups[name][1]}"
        for name, shape in found.items()
        if name in groups and shape != groups[name][1]
    ]
    sentences = [("It lacks", missing), ("It has unexpected", unexpected), ("Wrong shapes:", wrong)]
    return [f"{start} {some(names)}." for start, names in sentences if names]


def unpublished(part: Part, record: registry.Record) -> str:
    """What of a part is not as its source publishes it, in words; empty where all is."""
    known = {file.path: file.sha256 for file in part.files if file.sha256}
    other = [name for name, entry in record.files.items() if known.get(name, entry.sha256) != entry.sha256]
    return f"; not as published: {some(other)}" if other else ""


def _compare(record: registry.Record, folder: Path) -> None:
    other = [name for name, entry in record.files.items() if _digest(folder / name) != entry.sha256]
    if other:
        raise WeightsError(
            f"{some(other)} in {folder} changed since it was registered; fetch it again, or accept it with "
            f"`worldwarp weights add {folder}`."
        )


def _digest(path: Path) -> str:
    return registry.sha256(path) if path.is_file() else ""


def _blank(part: Part, folder: Path) -> Any:
    """The network that ``config.json`` describes, without memory for its numbers."""
    import torch

    make = _maker(*CLASSES[part.name])
    try:
        with torch.device("meta"):
            return make(folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{folder / 'config.json'} does not describe such a network: {error}") from None


def _maker(package: str, name: str) -> Callable[[Path], Any]:
    try:
        network = getattr(importlib.import_module(package), name)
    except ImportError:
        raise WeightsError(
            f"The package {package} is missing; install it with: pip install 'worldwarp[wan]'."
        ) from None
    if package == "diffusers":
        return lambda folder: network.from_config(network.load_config(folder, local_files_only=True))
    return lambda folder: network(network.config_class.from_pretrained(folder, local_files_only=True))


def _groups(network: Any) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
    """By each name: the names that share its tensor (tied weights may be stored once), and its shape."""
    state = network.state_dict(keep_vars=True)
    twins: dict[int, list[str]] = {}
    for name, tensor in state.items():
        twins.setdefault(id(tensor), []).append(name)
    return {name: (tuple(twins[id(tensor)]), tuple(tensor.shape)) for name, tensor in state.items()}


def _renamed(name: str) -> str:
    for pattern, replacement in QWEN_RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def _ttt3r() -> str:
    path = checkpoint.default_path()
    if not path.is_file():
        return f"{checkpoint.FILE}: {show.state(TTT3R)}"
    from ..geometry.weights import verify

    verify(path)
    return f"{checkpoint.FILE}: sound, {path}"


def _depth_anything() -> str:
    if not depth_anything.missing():
        architecture(DEPTH_ANYTHING, needs.folder(DEPTH_ANYTHING.name))
    return f"{depth_anything.REPOSITORY}: {show.state(DEPTH_ANYTHING)}"
