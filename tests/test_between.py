"""Every 2nd or 4th frame generated: those rendered between them are true, and a run is one like any other.

The scene is ray-cast; the loop is the real one (jobs, store, compute), with draft or with frames that are true.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from worldwarp import chunks, contents, generate
from worldwarp.between import Source, between
from worldwarp.cameras import Cameras
from worldwarp.cameras.sampling import positions
from worldwarp.nouns import Filled, Priors, Prompt, Provenance, Report, Shot, View
from worldwarp.store import Manifest, Store
from worldwarp.world.frames import committed, generated
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Override, Settings
from worldwarp_protocol.results import ChunkRecord, ResultFolder

from . import out_and_back
from .cache import scene

SETTINGS = Settings(chunk_frames=5, context_frames=1, cache_steps=2)
N = 12
PATH = replace(scene.path(N, 96, 64, 0.75), frame=np.arange(1001, 1001 + N), fps=24000 / 1001)


def true_frames(every: int):
    """``fill`` of a model that knows the truth at the cameras that are generated."""
    views = [scene.view(PATH, int(i)) for i in positions(len(PATH), every)]

    def fill(priors: Priors, context: list[View], _: Prompt, _settings: Settings, _report: Report) -> Filled:
        first = context[0].index
        taken = [views[min(first + i, len(views) - 1)] for i in range(len(priors.rgb))]
        provenance = np.where(priors.valid, priors.provenance, np.uint8(Provenance.GENERATED))
        return Filled(np.stack([v.rgb for v in taken]), provenance, np.stack([v.depth for v in taken]))

    return fill


def walked(store: Store, every: int, fill=None, **changed) -> tuple[Shot, list[Manifest]]:
    shot = out_and_back.shot(PATH, structs.replace(SETTINGS, every=every, **changed))
    out_and_back.walk(shot, store, fill or true_frames(every))
    return shot, list(found(shot, store))


def found(shot: Shot, store: Store) -> Iterator[Manifest]:
    return iter(out_and_back.jobs.committed(shot, store, "walk"))


def linear(a: View, b: View, share: float) -> np.ndarray:
    return np.rint((1 - share) * a.rgb + share * b.rgb)


def loss(pixels: np.ndarray, i: int) -> float:
    truth = scene.picture(PATH, i).rgb
    return scene.psnr(pixels / 255, truth, np.ones(truth.shape[:2], bool))


@pytest.mark.parametrize("every", [2, 4])
def test_frames_between_are_the_true_ones_and_no_mix_of_their_neighbours(every):
    ours, mixed = [], []
    for first in range(0, N - every, every):
        a, b = (scene.view(PATH, i) for i in (first, first + every))
        for i in range(1, every):
            rgb, depth, provenance, empty = between(
                Source(a, PATH[[first]]), Source(b, PATH[[first + every]]), PATH[[first + i]], i / every
            )
            truth = scene.view(PATH, first + i).depth
            same = np.isfinite(truth) & np.isfinite(depth)
            assert np.median(np.abs(depth[same] / truth[same] - 1)) < 1e-3
            assert (np.isinf(depth) == np.isinf(truth)).mean() > 0.98
            assert set(np.unique(provenance[~empty])) == {Provenance.PICTURE}
            assert (provenance[empty] == Provenance.FILLED).all()
            ours.append(loss(np.rint(rgb), first + i))
            mixed.append(loss(linear(a, b, i / every), first + i))
    assert min(ours) > 29
    assert min(np.array(ours) - mixed) > 10


def test_a_camera_of_a_neighbour_gets_the_neighbours_frame():
    a, b = scene.view(PATH, 3), scene.view(PATH, 7)
    rgb, depth, _, empty = between(Source(a, PATH[[3]]), Source(b, PATH[[7]]), PATH[[3]], 0.0)
    assert not empty.any()
    off = np.abs(rgb - a.rgb).max(axis=-1) > 1
    assert off.mean() < 0.02  # silhouettes, where the other sees something nearer
    np.testing.assert_allclose(depth[~off & np.isfinite(a.depth)], a.depth[~off & np.isfinite(a.depth)], rtol=0.05)


def test_what_neither_frame_knows_is_filled_and_said():
    a, b = scene.view(PATH, 0), scene.view(PATH, 2)
    for view in (a, b):
        view.depth[20:40, 30:60] = np.nan
    rgb, depth, provenance, empty = between(Source(a, PATH[[0]]), Source(b, PATH[[2]]), PATH[[1]], 0.5)
    assert 0.05 < empty.mean() < 0.15
    assert (provenance == Provenance.FILLED).sum() == empty.sum()
    assert np.isfinite(rgb).all()
    assert (depth > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("every", [2, 4])
def test_a_run_has_all_its_frames_in_order_at_the_requested_cameras(tmp_path, every):
    store = Store(tmp_path)
    shot, done = walked(store, every)
    assert [i for m in done for i in range(m.first, m.first + m.count)] == list(range(N))
    assert sorted(i for m in done for i in contents.generated(m)) == positions(N, every).tolist()
    for manifest in done:
        cameras = contents.read_cameras(store, manifest.key, manifest.first, 96, 64)
        np.testing.assert_array_equal(
            cameras.camera_to_world, PATH.camera_to_world[manifest.first : manifest.first + manifest.count]
        )
        for i in range(manifest.first, manifest.first + manifest.count):
            view = contents.read_view(store, manifest.key, i)
            assert loss(view.rgb, i) > (48 if i in positions(N, every) else 29)
            assert view.depth is not None
            assert not np.isnan(view.depth).any()
    assert len(done) == len(chunks.plan(N, shot.settings))


@pytest.mark.slow
def test_the_same_frames_come_after_an_interruption(tmp_path):
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    shot, done = walked(whole, 2)
    jobs = out_and_back.jobs
    for _ in done:  # each chunk by a process that knows the store alone
        job = jobs.make_job(shot, parts, jobs.committed(shot, parts, "walk"), "walk")
        jobs.commit(parts, job, out_and_back.compute(job, true_frames(2)))
    assert [(m.key, m.digest) for m in jobs.committed(shot, parts, "walk")] == [(m.key, m.digest) for m in done]


def test_what_lies_between_is_part_of_a_chunks_recipe_and_only_there():
    def keys(cameras: Cameras, every: int) -> list[str]:
        shot = out_and_back.shot(cameras, structs.replace(SETTINGS, every=every))
        return [chunks.key(chunks.recipe(shot, c, "p" * c.index or None, "n")) for c in chunks.plan(N, shot.settings)]

    moved = replace(PATH, camera_to_world=PATH.camera_to_world.copy())
    moved.camera_to_world[3, 0, 3] += 0.01
    assert keys(moved, 2)[0] != keys(PATH, 2)[0]  # frame 3 is rendered, in the first chunk
    assert keys(moved, 2)[1:] == keys(PATH, 2)[1:]
    assert keys(PATH, 2)[0] != keys(PATH, 1)[0] != keys(PATH, 4)[0]


def test_the_world_is_made_of_generated_frames_alone(tmp_path):
    store = Store(tmp_path)
    _, done = walked(store, 4)
    frames = committed(store, [ChunkRecord(m.key, m.digest, m.first, m.count) for m in done])
    assert len(frames) == N
    few = generated(frames)
    assert few.cameras.frame.tolist() == [0, 4, 8, 11]
    np.testing.assert_array_equal(few.cameras.camera_to_world, PATH.camera_to_world[[0, 4, 8, 11]])
    assert [few.view(i).index for i in range(4)] == [0, 4, 8, 11]


def test_a_result_folder_is_that_of_any_run(tmp_path):
    store = Store(tmp_path / "store")
    shot, done = walked(store, 2)
    folder = ResultFolder(tmp_path / "out")
    generate.begin(folder, shot)
    for index, manifest in enumerate(done):
        generate.deliver(folder, store, manifest, index)
    folder.finish()
    assert folder.record.state == "done"
    assert (folder.record.frames, folder.record.fps) == (N, 24000 / 1001)
    with np.load(tmp_path / "out" / "cameras.npz") as cameras:
        assert cameras["frame"].tolist() == list(range(1001, 1001 + N))
    assert len(list((tmp_path / "out" / "frames").iterdir())) == N


def test_overrides_count_the_chunks_of_generated_frames():
    settings = structs.replace(SETTINGS, every=4)
    assert len(chunks.plan(N, settings)) == 1
    seen = scene.view(PATH, 0)
    with pytest.raises(InvalidShot, match="this path has 1"):
        out_and_back.shots.prepare(
            "a", seen.rgb[None], seen.depth[None], PATH, settings, overrides=[Override(chunk=1, seed=3)]
        )


def test_several_pictures_need_every_frame():
    seen = scene.view(PATH, 0)
    pictures, depth = (np.repeat(array[None], 5, axis=0) for array in (seen.rgb, seen.depth))
    settings = structs.replace(SETTINGS, every=2, chunk_frames=9)
    with pytest.raises(InvalidShot, match=r"settings\.every: is 2, but the shot begins with 5 pictures"):
        out_and_back.shots.prepare("a", pictures, depth, PATH, settings)


def test_too_few_frames_are_warned_of_and_enough_are_recommended():
    seen = scene.view(PATH, 0)

    def said(step: float, every: int, profile: str = "draft") -> str:
        cameras = scene.path(N, 96, 64, step)
        settings = structs.replace(SETTINGS, every=every, profile=profile, width=96, height=64)
        return " ".join(out_and_back.shots.prepare("a", seen.rgb[None], seen.depth[None], cameras, settings)[1])

    assert "generate every frame. Every 4th was chosen" in said(4.0, 4)
    assert "Every" not in said(0.2, 4)
    assert "enough to generate every 4th frame" in said(0.2, 1, "mini")
    assert "enough to generate" not in said(0.2, 1)
