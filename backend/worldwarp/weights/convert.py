"""The tensors of ST-Diff's checkpoint, taken out once, without running what is in it (see ``geometry/unpickle.py``)."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from ..geometry.checkpoint import WeightsError
from ..geometry.unpickle import Checkpoint, Lazy
from .files import some
from .parts import ST_DIFF

CLASS = "WanTransformer3DModel"
HOLDERS = ("state_dict", "model")
"""Where a checkpoint may keep its tensors, if not at its top."""
PREFIXES = ("module.", "model.", "transformer.")
"""What training may put before every name."""

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}
"""What safetensors calls them."""

Sources = dict[str, tuple[Any, tuple[int, ...]]]
"""By the network's name: what the checkpoint says of the tensor, not yet read, and its shape."""


def convert_st_diff(checkpoint: Path, folder: Path, config: Mapping[str, Any] | None = None) -> None:
    """Write a checkpoint's tensors to ``folder`` as ``config.json`` and ``diffusion_pytorch_model.safetensors``.

    Numbers keep the type they are stored in; one tensor at a time is in memory. The file names licence, source and
    digest (SHA-256 over names, shapes and numbers) and appears whole or not at all.

    Args:
        checkpoint: a dictionary of tensors with the names of diffusers' ``WanTransformer3DModel``, perhaps below
            "state_dict" or "model", perhaps each with a prefix of ``PREFIXES``.
        folder: made where it is not there.
        config: the network's sizes, if not those of the published 1.3B one.

    Raises:
        WeightsError: it is not this network's checkpoint; names what it lacks, has too much or in another shape.
    """
    from ..diffusion.transformer import WAN_1_3B

    sizes = dict(config or WAN_1_3B)
    with Checkpoint(checkpoint) as opened:
        found = _tensors(opened.tree, checkpoint.name)
        sources = _fitting(found, _shapes(sizes), checkpoint.name)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{ST_DIFF.weights}.safetensors", opened, sources, checkpoint.name)
    text = json.dumps({"_class_name": CLASS, **sizes}, indent=2) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")


def names(checkpoint: Path) -> set[str]:
    """What a checkpoint's tensors are called, without prefixes.

    Raises:
        WeightsError: it is no checkpoint, or holds no named tensors.
    """
    with Checkpoint(checkpoint) as opened:
        return set(_tensors(opened.tree, checkpoint.name))


def _tensors(tree: Any, file: str) -> dict[str, Any]:
    """The named tensors of a checkpoint, not yet read, without prefixes."""
    for holder in (tree, *(dict.get(tree, name) for name in HOLDERS if isinstance(tree, dict))):
        # of dict itself: a pickle may give an OrderedDict attributes of these names
        items = dict.items(holder) if isinstance(holder, dict) else ()
        found = {name: value for name, value in items if isinstance(name, str) and isinstance(value, Lazy)}
        if found:
            return _plain(found)
    raise WeightsError(f"{file} has no named tensors, neither at its top nor below {' or '.join(HOLDERS)}.")


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    for prefix in PREFIXES * 2:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _shapes(sizes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    from diffusers import WanTransformer3DModel

    make: Any = WanTransformer3DModel
    with torch.device("meta"):
        network = make(**sizes)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _fitting(found: dict[str, Any], wanted: dict[str, tuple[int, ...]], file: str) -> Sources:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    shapes = [
        f"{name} has shape {found[name].shape}, not {shape}"
        for name, shape in wanted.items()
        if name in found and found[name].shape != shape
    ]
    for start, wrong in (("it lacks", missing), ("it has", extra), ("", shapes)):
        if wrong:
            raise WeightsError(f"{file} is not ST-Diff's: {start} {some(wrong)}.".replace("  ", " "))
    return {name: (found[name], shape) for name, shape in sorted(wanted.items())}


def _write(target: Path, opened: Checkpoint, sources: Sources, file: str) -> None:
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    dtypes = {name: _dtype(lazy, name, file) for name, (lazy, _) in sources.items()}
    try:
        with unfinished.open("wb") as out:
            out.write(_header(sources, dtypes, file, "0" * 64))
            digest = _stream(out, _read(opened, sources, file))
            out.seek(0)
            out.write(_header(sources, dtypes, file, digest))
        unfinished.replace(target)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _dtype(lazy: Any, name: str, file: str) -> torch.dtype:
    dtype = getattr(lazy.data, "dtype", None)
    if not isinstance(dtype, torch.dtype) or dtype not in DTYPES:
        raise WeightsError(f"{file} is not ST-Diff's: {name} is not a tensor of floats.")
    return dtype


def _read(opened: Checkpoint, sources: Sources, file: str) -> Iterator[tuple[str, Tensor]]:
    for name, (lazy, shape) in sources.items():
        try:
            yield name, opened.tensor(lazy, shape)
        except WeightsError as error:
            raise WeightsError(f"{file} is not ST-Diff's: {name} {error}.") from None


def _stream(out: IO[bytes], tensors: Iterator[tuple[str, Tensor]]) -> str:
    """Write the tensors' bytes one after the other; returns the digest."""
    digest = hashlib.sha256()
    for name, tensor in tensors:
        data = tensor.reshape(-1).view(torch.uint8).numpy().data
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(data)
        out.write(data)
    return digest.hexdigest()


def _header(sources: Sources, dtypes: Mapping[str, torch.dtype], file: str, digest: str) -> bytes:
    """A safetensors header; its length does not depend on the digest, so that it can be written twice."""
    about = {"format": "pt", "licence": ST_DIFF.licence, "source": file, "digest": digest}
    entries: dict[str, Any] = {"__metadata__": about}
    stop = 0
    for name, (_, shape) in sources.items():
        start, stop = stop, stop + torch.Size(shape).numel() * dtypes[name].itemsize
        entries[name] = {"dtype": DTYPES[dtypes[name]], "shape": shape, "data_offsets": (start, stop)}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
