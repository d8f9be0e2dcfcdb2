"""Chunks as immutable folders, each named by its recipe's key.

A folder becomes visible by one rename when everything in it is on the disk; what is visible is never changed.
Only this module writes there. ``manifest.json`` in each folder names every file with its SHA-256.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from worldwarp_protocol import files as folders
from worldwarp_protocol.errors import WorldWarpError

FORMAT = 1

PARTS = {"chunks", "derived", "runs.sqlite"}
"""By any of these a folder is known as a store."""


class StoreError(WorldWarpError):
    """The store cannot be used, or a chunk in it is damaged; the sentence says which and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a committed chunk holds."""

    key: str
    digest: str
    """Of its content: the names and SHA-256 of its files, nothing else. Equal content, equal digest."""
    first: int
    """Position in the path of its first frame."""
    count: int
    """Frames it holds."""
    files: dict[str, str]
    """SHA-256 by name."""
    meta: dict[str, float | str]
    """Numbers of the chunk by name; not part of the digest, for they hold times."""
    recipe: dict[str, Any]
    format: int = FORMAT


def default_root() -> Path:
    """Where chunks are kept unless the user says otherwise: $WORLDWARP_HOME/store or the platform's data folder."""
    if os.environ.get("WORLDWARP_HOME"):
        return Path(os.environ["WORLDWARP_HOME"]) / "store"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "worldwarp" / "store"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/worldwarp/store"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "worldwarp" / "store"


class Store:
    """The chunks below one folder.

    Raises:
        StoreError: the folder cannot be made or written, or is no store but holds something else.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._chunks = root / "chunks"
        self._unfinished = root / "unfinished"
        try:
            if root.is_dir() and (names := folders.strange(root)) and not PARTS & set(names):
                raise StoreError(
                    f"{root} holds other files ({names[0]}, ...), not a store; choose another with --store."
                )
            self._chunks.mkdir(parents=True, exist_ok=True)
            self._unfinished.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The store {root} cannot be written ({error.strerror}); choose another with --store."
            ) from error

    def has(self, key: str) -> bool:
        """Whether this chunk is committed."""
        return (self._folder(key) / "manifest.json").is_file()

    def manifest(self, key: str) -> Manifest:
        """What a committed chunk holds.

        Raises:
            StoreError: it is not there, damaged, or of another version's format.
        """
        try:
            stored = json.loads((self._folder(key) / "manifest.json").read_text("utf-8"))
            if stored["format"] != FORMAT:
                raise self._damaged(key, "it", "of another version's format")
            return Manifest(**stored)
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._check_there(key)
            raise self._damaged(key, "its manifest", "missing or damaged") from error

    def read(self, key: str, name: str) -> bytes:
        """A file of a committed chunk, checked against its digest.

        Raises:
            StoreError: it is missing or damaged.
        """
        try:
            data = (self._folder(key) / name).read_bytes()
        except OSError as error:
            self._check_there(key)
            raise self._damaged(key, name, "missing") from error
        if hashlib.sha256(data).hexdigest() != self.manifest(key).files.get(name):
            raise self._damaged(key, name, "damaged")
        return data

    def commit(
        self,
        key: str,
        recipe: dict[str, Any],
        first: int,
        count: int,
        files: Mapping[str, bytes],
        meta: dict[str, float | str],
    ) -> Manifest:
        """Make a chunk visible, whole and on the disk, or not at all. A chunk that is there already stays as it is.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written is visible then.
        """
        if self.has(key):
            return self.manifest(key)
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
        content = json.dumps(digests, sort_keys=True, separators=(",", ":"))
        manifest = Manifest(key, hashlib.sha256(content.encode()).hexdigest(), first, count, digests, meta, recipe)
        folder = self._unfinished / f"{key}.{uuid.uuid4().hex}"
        try:
            for name, data in files.items():
                write_file(folder / name, data)
            write_file(folder / "manifest.json", json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())
            for inner in {folder, *((folder / name).parent for name in files)}:
                sync_folder(inner)
            self._publish(folder, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return manifest

    def clean(self, older_than: float = 3600) -> None:
        """Remove what killed processes left unfinished. What is younger (seconds) may be another's commit in work."""
        for left in self._unfinished.iterdir():
            with contextlib.suppress(FileNotFoundError):  # its commit ended meanwhile
                if time.time() - left.stat().st_mtime >= older_than:
                    shutil.rmtree(left, ignore_errors=True)

    def _publish(self, folder: Path, key: str) -> None:
        target = self._folder(key)
        target.parent.mkdir(exist_ok=True)
        try:
            folder.rename(target)
        except OSError:
            if not self.has(key):  # another process committed the same chunk first: its content is ours
                raise
        sync_folder(target.parent)

    def _check_there(self, key: str) -> None:
        if not self._folder(key).exists():
            raise StoreError(
                f"The store {self.root} does not hold the shot's chunks: name the one that does with --store, "
                "on the machine that computed it."
            )

    def _damaged(self, key: str, what: str, how: str) -> StoreError:
        return StoreError(
            f"A chunk in the store cannot be used ({what} is {how}): remove {self._folder(key)} to compute it again."
        )

    def _folder(self, key: str) -> Path:
        return self._chunks / key[:2] / key


def write_file(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk before returning; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; Windows has no such call and needs none for NTFS' journal."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
