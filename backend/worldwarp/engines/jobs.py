"""One chunk's work as a value: everything it needs, and everything it gives back as bytes.

An engine may be another process or another machine: no shared disk is assumed. Only the store commits.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.messages import Settings

from .. import chunks, contents
from ..cameras import Cameras
from ..cameras.ease import ease
from ..history import Thumbnail, remember, select_history, thumbnail
from ..nouns import Chunk, Floats, Provenance, Shot, View
from ..profiles import eases
from ..store import Manifest, Store

THUMBNAILS = 1024
"""That are kept in memory, 12 KiB at most each."""


@dataclass(frozen=True)
class Job:
    """What a worker needs to compute one chunk."""

    key: str
    recipe: dict[str, Any]
    chunk: Chunk
    settings: Settings
    """Of this chunk."""
    cameras: Cameras
    """Of the chunk's frames, 4k + 1 of them: the requested ones, eased where the context has drifted from them."""
    requested: Cameras
    """As ``cameras``, of the path itself."""
    history: list[View]
    history_cameras: Cameras
    context: list[View]
    first: int
    """Position in the shot's path of the first frame that is committed."""
    path: Cameras
    """Of all frames that are committed: the new ones, and those between them."""
    generated: list[int]
    """Which of ``path`` the new frames are."""


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
    recipe, settings = chunks.recipe(shot, chunk, _past(done), numerics), chunks.settings_of(shot, chunk)
    path, whole = chunks.generated(shot), chunks.contributed(shot, chunk)
    requested, taken = chunks.covered(path, chunk), _taken(store, path, done)
    cameras = _eased(requested, taken[chunk.start : chunk.start + chunk.context], settings) if done else requested
    coming = cameras[chunk.first_new - chunk.start : chunk.stop - chunk.start]
    history = _history(shot, store, plan, done, taken, coming)
    return Job(
        key=chunks.key(recipe),
        recipe=recipe,
        chunk=chunk,
        settings=settings,
        cameras=cameras,
        requested=requested,
        history=[_view(shot, store, done, i) for i in history],
        history_cameras=taken[history],
        context=[_view(shot, store, done, chunk.start + i) for i in range(chunk.context)],
        first=whole.start,
        path=shot.cameras[list(whole)],
        generated=[chunks.at(shot, i) - whole.start for i in range(chunk.first_new, chunk.stop)],
    )


def _taken(store: Store, path: Cameras, done: Sequence[Manifest]) -> Cameras:
    """The path, with the cameras that its committed frames were taken from: the requested ones, or solved."""
    poses = path.camera_to_world.copy()
    for manifest in done:
        if solved := contents.read_solved(store, manifest.key):
            poses[manifest.first : manifest.first + manifest.count] = solved[0]
    return replace(path, camera_to_world=poses)


def _eased(requested: Cameras, fixed: Cameras, settings: Settings) -> Cameras:
    """The cameras of a chunk whose context was taken from ``fixed``."""
    return ease(requested, fixed.camera_to_world, settings.ease_frames) if eases(settings) else requested


def commit(store: Store, job: Job, computed: Computed) -> Manifest:
    """Commit what a worker computed for ``job``, with the frames of the timeline that it was made from."""
    history = " ".join(str(frame) for frame in sorted(job.history_cameras.frame))
    meta = {**computed.meta, "history": history}
    return store.commit(job.key, job.recipe, job.first, len(job.path), computed.files, meta)


def _past(done: Sequence[Manifest]) -> str | None:
    return chunks.past([manifest.digest for manifest in done])


def _history(
    shot: Shot, store: Store, plan: Sequence[Chunk], done: Sequence[Manifest], taken: Cameras, coming: Cameras
) -> list[int]:
    """Positions in the loop's path of what the chunk after ``done`` is built from, in the order of trust.

    Args:
        taken: the loop's path, with the cameras that committed frames were taken from.
        coming: of the chunk's new frames.
    """
    if not done:
        return select_history(None, len(shot.pictures))
    previous, chunk = plan[len(done) - 1 : len(done) + 1]
    most = chunks.settings_of(shot, chunk).memory_frames
    if not most:
        return select_history(previous)

    def look(index: int) -> Thumbnail:
        holder = _holder(done, chunks.at(shot, index))
        return _thumbnail(store, holder.key, holder.digest, chunks.at(shot, index))

    memory = remember(select_history(previous), chunk.first_new, look, taken, coming, most)
    return select_history(previous, memory=memory)


@lru_cache(THUMBNAILS)
def _thumbnail(store: Store, key: str, digest: str, index: int) -> Thumbnail:  # noqa: ARG001 - it names the content
    return thumbnail(contents.read_depth(store, key, index), contents.read_image(store, key, "provenance", index))


def _view(shot: Shot, store: Store, done: Sequence[Manifest], index: int) -> View:
    if not done:
        depth = _given_depth(shot, index)
        provenance = np.full(shot.pictures.shape[1:3], Provenance.PICTURE, np.uint8)
        return View(index, shot.pictures[index], depth, provenance, _left_out(shot, index), shot.known)
    at = chunks.at(shot, index)
    view = contents.read_view(store, _holder(done, at).key, at)
    return replace(view, index=index, left_out=_left_out(shot, index))


def _given_depth(shot: Shot, index: int) -> Floats | None:
    """What is known of a picture's depth before anything is estimated: at the least, where its sky is."""
    if shot.depth is not None:
        given: Floats = shot.depth[index]
        return given
    if shot.sky is None:
        return None
    return np.asarray(np.where(shot.sky[index], np.inf, np.nan), np.float32)


def _left_out(shot: Shot, index: int) -> NDArray[np.bool_] | None:
    return shot.mask[index] if shot.mask is not None and index < len(shot.mask) else None


def _holder(done: Sequence[Manifest], index: int) -> Manifest:
    """The chunk that holds a frame of the shot's path: the last one that begins at or before it."""
    return done[bisect_right(done, index, key=lambda manifest: manifest.first) - 1]
