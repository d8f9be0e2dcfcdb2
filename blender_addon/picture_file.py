"""The image file that a walk starts from."""

from pathlib import Path

import bpy


def take(scene, path: Path) -> None:
    """Let the walk of ``scene`` start from the image file at ``path``, in the colour space that such files have."""
    shot = scene.worldwarp
    shot.source, shot.picture_file, shot.picture_space = "FILE", shown_path(path), ""


def shown_path(path: Path) -> str:
    """``path`` as the user's preferences want paths: relative to the .blend file, or as it is."""
    if not bpy.data.filepath or not bpy.context.preferences.filepaths.use_relative_paths:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:  # another drive
        return str(path)
