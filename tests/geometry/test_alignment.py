"""Estimates with known faults come out at the scale of the requested cameras; truth is ray-traced in float64."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from worldwarp.chunks import plan
from worldwarp.geometry.alignment import align, geometry_of
from worldwarp.geometry.baselines import baseline_scale
from worldwarp.geometry.overlap import seen_from
from worldwarp.geometry.robust import degrees, mean_rotation
from worldwarp.history import select_history
from worldwarp.nouns import Estimate, Provenance, View
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.messages import Settings

from .estimates import depth_at, dolly, estimated, known, orbit, turn, turned, unknown

SIZE = {"width": 48, "height": 32}
PATHS = {
    "dolly": dolly(14, **SIZE),
    "turn": turn(14, **SIZE),
    "single": dolly(2, **SIZE)[:1],
    "orbit": orbit(14, **SIZE),
}
FAULTS = {"view": 0.02, "centre": 0.02, "rotation": 3.0}
TRUE = 1 / 0.7


def solid_error(depth, cameras):
    """Median relative error over the solid pixels of all views."""
    truth = np.stack([depth_at(cameras, i) for i in range(len(cameras))])
    solid = np.isfinite(truth)
    return float(np.median(np.abs(depth[solid] / truth[solid] - 1)))


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("seed", range(3))
def test_known_depth_gives_the_scale_whatever_the_path(name, seed):
    cameras, rng = PATHS[name], np.random.default_rng(seed)
    found = align(estimated(cameras, rng, scale=0.7, **FAULTS), known(cameras), cameras, Settings())
    assert found.residuals["geometry_scale"] == pytest.approx(TRUE, rel=0.04 if name == "single" else 0.012)
    assert solid_error(found.depth, cameras) < 0.05  # the noise of single pixels
    assert found.residuals["geometry_overlap"] > 0.8
    assert "geometry_warning" not in found.residuals
    assert ("geometry_baseline_scale" in found.residuals) == (name in ("dolly", "orbit"))
    if name != "single":
        assert found.residuals["geometry_rotation_degrees"] == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("name", ["dolly", "orbit"])
def test_a_first_clip_that_moves_is_scaled_by_its_cameras(name):
    cameras = PATHS[name]
    said = estimated(cameras, np.random.default_rng(0), scale=0.7, **FAULTS)
    found = align(said, unknown(known(cameras)), cameras, Settings())
    assert found.residuals["geometry_scale"] == pytest.approx(TRUE, rel=0.06)


@pytest.mark.parametrize("name", ["turn", "single"])
def test_a_first_clip_that_does_not_move_is_scaled_by_the_user(name):
    cameras = PATHS[name]
    said = estimated(cameras, np.random.default_rng(0), scale=0.7, pixel=0, outliers=0, **FAULTS)
    found = align(said, unknown(known(cameras)), cameras, Settings(depth_scale=2.0))
    assert found.residuals["geometry_scale"] == pytest.approx(2)
    v, u = 28, 24  # the floor
    found = align(said, unknown(known(cameras)), cameras, Settings(anchor=((u + 0.5) / 48, (v + 0.5) / 32, 6.5)))
    assert found.depth[0, v, u] == pytest.approx(6.5, rel=0.05)


def test_an_anchor_in_the_sky_is_refused():
    cameras = PATHS["single"]
    said = estimated(cameras, np.random.default_rng(0))
    column = int(np.flatnonzero(np.isinf(said.depth[0, 0]) & np.isinf(np.roll(said.depth[0, 0], 1)))[-1])
    with pytest.raises(InvalidShot, match=r"settings.anchor: .* lies in the sky"):
        align(said, unknown(known(cameras)), cameras, Settings(anchor=(column / 48, 0.0, 5.0)))


@pytest.mark.parametrize("jump", [0.2, 5.0])
def test_one_view_whose_scale_jumps_does_not_move_the_others(jump):
    cameras = PATHS["orbit"]
    said = estimated(cameras, np.random.default_rng(0), scale=0.7)
    said.depth[3] *= jump
    found = align(said, known(cameras), cameras, Settings())
    assert found.residuals["geometry_scale"] == pytest.approx(TRUE, rel=0.01)


def test_a_scale_jumps_and_is_followed():
    cameras = PATHS["orbit"]
    for jump in (0.1, 1.0, 30.0):
        said = estimated(cameras, np.random.default_rng(0), scale=jump)
        found = align(said, known(cameras), cameras, Settings())
        assert found.residuals["geometry_scale"] == pytest.approx(1 / jump, rel=0.01)


def test_the_picture_counts_more_than_what_was_generated_and_the_filled_hardly():
    cameras = PATHS["turn"]
    said = estimated(cameras, np.random.default_rng(0), outliers=0)
    picture = known(cameras)[:1]
    for kind, least, most in ((Provenance.GENERATED, 1, 1.065), (Provenance.FILLED, 1, 1.005)):
        history = picture + known(cameras, 1.08, kind)[1:]
        assert least <= align(said, history, cameras, Settings()).residuals["geometry_scale"] < most
    # where there is nothing better, they are still something
    for kind in (Provenance.GENERATED, Provenance.FILLED):
        found = align(said, known(cameras, 1.08, kind), cameras, Settings())
        assert found.residuals["geometry_scale"] == pytest.approx(1.08, rel=0.01)


def test_short_steps_say_nothing_and_long_paths_are_not_biased():
    # the case of design.md: steps of 1 % with noise of 1 %, where a similarity over 5 cameras finds 0.52
    def scales(frames):
        for seed in range(100):
            path = np.repeat(np.eye(4)[None], frames, 0)
            path[:, 2, 3] = 0.01 * np.arange(frames)
            noisy = path.copy()
            noisy[:, :3, 3] += 0.01 * np.random.default_rng(seed).standard_normal((frames, 3))
            yield baseline_scale(noisy, path, 1.0)

    assert sum(found is None for found in scales(5)) > 95
    long = [np.exp(found.value) for found in scales(49)]
    assert np.mean(long) == pytest.approx(1, abs=0.005)
    assert np.std(long) < 0.02


def walk(cameras, seed, memory, bias=1.0):
    """Scale of what the last of 20 chunks makes, 1 being true; estimates have the dice's scale, and 2 % noise by view.

    Args:
        memory: whether the picture stays in the history.
        bias: what each chunk gets wrong on its own, always to the same side.
    """
    rng, settings = np.random.default_rng(seed), Settings(chunk_frames=25)
    truth = [depth_at(cameras, i) for i in range(len(cameras))]
    made, rgb = np.ones(len(cameras)), np.zeros((*truth[0].shape, 3), np.uint8)
    chunks = plan(len(cameras), settings)
    assert len(chunks) == 21
    for before, chunk in itertools.pairwise(chunks):
        history = select_history(before)
        history = [0, *(i for i in history if i)] if memory else history
        views = []
        for i in history:
            kind = Provenance.GENERATED if i else Provenance.PICTURE
            depth = truth[i] * np.float32(made[i])
            views.append(View(i, rgb, depth, np.full(depth.shape, kind, np.uint8)))
        said = estimated(
            cameras[history], rng, scale=np.exp(rng.uniform(-0.7, 0.7)), view=0.02, centre=0.03, rotation=1
        )
        found = align(said, views, cameras[history], settings)
        solid = [np.isfinite(truth[i]) for i in history]
        scales = [np.median(z[s] / truth[i][s]) for z, i, s in zip(found.depth, history, solid, strict=True)]
        made[chunk.first_new : chunk.stop] = np.mean(scales) * bias
    return made[-1]


FAR = {"dolly": (dolly(425, 0.012, width=24, height=16), False), "turn": (turn(425, 300, width=24, height=16), True)}
FAR["orbit"] = orbit(425, 300, width=24, height=16), False


@pytest.mark.parametrize("name", FAR)
def test_twenty_chunks_end_at_the_true_scale(name):
    cameras, memory = FAR[name]
    for seed in range(3):
        assert walk(cameras, seed, memory) == pytest.approx(1, abs=0.02)


def test_memory_and_baselines_hold_what_would_add_up():
    # half a percent in each chunk, always to the same side, is ten in the end
    cameras, _ = FAR["turn"]
    assert walk(cameras, 0, memory=False, bias=1.005) > 1.07
    assert walk(cameras, 0, memory=True, bias=1.005) == pytest.approx(1, abs=0.035)
    cameras, _ = FAR["orbit"]
    assert walk(cameras, 0, memory=False, bias=1.005) == pytest.approx(1, abs=0.035)


def affine(cameras, rng):
    """Each frame's disparity with a scale and a shift of its own, as depth."""
    count = len(cameras)
    depth = np.stack([depth_at(cameras, i) for i in range(count)])
    with np.errstate(divide="ignore"):
        disparity = np.where(
            np.isinf(depth), 0, rng.uniform(2, 40, (count, 1, 1)) / depth + rng.uniform(1, 3, (count, 1, 1))
        )
        disparity *= 1 + 0.02 * rng.standard_normal(depth.shape)
        return Estimate((1 / disparity).astype(np.float32), np.ones_like(depth), affine=True)


@pytest.mark.parametrize("name", PATHS)
def test_affine_disparity_gets_a_scale_and_a_shift_for_each_view(name):
    cameras = PATHS[name]
    said = affine(cameras, np.random.default_rng(1))
    history = known(cameras)
    for view in history:  # a tenth of what is known is wrong
        view.depth[np.random.default_rng(view.index).random(view.depth.shape) < 0.1] *= 3
    assert solid_error(align(said, history, cameras, Settings()).depth, cameras) < 0.06


def test_affine_views_without_depth_follow_those_that_have_it():
    cameras = dolly(6, 0.04, **SIZE)
    history = known(cameras)[:1] + unknown(known(cameras))[1:]
    found = align(affine(cameras, np.random.default_rng(1)), history, cameras, Settings())
    assert solid_error(found.depth, cameras) < 0.08


def test_a_first_affine_view_is_scaled_by_the_user():
    cameras = PATHS["single"]
    said = affine(cameras, np.random.default_rng(1))
    found = align(said, unknown(known(cameras)), cameras, Settings(depth_scale=7.0))
    assert np.allclose(found.depth, 7 * said.depth)
    found = align(said, unknown(known(cameras)), cameras, Settings(anchor=(0.5, 0.9, 2.5)))
    assert found.depth[0, 28, 24] == pytest.approx(2.5, rel=0.1)
    assert np.array_equal(np.isinf(found.depth[0]), np.isinf(depth_at(cameras, 0)))


def test_what_is_large_is_said():
    cameras = PATHS["orbit"]
    said = estimated(cameras, np.random.default_rng(0), rotation=9)
    lens = replace(said, focal=np.full(14, 0.9 * 48 * 1.4))
    poses = said.camera_to_world.copy()
    poses[:, :3, 3] *= 1.6
    fault = np.tile(np.where(np.arange(48) < 24, 1.0, 1.5), (14, 32, 1)).astype(np.float32)
    for change, sentence in (
        (said, "turned by 9.0 degrees"),
        (lens, "1.40 times the camera's focal length"),
        (replace(said, camera_to_world=poses), "the cameras' steps for 0.6"),
        (replace(said, depth=said.depth * fault), "differs from known depth by"),
    ):
        assert sentence in align(change, known(cameras), cameras, Settings()).residuals["geometry_warning"]
    filled = known(cameras, 1, Provenance.FILLED)
    assert "a guess" in align(said, filled, cameras, Settings()).residuals["geometry_warning"]


def test_what_is_no_depth_is_guessed_from_its_neighbours_and_not_trusted():
    cameras = PATHS["single"]
    said = estimated(cameras, np.random.default_rng(0), pixel=0, outliers=0)
    clean = align(said, known(cameras), cameras, Settings())
    said.depth[0, 24:27, 20:23] = np.nan
    said.depth[0, 30] = -1
    found = align(said, known(cameras), cameras, Settings())
    assert (found.confidence[0, 24:27, 20:23] == 0).all()
    assert (found.confidence[0, 30] == 0).all()
    assert np.abs(found.depth[0, 24:27, 20:23] / clean.depth[0, 24:27, 20:23] - 1).max() < 0.2
    assert np.abs(found.depth[0, 30] / clean.depth[0, 29] - 1).max() < 1e-6
    with pytest.raises(WorldWarpError, match="nothing but sky"):
        align(replace(said, depth=np.full_like(said.depth, np.inf)), known(cameras), cameras, Settings())


def test_beyond_far_is_sky():
    cameras = PATHS["single"]
    said = estimated(cameras, np.random.default_rng(0), pixel=0, outliers=0)
    assert np.isinf(
        align(said, known(cameras), cameras, Settings(far=5.0)).depth[depth_at(cameras, 0)[None] > 5.2]
    ).all()


def test_a_source_hears_the_history_in_the_order_of_the_path():
    cameras = PATHS["dolly"]
    heard = []

    def source(frames, K):
        heard.extend(int(frame[0, 0, 0]) for frame in frames)
        assert len(K) == len(frames)
        depth = np.stack([depth_at(cameras, i) for i in heard])
        return Estimate(depth, np.ones_like(depth), cameras.camera_to_world[heard])

    order = [0, 13, 9, 5]
    history = [replace(view, rgb=np.full_like(view.rgb, view.index)) for view in known(cameras)]
    found = geometry_of(source, [history[i] for i in order], cameras[order], Settings())
    assert heard == [0, 5, 9, 13]
    assert np.allclose(found.depth, np.stack([depth_at(cameras, i) for i in order]), rtol=1e-3)
    assert found.residuals["geometry_rotation_degrees"] == pytest.approx(0, abs=1e-5)


def test_what_one_camera_knows_is_seen_by_another():
    cameras = PATHS["dolly"]
    seen, truth = seen_from(depth_at(cameras, 0), cameras, 0, 6), depth_at(cameras, 6)
    both = np.isfinite(seen) & np.isfinite(truth)
    assert both.mean() > 0.4
    assert np.median(np.abs(seen[both] / truth[both] - 1)) < 0.02


def test_a_mean_of_rotations_passes_over_outliers():
    rng = np.random.default_rng(0)
    rotations = np.stack([turned(0.5 * rng.standard_normal(), tuple(rng.standard_normal(3))) for _ in range(20)])
    rotations[:6] = turned(80, (1, 0, 0))
    middle = turned(30, (0, 1, 1))
    assert degrees(mean_rotation(middle @ rotations) @ middle.T) < 0.3
