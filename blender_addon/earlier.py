"""Results that lie in folders and are not in the scene: earlier ones, and runs that were never seen to end."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import result_files, takes

MOST = 20
"""Results that are listed, the newest first."""


@dataclass(frozen=True)
class Earlier:
    """A result folder, as its ``shot.json`` describes it."""

    folder: Path
    run: str
    state: str
    frames: int
    """Of the whole path."""
    complete: int
    """Of these, how many have come."""
    when: float
    """It was last written to, in seconds since 1970."""
    profile: str
    seconds: float
    """That its ranges took to make, as far as they are here."""

    @property
    def unfinished(self) -> bool:
        """Whether a server may have more of it."""
        return bool(self.run) and self.state == "running"


def below(scene, folder: Path) -> list[Path]:
    """Where ``folder`` is no result itself: the results in it that are not in ``scene`` yet, by name."""
    if takes.is_result(folder) or not folder.is_dir():
        return []
    here = {takes.folder_of(take).resolve() for take in takes.all_of(scene)}
    return sorted(path for path in folder.iterdir() if takes.is_result(path) and path.resolve() not in here)


def found(scene, base: Path) -> list[Earlier]:
    """The newest of the results in ``base`` that are not in ``scene`` yet."""
    return _newest(below(scene, base))


def history(scene, base: Path) -> list[tuple[Earlier, str]]:
    """The newest results in ``scene`` and in ``base``, each with the name of its take in the scene or ""."""
    here = {takes.folder_of(take).resolve(): take.name for take in takes.all_of(scene)}
    lying = {path.resolve() for path in base.iterdir() if takes.is_result(path)} if base.is_dir() else set()
    return [(found, here.get(found.folder, "")) for found in _newest(here.keys() | lying)]


def _newest(folders: Iterable[Path]) -> list[Earlier]:
    found = sorted(((_written(folder), folder) for folder in folders), reverse=True)[:MOST]
    return [_of(folder, record, when) for when, folder in found if (record := result_files.described(folder))]


def _written(folder: Path) -> float:
    try:
        return (folder / result_files.RECORD).stat().st_mtime
    except OSError:
        return 0.0


def _of(folder: Path, record: dict, when: float) -> Earlier:
    chunks = [chunk for chunk in record.get("chunks", []) if chunk.get("complete")]
    complete = sum(int(chunk.get("count", 0)) for chunk in chunks)
    numbers = [item for chunk in chunks for item in chunk.get("meta", {}).items()]
    seconds = sum(value for name, value in numbers if name.startswith("seconds_") and isinstance(value, float))
    profile = str(record.get("settings", {}).get("profile", ""))
    run, state, frames = record.get("run", ""), record.get("state", ""), int(record.get("frames", 0))
    return Earlier(folder, run, state, frames, complete, when, profile, seconds)
