"""The loop on a small analytic scene: stopped and resumed, on one thread or two, the same bits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from worldwarp import contents, shots
from worldwarp.engines import jobs
from worldwarp.engines.compute import compute, numerics
from worldwarp.generate import run
from worldwarp.geometry import sources
from worldwarp.nouns import Cancelled, Estimate, Provenance, Shot
from worldwarp.store import Store
from worldwarp_protocol.messages import Settings

from .shots_for_tests import seen_from, straight_path

pytestmark = pytest.mark.slow


def small_shot(frames: int = 11, seed: int = 3) -> Shot:
    cameras = straight_path(frames, width=64, height=48, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    settings = Settings(chunk_frames=9, context_frames=5, cache_steps=5, seed=seed)
    shot, _ = shots.prepare("small", rgb[None], depth[None], cameras, settings)
    return shot


def quiet(_stage: str, _step: int, _steps: int, preview: object = None) -> None:
    pass


def digests(shot: Shot, store: Store) -> list[str]:
    return [manifest.digest for manifest, _ in run(shot, store, quiet)]


def test_the_path_is_covered_the_picture_is_untouched_and_the_rest_is_near_the_truth(tmp_path: Path) -> None:
    shot, store = small_shot(), Store(tmp_path)
    manifests = [manifest for manifest, _ in run(shot, store, quiet)]
    assert [(m.first, m.count) for m in manifests] == [(0, 9), (9, 2)]
    first = contents.read_view(store, manifests[0].key, 0)
    np.testing.assert_array_equal(first.rgb, shot.pictures[0])
    assert shot.depth is not None
    np.testing.assert_array_equal(first.depth, shot.depth[0])
    for manifest, index in ((manifests[0], 8), (manifests[1], 10)):
        view = contents.read_view(store, manifest.key, index)
        truth, depth = seen_from(shot.cameras, index)
        seen = view.provenance == Provenance.PICTURE
        assert seen.mean() > 0.7
        error = (view.rgb[seen].astype(float) - truth[seen]) / 255
        assert -10 * np.log10((error**2).mean()) > 24
        assert view.depth is not None
        assert np.median(np.abs(view.depth[seen] / depth[seen] - 1)) < 0.01


def test_a_second_run_computes_nothing(tmp_path: Path) -> None:
    shot, store = small_shot(), Store(tmp_path)
    assert [computed for _, computed in run(shot, store, quiet)] == [True, True]
    assert [computed for _, computed in run(shot, store, quiet)] == [False, False]


def test_a_chunk_says_what_it_was_made_from_and_one_that_does_not_is_as_good(tmp_path: Path) -> None:
    """Stores that were made before it was noted stay: keys and digests know nothing of it."""
    shot, store = small_shot(), Store(tmp_path)
    made = [manifest for manifest, _ in run(shot, store, quiet)]
    frames = [int(frame) for frame in str(made[1].meta["history"]).split()]
    assert made[0].meta["history"] == str(shot.cameras.frame[0])
    assert set(frames) <= set(shot.cameras.frame[: made[1].first])
    assert frames == sorted(frames)
    for path in (tmp_path / "chunks").rglob("manifest.json"):
        kept = json.loads(path.read_text())
        del kept["meta"]["history"]
        path.write_text(json.dumps(kept))
    again = list(run(shot, store, quiet))
    assert [(one.key, one.digest, computed) for one, computed in again] == [(m.key, m.digest, False) for m in made]


def test_a_longer_path_keeps_the_chunks_that_it_shares(tmp_path: Path) -> None:
    store = Store(tmp_path)
    list(run(small_shot(9), store, quiet))
    assert [computed for _, computed in run(small_shot(13), store, quiet)] == [False, True]


def test_cancelled_between_two_steps_nothing_is_committed_and_the_rest_equals_an_uninterrupted_run(
    tmp_path: Path,
) -> None:
    shot, store = small_shot(), Store(tmp_path / "a")
    done = [jobs.commit(store, job, compute(job, quiet)) for job in [jobs.make_job(shot, store, [], numerics())] if job]
    job = jobs.make_job(shot, store, done, numerics())
    assert job

    def cancel(stage: str, step: int, _steps: int) -> None:
        if (stage, step) == ("priors", 1):
            raise Cancelled

    with pytest.raises(Cancelled):
        compute(job, cancel)
    assert not store.has(job.key)
    assert digests(shot, store) == digests(shot, Store(tmp_path / "b"))


def test_another_seed_is_another_recipe(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = {manifest.key for seed in (3, 4) for manifest, _ in run(small_shot(9, seed), store, quiet)}
    assert len(keys) == 2


def test_a_clip_of_first_frames_stays_and_is_gone_on_from(tmp_path: Path) -> None:
    cameras = straight_path(13, width=64, height=48, step=0.05)
    rgb, depth = (np.stack(parts) for parts in zip(*(seen_from(cameras, i) for i in range(5)), strict=True))
    settings = Settings(chunk_frames=9, context_frames=5, cache_steps=5)
    shot, _ = shots.prepare("clip", rgb, depth, cameras, settings)
    store = Store(tmp_path)
    manifests = [manifest for manifest, _ in run(shot, store, quiet)]
    assert [(m.first, m.count) for m in manifests] == [(0, 9), (9, 4)]
    for i in range(5):
        view = contents.read_view(store, manifests[0].key, i)
        np.testing.assert_array_equal(view.rgb, rgb[i])
        np.testing.assert_array_equal(view.depth, depth[i])
        assert (view.provenance == Provenance.PICTURE).all()
    assert float(manifests[0].meta["coverage"]) > 0.9


def test_a_picture_without_depth_is_estimated_once_at_the_user_s_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = straight_path(11, width=64, height=48, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    asked = []

    def source(frames: np.ndarray, K: np.ndarray) -> Estimate:
        asked.append(len(frames))
        assert K.shape == (1, 3, 3)
        return Estimate(depth[None] / 3, np.ones_like(depth[None]))

    monkeypatch.setattr(sources, "check", lambda _name: None)
    monkeypatch.setattr(sources, "load", lambda _name: source)
    settings = Settings(chunk_frames=9, cache_steps=5, geometry="depth-anything", anchor=(0.1, 0.5, 4.0))
    shot, _ = shots.prepare("estimated", rgb[None], None, cameras, settings)
    store = Store(tmp_path)
    manifests = [manifest for manifest, _ in run(shot, store, quiet)]
    assert asked == [1]  # later chunks have the cache's own depth
    assert manifests[0].meta["geometry_scale"] == pytest.approx(3, rel=1e-3)
    np.testing.assert_allclose(contents.read_depth(store, manifests[0].key, 0), depth, rtol=1e-3)
    frame = contents.read_view(store, manifests[1].key, 10).rgb
    given, _ = shots.prepare("given", rgb[None], depth[None], cameras, Settings(chunk_frames=9, cache_steps=5))
    (*_, last) = [manifest for manifest, _ in run(given, store, quiet)]
    assert np.abs(frame.astype(int) - contents.read_view(store, last.key, 10).rgb).mean() < 1


DIGESTS = """
import sys
from pathlib import Path
from tests.test_pipeline import digests, small_shot
from worldwarp.store import Store
print(" ".join(digests(small_shot(), Store(Path(sys.argv[1])))))
"""


def test_the_same_bits_with_one_thread_and_with_two(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    results = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", DIGESTS, str(tmp_path / threads)]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
        results.add(done.stdout)
    assert len(results) == 1
    assert len(results.pop().split()) == 2
