"""What a profile needs of trained networks and what of it is here. Torch-free and cheap: asked at every hello.

A part is here where it is registered and its files have kept their size and time since; see ``registry.py``.
"""

import importlib.util
from pathlib import Path

from ..geometry import checkpoint, depth_anything
from ..geometry.checkpoint import WeightsError
from . import registry
from .parts import DEPTH_ANYTHING, PARTS, TTT3R, Part, part
from .registry import root

__all__ = ["absent", "digests", "digests_of", "folder", "gigabytes", "is_here", "missing", "part", "root"]

UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
PACKAGES = {"wan": ("diffusers", "accelerate", "transformers")}


def folder(name: str) -> Path:
    """Where a part's files are, or would be.

    Raises:
        WorldWarpError: there is no such part.
    """
    if name == DEPTH_ANYTHING.name and (found := depth_anything.folder()):
        return found
    return root() / part(name).place


def missing(profile: str) -> str:
    """One sentence that names what a profile lacks here, its size and the command that gets it; empty for nothing."""
    if packages := [name for name in PACKAGES.get(profile, ()) if importlib.util.find_spec(name) is None]:
        return f"Missing packages: {', '.join(packages)}; install them with: pip install 'worldwarp[{profile}]'."
    try:
        wanted = [part for part in PARTS if profile in part.needed and absent(part)]
    except WeightsError as error:
        return str(error)
    if stale := [part.name for part in wanted if absent(part) == CHANGED]:
        return f"Weights changed since they were registered ({', '.join(stale)}); run `{registry.CHECK}`."
    if not wanted:
        return ""
    named = ", ".join(
        part.name + (" (licence: none stated)" if part.licence == "none stated" else "") for part in wanted
    )
    size = gigabytes(sum(part.size for part in wanted))
    return f"Weights are missing: {named}, {size} to fetch; get them with `worldwarp weights get {profile}`."


def digests(profile: str) -> list[str]:
    """SHA-256 of the files of all that a profile needs, and of what it can use and is here; as they were registered."""
    records = registry.records()
    used = [part for part in PARTS if profile in part.needed + part.optional and part.name in records and is_here(part)]
    return [entry.sha256 for part in used for entry in records[part.name].files.values()]


def digests_of(name: str) -> list[str]:
    """SHA-256 of the files of one part, as they were registered; none where it is not here."""
    record = registry.records().get(name)
    return [entry.sha256 for entry in record.files.values()] if record and is_here(part(name)) else []


def is_here(part: Part) -> bool:
    """Whether a part can be used."""
    return not absent(part)


ABSENT, CHANGED = "not here", "changed since it was registered"


def absent(part: Part) -> str:
    """``ABSENT``, ``CHANGED`` or, where a part can be used, an empty string."""
    if part is TTT3R:
        return _without_register(checkpoint.default_path().is_file())
    if part is DEPTH_ANYTHING:
        return _without_register(depth_anything.folder() is not None)
    record = registry.records().get(part.name)
    if record is None:
        return ABSENT
    gone = registry.changed(record, root() / part.place)
    return CHANGED if gone else ""


def gigabytes(size: float) -> str:
    """A size in words, in powers of ten as download pages show it."""
    unit, name = next((each for each in UNITS if size >= each[0] / 20), UNITS[-1])
    return f"{size / unit:.1f} {name}"


def _without_register(here: bool) -> str:
    return "" if here else ABSENT
