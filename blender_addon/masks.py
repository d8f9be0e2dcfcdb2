"""Masks over the picture: what must not become part of the world, and what is sky."""

from pathlib import Path

import bpy
import numpy as np

from . import exif
from .camera import scene_raster
from .picture import over_black, picked, read_pixels, read_size, to_bytes
from .problems import Problem

NAMES = {"mask": ("mask_file", "Leave Out mask"), "sky": ("sky_file", "Sky mask")}
"""Arrays of the shot: the property that names the file, and what it is called."""


def files(shot) -> dict[str, Path]:
    """The masks that are chosen, by the name of their array."""
    chosen = {name: getattr(shot, field) for name, (field, _) in NAMES.items()}
    return {name: Path(bpy.path.abspath(path)) for name, path in chosen.items() if path}


def check(scene) -> None:
    """Raise ``Problem`` where a mask cannot be read or is not of the picture's size; reads no more than that."""
    wanted = _picture_size(scene)
    for name, path in files(scene.worldwarp).items():
        size = read_size(path)
        if size != wanted:
            raise Problem(
                f"The {NAMES[name][1]} is {size[0]} x {size[1]} pixels, the picture {wanted[0]} x {wanted[1]}: "
                "paint it over the picture, at its size"
            )


def arrays(scene, height: int, width: int) -> dict[str, np.ndarray]:
    """The masks as they are sent with a picture of that size: (1, height, width) uint8, 255 where they are white.

    Raises:
        Problem: as ``check``.
    """
    check(scene)
    return {name: _grey(path, height, width)[None] for name, path in files(scene.worldwarp).items()}


def _grey(path: Path, height: int, width: int) -> np.ndarray:
    grey = to_bytes(over_black(read_pixels(path)).mean(axis=-1))
    return picked(exif.turned(grey, exif.orientation(path)), height, width)


def _picture_size(scene) -> tuple[int, int]:
    shot = scene.worldwarp
    if shot.source == "FILE":
        return read_size(Path(bpy.path.abspath(shot.picture_file)))
    raster = scene_raster(scene)
    return raster.width, raster.height
