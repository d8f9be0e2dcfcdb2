"""Holes are filled smoothly and from the far side; what is valid stays as it is."""

import numpy as np
from worldwarp.holes import fill_frame, fill_smoothly


def test_what_is_known_stays_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    rgb = rng.random((33, 47, 3), np.float32)
    depth = (1 + rng.random((33, 47))).astype(np.float32)
    valid = rng.random((33, 47)) > 0.5
    filled, filled_depth = fill_frame(rgb, depth, valid)
    np.testing.assert_array_equal(filled[valid], rgb[valid])
    np.testing.assert_array_equal(filled_depth[valid], depth[valid])


def test_a_hole_in_a_linear_ramp_is_filled_with_the_ramp() -> None:
    # a membrane through a harmonic function is that function: the exact answer is known
    y, x = np.mgrid[0:48, 0:64].astype(np.float32)
    truth = np.stack([x / 64, y / 48, (x + y) / 112], axis=-1)
    trust = np.ones((48, 64), np.float32)
    trust[14:34, 20:44] = 0
    filled = fill_smoothly(np.where(trust[..., None] > 0, truth, 0).astype(np.float32), trust)
    assert np.abs(filled - truth).max() < 0.06
    assert np.abs(filled - truth).mean() < 0.005


def test_black_under_a_hole_does_not_bleed() -> None:
    rgb = np.full((32, 32, 3), 0.8, np.float32)
    valid = np.ones((32, 32), bool)
    valid[8:20, 8:24] = False
    rgb[~valid] = 0
    filled, _ = fill_frame(rgb, np.full((32, 32), 2, np.float32), valid)
    np.testing.assert_allclose(filled, 0.8, atol=1e-5)


def test_a_disocclusion_takes_the_background_s_depth_and_colour() -> None:
    # near red on the left, far blue on the right, a hole between
    rgb = np.zeros((32, 192, 3), np.float32)
    rgb[:, :72, 0] = 1
    rgb[:, 72:, 2] = 1
    depth = np.where(np.arange(192) < 72, 1, 8).astype(np.float32)[None].repeat(32, axis=0)
    valid = np.ones((32, 192), bool)
    valid[:, 72:78] = False
    filled, filled_depth = fill_frame(rgb, depth, valid)
    hole = filled[:, 72:78]
    assert hole[..., 2].mean() > 0.8
    assert hole[..., 0].max() < 0.5
    assert np.median(filled_depth[:, 72:78]) > 7


def test_sky_beside_a_wall_does_not_take_all_of_a_hole() -> None:
    rgb = np.zeros((32, 192, 3), np.float32)
    rgb[:, 96:] = 1
    depth = np.where(np.arange(192) < 96, 5, np.inf).astype(np.float32)[None].repeat(32, axis=0)
    valid = np.ones((32, 192), bool)
    valid[:, 90:102] = False
    filled, _ = fill_frame(rgb, depth, valid)
    assert 0.3 < filled[:, 90:102].mean() < 0.7


def test_a_frame_without_anything_known_is_still_a_frame() -> None:
    rgb, depth = fill_frame(np.zeros((16, 16, 3), np.float32), np.ones((16, 16), np.float32), np.zeros((16, 16), bool))
    assert np.isfinite(rgb).all()
    assert (depth > 0).all()
