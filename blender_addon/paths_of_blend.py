"""Paths as the .blend file keeps them: they begin at its own folder (``//``), so that a project can be moved whole."""

import os
from pathlib import Path

import bpy

_KNOWN = "is_path_supports_blend_relative" in bpy.types.Property.bl_rna.properties
RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if _KNOWN else set()
"""Options of a property whose path may begin with ``//``; Blender before 4.5 takes that for granted."""


def kept(path: Path) -> str:
    """``path`` from the .blend file's folder on; as it is where the file was never saved, or lies on another drive."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:  # another drive
        return str(path)


def meant(text: str, library=None) -> Path:
    """The path that ``text`` of the .blend file, or of a library that is linked into it, stands for."""
    return Path(os.path.normpath(bpy.path.abspath(text, library=library)))
