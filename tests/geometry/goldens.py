"""Numbers of the reference implementation at a tiny size (tests/data), and the network that they are of."""

import json
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import torch
from worldwarp.geometry.ttt3r import TTT3R, TTT3RConfig

DATA = Path(__file__).parent.parent / "data"
TOLERANCE = 5e-5


@cache
def load(name: str) -> dict[str, np.ndarray]:
    with np.load(DATA / f"{name}.npz") as file:
        return dict(file)


def error(ours, theirs) -> float:
    """Largest difference, relative to the largest magnitude or 1."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / max(1.0, np.abs(b).max()))


def tiny_config() -> TTT3RConfig:
    config = json.loads(str(load("ttt3r_golden")["config"]))
    return TTT3RConfig(**{field.name: config[field.name] for field in fields(TTT3RConfig)})


def tiny_weights() -> dict[str, torch.Tensor]:
    golden = load("ttt3r_golden")
    return {k.removeprefix("weights/"): torch.from_numpy(v) for k, v in golden.items() if k.startswith("weights/")}


@cache
def tiny_network() -> TTT3R:
    network = TTT3R(tiny_config())
    network.load_state_dict(tiny_weights())
    return network.eval()
