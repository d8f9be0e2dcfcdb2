"""What a result folder holds beside its frames, as image sequences: where pixels come from, and EXR with all passes."""

import bpy

from . import takes
from .paths_of_blend import kept

PASSES = {"provenance": "0001.png", "exr": "0001.exr"}
"""Folders of a result, and the first file in them."""


def is_there(take, name: str) -> bool:
    """Whether the result of ``take`` has the folder ``name``."""
    return (takes.folder_of(take) / name / PASSES[name]).is_file()


def sequence(take, name: str) -> bpy.types.Image | None:
    """The image sequence in folder ``name`` of the result of ``take``; None where it has none."""
    first = takes.folder_of(take) / name / PASSES[name]
    if not is_there(take, name):
        return None
    title = f"{take.name} {'EXR' if name == 'exr' else name.title()}"
    image = bpy.data.images.get(title) or bpy.data.images.load(str(first), check_existing=False)
    image.name, image.source, image.filepath = title, "SEQUENCE", kept(first)
    if name == "provenance":
        image.colorspace_settings.name = "Non-Color"
    return image
