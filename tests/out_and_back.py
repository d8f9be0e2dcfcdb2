"""Walks out and back through the ray-cast scene, by the real store, jobs and cache; what is invented is a stand-in.

``draft`` fills holes smoothly. ``oracle`` paints the truth's surfaces with waves whose phases every chunk draws anew:
a function of the place, so consistent within a chunk, and different in the next, as a model that has forgotten would.
What was warped it keeps. Its depth is the truth's.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from worldwarp import contents, draft, shots
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project, unproject
from worldwarp.engines import jobs
from worldwarp.engines.compute import whole
from worldwarp.engines.jobs import Computed, Job
from worldwarp.geometry import views
from worldwarp.nouns import Bytes, Filled, Floats, Priors, Prompt, Provenance, Report, Shot, View
from worldwarp.pipeline import generate_chunk
from worldwarp.profiles import Profile
from worldwarp.store import Manifest, Store
from worldwarp_protocol.messages import Settings

from .cache import scene
from .geometry.estimates import depth_at, turn, turned

Fill = Callable[[Priors, Sequence[View], Prompt, Settings, Report], Filled]


def there_and_back(frames: int, degrees: float, width: int, height: int) -> Cameras:
    """A pan to the left with a step aside until the middle of an odd number of frames, and exactly back."""
    path = turn(frames, 0.0, width=width, height=height)
    poses, middle = path.camera_to_world.copy(), frames // 2
    for i in range(frames):
        out = min(i, frames - 1 - i) / middle
        poses[i, :3, :3] = turned(degrees * out, (0, 0, 1)) @ poses[i, :3, :3]
        poses[i, 0, 3] += 0.5 * out
    return Cameras(path.K, poses, width, height, path.frame)


def oracle(
    cameras: Cameras, priors: Priors, context: Sequence[View], _: Prompt, _settings: Settings, _report: Report
) -> Filled:
    """``fill`` of a model that invents consistently within a chunk only."""
    first, n = context[0].index, len(priors.rgb)
    known = [min(first + i, len(cameras) - 1) for i in range(n)]
    depth = np.stack([depth_at(cameras, i) for i in known])
    phases = np.random.default_rng(first).uniform(0, 2 * np.pi, 3)
    rgb = np.stack([_painted(cameras, i, z, phases) for i, z in zip(known, depth, strict=True)])
    frames = np.rint(np.where(priors.valid[..., None], priors.rgb, rgb) * 255).astype(np.uint8)
    provenance = np.where(priors.valid, priors.provenance, np.uint8(Provenance.GENERATED))
    for i, view in enumerate(context):
        frames[i], provenance[i] = view.rgb, view.provenance
    return Filled(frames, provenance, depth)


def _painted(cameras: Cameras, i: int, depth: Floats, phases: np.ndarray) -> Floats:
    sky = np.isinf(depth)
    points = unproject(np.where(sky, 30, depth), cameras.K[i], cameras.camera_to_world[i])
    waves = 0.2 * np.sin(points @ np.array([[1.5, 0.4, 0.9], [0.7, 1.3, -0.8], [-0.9, 0.8, 1.2]]) + phases)
    return np.clip(scene.picture(cameras, i, samples=2).rgb + waves, 0, 1).astype(np.float32)


def fills(cameras: Cameras) -> dict[str, Fill]:
    """By name."""
    return {"draft": draft.fill, "oracle": partial(oracle, cameras)}


def shot(cameras: Cameras, settings: Settings) -> Shot:
    """The scene's picture and depth at the path's first camera."""
    seen = scene.view(cameras, 0)
    assert seen.depth is not None
    made, _ = shots.prepare("walk", seen.rgb[None], seen.depth[None], cameras, settings)
    return made


def compute(job: Job, fill: Fill) -> Computed:
    """As a worker does, with another ``fill``."""
    profile = Profile(draft.caption, views.geometry, fill)
    made = generate_chunk(
        job.chunk, job.cameras, job.history, job.history_cameras, job.context, job.settings, profile,
        lambda *_, **__: None, job.requested,
    )  # fmt: skip
    return Computed(contents.encode(whole(job, made, lambda *_, **__: None), job.first, job.path), made.meta)


def walk(asked: Shot, store: Store, fill: Fill) -> tuple[list[Bytes], list[list[int]]]:
    """All frames, and the history of each chunk."""
    done: list[Manifest] = []
    histories = []
    while job := jobs.make_job(asked, store, done, "walk"):
        done.append(jobs.commit(store, job, compute(job, fill)))
        histories.append([view.index for view in job.history])
    frames = [contents.read_image(store, m.key, "frames", i) for m in done for i in range(m.first, m.first + m.count)]
    return frames, histories


def only_on_the_way(cameras: Cameras, i: int) -> np.ndarray:
    """Pixels (H, W) of camera ``i`` that neither the picture nor the camera of the turn sees."""
    return ~(_sees(cameras, 0, i) | _sees(cameras, len(cameras) // 2, i))


def _sees(cameras: Cameras, j: int, i: int) -> np.ndarray:
    """Pixels (H, W) of camera ``i`` whose surface lies in the picture of camera ``j``, and not behind something."""
    depth, there = depth_at(cameras, i), depth_at(cameras, j)
    solid = np.isfinite(depth)
    points = unproject(np.where(solid, depth, 1e4), cameras.K[i], cameras.camera_to_world[i])
    pixels, z = project(points, cameras.K[j], cameras.world_to_camera[j])
    column, row = np.floor(pixels).astype(int)[..., 0], np.floor(pixels).astype(int)[..., 1]
    inside = (z > 0) & (column >= 0) & (row >= 0) & (column < cameras.width) & (row < cameras.height)
    found = there[np.where(inside, row, 0), np.where(inside, column, 0)]
    return inside & (z < 1.02 * found)


def repeated(cameras: Cameras, frames: Sequence[Bytes], every: int = 1) -> dict[int, float]:
    """PSNR in dB of frame i against frame N - i, by i, over what was seen only on the way (at least 100 pixels)."""
    found, last = {}, len(frames) - 1
    for i in range(1, last // 2, every):
        where = only_on_the_way(cameras, i)
        if where.sum() >= 100:
            found[i] = scene.psnr(frames[i] / 255, frames[last - i] / 255, where)
    return found
