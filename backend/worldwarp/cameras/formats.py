"""Paths as files: ``cameras.npz``."""

import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import files
from worldwarp_protocol.archives import read_archive
from worldwarp_protocol.errors import InvalidShot

from ..outputs.pictures import check_file
from .cameras import Cameras

SHAPES: dict[str, tuple[int, ...]] = {
    "K": (-1, 3, 3),
    "R": (-1, 3, 3),
    "t": (-1, 3),
    "frame": (-1,),
    "width": (),
    "height": (),
    "fps": (),
}
"""What ``cameras.npz`` holds; -1 is the number of frames."""
EXACT = "camera_to_world"
"""What it may hold besides (n, 4, 4): the poses that R and t were made from."""


def read_cameras(path: Path) -> Cameras:
    """The path in a ``cameras.npz``: K, R, t (x_cam = R x_world + t, OpenCV axes), frame, width, height, fps.

    Poses ``camera_to_world`` are taken to the last bit where they agree with R and t.

    Whether it can be walked is for ``checks.check_cameras`` to say.

    Raises:
        InvalidShot: no such file, not an .npz, or an entry is missing or of another shape.
    """
    check_file("cameras", path)
    data = _arrays(path)
    data |= {name: _checked(name, data[name]) for name in SHAPES}
    lengths = {name: len(data[name]) for name in ("K", "R", "t", "frame")}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise InvalidShot("cameras", f"entries of {path} differ in length ({counts}); give one of each for each frame.")
    R = data["R"].astype(np.float64).transpose(0, 2, 1)
    poses = np.tile(np.eye(4), (len(R), 1, 1))
    poses[:, :3, :3] = R
    poses[:, :3, 3] = -np.einsum("nij,nj->ni", R, data["t"].astype(np.float64))
    exact = data.get(EXACT, poses)
    if exact.dtype == poses.dtype and exact.shape == poses.shape and np.allclose(exact, poses, rtol=1e-9, atol=1e-9):
        poses = exact
    return Cameras(
        K=data["K"].astype(np.float64),
        camera_to_world=poses,
        width=int(data["width"]),
        height=int(data["height"]),
        frame=data["frame"].astype(np.int64),
        fps=float(data["fps"]),
    )


def write_cameras(path: Path, cameras: Cameras) -> None:
    """Write a ``cameras.npz``, whole or not at all."""
    c = cameras
    file = files.CameraFile.of(c.K, c.camera_to_world, c.frame, c.width, c.height, c.fps)
    files.write(path, file.encode())


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise InvalidShot("cameras", f"{path} {_no_archive(file)}; write it by numpy.savez.")
        found = read_archive(path, (*SHAPES, EXACT))
    except (OSError, ValueError) as error:
        why = "it holds objects" if " is object of " in str(error) else str(error).rstrip(".")
        raise InvalidShot(
            "cameras", f"{path} cannot be read ({why}); write it by numpy.savez, plain numbers only."
        ) from None
    if missing := [name for name in SHAPES if name not in found]:
        raise InvalidShot("cameras", f"{path} lacks {', '.join(missing)}; it needs {', '.join(SHAPES)}.")
    return found


def _no_archive(file: BinaryIO) -> str:
    """What a file is that is no archive."""
    file.seek(0)
    match file.read(6):
        case b"\x93NUMPY":
            return "is a single array, not a NumPy archive (.npz)"
        case start if start.startswith(b"PK"):
            return "is damaged or incomplete"
    return "is not a NumPy archive (.npz)"


def _checked(name: str, array: NDArray[Any]) -> NDArray[Any]:
    shape = SHAPES[name]
    fits = array.ndim == len(shape) and array.shape[1:] == shape[1:]
    if not fits or array.dtype.kind not in ("iu" if name in ("frame", "width", "height") else "iuf"):
        wanted = ", ".join("frames" if side == -1 else str(side) for side in shape)
        kind = "integers" if name in ("frame", "width", "height") else "numbers"
        raise InvalidShot(
            f"cameras.{name}", f"is {array.dtype} of shape {array.shape}; write {kind} of shape ({wanted})."
        )
    return array
