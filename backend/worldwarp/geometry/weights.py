"""The network's weights, converted once and loaded; ``checkpoint.py`` says what they are.

The checkpoint is a pickle; ``convert`` takes the tensors out of it and writes
a safetensors file, which holds numbers only, and ``load`` reads nothing else.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .checkpoint import LICENCE, TERMS, WeightsError, about
from .config import TTT3RConfig
from .network import TTT3R, ties
from .unpickle import Checkpoint


def convert(checkpoint: Path, target: Path, acknowledged: bool, config: TTT3RConfig | None = None) -> None:
    """Take the network's tensors out of a checkpoint, as float32, and write them to ``target``.

    Nothing in the checkpoint is run; names and shapes are checked; ``target`` appears whole or not at all.

    Args:
        checkpoint: the downloaded file.
        target: a ``.safetensors`` file.
        acknowledged: whether the user has read ``TERMS`` and accepts the licence.
        config: the network's sizes, if not the checkpoint's known ones.

    Raises:
        WeightsError: the licence is not acknowledged, or the file is not this network's checkpoint.
    """
    if not acknowledged:
        raise WeightsError(f"The licence has to be acknowledged first.\n{TERMS}")
    with Checkpoint(checkpoint) as opened:
        tensors = _take(opened, _blank(config), checkpoint.name)
    write(tensors, target, LICENCE, checkpoint.name, config)


def write(
    tensors: Mapping[str, Tensor],
    target: Path,
    licence: str,
    source: str,
    config: TTT3RConfig | None = None,
    stored: torch.dtype = torch.float32,
) -> None:
    """Write a network's tensors, each once, as ``load`` reads them; ``target`` appears whole or not at all.

    Args:
        tensors: by the network's names.
        target: a ``.safetensors`` file.
        licence, source: that the file is to name.
        config: the network's sizes, if not the known checkpoint's.
        stored: what the numbers are rounded to. They are loaded as float32, and the digest is of those.

    Raises:
        WeightsError: the file cannot be written.
    """
    kept = {name: value.detach().cpu().to(stored).contiguous() for name, value in tensors.items()}
    digest = _digest({name: value.float() for name, value in kept.items()})
    about = {"licence": licence, "source": source, "digest": digest}
    if config:
        about["config"] = msgspec.json.encode(config).decode()
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        save_file(kept, unfinished, about)
        unfinished.replace(target)
    except OSError as error:
        raise WeightsError(f"{target} cannot be written: {error}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: Path, config: TTT3RConfig | None = None, device: str = "cpu") -> TTT3R:
    """The network with the weights of a converted file as float32, ready for inference.

    Its sizes are ``config``, or those that the file names, or those of the known checkpoint.

    Raises:
        WeightsError: there is no such file, it names no licence, or it is not this network's.
    """
    said = about(path)
    network = _blank(config or _config(said, path))
    try:
        with safe_open(path, "pt", device=device) as file:
            # copies are aligned in memory as all tensors are, so that products come out the same to the last bit
            names = list(file.keys())
            tensors = {name: file.get_tensor(name).to(torch.float32, copy=True) for name in names}
        network.load_state_dict(tensors, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold this network's weights: {error}") from None
    return network.eval().requires_grad_(False)


def verify(path: Path, config: TTT3RConfig | None = None) -> None:
    """Read a converted file whole.

    Raises:
        WeightsError: as ``load``, or its numbers are not those that were converted.
    """
    if _digest(dict(load(path, config).named_parameters())) != about(path)["digest"]:
        raise WeightsError(f"{path} is damaged: its numbers are not those that were converted; convert it again.")


def _config(said: Mapping[str, str], path: Path) -> TTT3RConfig | None:
    try:
        return msgspec.json.decode(said["config"], type=TTT3RConfig) if "config" in said else None
    except msgspec.MsgspecError as error:
        raise WeightsError(f"{path} names sizes that are none: {error}") from None


def _blank(config: TTT3RConfig | None) -> TTT3R:
    with torch.device("meta"):
        return TTT3R(config or TTT3RConfig())


def _take(checkpoint: Checkpoint, network: TTT3R, file: str) -> dict[str, Tensor]:
    """The network's tensors by name, each once, from the checkpoint's ``model``."""
    found = _model(checkpoint.tree, file)
    twins = {name: group for group in ties(network) for name in group}
    wanted = dict(network.named_parameters())
    extra = sorted(found.keys() - wanted.keys() - twins.keys())
    if extra:
        raise WeightsError(f"{file} is not this network's: it has {_some(extra)}.")
    sources = {name: next((n for n in twins.get(name, (name,)) if n in found), None) for name in wanted}
    missing = [name for name, source in sources.items() if source is None]
    if missing:
        raise WeightsError(f"{file} is not this network's: it lacks {_some(missing)}.")
    taken = {}
    for name, source in sources.items():
        try:
            taken[name] = checkpoint.tensor(found[source or name], tuple(wanted[name].shape)).float()
        except WeightsError as error:
            raise WeightsError(f"{file} is not this network's: {source} {error}.") from None
    return taken


def _model(tree: Any, file: str) -> Mapping[str, Any]:
    model = dict.get(tree, "model") if isinstance(tree, dict) else None
    if not isinstance(model, dict) or not all(isinstance(name, str) for name in model):
        raise WeightsError(f"{file} has no 'model' with named tensors.")
    prefix = "module." if all(name.startswith("module.") for name in model) else ""
    # of dict itself: a pickle may give an OrderedDict attributes of these names
    return {name.removeprefix(prefix): value for name, value in dict.items(model)}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)}\n".encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return digest.hexdigest()
