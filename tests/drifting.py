"""A model that drifts: the loop by the real store and jobs, with a stand-in that renders the truth from wrong cameras.

Each chunk begins at the cameras that it was asked for and leaves them little by little. Frames are ray casts, so where
they were really taken from is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs
from worldwarp import contents, draft, shots
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import Array, inverse, project
from worldwarp.cameras.ease import matrices
from worldwarp.engines import jobs
from worldwarp.engines.jobs import Computed, Job
from worldwarp.geometry import views
from worldwarp.nouns import Bytes, Filled, Priors, Prompt, Provenance, Report, View
from worldwarp.pipeline import generate_chunk
from worldwarp.profiles import Profile
from worldwarp.store import Manifest, Store
from worldwarp_protocol.messages import Settings

from .cache import scene

Drift = Array
"""(6,): the turn (radians) and the shift that a chunk's last frame is away by, in the axes of its camera."""


@dataclass(frozen=True, eq=False)
class Walk:
    """What came of it."""

    frames: list[Bytes]
    truth: Array
    """(n, 4, 4): where the frames were really taken from."""
    asked: list[Cameras]
    """Of each chunk."""
    done: list[Manifest]
    store: Store

    def solved(self) -> Array:
        """(n, 4, 4): where they are said to have been taken from."""
        return np.concatenate(
            [contents.read_cameras(self.store, m.key, m.first, 1, 1).camera_to_world for m in self.done]
        )


def walk(path: Cameras, drift: Sequence[Drift], settings: Settings, store: Store) -> Walk:
    """The path, chunk by chunk; chunk i drifts by ``drift[i]``."""
    seen = scene.view(path, 0, samples=2)
    shot, _ = shots.prepare("drift", seen.rgb[None], seen.depth[None], path, structs.replace(settings, profile="draft"))
    shot = replace(shot, settings=structs.replace(shot.settings, profile="wan"))
    truth = path.camera_to_world.copy()
    done: list[Manifest] = []
    made: list[Job] = []
    while job := jobs.make_job(shot, store, done, "walk"):
        chunk, n = job.chunk, job.chunk.stop - job.chunk.start
        share = np.clip(np.arange(1 - chunk.context, n - chunk.context + 1) / (n - chunk.context), 0, 1)
        free = slice(chunk.context, n)
        leaving = matrices(share[free, None] * drift[chunk.index])
        truth[chunk.start + chunk.context : chunk.stop] = job.cameras.camera_to_world[free] @ leaving
        done.append(jobs.commit(store, job, _compute(job, replace(path, camera_to_world=truth))))
        made.append(job)
    frames = [contents.read_image(store, m.key, "frames", i) for m in done for i in range(m.first, m.first + m.count)]
    return Walk(frames, truth, [job.cameras for job in made], done, store)


def _compute(job: Job, taken: Cameras) -> Computed:
    def fill(priors: Priors, context: Sequence[View], _: Prompt, _settings: Settings, _report: Report) -> Filled:
        last = len(taken) - 1
        seen = [scene.view(taken, min(job.chunk.start + i, last), samples=2) for i in range(len(priors.rgb))]
        frames = np.stack([view.rgb for view in seen])
        frames[: len(context)] = [view.rgb for view in context]
        provenance = np.where(priors.valid, priors.provenance, np.uint8(Provenance.GENERATED))
        return Filled(frames, provenance, np.stack([view.depth for view in seen]))

    made = generate_chunk(
        job.chunk, job.cameras, job.history, job.history_cameras, job.context, job.settings,
        Profile(draft.caption, views.geometry, fill), lambda *_, **__: None, job.requested,
    )  # fmt: skip
    return Computed(contents.encode(made, job.first, job.path), made.meta)


def residual(walked: Walk, poses: Array, path: Cameras) -> Array:
    """(n,): how far the corners of a box that stands in the world, 4 units away, are from where the frames show them:
    the worst one's pixels.
    """
    corners = np.stack(np.meshgrid([-0.6, 0.4], [3.2, 4.0], [0.1, 0.9], indexing="ij"), -1).reshape(-1, 3)
    seen, shown = (
        np.stack([project(corners, K, pose)[0] for K, pose in zip(path.K, inverse(where), strict=True)])
        for where in (poses, walked.truth)
    )
    return np.asarray(np.linalg.norm(seen - shown, axis=-1).max(1))
