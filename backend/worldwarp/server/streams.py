"""A run as a numbered list of items, the same after every restart.

The numbers follow from the committed chunks alone. The start is 1; each chunk of ``count`` frames takes ``count + 2``
of them: its announcement, its frames, its points; after the last chunk comes the end. Nothing is kept for a client
beyond the number it has reached: items are read from the store when they can be sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import messages
from worldwarp_protocol.messages import ChunkCommitted, Frame, Points, RunEnded, RunStarted

from .. import contents
from ..nouns import Shot
from ..store import Store
from .derived import PointCloud
from .journal import Run

Arrays = Mapping[str, NDArray[Any]]

SOLVED_SINCE = 3
"""The minor version that knows of solved cameras."""

FRAME_FILES = {"frame": "frames", "provenance": "provenance"}
"""Arrays of a frame's message, and the folders of the chunk that they lie in."""


@dataclass(frozen=True)
class Place:
    """What a number of a run's stream stands for."""

    kind: Literal["started", "committed", "frame", "points", "ended"]
    chunk: int = 0
    index: int = 0
    """Of a frame: its position in the path."""


def place(run: Run, seq: int) -> Place | None:
    """What item ``seq`` (from 1) of the run is; None when it is not there yet, or the run is over."""
    if seq == 1:
        return Place("started")
    offset = seq - 2
    for number, chunk in enumerate(run.committed):
        if offset == 0:
            return Place("committed", number)
        if offset <= chunk.count:
            return Place("frame", number, chunk.first + offset - 1)
        if offset == chunk.count + 1:
            return Place("points", number)
        offset -= chunk.count + 2
    return Place("ended") if offset == 0 and run.ended else None


def next_seq(run: Run, after: int, have: Collection[str]) -> int:
    """The first item after ``after`` that is to be sent: what chunks whose digest is in ``have`` hold is not."""
    seq = after + 1
    while have and (at := place(run, seq)) is not None and at.kind in ("frame", "points"):
        if run.committed[at.chunk].digest not in have:
            break
        seq += 1
    return seq


def started(run: Run, seq: int, shot: Shot) -> tuple[RunStarted, Arrays]:
    """What is generated."""
    cameras = shot.cameras
    wire = messages.Shot(
        name=shot.name,
        settings=shot.settings,
        fps=cameras.fps,
        colour_space=shot.colour_space,
        overrides=list(shot.overrides),
    )
    arrays: Arrays = {
        "K": cameras.K,
        "camera_to_world": cameras.camera_to_world,
        "frame": cameras.frame.astype(np.int32),
    }
    size = cameras.width, cameras.height
    return RunStarted(run.id, seq, wire, *size, window=shot.window), arrays


def committed(run: Run, seq: int, at: Place, store: Store, minor: int) -> tuple[ChunkCommitted, Arrays]:
    """The announcement of a chunk, and where its frames were taken from; not for peers that do not know of that."""
    chunk = run.committed[at.chunk]
    solved = contents.read_solved(store, chunk.key) if minor >= SOLVED_SINCE else None
    message = ChunkCommitted(
        run=run.id,
        seq=seq,
        chunk=at.chunk,
        key=chunk.key,
        digest=chunk.digest,
        first=chunk.first,
        count=chunk.count,
        meta=store.manifest(chunk.key).meta,
    )
    return message, dict(zip(("solved", "residuals"), solved, strict=True)) if solved else {}


def frame(run: Run, seq: int, at: Place, store: Store) -> tuple[Frame, Arrays]:
    """A frame and its provenance: the stored files' bytes as they are, so a client receives what was committed."""
    key = run.committed[at.chunk].key
    arrays = {kind: store.read(key, contents.name(folder, at.index)) for kind, folder in FRAME_FILES.items()}
    message = Frame(run=run.id, seq=seq, chunk=at.chunk, index=at.index)
    return message, {kind: np.frombuffer(data, np.uint8) for kind, data in arrays.items()}


def points(run: Run, seq: int, at: Place, cloud: PointCloud) -> tuple[Points, Arrays]:
    """The points that a chunk adds."""
    arrays: Arrays = {"xyz": cloud.xyz, "rgb": cloud.rgb, "provenance": cloud.provenance}
    return Points(run=run.id, seq=seq, chunk=at.chunk), arrays


def ended(run: Run, seq: int) -> RunEnded:
    """The last item."""
    return RunEnded(run=run.id, seq=seq, state=run.state, text=run.text)
