"""The figure shows every token's level in its colour, dark purple at 0 and yellow at 1, and marks the context."""

import numpy as np
import pytest
from worldwarp.diffusion.figure import FROZEN, figure
from worldwarp.diffusion.noise import noise_map, schedule
from worldwarp_protocol.messages import Diffusion

PURPLE, YELLOW = (68, 1, 84), (253, 231, 37)


def clip(frames, height, width):
    """All valid but the right half of the last frame."""
    valid = np.ones((frames, height, width), bool)
    valid[-1, :, width // 2 :] = False
    return valid


def count(picture, colour):
    return int((picture == colour).all(-1).sum())


@pytest.mark.parametrize(("shape", "steps"), [((49, 480, 720), 50), ((49, 720, 480), 30), ((81, 480, 720), 4)])
def test_cells_of_context_and_blank_tokens_have_the_colours_of_0_and_1(shape, steps):
    picture = figure(noise_map(clip(*shape), 5, Diffusion()), schedule(steps, 5.0))
    rows, columns, cell = 1 + shape[0] // 4, min(steps + 1, 12), 4 * shape[1] * shape[2] // 256
    assert picture.dtype == np.uint8
    # two context rows in all columns, and everything in the last one; the colour bar adds a little
    assert count(picture, PURPLE) == pytest.approx(cell * (2 * columns + rows - 2), abs=200)
    # blank tokens before the first step: the right half of the last row, whole tokens of it
    half = (shape[2] // 16 + 1) // 2 * 16 * shape[1] * 4 // 256
    assert count(picture, YELLOW) == pytest.approx(half, abs=200)


def test_the_start_of_valid_tokens_is_seen_apart_from_the_blank_ones():
    picture = figure(noise_map(clip(9, 32, 32), 1, Diffusion()), schedule(50, 5.0)).astype(int)
    # tau = 0.8 of the schedule is left at sigma 0.9515: between the colours at 0.75 and 0.875, green
    green = np.rint(np.array([92, 200, 99]) + 0.4 * np.array([78, 20, -49]))
    close = (abs(picture - green) <= 2).all(-1).sum()
    assert close > 5000
    assert abs(green - YELLOW).max() > 100


@pytest.mark.parametrize("noise", ["spatio-temporal", "temporal", "spatial", "full"])
def test_the_context_is_marked_where_it_is_frozen(noise):
    picture = figure(noise_map(clip(9, 32, 48), 5, Diffusion(noise=noise)), schedule(10, 5.0))
    assert (count(picture, FROZEN) > 1000) == (noise in ("spatio-temporal", "temporal"))


@pytest.mark.parametrize("shape", [(1, 16, 16), (5, 16, 16), (5, 16, 320), (5, 320, 16)])
@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_the_smallest_clips_have_a_figure_too(shape, steps):
    picture = figure(noise_map(np.ones(shape, bool), 1, Diffusion(sigma=0.0)), schedule(steps, 1.0))
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert count(picture, PURPLE) > 300


def test_the_same_levels_make_the_same_figure():
    noise, sigmas = noise_map(clip(5, 32, 32), 1, Diffusion()), schedule(50, 5.0)
    np.testing.assert_array_equal(figure(noise, sigmas), figure(noise, sigmas))
