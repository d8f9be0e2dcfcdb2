"""The frames of committed chunks, read back from the disk one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.results import ChunkRecord

from .. import contents
from ..cameras import Cameras
from ..nouns import Bytes, Floats, View
from ..store import Store


@dataclass(frozen=True)
class Frames:
    """Frames of a path in order, all of one size, as committed. Nothing but the cameras is held in memory."""

    store: Store
    keys: tuple[str, ...]
    """(n,), the chunk that holds each frame."""
    cameras: Cameras
    """n of them; ``frame`` is the position in the path."""

    def __len__(self) -> int:
        return len(self.keys)

    def view(self, i: int) -> View:
        """The frame at position ``i``.

        Raises:
            StoreError: a file is missing or damaged.
        """
        return contents.read_view(self.store, self.keys[i], int(self.cameras.frame[i]))

    def solid(self, i: int) -> tuple[View, Floats]:
        """The frame at ``i`` and its depth (H, W); inf is sky, NaN is not known."""
        view = self.view(i)
        assert view.depth is not None  # committed frames have it
        return view, view.depth


def committed(store: Store, chunks: Sequence[ChunkRecord]) -> Frames:
    """The frames of consecutive chunks, however many of a path there are.

    Raises:
        WorldWarpError: there are none, or they do not follow on each other.
        StoreError: a chunk is not in this store, or damaged.
    """
    if not chunks:
        raise WorldWarpError("No chunk of this shot is finished yet; there is no world to make files of.")
    if any(a.first + a.count != b.first for a, b in pairwise(chunks)):
        raise WorldWarpError("The chunks of this shot do not follow on each other: generate it again.")
    parts = [_cameras(store, chunk) for chunk in chunks]
    whole = replace(
        parts[0],
        K=np.concatenate([part.K for part in parts]),
        camera_to_world=np.concatenate([part.camera_to_world for part in parts]),
        frame=np.concatenate([part.frame for part in parts]),
    )
    return Frames(store, tuple(chunk.key for chunk in chunks for _ in range(chunk.count)), whole)


def generated(frames: Frames) -> Frames:
    """Those that the loop generated: frames that were rendered from them know nothing more of the world."""
    manifests = (frames.store.manifest(key) for key in dict.fromkeys(frames.keys))
    wanted = {i for manifest in manifests for i in contents.generated(manifest)}
    kept = [i for i, at in enumerate(frames.cameras.frame) if int(at) in wanted]
    return Frames(frames.store, tuple(frames.keys[i] for i in kept), frames.cameras[kept])


def picture_of(frames: Frames) -> tuple[Bytes, Floats]:
    """The first frame (H, W, 3) and its depth (H, W)."""
    view, depth = frames.solid(0)
    return view.rgb, depth


def _cameras(store: Store, chunk: ChunkRecord) -> Cameras:
    height, width = contents.read_depth(store, chunk.key, chunk.first).shape
    return contents.read_cameras(store, chunk.key, chunk.first, width, height)
