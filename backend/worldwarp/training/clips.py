"""Clips of made places, one per seed, and pools of them on disk.

A pool is a folder: ``rgb.npy`` (c, n, H, W, 3) uint8, ``nearness.npy`` (c, n, H, W) float16, which is 1 / depth,
``K.npy`` (c, n, 3, 3), ``camera_to_world.npy`` (c, n, 4, 4), ``done.npy`` (c,) bool, and ``pool.json``: what of.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from worldwarp_protocol.errors import InvalidShot

from .journeys import intrinsics, journey
from .raycast import render
from .scenes import scene

HELD_OUT = 1_000_000_000
"""Seeds from here on are never trained on."""


@dataclass(frozen=True)
class Clip:
    """A walk through a place, and the truth about it."""

    rgb: Tensor
    """(n, H, W, 3) uint8, display-referred."""
    depth: Tensor
    """(n, H, W) float32, planar, metres; inf is sky."""
    K: Tensor
    """(n, 3, 3) float64, in pixels."""
    camera_to_world: Tensor
    """(n, 4, 4) float64, OpenCV axes."""


@dataclass(frozen=True)
class Plan:
    """What a pool holds: ``count`` clips from ``first_seed`` on."""

    first_seed: int
    count: int
    frames: int
    height: int
    width: int


@dataclass(frozen=True)
class Pool:
    """Clips on disk, read as they are asked for."""

    plan: Plan
    arrays: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return self.plan.count

    def __getitem__(self, i: int) -> Clip:
        """Clip ``i``; its depth has the precision of float16.

        Raises:
            IndexError: there is no such clip.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"The pool has {len(self)} clips, and none at {i}.")
        rgb, nearness, K, poses = (torch.from_numpy(np.array(self.arrays[name][i])) for name in _KEPT)
        return Clip(rgb, 1 / nearness.float(), K, poses)


def clip(seed: int, frames: int, height: int, width: int, device: str = "cpu") -> Clip:
    """The clip of a seed, rendered on a device, where its tensors are: everything comes from the seed."""
    place = scene(seed)
    poses, fov = journey(place, seed, frames)
    K = np.tile(intrinsics(fov, height, width), (frames, 1, 1))
    rgb, depth = render(place, poses, K, height, width, device)
    eight_bit = (rgb * 255 + 0.5).to(torch.uint8)
    return Clip(eight_bit, depth, torch.from_numpy(K).to(device), torch.from_numpy(poses).to(device))


def pool(
    folder: Path,
    first_seed: int,
    count: int,
    frames: int,
    height: int,
    width: int,
    device: str = "cpu",
    report: Callable[[int, int], None] | None = None,
) -> Pool:
    """Clips of seeds from ``first_seed`` on, rendered once into a folder; goes on where it was cut off.

    Raises:
        InvalidShot: the folder holds a pool of other clips, or the seeds reach from trained to held out ones.
    """
    if first_seed < HELD_OUT < first_seed + count:
        raise InvalidShot(
            "pool", f"seeds {first_seed} to {first_seed + count - 1} run into those held out; ask for less."
        )
    plan = Plan(first_seed, count, frames, height, width)
    arrays = _opened(folder, plan)
    done = arrays["done"]
    for i in np.flatnonzero(~done):
        made = clip(first_seed + int(i), frames, height, width, device)
        kept = made.rgb, (1 / made.depth).half(), made.K, made.camera_to_world
        for name, tensor in zip(_KEPT, kept, strict=True):
            arrays[name][i] = tensor.cpu().numpy()
        done[i] = True
        if report is not None:
            report(int(done.sum()), count)
    return Pool(plan, arrays)


_KEPT: dict[str, tuple[str, Callable[[Plan], tuple[int, ...]]]] = {
    "rgb": ("uint8", lambda p: (p.height, p.width, 3)),
    "nearness": ("float16", lambda p: (p.height, p.width)),
    "K": ("float64", lambda _: (3, 3)),
    "camera_to_world": ("float64", lambda _: (4, 4)),
}


def _opened(folder: Path, plan: Plan) -> dict[str, NDArray[Any]]:
    """A pool's arrays, memory-mapped; made where they are not there yet."""
    note = folder / "pool.json"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, (kind, shape) in _KEPT.items():
            _map(folder / f"{name}.npy", kind, (plan.count, plan.frames, *shape(plan)))
        _map(folder / "done.npy", "bool", (plan.count,))
        note.write_text(json.dumps(asdict(plan)))
    if json.loads(note.read_text()) != asdict(plan):
        raise InvalidShot("pool", f"{folder} holds other clips ({note.read_text()}); give another folder.")
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in (*_KEPT, "done")}


def _map(path: Path, kind: str, shape: tuple[int, ...]) -> None:
    np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape).flush()
