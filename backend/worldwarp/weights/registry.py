"""Which files of which part are here, with their digests, so that nobody reads gigabytes to know. Torch-free."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ..geometry.checkpoint import WeightsError
from ..store import default_root

CHECK = "worldwarp weights check"


class Entry(msgspec.Struct, frozen=True):
    """A file as it was when it was registered."""

    size: int
    mtime_ns: int
    sha256: str


class Record(msgspec.Struct, frozen=True):
    """A part as it was registered."""

    revision: str
    """The commit it was fetched at, or how else it came here."""
    files: dict[str, Entry]
    """By path below the part's folder."""


def root() -> Path:
    """Where weights are kept: beside the store."""
    return default_root().parent / "weights"


def records() -> dict[str, Record]:
    """What is registered, by the part's name.

    Raises:
        WeightsError: the register cannot be read.
    """
    path = root() / "registered.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Record])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise WeightsError(f"{path} is damaged ({error}); delete it and run `{CHECK}`.") from None


def register(name: str, folder: Path, files: Iterable[str], revision: str) -> Record:
    """Record a part's ``files`` (paths below ``folder``) and their digests; what was recorded of it is replaced."""
    record = Record(revision, {file: _entry(folder / file) for file in sorted(files)})
    path = root() / "registered.json"
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode({**records(), name: record})))
    unfinished.replace(path)
    return record


def changed(record: Record, folder: Path) -> list[str]:
    """The recorded files that are gone, or whose size or time is another."""
    return [file for file, entry in record.files.items() if _stamp(folder / file) != (entry.size, entry.mtime_ns)]


def sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(path: Path) -> Entry:
    size, mtime_ns = path.stat().st_size, path.stat().st_mtime_ns
    return Entry(size, mtime_ns, sha256(path))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns
