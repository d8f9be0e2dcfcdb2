"""Which frames of a path are generated, and what is recommended, from closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from worldwarp.cameras import Cameras
from worldwarp.cameras.parallax import parallax
from worldwarp.cameras.sampling import NEAREST, positions, recommend, sampling

from tests.shots_for_tests import seen_from, straight_path


def sidewards(frames: int, step: float) -> Cameras:
    cameras = straight_path(frames, step=0)
    cameras.camera_to_world[:, 0, 3] = step * np.arange(frames)
    return cameras


def turning(frames: int, degrees: float) -> Cameras:
    cameras = straight_path(frames, step=0)
    for i, angle in enumerate(np.radians(degrees * np.arange(frames))):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        cameras.camera_to_world[i, :3, :3] = turn @ cameras.camera_to_world[i, :3, :3]
    return cameras


def largest(cameras: Cameras, depth: np.ndarray) -> np.ndarray:
    return parallax(depth, cameras, [NEAREST])[0, 1:]


@pytest.mark.parametrize("every", [1, 2, 4])
@pytest.mark.parametrize("frames", [2, 25, 27])
def test_every_so_many_frames_are_taken_and_always_the_last(every, frames):
    cameras = replace(straight_path(frames), frame=np.arange(1001, 1001 + frames))
    few = sampling(cameras, every)
    expected = sorted({*range(0, frames, every), frames - 1})
    assert positions(frames, every).tolist() == expected
    np.testing.assert_array_equal(few.frame, 1001 + np.array(expected))
    np.testing.assert_array_equal(few.camera_to_world, cameras.camera_to_world[expected])


def test_parallax_is_that_of_a_sidewards_step_past_two_planes():
    depth = np.full((48, 64), 8, np.float32)
    depth[:, 20:40] = 2
    np.testing.assert_allclose(largest(sidewards(5, 0.02), depth), 64 * 0.02 / 2, rtol=1e-6)


@pytest.mark.parametrize(("step", "edge"), [(0.02, 0), (-0.02, -1)])
def test_what_leaves_the_picture_does_not_count(step, edge):
    depth = np.full((48, 64), 8, np.float32)
    depth[:, edge] = 2
    np.testing.assert_allclose(largest(sidewards(2, step), depth), 64 * 0.02 / 8, rtol=1e-6)


def test_turning_and_zooming_alone_make_no_parallax():
    cameras = turning(9, 2)
    cameras.K[:, [0, 1], [0, 1]] *= np.linspace(1, 2, 9)[:, None]
    np.testing.assert_allclose(largest(cameras, np.full((48, 64), 2, np.float32)), 0, atol=1e-9)


@pytest.mark.parametrize(("step", "every"), [(0.02, 4), (0.06, 2), (0.1, 1)])
def test_the_recommendation_follows_the_parallax(step, every):
    cameras = sidewards(9, step)
    number, sentence = recommend(cameras, seen_from(cameras, 0)[1])
    assert number == every
    assert f"up to {64 * step / 2:.1f} pixels" in sentence


@pytest.mark.parametrize(("degrees", "every"), [(0.7, 4), (1.4, 2), (1.6, 1)])
def test_the_recommendation_follows_the_turn(degrees, every):
    number, sentence = recommend(turning(9, degrees), np.full((48, 64), 2, np.float32))
    assert number == every
    assert f"up to {degrees} degrees" in sentence


def test_a_sky_alone_allows_every_fourth_frame():
    assert recommend(straight_path(9), np.full((48, 64), np.inf, np.float32))[0] == 4
