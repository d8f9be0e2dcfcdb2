"""Going on past the end of a path, where the answer is known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from worldwarp.cameras import Cameras
from worldwarp.cameras.checks import check_cameras
from worldwarp.cameras.extrapolate import WAYS, How, extrapolate
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES

START = Rotation.from_euler("xyz", [0.3, -0.8, 1.1])


def path(centres: np.ndarray, turns: np.ndarray, stride: int = 1) -> Cameras:
    """At ``centres`` (n, 3), turned from START about the vectors ``turns`` (n, 3) of the world."""
    n = len(centres)
    K = np.tile(np.array([[100.0, 0, 40], [0, 90, 30], [0, 0, 1]]), (n, 1, 1))
    K[:, 0, 0] += np.arange(n)
    poses = np.tile(np.eye(4), (n, 1, 1))
    poses[:, :3, 3] = centres
    poses[:, :3, :3] = (Rotation.from_rotvec(turns) * START).as_matrix()
    return Cameras(K, poses, 80, 60, 7 + stride * np.arange(n), 30.0)


def steady(n: int, stride: int = 1, turn: float = 0.03) -> Cameras:
    """Constant velocity and a constant turn about one axis."""
    i = np.arange(n)[:, None]
    return path([1.0, 2, 3] + i * [0.1, -0.2, 0.05], turn * i * np.array([2.0, -1, 2]) / 3, stride)


def wavy(n: int) -> Cameras:
    """Neither constant."""
    t = np.linspace(0, 1, n)[:, None]
    return path(np.hstack([np.sin(3 * t), t**2, 0.3 * t]), np.hstack([0.5 * t**2, np.sin(t), -0.3 * t]))


def steps(cameras: Cameras) -> tuple[np.ndarray, np.ndarray]:
    """How far (n - 1,) and by what angle (n - 1,), in radians, each camera is from the one before."""
    R = Rotation.from_matrix(cameras.camera_to_world[:, :3, :3])
    return np.linalg.norm(np.diff(cameras.centres, axis=0), axis=1), (R[1:] * R[:-1].inv()).magnitude()


@pytest.mark.parametrize("turn", [0.03, 0.4])
def test_a_steady_motion_goes_on_exactly(turn: float):
    """At 0.4 radians a frame the window turns more than once round."""
    longer, truth = extrapolate(steady(25, turn=turn), 30), steady(55, turn=turn)
    np.testing.assert_allclose(longer.camera_to_world, truth.camera_to_world, atol=1e-12)
    check_cameras(longer)


def test_a_steady_motion_is_exact_over_any_window():
    for window in (1, 3, 20, 500):
        longer = extrapolate(steady(9), 4, window=window)
        np.testing.assert_allclose(longer.camera_to_world, steady(13).camera_to_world, atol=1e-12)


def test_frame_numbers_and_rate_go_on_and_the_last_lens_is_held():
    longer = extrapolate(steady(5, stride=3), 4)
    assert longer.frame.tolist() == [7 + 3 * i for i in range(9)]
    assert longer.frame.dtype == np.int64
    assert longer.fps == 30.0
    assert (longer.width, longer.height) == (80, 60)
    np.testing.assert_array_equal(longer.K[5:], np.repeat(longer.K[4:5], 4, axis=0))


@pytest.mark.parametrize("how", WAYS)
def test_what_was_given_stays_as_it_is(how: How):
    given = wavy(12)
    longer = extrapolate(given, 31, how)
    assert len(longer) == 43
    for name in ("K", "camera_to_world", "frame"):
        np.testing.assert_array_equal(getattr(longer[:12], name), getattr(given, name))
    for name in ("K", "camera_to_world", "frame"):
        np.testing.assert_array_equal(getattr(extrapolate(given, 0, how), name), getattr(given, name))


@pytest.mark.parametrize("how", WAYS)
def test_nothing_jumps_at_the_join(how: How):
    """On a steady path the step onto the first new camera is the steps before it, in length and in angle."""
    far, angle = steps(extrapolate(steady(25), 10, how))
    np.testing.assert_allclose(far[24], far[:24], atol=1e-12)
    np.testing.assert_allclose(angle[24], angle[:24], atol=1e-7)
    if how != "ping-pong":  # which turns round
        longer = extrapolate(steady(25), 10, how).centres
        direction = (longer[25] - longer[24]) @ (longer[24] - longer[23])
        assert direction > 0


@pytest.mark.parametrize("how", WAYS)
def test_no_step_is_longer_than_the_paths_own(how: How):
    given = wavy(30)
    far, angle = steps(extrapolate(given, 200, how))
    assert far.max() <= steps(given)[0].max() + 1e-12
    assert angle.max() <= steps(given)[1].max() + 1e-7


@pytest.mark.parametrize("how", WAYS)
def test_rotations_stay_rotations(how: How):
    """Of a path that is as good as Blender's float32, after 1000 frames."""
    given = wavy(4)
    given = replace(given, camera_to_world=given.camera_to_world.astype(np.float32).astype(np.float64))
    longer = extrapolate(given, 1000, how)
    check_cameras(longer)
    R = longer.camera_to_world[:, :3, :3]
    assert np.abs(R.transpose(0, 2, 1) @ R - np.eye(3)).max() < 1e-6
    assert (np.linalg.det(R) > 0).all()


def test_an_unsteady_end_is_smoothed():
    """One frame's jerk at the end weighs a 20th of itself, and two that shake to and fro none at all."""
    given = steady(30)
    shaken = given.camera_to_world.copy()
    shaken[-1, :3, 3] += [0, 0, 0.2]
    longer = extrapolate(replace(given, camera_to_world=shaken), 1)
    step = longer.centres[-1] - longer.centres[-2]
    np.testing.assert_allclose(step, [0.1, -0.2, 0.05 + 0.2 / 20], atol=1e-12)

    shaken = given.camera_to_world.copy()
    shaken[-2, :3, 3] += [0, 0, 0.2]
    shake = Rotation.from_rotvec(0.1 * np.array([2.0, -1, 2]) / 3).as_matrix()
    shaken[-2, :3, :3] = shake @ shaken[-2, :3, :3]
    longer = extrapolate(replace(given, camera_to_world=shaken), 5)
    np.testing.assert_allclose(longer.camera_to_world[30:], steady(35).camera_to_world[30:], atol=1e-12)


def test_slowing_down_comes_to_rest():
    longer = extrapolate(steady(25), 40, "slow-down")
    far, angle = steps(longer)
    assert (np.diff(far[24:]) < 1e-12).all()
    assert (np.diff(angle[24:]) < 1e-7).all()
    assert far[-1] < 0.01 * far[0]
    # on the way that it would have gone at full speed, half as far: the mean of the cosine, and its first half step
    np.testing.assert_allclose(far[24:].sum(), 20.5 * far[0], rtol=1e-9)
    there = steady(46).centres
    np.testing.assert_allclose(longer.centres[-1], (there[44] + there[45]) / 2, atol=1e-9)


def test_a_loop_goes_round_once_more():
    """An orbit, looking at its centre all the while: a quarter again and again, through half a circle and beyond."""
    angle = np.linspace(0, 2 * np.pi, 41)[:, None]
    orbit = path(np.hstack([5 + 2 * np.cos(angle), 1 + 2 * np.sin(angle), 0 * angle]), angle * np.array([[0, 0, 1.0]]))
    for given in (11, 27, 41):
        longer = extrapolate(orbit[:given], 120, "loop").camera_to_world
        truth = orbit.camera_to_world[np.arange(given + 120) % 40]
        np.testing.assert_allclose(longer, truth, atol=1e-12)


def test_a_looped_dolly_goes_further_and_repeats_its_lens():
    given = path(np.arange(4)[:, None] ** 2 * [0, 1.0, 0], np.zeros((4, 3)))
    longer = extrapolate(given, 7, "loop")
    np.testing.assert_allclose(longer.centres[:, 1], [0, 1, 4, 9, 10, 13, 18, 19, 22, 27, 28], atol=1e-12)
    np.testing.assert_array_equal(longer.K[4:], given.K[[1, 2, 3, 1, 2, 3, 1]])


def test_ping_pong_comes_back_the_way_it_went():
    given = wavy(4)
    longer = extrapolate(given, 9, "ping-pong")
    there = [2, 1, 0, 1, 2, 3, 2, 1, 0]
    np.testing.assert_array_equal(longer.camera_to_world[4:], given.camera_to_world[there])
    np.testing.assert_array_equal(longer.K[4:], given.K[there])
    assert (np.diff(longer.frame) == 1).all()


@pytest.mark.parametrize("how", WAYS)
def test_one_camera_alone_stays_where_it_is(how: How):
    longer = extrapolate(wavy(1), 6, how)
    np.testing.assert_allclose(longer.camera_to_world, np.repeat(wavy(1).camera_to_world, 7, axis=0), atol=1e-15)
    assert longer.frame.tolist() == list(range(7, 14))


@pytest.mark.parametrize(
    ("frames", "how", "window", "field"),
    [
        (-1, "velocity", 20, "extend"),
        (MAX_FRAMES, "loop", 20, "extend"),
        (3, "backwards", 20, "extend_how"),
        (3, "velocity", 0, "extend_window"),
    ],
)
def test_nonsense_is_refused(frames: int, how: str, window: int, field: str):
    with pytest.raises(InvalidShot) as caught:
        extrapolate(wavy(5), frames, how, window)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.text.endswith(".")
