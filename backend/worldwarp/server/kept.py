"""Shots on disk: what is generated, checked and at its final size, for a front door that is started again.

One file for each shot, named by its content's digest, below ``shots/`` in the store's folder.
"""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.messages import Override, Settings

from ..cameras import Cameras
from ..cameras.overscan import Window
from ..nouns import Shot
from ..store import sync_folder, write_file


class Array(msgspec.Struct, frozen=True):
    """An array as bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Kept(msgspec.Struct, frozen=True):
    """A shot as bytes."""

    name: str
    settings: Settings
    colour_space: str
    width: int
    height: int
    fps: float
    arrays: dict[str, Array]
    overrides: tuple[Override, ...] = ()
    window: Window | None = None


class KeptError(WorldWarpError):
    """A shot's file is missing or damaged."""


def write(root: Path, shot: Shot) -> str:
    """Keep a shot; its digest.

    Raises:
        OSError: the disk is full.
    """
    cameras = shot.cameras
    arrays: dict[str, NDArray[Any]] = {
        "pictures": shot.pictures,
        "K": cameras.K,
        "camera_to_world": cameras.camera_to_world,
    }
    arrays["frame"] = cameras.frame
    if shot.depth is not None:
        arrays["depth"] = shot.depth
    if shot.mask is not None:
        arrays["mask"] = shot.mask
    if shot.sky is not None:
        arrays["sky"] = shot.sky
    if shot.known is not None:
        arrays["known"] = shot.known
    kept = Kept(
        name=shot.name,
        settings=shot.settings,
        colour_space=shot.colour_space,
        width=cameras.width,
        height=cameras.height,
        fps=cameras.fps,
        arrays={name: _pack(array) for name, array in arrays.items()},
        overrides=shot.overrides,
        window=shot.window,
    )
    content = msgspec.msgpack.encode(kept)
    digest = hashlib.sha256(content).hexdigest()
    if not _path(root, digest).exists():
        write_atomically(_path(root, digest), content)
    return digest


def read(root: Path, digest: str) -> Shot:
    """A shot that was kept.

    Raises:
        KeptError: the file is missing or damaged.
    """
    path = _path(root, digest)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeptError(f"{path} cannot be read ({error.strerror}); submit the shot again.") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise KeptError(f"{path} is damaged; submit the shot again.")
    kept = msgspec.msgpack.decode(content, type=Kept)
    arrays = {name: np.frombuffer(a.data, a.dtype).reshape(a.shape) for name, a in kept.arrays.items()}
    cameras = Cameras(
        K=arrays["K"],
        camera_to_world=arrays["camera_to_world"],
        width=kept.width,
        height=kept.height,
        frame=arrays["frame"],
        fps=kept.fps,
    )
    return Shot(
        name=kept.name,
        pictures=arrays["pictures"],
        depth=arrays.get("depth"),
        cameras=cameras,
        settings=kept.settings,
        colour_space=kept.colour_space,
        overrides=kept.overrides,
        mask=arrays.get("mask"),
        sky=arrays.get("sky"),
        known=arrays.get("known"),
        window=kept.window,
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or not at all, whatever happens meanwhile."""
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.unfinished")
    try:
        write_file(unfinished, content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def _pack(array: NDArray[Any]) -> Array:
    return Array(array.dtype.str, array.shape, array.tobytes())


def _path(root: Path, digest: str) -> Path:
    return root / "shots" / digest
