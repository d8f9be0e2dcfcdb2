"""Checkpoints: one safetensors file each, with the state of the loop as JSON in its header.

A file is written beside, flushed to the disk and renamed: under its name it is whole. The newest two are kept.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from worldwarp_protocol.errors import FolderError

from ..store import sync_folder

FOLDER = "checkpoints"
KEPT = 2
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of each parameter."""


@dataclass(frozen=True)
class Training:
    """All that a step changes."""

    network: nn.Module
    ema: nn.Module
    optimiser: torch.optim.AdamW
    """With one group, of the network's parameters in their order."""


def save(folder: Path, training: Training, state: Mapping[str, Any]) -> Path:
    """Write ``state`` (with its "step") and the tensors of a training, durably; older ones than the newest two go."""
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{state['step']:08d}.safetensors"
    part = path.with_suffix(".part")
    save_file(_tensors(training), part, {"state": json.dumps(dict(state))})
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(place)
    for old in [*sorted(place.glob("*.safetensors"))[:-KEPT], *place.glob("*.part")]:
        old.unlink()
    return path


def resume(folder: Path, training: Training) -> dict[str, Any] | None:
    """Read the newest whole checkpoint into a training; its state, or None where there is none.

    A file that was torn (a disk that lied, a copy that was cut off) is passed over aloud.

    Raises:
        FolderError: the checkpoint is of another network.
    """
    for path in sorted((folder / FOLDER).glob("*.safetensors"), reverse=True):
        try:
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                state: dict[str, Any] = json.loads(file.metadata()["state"])
        except SafetensorError as error:
            print(f"{path} is damaged ({error}); taking the one before.", file=sys.stderr)
            continue
        _load(path, training, tensors)
        return state
    return None


def _tensors(training: Training) -> dict[str, Tensor]:
    """By name: the weights, the averaged weights, and the moments of each parameter that has any."""
    found = {f"network.{name}": value for name, value in _once(training.network).items()}
    found |= {f"ema.{name}": value for name, value in _once(training.ema).items()}
    for name, parameter in training.network.named_parameters():
        moments = training.optimiser.state.get(parameter, {})
        found |= {f"{moment}.{name}": value for moment, value in moments.items()}
    return {name: value.detach().contiguous() for name, value in found.items()}


def _once(network: nn.Module) -> dict[str, Tensor]:
    """A network's state, a tensor with several names under the first: safetensors refuses the others."""
    state = network.state_dict(keep_vars=True)
    first = {id(value): name for name, value in reversed(state.items())}
    return {name: state[name] for name in first.values()}


def _load(path: Path, training: Training, tensors: Mapping[str, Tensor]) -> None:
    def of(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    try:
        training.network.load_state_dict(of("network."))
        training.ema.load_state_dict(of("ema."))
    except RuntimeError as error:
        text = f"{path} is of another network; train it with the config it was made with, or choose another folder."
        raise FolderError(text) from error
    moments = {moment: of(f"{moment}.") for moment in MOMENTS}
    names = [name for name, _ in training.network.named_parameters()]
    per_parameter = {
        i: {moment: moments[moment][name] for moment in MOMENTS}
        for i, name in enumerate(names)
        if name in moments["exp_avg"]
    }
    groups = training.optimiser.state_dict()["param_groups"]
    training.optimiser.load_state_dict({"state": per_parameter, "param_groups": groups})
