"""All that is known of a frame of a run, as the EXR file that ``worldwarp export --exr`` writes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import MakePasses, PassesMade
from worldwarp_protocol.results import ChunkRecord

from .. import contents
from ..cameras import Cameras
from ..nouns import Shot
from ..outputs import exr
from ..store import Store
from .questions import NOBODY, Answer


def make(task: MakePasses, store: Store, chunks: Sequence[ChunkRecord], shot: Shot) -> Answer:
    """The file of one frame. Torch-free, for the store holds all of it.

    Args:
        chunks: committed ones of the run, consecutive, from the first.

    Raises:
        InvalidShot: the run has no such frame.
        WorldWarpError: a chunk cannot be read.
    """
    here = [chunk for chunk in chunks if chunk.first <= task.index < chunk.first + chunk.count]
    if not here:
        frames = sum(chunk.count for chunk in chunks)
        raise InvalidShot("index", f"is {task.index}, and the run has {frames} frames; they count from 0.")
    passes = exr.read_passes(store, here[0].key, task.index)
    with TemporaryDirectory(prefix="worldwarp-") as folder:
        path = Path(folder) / "frame.exr"
        exr.write_passes(path, passes, _taken(store, chunks, shot.cameras, task.index), task.index, shot.colour_space)
        content = path.read_bytes()
    return Answer(PassesMade(request=NOBODY), {"exr": np.frombuffer(content, np.uint8)})


def _taken(store: Store, chunks: Sequence[ChunkRecord], cameras: Cameras, index: int) -> Cameras:
    """Where the frames beside ``index`` were taken from: solved cameras, where that was done, else as asked."""
    poses = np.array(cameras.camera_to_world)
    for chunk in chunks:
        beside = chunk.first - 1 <= index <= chunk.first + chunk.count
        if beside and (solved := contents.read_solved(store, chunk.key)):
            poses[chunk.first : chunk.first + chunk.count] = solved[0]
    return replace(cameras, camera_to_world=poses)
