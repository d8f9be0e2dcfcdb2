"""The same path in another time: exact where it is known, as long as before, as smooth as asked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.interpolate import CubicHermiteSpline
from scipy.signal import savgol_coeffs, savgol_filter
from scipy.spatial.transform import Rotation
from worldwarp.cameras import Cameras
from worldwarp.cameras.checks import check_cameras
from worldwarp.cameras.formats import read_cameras, write_cameras
from worldwarp.cameras.retime import command
from worldwarp.cameras.retiming import at_rate, at_speed, at_times, exact_rate, in_frames, mismatches
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.smoothing import kernel, savitzky_golay, smoothed

from tests.shots_for_tests import straight_path


def curve(frames: int = 25, seed: int = 0, noise: float = 0.0, first: int = 1001) -> Cameras:
    """Along a parabola, turning about one axis at one rate, zooming at one rate; with jitter on request."""
    cameras = straight_path(frames)
    t, random = np.linspace(0, 1, frames), np.random.default_rng(seed)
    cameras.camera_to_world[:, :3, 3] = np.stack([t, t * t, 1 - 2 * t * t], axis=1) + noise * random.normal(
        size=(frames, 3)
    )
    turn = Rotation.from_rotvec(t[:, None] * [0.3, -0.5, 0.9] + noise * random.normal(size=(frames, 3)))
    cameras.camera_to_world[:, :3, :3] = cameras.camera_to_world[0, :3, :3] @ turn.as_matrix()
    cameras.K[:, [0, 1], [0, 1]] *= np.exp(0.7 * t)[:, None]
    return replace(cameras, frame=np.arange(first, first + frames))


def same(one: Cameras, other: Cameras) -> None:
    for field in ("K", "camera_to_world", "frame"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    assert one.fps == other.fps


def close(one: Cameras, other: Cameras, atol: float = 1e-10) -> None:
    for field in ("K", "camera_to_world", "frame"):
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), atol=atol)


def test_time_stretched_by_one_is_the_path_bit_for_bit():
    cameras = curve(noise=0.1)
    same(at_speed(cameras, 1), cameras)
    same(at_rate(cameras, 24), cameras)
    same(at_times(cameras, cameras.frame.astype(float), cameras.frame), cameras)


@pytest.mark.parametrize("count", [2, 13, 49, 60])
def test_parabolas_even_turns_and_even_zooms_are_met_exactly(count):
    close(in_frames(curve(25), count), curve(count))


@settings(max_examples=50, deadline=None)
@given(count=some.integers(2, 90), frames=some.integers(2, 30), seed=some.integers(0, 99))
def test_first_and_last_camera_stay_bit_for_bit(count, frames, seed):
    cameras = curve(frames, seed, 0.3)
    result = in_frames(cameras, count)
    assert len(result) == count
    for field in ("K", "camera_to_world"):
        np.testing.assert_array_equal(getattr(result, field)[[0, -1]], getattr(cameras, field)[[0, -1]])
    assert result.frame[0] == 1001
    check_cameras(result)


def test_slower_by_a_whole_factor_meets_every_given_camera():
    cameras = curve(noise=0.2)
    slow = at_speed(cameras, 0.5)
    assert len(slow) == 49
    np.testing.assert_array_equal(slow.camera_to_world[::2], cameras.camera_to_world)
    np.testing.assert_array_equal(at_speed(slow, 2).camera_to_world, cameras.camera_to_world)


def test_locations_between_uneven_frames_are_scipys_cubic_hermite_splines():
    cameras = curve(9, noise=0.3)
    cameras = replace(cameras, frame=np.array([1, 2, 4, 5, 9, 10, 12, 13, 20]))
    times = np.linspace(1, 20, 77)
    slopes = np.gradient(cameras.centres, cameras.frame.astype(float), axis=0, edge_order=2)
    expected = CubicHermiteSpline(cameras.frame, cameras.centres, slopes)(times)
    np.testing.assert_allclose(at_times(cameras, times, np.arange(77)).centres, expected, atol=1e-12)


def test_rotations_between_frames_are_slerp():
    cameras = curve(2)
    middle = at_times(cameras, np.array([1001.25]), np.array([1]))
    R = Rotation.from_matrix(cameras.camera_to_world[:, :3, :3])
    expected = R[0] * Rotation.from_rotvec(0.25 * (R[0].inv() * R[1]).as_rotvec())
    np.testing.assert_allclose(middle.camera_to_world[0, :3, :3], expected.as_matrix(), atol=1e-12)


@pytest.mark.parametrize(("fps", "count"), [(25, 101), (30, 121), (12, 49), (23.976, 97)])
def test_another_frame_rate_takes_as_long(fps, count):
    cameras = curve(97)
    result = at_rate(cameras, fps)
    assert len(result) == count
    assert result.frame[0] == 1001
    assert (count - 1) / result.fps == pytest.approx(4, abs=0.5 / result.fps)


def test_rates_are_meant_as_television_means_them():
    assert exact_rate(23.976) == exact_rate(24000 / 1001) == 24000 / 1001
    assert exact_rate(29.97) == 30000 / 1001
    assert exact_rate(24) == 24
    for fps in (12.5, 12.99, 36.96, 22.977):
        assert exact_rate(fps) == fps


def test_a_mismatch_is_said_with_both_durations():
    assert mismatches(curve(97), 24, 1001) == []
    rate, start = mismatches(curve(97), 25, 1)
    assert "24 frames a second and the timeline 25: it would take 3.84 s instead of 4.00 s" in rate
    assert "starts at frame 1001 and the timeline at 1" in start
    (close_rate,) = mismatches(replace(curve(121), fps=24000 / 1001), 24)
    assert "it would take 5.0000 s instead of 5.0050 s" in close_rate
    assert mismatches(replace(curve(97), fps=23.976), 24000 / 1001, 1001) == []
    assert mismatches(curve(97)) == []
    with pytest.raises(InvalidShot, match="fps: is 0"):
        mismatches(curve(97), 0)


def test_a_path_that_leaves_frames_out_is_said_with_the_first_gap():
    frame = np.array([1001, 1002, 1004, 1005, 1009])
    (gap,) = mismatches(replace(curve(5), frame=frame), 24, 1001)
    assert "between 1002 and 1004" in gap


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: at_speed(c, 0), "speed: is 0; give a number above 0"),
        (lambda c: at_speed(c, np.nan), "speed: is nan"),
        (lambda c: at_speed(c, 1e9), "frames: 1 make no path"),
        (lambda c: in_frames(c, 100_000), "frames: 100,000 make no path"),
        (lambda c: at_rate(c, -24), "fps: is -24"),
        (lambda c: smoothed(c, 8), "smooth: is 8; give an odd number of frames from 5 to the 25"),
        (lambda c: smoothed(c, 27), "smooth: is 27"),
        (lambda c: smoothed(c[[0, 1, 2, 4, 5, 6]], 5), "smooth: needs frames at equal distances"),
    ],
)
def test_what_makes_no_path_is_refused(change, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        change(curve())


@pytest.mark.parametrize("window", [5, 9, 25])
def test_smoothing_is_scipys_savitzky_golay(window):
    values = np.random.default_rng(0).normal(size=(40, 3))
    np.testing.assert_allclose(kernel(window, 3), savgol_coeffs(window, 3), atol=1e-12)
    half = window // 2
    ours = savitzky_golay(values, window)
    np.testing.assert_allclose(ours[half:-half], savgol_filter(values, window, 3, axis=0)[half:-half], atol=1e-12)
    padded = np.concatenate([2 * values[0] - values[half:0:-1], values, 2 * values[-1] - values[-2 : -half - 2 : -1]])
    np.testing.assert_allclose(ours, savgol_filter(padded, window, 3, axis=0)[half:-half], atol=1e-12)


def test_smoothing_takes_jitter_out_and_keeps_the_ends():
    clean, rough = curve(97), curve(97, noise=0.01)
    result = smoothed(rough, 15)
    check_cameras(result)
    inner = slice(8, -8)
    for part in (np.s_[:, :3, 3], np.s_[:, :3, :3]):
        before, after = (np.abs(c.camera_to_world[part] - clean.camera_to_world[part])[inner] for c in (rough, result))
        assert np.sqrt((after**2).mean()) < 0.5 * np.sqrt((before**2).mean())
    for field in ("K", "camera_to_world"):
        np.testing.assert_array_equal(getattr(result, field)[[0, -1]], getattr(rough, field)[[0, -1]])


def test_smoothing_leaves_an_even_path_as_it_is():
    cameras = curve(31)
    cameras.camera_to_world[:, :3, 3] = np.linspace(0, 1, 31)[:, None] * [1, 2, 3]
    close(smoothed(cameras, 9), cameras, 1e-9)


def test_smoothing_does_not_depend_on_the_worlds_directions():
    cameras, turn = curve(31, noise=0.1), Rotation.from_rotvec([0, 0, 3.0]).as_matrix()
    moved = replace(cameras, camera_to_world=cameras.camera_to_world.copy())
    moved.camera_to_world[:, :3] = turn @ cameras.camera_to_world[:, :3]
    np.testing.assert_allclose(
        smoothed(moved, 9).camera_to_world[:, :3], turn @ smoothed(cameras, 9).camera_to_world[:, :3], atol=1e-10
    )


def test_the_command_retimes_a_file(tmp_path, capsys):
    write_cameras(tmp_path / "in.npz", curve(97, noise=0.01))
    out = tmp_path / "out.npz"
    for words, count in (("--speed 2", 49), ("--frames 120", 120), ("--fps 25 --smooth 9", 101)):
        assert command([str(tmp_path / "in.npz"), *words.split(), "--out", str(out)]) == 0
        result = read_cameras(out)
        assert (len(result), result.frame[0]) == (count, 1001)
        assert f"{count} cameras, frames 1001 to {1000 + count}" in capsys.readouterr().out
    with pytest.raises(InvalidShot, match="retime: "):
        command([str(tmp_path / "in.npz"), "--out", str(out)])
    assert "is replaced" not in capsys.readouterr().err
    assert command([str(out), "--speed", "2", "--out", str(out)]) == 0
    assert f"{out} is replaced by what was made of it" in capsys.readouterr().err


def test_speeds_that_need_more_frames_than_there_are_numbers_are_refused():
    for speed in (1e-320, 1e-9, 5e-324):
        with pytest.raises(InvalidShot, match="make no path"):
            at_speed(curve(), speed)
