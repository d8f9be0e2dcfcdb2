"""A finished shot as its writers need it: the result folder, and what the store knows of its frames besides."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.results import Record, ResultFolder

from .. import contents
from ..cameras import Cameras
from ..cameras.formats import read_cameras
from ..nouns import Bytes, Floats
from ..store import Store
from ..world.solved import read_solved
from .exr import Passes, read_passes
from .pictures import decode_png


@dataclass(frozen=True)
class Finished:
    """A result folder whose run is done."""

    folder: ResultFolder
    record: Record
    cameras: Cameras
    """Those that were asked for, at the size of the frames."""
    taken: Cameras
    """Where the frames were taken from: solved, where that was done, else as asked. Depth and points are theirs."""

    def frame(self, index: int) -> Bytes:
        """(H, W, 3): the frame at ``index`` of the path."""
        return decode_png(self.folder.frame_path(index).read_bytes())

    def frames(self) -> Iterator[Bytes]:
        """All of them, in order."""
        return (self.frame(i) for i in range(self.record.frames))

    def passes(self, store: Store, index: int) -> Passes:
        """What is known of the frame at ``index``.

        Raises:
            StoreError: its chunk is not in the store, or damaged.
        """
        return read_passes(store, self._key(index), index, self.frame(index))

    def depth(self, store: Store, index: int) -> Floats:
        """(H, W): the depth of the frame at ``index``; as ``passes``."""
        return contents.read_depth(store, self._key(index), index)

    def _key(self, index: int) -> str:
        """Of the chunk that holds a frame: the last one that begins at or before it."""
        return list(itertools.takewhile(lambda chunk: chunk.first <= index, self.record.chunks))[-1].key


def open_finished(path: Path) -> Finished:
    """The result in a folder.

    Raises:
        FolderError: it holds no result, or one that is not done.
    """
    folder = ResultFolder(path)
    if folder.record is None:
        raise FolderError(f"{path} holds no shot.json: name a folder that WorldWarp wrote.")
    if folder.record.state != "done":
        raise FolderError(f"The shot in {path} is not done ({folder.record.state}): finish it first.")
    cameras = read_cameras(path / "cameras.npz")
    return Finished(folder, folder.record, cameras, read_solved(path / "cameras.npz") or cameras)
