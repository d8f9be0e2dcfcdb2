"""One chunk's work as a value: everything it needs, and everything it gives back as bytes.

An engine may be another process or another machine: no shared disk is assumed. Only the store commits.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from worldwarp_protocol.messages import Settings

from .. import chunks, contents
from ..cameras import Cameras
from ..history import select_history
from ..nouns import Chunk, Provenance, Shot, View
from ..store import Manifest, Store


@dataclass(frozen=True)
class Job:
    """What a worker needs to compute one chunk."""

    key: str
    recipe: dict[str, Any]
    chunk: Chunk
    settings: Settings
    """Of this chunk."""
    cameras: Cameras
    """Of the chunk's frames, 4k + 1 of them."""
    history: list[View]
    history_cameras: Cameras
    context: list[View]


@dataclass(frozen=True)
class Computed:
    """What a worker hands over for the store to commit."""

    files: dict[str, bytes]
    meta: dict[str, float | str]


def committed(shot: Shot, store: Store, numerics: str) -> list[Manifest]:
    """The chunks of this shot that are in the store, from the first to the last before one is missing."""
    found: list[Manifest] = []
    for chunk in chunks.plan(len(shot.cameras), shot.settings, len(shot.pictures)):
        key = chunks.key(chunks.recipe(shot, chunk, _past(found), numerics))
        if not store.has(key):
            break
        found.append(store.manifest(key))
    return found


def make_job(shot: Shot, store: Store, done: Sequence[Manifest], numerics: str) -> Job | None:
    """The work that comes after the committed chunks ``done``; None when the shot is complete.

    What it needs of the past is read back from the store, so that a resumed run equals an uninterrupted one.
    """
    plan = chunks.plan(len(shot.cameras), shot.settings, len(shot.pictures))
    if len(done) == len(plan):
        return None
    chunk = plan[len(done)]
    recipe = chunks.recipe(shot, chunk, _past(done), numerics)
    history = select_history(plan[len(done) - 1] if done else None, len(shot.pictures))
    return Job(
        key=chunks.key(recipe),
        recipe=recipe,
        chunk=chunk,
        settings=chunks.settings_of(shot, chunk),
        cameras=chunks.covered(shot.cameras, chunk),
        history=[_view(shot, store, done, i) for i in history],
        history_cameras=shot.cameras[history],
        context=[_view(shot, store, done, chunk.start + i) for i in range(chunk.context)],
    )


def commit(store: Store, job: Job, computed: Computed) -> Manifest:
    """Commit what a worker computed for ``job``."""
    chunk = job.chunk
    count = chunk.stop - chunk.first_new
    return store.commit(job.key, job.recipe, chunk.first_new, count, computed.files, computed.meta)


def _past(done: Sequence[Manifest]) -> str | None:
    return chunks.past([manifest.digest for manifest in done])


def _view(shot: Shot, store: Store, done: Sequence[Manifest], index: int) -> View:
    if not done:
        depth = None if shot.depth is None else shot.depth[index]
        provenance = np.full(shot.pictures.shape[1:3], Provenance.PICTURE, np.uint8)
        return View(index, shot.pictures[index], depth, provenance)
    # the chunk that holds a frame is the last one that begins at or before it
    holder = list(itertools.takewhile(lambda manifest: manifest.first <= index, done))[-1]
    return contents.read_view(store, holder.key, index)
