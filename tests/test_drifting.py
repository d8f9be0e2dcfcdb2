"""Frames that drift: where they were taken from is found as a chunk ends, and the next one eases back to the path."""

from pathlib import Path

import numpy as np
import pytest
from worldwarp import contents, profiles
from worldwarp.engines import jobs
from worldwarp.generate import deliver
from worldwarp.history import remember
from worldwarp.nouns import Bytes
from worldwarp.store import Store
from worldwarp_protocol.messages import Settings, Shot
from worldwarp_protocol.results import ResultFolder

from .cache import scene
from .drifting import Walk, residual, walk

pytestmark = pytest.mark.slow

PATH = scene.path(29, width=192, height=128, reach=0.6)
SOLID, FIRST = np.zeros(6), 13
"""No drift; and the second chunk's first new frame."""
DRIFT = np.array([*np.radians(1.5) * np.array([0.48, 0.8, 0.36]), 0.07, 0.0, 0.1])
"""1.5 degrees and 0.12 units: 3 % of the distance of what is looked at."""


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "recipe", lambda _settings: ["stand-in"])


def walked(root: Path, drift: np.ndarray, ease_frames: int) -> Walk:
    settings = Settings(chunk_frames=13, context_frames=5, cache_steps=5, memory_frames=0, ease_frames=ease_frames)
    return walk(PATH, [drift, SOLID, SOLID], settings, Store(root / f"{ease_frames}"))


def psnr(a: Bytes, b: Bytes) -> float:
    return float(-10 * np.log10(((a / 255 - b / 255) ** 2).mean()))


def test_where_nothing_drifts_easing_changes_no_bit(tmp_path: Path) -> None:
    off, on = (walked(tmp_path, SOLID, frames) for frames in (0, 8))
    assert all(np.array_equal(a, b) for a, b in zip(off.frames, on.frames, strict=True))
    assert np.array_equal(on.solved(), PATH.camera_to_world)
    assert [chunk.meta["drifted"] for chunk in on.done] == [0.0] * len(on.done)
    assert contents.read_solved(off.store, off.done[0].key) is None


def test_what_drifted_is_solved_and_the_next_chunk_comes_back_without_a_seam(tmp_path: Path) -> None:
    off, on = (walked(tmp_path, DRIFT, frames) for frames in (0, 8))
    requested, solved = (residual(on, poses, PATH) for poses in (PATH.camera_to_world, on.solved()))
    assert requested[FIRST - 1] > 8
    assert solved.max() < 0.5
    assert requested[FIRST + 7 :].max() < 1e-9
    assert np.array_equal(on.asked[1].camera_to_world[12:], PATH.camera_to_world[FIRST + 7 : FIRST + 8])
    before = psnr(on.frames[FIRST - 2], on.frames[FIRST - 1])
    seams = {w: psnr(w.frames[FIRST - 1], w.frames[FIRST]) for w in (off, on)}
    assert seams[on] > before - 0.5
    assert seams[on] > seams[off] + 1
    assert (on.done[0].meta["drifted"], on.done[1].meta["drifted"]) == (1.0, 0.0)


def test_memory_looks_from_where_frames_were_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr(jobs, "remember", lambda *asked: looked.append(asked) or remember(*asked))
    settings = Settings(chunk_frames=13, context_frames=5, cache_steps=2, memory_frames=2, ease_frames=8)
    made = walk(PATH[:21], [DRIFT, SOLID], settings, Store(tmp_path))
    ((_, committed, _, cameras, coming, _),) = looked
    assert np.array_equal(cameras.camera_to_world[:committed], made.solved()[:committed])
    assert not np.array_equal(cameras.camera_to_world[:committed], PATH.camera_to_world[:committed])
    assert np.array_equal(coming.camera_to_world, made.asked[1].camera_to_world[5:])


@pytest.mark.parametrize("frames", [2, 15])
def test_a_path_that_ends_within_four_frames_is_solved_as_far_as_it_goes(tmp_path: Path, frames: int) -> None:
    settings = Settings(chunk_frames=13, context_frames=5, cache_steps=2, memory_frames=0, ease_frames=8)
    made = walk(PATH[:frames], [SOLID] * 3, settings, Store(tmp_path))
    assert np.array_equal(made.solved(), PATH.camera_to_world[:frames])


def test_solved_cameras_are_delivered_beside_the_requested_ones(tmp_path: Path) -> None:
    on = walked(tmp_path, DRIFT, 8)
    folder = ResultFolder(tmp_path / "out")
    wire = Shot(name="drift", settings=Settings(), fps=PATH.fps)
    folder.begin(wire, PATH.width, PATH.height, PATH.K, PATH.camera_to_world, PATH.frame)
    for i, manifest in enumerate(on.done):
        deliver(folder, on.store, manifest, i)
    with np.load(tmp_path / "out" / "cameras.npz") as data:
        assert np.array_equal(data["camera_to_world"], PATH.camera_to_world)
        taken = np.swapaxes(on.solved()[:, :3, :3], 1, 2)
        assert np.allclose(data["R_solved"], taken)
        assert np.allclose(np.einsum("nij,nj->ni", taken, on.solved()[:, :3, 3]), -data["t_solved"])
        assert data["residual_requested"][FIRST - 1] > 10 * data["residual_solved"][FIRST - 1]
