"""Notes of the files that a shot is made of: where a file, or how it is read, is another, so is its note."""

import hashlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import bpy

from . import masks
from .colour import colour_space
from .picture import LINEAR_FILES
from .problems import Problem

MOST_BYTES = 16 * 2**20
"""That are read of a file: a panel asks. Of larger ones the size counts, and how they begin."""


def of(scene) -> dict[str, str]:
    """Notes by what the files become, as ``results.Given.files`` has them; a render has none."""
    shot = scene.worldwarp
    found = masks.files(shot)
    if shot.source == "FILE":
        found["picture"] = Path(bpy.path.abspath(shot.picture_file))
        if shot.depth_source == "given":
            found["depth"] = Path(bpy.path.abspath(shot.depth_file))
    notes = {}
    for name, path in found.items():
        with suppress(OSError, Problem):  # what cannot be read is said elsewhere
            there = path.stat()
            how = _read_as(scene, path) if name == "picture" else ""
            notes[name] = _note(path, there.st_mtime_ns, there.st_size, how)
    return notes


def _read_as(scene, path: Path) -> str:
    """What of the scene goes into the picture: light is seen through its view."""
    space = scene.worldwarp.picture_space
    return f"{space}, {colour_space(scene)}" if space or path.suffix.lower() in LINEAR_FILES else ""


@lru_cache(maxsize=16)
def _note(path: Path, changed: int, size: int, how: str) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(f"{size} {how}\n".encode() + file.read(MOST_BYTES)).hexdigest()
