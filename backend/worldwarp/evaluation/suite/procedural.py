"""One row on one place: an ordinary shot through the ordinary loop, its chunks kept in an ordinary store."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from ... import contents, draft, profiles, shots
from ...engines import jobs
from ...engines.compute import compute, numerics
from ...engines.jobs import Computed, Job
from ...nouns import Bytes, Filled, Floats, Report
from ...pipeline import generate_chunk
from ...profiles import Profile
from ...store import Manifest, Store
from . import oracle
from .places import Place
from .rows import Row


@dataclass(frozen=True)
class Made:
    """What a row made of a walk."""

    frames: Bytes
    """(n, H, W, 3)."""
    depth: Floats
    """(n, H, W), as the loop had it in the end."""
    seconds: float
    """Of computing, when it was computed."""


def run(row: Row, place: Place, store: Store, chunk_frames: int, seed: int, report: Report) -> Made:
    """All frames of a row; chunks that the store holds are not computed again.

    Args:
        chunk_frames: the same for all rows, or their histories would differ.
        seed: of the row's noise.
    """
    size = {"width": place.cameras.width, "height": place.cameras.height}
    settings = structs.replace(row.settings, **size, chunk_frames=chunk_frames, seed=seed)
    asked, _ = shots.prepare("suite", place.rgb[:1], place.depth[:1], place.cameras, settings)
    numbers = numerics() + _told(row, place)
    done = jobs.committed(asked, store, numbers)
    while job := jobs.make_job(asked, store, done, numbers):
        done.append(jobs.commit(store, job, _compute(row, place, job, report)))
    return _read(store, done)


def _told(row: Row, place: Place) -> str:
    """What a stand-in knows beside the shot: a part of its chunks' recipes."""
    if (row.fill, row.geometry) == ("profile", "profile"):
        return ""
    truth = hashlib.sha256(place.rgb.tobytes() + place.depth.tobytes()).hexdigest()
    return f" oracle {oracle.VERSION} {row.fill} {row.geometry} {truth}"


def _compute(row: Row, place: Place, job: Job, report: Report) -> Computed:
    if (row.fill, row.geometry) == ("profile", "profile"):
        return compute(job, report)
    history_cameras = job.history_cameras
    if row.geometry == "unaligned":
        history_cameras = oracle.wrong(history_cameras, [view.index for view in job.history])
    made = generate_chunk(
        job.chunk, job.cameras, job.history, history_cameras, job.context, job.settings, _profile(row, place), report
    )
    new = slice(job.chunk.first_new - job.chunk.start, job.chunk.stop - job.chunk.start)
    return Computed(contents.encode(made, job.chunk.first_new, job.cameras[new]), made.meta)


def _profile(row: Row, place: Place) -> Profile:
    usual = profiles.load(row.settings)
    fills = {"holes": (True, False), "all": (False, False), "forgetful": (True, True)}
    fill = usual.fill if row.fill == "profile" else oracle.fill(place, *fills[row.fill])
    if row.geometry == "profile":
        return Profile(draft.caption, usual.geometry, fill)

    def undecided(*arguments: object) -> Filled:
        """With the depth left open: the source is asked."""
        return replace(fill(*arguments), depth=None)  # type: ignore[arg-type]

    sources = {"true": oracle.true_geometry, "aligned": oracle.aligned, "unaligned": oracle.unaligned}
    return Profile(draft.caption, sources[row.geometry](place), undecided)


def _read(store: Store, done: list[Manifest]) -> Made:
    held = [(m.key, i) for m in done for i in range(m.first, m.first + m.count)]
    frames = np.stack([contents.read_image(store, key, "frames", i) for key, i in held])
    depth = np.stack([contents.read_depth(store, key, i) for key, i in held])
    spent = [float(value) for m in done for name, value in m.meta.items() if name.startswith("seconds_")]
    return Made(frames, depth, sum(spent))
