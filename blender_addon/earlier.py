"""Results that lie in folders and are not in the scene: earlier ones, and runs that were never seen to end."""

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
    newest = sorted(below(scene, base), key=lambda folder: -(folder / "cameras.npz").stat().st_mtime)[:MOST]
    return [_of(folder, record) for folder in newest if (record := result_files.described(folder)) is not None]


def _of(folder: Path, record: dict) -> Earlier:
    chunks = [chunk for chunk in record.get("chunks", []) if chunk.get("complete")]
    complete = sum(int(chunk.get("count", 0)) for chunk in chunks)
    return Earlier(folder, record.get("run", ""), record.get("state", ""), int(record.get("frames", 0)), complete)
