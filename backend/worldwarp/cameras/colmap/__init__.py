"""COLMAP's sparse models (colmap.github.io/format.html), as text and in binary.

Poses are world to camera, x_cam = R(q) x_world + t, quaternions (w, x, y, z), camera axes OpenCV's. The principal
point counts from the corner of the picture, so the first pixel's centre is at (0.5, 0.5) as ours is. The world has
no up; after COLMAP alone it is about the first picture's, Y down.
"""

from pathlib import Path

from worldwarp_protocol import files

from ..cameras import Cameras
from ..foreign import Given, fault
from . import binary, model, text
from .points import NONE, Points

FOLDERS = ("", "sparse/0", "sparse", "0")
"""Where a model lies under a project's folder."""


def read(path: Path, given: Given) -> Cameras:
    """The path of a model's pictures, sorted by name; cameras have to be pinholes, without distortion.

    Args:
        path: the model's folder, its project's, or one of its files. In a folder, binary files count first.
        given: ``fps`` counts.

    Raises:
        InvalidShot: naming the file and the line or byte.
    """
    folder = find(path)
    if folder is None:
        raise fault(path, "holds no COLMAP model (cameras and images, .bin or .txt)")
    syntax = binary if path.suffix != ".txt" and (folder / binary.IMAGES).is_file() else text
    lenses = syntax.read_lenses(folder / syntax.CAMERAS)
    return model.to_cameras(folder, lenses, syntax.read_images(folder / syntax.IMAGES), given)


def find(path: Path) -> Path | None:
    """The folder of the model at ``path``, if there is one."""
    names = binary.IMAGES, binary.CAMERAS, text.IMAGES, text.CAMERAS
    if path.is_file():
        return path.parent if path.name in names else None
    folders = (path / folder for folder in FOLDERS)
    return next((folder for folder in folders if any((folder / name).is_file() for name in names)), None)


def write_text(path: Path, cameras: Cameras, points: Points = NONE) -> None:
    """Write a model as text into the folder ``path``; its pictures are ``0001.png`` ..."""
    for name, content in text.encode(*model.of_cameras(cameras), points).items():
        files.write(path / name, content.encode())


def write_binary(path: Path, cameras: Cameras, points: Points = NONE) -> None:
    """Write a model in binary into the folder ``path``; its pictures are ``0001.png`` ..."""
    for name, content in binary.encode(*model.of_cameras(cameras), points).items():
        files.write(path / name, content)
