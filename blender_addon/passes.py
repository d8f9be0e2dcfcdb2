"""What a result folder holds beside its frames, as image sequences: where pixels come from, and EXR with all passes."""

from pathlib import Path

import bpy

from . import takes
from .paths_of_blend import kept

EXR = "exr"

PASSES = {"provenance": ".png", EXR: ".exr"}
"""Folders of a result, and what the names of files in them end in."""


def is_there(take, name: str) -> bool:
    """Whether the result of ``take`` has the folder ``name``, whole: files come in order."""
    return all(_file(take, name, number).is_file() for number in (1, takes.frame_count(take)))


def _file(take, name: str, number: int) -> Path:
    return takes.folder_of(take) / name / f"{number:04d}{PASSES[name]}"


def sequence(take, name: str) -> bpy.types.Image | None:
    """The image sequence in folder ``name`` of the result of ``take``; None where it has none."""
    first = _file(take, name, 1)
    if not is_there(take, name):
        return None
    title = f"{take.name} {'EXR' if name == EXR else name.title()}"
    image = bpy.data.images.get(title) or bpy.data.images.load(str(first), check_existing=False)
    image.name, image.source, image.filepath = title, "SEQUENCE", kept(first)
    if name == "provenance":
        image.colorspace_settings.name = "Non-Color"
    return image
