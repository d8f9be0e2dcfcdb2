"""The files of a part in its folder: whether they are complete, and what the headers of safetensors say. Torch-free."""

from pathlib import Path

import msgspec
from safetensors import SafetensorError, safe_open

from ..geometry.checkpoint import WeightsError
from .parts import Part

Shapes = dict[str, tuple[int, ...]]
"""Shapes of tensors by name."""


class Index(msgspec.Struct):
    """Which file has which tensor."""

    weight_map: dict[str, str]


def complete(part: Part, folder: Path) -> list[str]:
    """All files of a part in ``folder``, by their names.

    Raises:
        WeightsError: some that it cannot be loaded without are not there; names them.
    """
    wanted = [*part.essential, *(weights(part, folder) if part.weights else ())]
    if lacking := [name for name in wanted if not (folder / name).is_file()]:
        raise WeightsError(f"{part.name} is not complete: {folder} lacks {some(lacking)}.")
    also = [file.path for file in part.files if (folder / file.path).is_file()]
    return sorted({*wanted, *also} - ({file.path for file in part.files} if part.converted else set()))


def weights(part: Part, folder: Path) -> list[str]:
    """The files that hold a part's numbers: one, or the index of several and those that it names."""
    whole, index = f"{part.weights}.safetensors", f"{part.weights}.safetensors.index.json"
    if (folder / whole).is_file() or not (folder / index).is_file():
        return [whole]
    return [index, *sorted(set(listing(folder / index).values()))]


def listing(path: Path) -> dict[str, str]:
    """The files of an index of weights, by the names of their tensors.

    Raises:
        WeightsError: it is none, or names files outside its folder.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Index).weight_map
    except msgspec.MsgspecError as error:
        raise WeightsError(f"{path} is not an index of weights: {error}.") from None
    if not all(Path(name).name == name for name in found.values()):
        raise WeightsError(f"{path} names files outside its folder.")
    return found


def shapes(path: Path) -> Shapes:
    """What a safetensors file holds; only its header is read.

    Raises:
        WeightsError: it is no such file.
    """
    try:
        with safe_open(path, "np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name} is not a safetensors file, or is cut short: {error}") from None


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; empty where it says nothing."""
    with safe_open(path, "np") as file:
        return dict(file.metadata() or {})


def some(names: list[str]) -> str:
    """The first three names and the number of the others."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
