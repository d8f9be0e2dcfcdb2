"""Warps against closed-form ray casts."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, maximum_filter, minimum_filter
from worldwarp.cache.visibility import confirmed
from worldwarp.cameras.cameras import project
from worldwarp.training import warps
from worldwarp.training.clips import clip as made

from .plane import cast, clip

CLIP = clip()
SOURCE = 2
AROUND = np.ones((5, 5), bool)


def visible(i: int) -> np.ndarray:
    """Which pixels of frame i the source sees, by casting a ray back to each point."""
    cameras = warps.cameras_of(CLIP)
    points, _ = cast(cameras.K[i], cameras.camera_to_world[i])
    pixels, depth = project(points, cameras.K[SOURCE], cameras.world_to_camera[SOURCE])
    inside = ((pixels > 0) & (pixels < (96, 64))).all(-1)
    _, there = cast(cameras.K[SOURCE], cameras.camera_to_world[SOURCE], pixels)
    return inside & (np.abs(there - depth) < 1e-6)


def inside(mask: np.ndarray, i: int) -> np.ndarray:
    """Where ``mask`` holds all around, and no edge is near: points are 3 pixels wide, so that silhouettes grow."""
    depth = CLIP.depth[i].numpy()
    return binary_erosion(mask, AROUND) & (maximum_filter(depth, 5) < 1.2 * minimum_filter(depth, 5))


@pytest.fixture(scope="module")
def exact():
    return warps.warp(CLIP, SOURCE, "exact", seed=0)


def test_an_exact_warp_shows_the_true_colours(exact) -> None:
    truth = CLIP.rgb.numpy() / 255
    for i in range(len(truth)):
        sure = exact.valid[i] & inside(visible(i), i)
        assert sure.mean() > 0.4
        # a splat is at most 1.5 pixels off, and the pattern changes by less than 0.02 in that
        assert np.abs(exact.rgb[i] - truth[i])[sure].max() < 0.03


def test_an_exact_warp_is_valid_where_the_source_sees(exact) -> None:
    for i in range(len(exact.valid)):
        seen = visible(i)
        assert exact.valid[i][inside(seen, i)].all()
        assert not exact.valid[i][~binary_dilation(seen, AROUND)].any()
    assert 0.05 < (~exact.valid[-1]).mean() < 0.6  # something was disoccluded, something left


def test_an_exact_warp_has_the_true_depth(exact) -> None:
    for i, depth in enumerate(CLIP.depth.numpy()):
        sure = exact.valid[i] & inside(visible(i), i)
        assert np.abs(exact.depth[i] / depth - 1)[sure].max() < 0.02


def test_a_warp_into_its_own_view_is_the_picture(exact) -> None:
    assert exact.valid[SOURCE].all()
    sure = inside(exact.valid[SOURCE], SOURCE)
    assert sure.mean() > 0.6
    assert np.array_equal(np.rint(exact.rgb[SOURCE] * 255)[sure], CLIP.rgb[SOURCE].numpy()[sure])


@pytest.mark.parametrize("seed", range(20))
def test_wrong_depth_is_off_by_5_to_10_percent_and_smooth(seed: int) -> None:
    depth = np.full((64, 96), 3, np.float32)
    depth[:8] = np.inf
    wrong = warps.wrong_depth(depth, np.random.default_rng(seed))
    assert np.array_equal(np.isinf(wrong), np.isinf(depth))
    whole = np.log(warps.wrong_depth(np.ones((64, 96), np.float32), np.random.default_rng(seed)).astype(np.float64))
    assert 0.05 <= np.sqrt(np.mean(whole**2)) <= 0.1001
    assert max(np.abs(np.diff(whole, axis=a)).max() for a in (0, 1)) < 0.03
    assert np.allclose(wrong[8:] / 3, np.exp(whole[8:]), rtol=1e-5)


def test_wrong_cameras_are_turned_by_up_to_1_degree_where_they_stand() -> None:
    draw, pose = np.random.default_rng(0), CLIP.camera_to_world[3].numpy()
    angles = []
    for _ in range(300):
        turned = warps.turned(pose, draw)
        assert np.array_equal(turned[:3, 3], pose[:3, 3])
        assert np.allclose(turned[:3, :3] @ turned[:3, :3].T, np.eye(3))
        cosine = (np.trace(turned[:3, :3] @ pose[:3, :3].T) - 1) / 2
        angles.append(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))
    assert max(angles) <= 1.0001
    assert 0.4 < np.mean(angles) < 0.6


def test_a_wrong_warp_shows_something_else_than_the_truth(exact) -> None:
    wrong = warps.warp(CLIP, SOURCE, "wrong", seed=3)
    sure = [inside(visible(i), i) for i in range(len(exact.valid))]
    both, truth = wrong.valid & exact.valid & sure, CLIP.rgb.numpy() / 255
    worse = np.abs(wrong.rgb - truth)[both].mean() / np.abs(exact.rgb - truth)[both].mean()
    assert worse > 1.4


def test_a_warp_from_the_cache_is_close_to_the_truth_where_it_is_valid() -> None:
    seed = next(s for s in range(9) if np.random.default_rng(s).random() >= 0.5)  # one without faults
    prior = warps.warp(CLIP, SOURCE, "cache", seed, cache_steps=5)
    assert prior.valid.mean() > 0.4
    error = (prior.rgb - CLIP.rgb.numpy() / 255)[prior.valid]
    assert -10 * np.log10(np.mean(error**2)) > 28


@pytest.mark.parametrize("kind", ["exact", "wrong", "cache"])
def test_the_same_seed_makes_the_same_warp(kind) -> None:
    first, second = (warps.warp(CLIP, SOURCE, kind, 11, cache_steps=2) for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.valid, second.valid)


def test_an_exact_warp_of_a_made_place_is_what_the_ray_caster_sees_there() -> None:
    """Where the source saw the point: 96 pixels across a place of fine texture are worth 24 dB, wrong depth less."""
    place = made(seed=1, frames=5, height=64, width=96)
    cameras, depth = warps.cameras_of(place), place.depth.numpy()
    prior = warps.warp(place, 2, "exact", 0)
    own = cameras[[2]]
    seen = [confirmed(depth[i], cameras.K[i], cameras.camera_to_world[i], depth[2:3], own, 0.03) for i in range(5)]
    assert (prior.valid | ~np.stack(seen)).mean() > 0.99
    error = (prior.rgb - place.rgb.numpy() / 255)[prior.valid & seen]
    assert -10 * np.log10(np.mean(error**2)) > 23
