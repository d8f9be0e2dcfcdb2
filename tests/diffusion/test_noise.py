"""Tokens are known where what they cover is; levels start by equation 9 and go down by diffusers' own schedule."""

import numpy as np
import pytest
from diffusers import FlowMatchEulerDiscreteScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from worldwarp.diffusion.noise import levels, noise_map, schedule, sigma_of_tau, valid_tokens
from worldwarp.nouns import NoiseMap
from worldwarp_protocol.messages import Diffusion

FRAMES, HEIGHT, WIDTH = 9, 48, 64
unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no failure
READINGS = ["spatio-temporal", "spatial", "temporal", "full"]


def all_valid(frames=FRAMES, height=HEIGHT, width=WIDTH):
    return np.ones((frames, height, width), bool)


def half_known():
    """Nine frames of 16 x 32: the right token of the last four frames is blank."""
    valid = all_valid(9, 16, 32)
    valid[5:, :, 16:] = False
    return valid


def slow_tokens(valid, erosion):
    """The covered rule, word by word: erode every frame pixel by pixel, then ask all that a token covers."""
    n, height, width = valid.shape
    eroded = np.empty_like(valid)
    for y in range(height):
        for x in range(width):
            window = valid[:, max(y - erosion, 0) : y + erosion + 1, max(x - erosion, 0) : x + erosion + 1]
            eroded[:, y, x] = window.all((1, 2))
    tokens = np.empty((1 + n // 4, height // 16, width // 16), bool)
    for t, i, j in np.ndindex(*tokens.shape):
        first = max(4 * t - 3, 0)
        tokens[t, i, j] = eroded[first : 4 * t + 1, 16 * i : 16 * i + 16, 16 * j : 16 * j + 16].all()
    return tokens


def slow_sampled(valid):
    """The release's rule, word by word: sample frames, erode with zeros outside, nearest at 1/8, top left of 2 x 2."""
    padded = np.pad(valid[::4], ((0, 0), (7, 7), (7, 7)))
    eroded = np.lib.stride_tricks.sliding_window_view(padded, (15, 15), (1, 2)).all((-2, -1))
    return eroded[:, ::8, ::8][:, ::2, ::2]


# --- the schedule ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 200])
@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0, 5.0, 12.0])
def test_the_schedule_is_that_of_diffusers(steps, shift):
    stock = FlowMatchEulerDiscreteScheduler(shift=shift)
    stock.set_timesteps(steps)
    np.testing.assert_allclose(schedule(steps, shift), stock.sigmas.numpy(), rtol=2e-6, atol=0)


def test_the_schedule_goes_down_from_one_to_zero():
    sigmas = schedule(50, 5)
    assert (sigmas[0], sigmas[-1], len(sigmas)) == (1, 0, 51)
    assert (np.diff(sigmas) < 0).all()


@pytest.mark.parametrize(("steps", "shift"), [(0, 5), (50, 0), (50, -1)])
def test_a_schedule_without_steps_or_shift_is_refused(steps, shift):
    with pytest.raises(ValueError, match="at least 1 step"):
        schedule(steps, shift)


@pytest.mark.parametrize(
    ("tau", "sigma"), [(0.8, 0.952), (0.7, 0.919), (0.6, 0.880), (0.5, 0.829), (0.35, 0.729), (1, 1), (0, 0)]
)
def test_tau_by_index_is_the_level_after_the_steps_that_are_left_out(tau, sigma):
    assert round(sigma_of_tau(tau, 50, 5, "index"), 3) == sigma


def test_tau_as_sigma_is_itself():
    assert [sigma_of_tau(tau, 50, 5, "sigma") for tau in (0, 0.8, 1)] == [0, 0.8, 1]


def test_tau_by_index_does_not_fall_to_the_step_before_by_rounding():
    assert (1 - 0.8) * 50 < 10  # what truncation makes 9 of
    assert sigma_of_tau(0.8, 50, 5, "index") == schedule(50, 5)[10]


@pytest.mark.parametrize("reading", ["index", "sigma"])
@pytest.mark.parametrize("tau", [-0.01, 1.01, float("nan")])
def test_tau_outside_zero_to_one_is_refused(tau, reading):
    with pytest.raises(ValueError, match="tau"):
        sigma_of_tau(tau, 50, 5, reading)


# --- which tokens are known -----------------------------------------------------------------------------------------


@unhurried
@given(st.integers(0, FRAMES - 1), st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1))
def test_one_blank_pixel_blanks_the_one_token_that_covers_it(frame, y, x):
    valid = all_valid()
    valid[frame, y, x] = False
    blank = np.argwhere(~valid_tokens(valid, "covered", 0))
    assert blank.tolist() == [[(frame + 3) // 4, y // 16, x // 16]]


@unhurried
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 5, 17, 100]), st.integers(0, 6))
def test_covered_tokens_are_those_of_the_rule_word_by_word(seed, erosion, holes):
    rng = np.random.default_rng(seed)
    valid = all_valid(5, 32, 48)
    for _ in range(holes):
        t, y, x = rng.integers(valid.shape)
        valid[t, y : y + rng.integers(1, 5), x : x + rng.integers(1, 5)] = False
    np.testing.assert_array_equal(valid_tokens(valid, "covered", erosion), slow_tokens(valid, erosion))


@unhurried
@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_sampled_tokens_are_those_of_the_release_word_by_word(seed, holes):
    rng = np.random.default_rng(seed)
    valid = all_valid()
    for _ in range(holes):
        t, y, x = rng.integers(valid.shape)
        valid[t, y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = False
    np.testing.assert_array_equal(valid_tokens(valid, "sampled", 0), slow_sampled(valid))


@unhurried
@given(st.integers(0, 2**32 - 1), st.sampled_from(["covered", "sampled"]), st.integers(0, 20))
def test_more_valid_pixels_never_make_fewer_valid_tokens(seed, rule, erosion):
    rng = np.random.default_rng(seed)
    fewer = rng.random((FRAMES, HEIGHT, WIDTH)) > 1e-4
    more = fewer | (rng.random(fewer.shape) < 0.5)
    assert (valid_tokens(fewer, rule, erosion) <= valid_tokens(more, rule, erosion)).all()


@unhurried
@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_a_wider_erosion_never_makes_more_valid_tokens(seed, erosion):
    valid = np.random.default_rng(seed).random((FRAMES, HEIGHT, WIDTH)) > 1e-4
    assert (valid_tokens(valid, "covered", erosion + 1) <= valid_tokens(valid, "covered", erosion)).all()


@pytest.mark.parametrize("erosion", [0, 1, 7, 16, 256])
def test_the_border_of_the_image_is_no_hole(erosion):
    assert valid_tokens(all_valid(), "covered", erosion).all()


def test_erosion_reaches_into_the_next_token_from_a_hole_this_close_to_it():
    valid = all_valid(1, 16, 48)
    valid[0, 5, 20] = False  # four pixels right of the first token's last column, eleven left of the third's first
    assert valid_tokens(valid, "covered", 4)[0, 0].tolist() == [True, False, True]
    assert valid_tokens(valid, "covered", 5)[0, 0].tolist() == [False, False, True]
    assert valid_tokens(valid, "covered", 11)[0, 0].tolist() == [False, False, True]
    assert valid_tokens(valid, "covered", 12)[0, 0].tolist() == [False, False, False]


def test_a_mixed_token_at_the_border_is_blank_and_its_neighbours_are_not():
    valid = all_valid()
    valid[0, :3, :3] = False
    blank = np.argwhere(~valid_tokens(valid, "covered", 7))
    assert blank.tolist() == [[0, 0, 0]]


def test_the_release_blanks_the_first_row_and_column_of_an_all_valid_clip():
    expected = np.zeros((3, 3, 4), bool)
    expected[:, 1:, 1:] = True
    np.testing.assert_array_equal(valid_tokens(all_valid(), "sampled", 0), expected)


def test_the_release_does_not_see_holes_between_its_samples():
    valid = all_valid()
    valid[1:4] = False  # frames between 0 and 4
    valid[4, 24:, 24:] = False  # at most one pixel from the window of the token that begins at (16, 16)
    tokens = valid_tokens(valid, "sampled", 0)
    assert tokens[1].tolist() == [[False] * 4, [False, True, True, True], [False, True, False, False]]
    assert not valid_tokens(valid, "covered", 0)[1].any()


@pytest.mark.parametrize("shape", [(4, 16, 16), (0, 16, 16), (5, 24, 16), (5, 16, 40)])
def test_a_clip_that_tokens_cannot_cover_is_refused(shape):
    with pytest.raises(ValueError, match=r"4k \+ 1 frames of sides in multiples of 16"):
        valid_tokens(np.ones(shape, bool), "covered", 0)


# --- where they start -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "rows"),
    [
        ("spatio-temporal", [[0, 0], [0.5, 0.5], [0.5, 1]]),
        ("spatial", [[0.5, 0.5], [0.5, 0.5], [0.5, 1]]),
        ("temporal", [[0, 0], [0.5, 0.5], [0.5, 0.5]]),
        ("full", [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]),
    ],
)
def test_the_four_readings_of_table_3(reading, rows):
    noise = noise_map(half_known(), 1, Diffusion(sigma=0.5, noise=reading))
    assert noise.start[:, 0].tolist() == rows
    assert noise.valid[:, 0].tolist() == [[True, True], [True, True], [True, False]]
    assert noise.start.dtype == np.float32


def test_five_context_frames_fix_two_rows():
    noise = noise_map(half_known(), 5, Diffusion(sigma=0.5))
    assert noise.start[:, 0].tolist() == [[0, 0], [0, 0], [0.5, 1]]


@pytest.mark.parametrize("rule", ["covered", "sampled"])
def test_context_is_valid_and_frozen_whatever_its_mask(rule):
    noise = noise_map(np.zeros((9, 32, 32), bool), 5, Diffusion(tokens=rule))
    assert noise.valid.tolist() == [[[True] * 2] * 2] * 2 + [[[False] * 2] * 2]
    assert (noise.start[:2] == 0).all()
    assert (noise.start[2] == 1).all()


def test_age_raises_later_rows_from_sigma_to_one():
    # rows 0 | 1 .. 8 of 33 frames: ages 0, 1/7, ..., 1 are the eight levels themselves
    noise = noise_map(all_valid(33, 16, 16), 1, Diffusion(sigma=0.3, age_noise=1))
    np.testing.assert_allclose(noise.start[:, 0, 0], [0, *(0.3 + 0.1 * np.arange(8))], rtol=1e-6)


def test_a_single_row_after_the_context_is_new():
    assert noise_map(all_valid(5, 16, 16), 1, Diffusion(sigma=0.5, age_noise=1)).start.ravel().tolist() == [0, 0.5]


def test_the_mean_confidence_of_what_a_token_covers_raises_it():
    confidence = np.ones((9, 16, 32), np.float32)
    confidence[1:3, :, :16] = 0  # half of what token (1, 0, 0) covers: share 1/2, nearest of sevenths 4/7 (to even)
    confidence[5:, :4, 16:] = 0  # a quarter of (2, 0, 1): share 1/4, nearest is 2/7
    noise = noise_map(all_valid(9, 16, 32), 1, Diffusion(sigma=0.3, confidence_noise=1), confidence)
    np.testing.assert_allclose(noise.start[:, 0], [[0, 0], [0.7, 0.3], [0.3, 0.5]], rtol=1e-6)


def test_age_and_confidence_add_up_to_one_at_most():
    options = Diffusion(sigma=0.3, age_noise=4 / 7, confidence_noise=6 / 7)
    unsure = np.zeros((9, 16, 16), np.float32)
    noise = noise_map(all_valid(9, 16, 16), 1, options, unsure)
    np.testing.assert_allclose(noise.start.ravel(), [0, 0.9, 1], rtol=1e-6)


@unhurried
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 5]),
    st.sampled_from(READINGS),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_age_and_confidence_touch_valid_tokens_after_the_context_only(seed, context, reading, sigma, age, doubt):
    rng = np.random.default_rng(seed)
    valid, confidence = rng.random((17, 32, 32)) > 3e-4, rng.random((17, 32, 32), np.float32)
    plain = noise_map(valid, context, Diffusion(sigma=sigma, noise=reading))
    options = Diffusion(sigma=sigma, noise=reading, age_noise=age, confidence_noise=doubt)
    raised = noise_map(valid, context, options, confidence)
    fixed = 1 + context // 4
    np.testing.assert_array_equal(raised.valid, plain.valid)
    np.testing.assert_array_equal(raised.start[:fixed], plain.start[:fixed])
    np.testing.assert_array_equal(raised.start[~raised.valid], plain.start[~plain.valid])
    assert (raised.start >= plain.start).all()
    assert raised.start.max() <= 1
    assert len(np.unique(raised.start)) <= 8 + 2  # sigma to 1, and the context


@pytest.mark.parametrize("context", [0, 2, 4, 13])
def test_a_context_that_is_no_whole_rows_of_the_clip_is_refused(context):
    with pytest.raises(ValueError, match="Context"):
        noise_map(all_valid(), context, Diffusion())


def test_confidence_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="alike"):
        noise_map(all_valid(), 1, Diffusion(), np.ones((FRAMES, HEIGHT, 16), np.float32))


# --- how they go down -----------------------------------------------------------------------------------------------


def test_levels_are_held_until_the_schedule_meets_them():
    noise = NoiseMap(np.array([[[0, 0.5, 0.7, 1]]], np.float32), np.ones((1, 1, 4), bool))
    assert levels(noise, np.array([1, 0.75, 0.5, 0.25, 0]))[:, 0, 0].tolist() == [
        [0, 0.5, np.float32(0.7), 1],
        [0, 0.5, np.float32(0.7), 0.75],
        [0, 0.5, 0.5, 0.5],
        [0, 0.25, 0.25, 0.25],
        [0, 0, 0, 0],
    ]


@unhurried
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0.1, 20), st.floats(0, 1), st.sampled_from([1, 5]))
def test_levels_never_rise_and_the_context_stays_at_zero(seed, steps, shift, sigma, context):
    valid = np.random.default_rng(seed).random((9, 32, 32)) > 5e-4
    noise = noise_map(valid, context, Diffusion(sigma=sigma))
    over = levels(noise, schedule(steps, shift))
    assert over.shape == (steps + 1, 3, 2, 2)
    assert over.dtype == np.float32
    assert (np.diff(over, axis=0) <= 0).all()
    assert (over[:, : 1 + context // 4] == 0).all()
    np.testing.assert_array_equal(over[0], noise.start)
    assert (over[-1] == 0).all()
    assert max(len(np.unique(step)) for step in over) <= 3  # frozen, held, following the schedule


@given(seed=st.integers(0, 2**32 - 1), gaps=st.sampled_from([0.05, 0.1, 0.5]))
def test_a_token_may_have_as_many_gaps_as_is_said(seed, gaps):
    valid = np.random.default_rng(seed).random((9, 32, 48)) < 1 - gaps
    known = valid_tokens(valid, "covered", 0, gaps)
    for t, y, x in np.ndindex(known.shape):
        frames = slice(0, 1) if t == 0 else slice(4 * t - 3, 4 * t + 1)
        blank = 1 - valid[frames, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16].mean()
        assert known[t, y, x] == (blank <= gaps) or abs(blank - gaps) < 1e-6


def test_gaps_do_not_count_beside_an_erosion():
    valid = all_valid()
    valid[0, 3, 3] = False
    assert valid_tokens(valid, "covered", 0, 0.1).all()
    assert not valid_tokens(valid, "covered", 1, 0.1)[0, 0, 0]
