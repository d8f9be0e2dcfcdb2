"""What a path will see, held against rays cast from the picture's camera, and its motion against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project, unproject
from worldwarp.cameras.health import health, ranges, sentences, shrunk
from worldwarp.cameras.parallax import FAST_TURN
from worldwarp.cameras.reach import reach

from tests.cache import scene
from tests.shots_for_tests import straight_path


def seen_by_the_picture(cameras: Cameras, i: int) -> np.ndarray:
    """Pixels (H, W) of frame ``i`` whose surface, or sky, a ray from camera 0 meets first and inside its picture."""
    depth = scene.picture(cameras, i, samples=1).depth
    sky, eye = np.isinf(depth), cameras.centres[0]
    rays = unproject(np.where(sky, 1, depth), cameras.K[i], cameras.camera_to_world[i])
    rays -= np.where(sky[..., None], cameras.centres[i], eye)
    pixels, z = project(eye + rays, cameras.K[0], cameras.world_to_camera[0])
    inside = (z > 0) & ((pixels >= 0) & (pixels < [cameras.width, cameras.height])).all(axis=-1)
    distance, _, _ = scene.trace(eye, rays)
    return inside & np.where(sky, np.isinf(distance), np.abs(distance - 1) < 1e-3)


def first_depth(cameras: Cameras) -> np.ndarray:
    return scene.picture(cameras, 0, samples=1).depth.astype(np.float32)


def wall(distance: float = 5.0) -> np.ndarray:
    return np.full((48, 64), distance, np.float32)


def turning(degrees: float, frames: int = 9) -> Cameras:
    """A camera that turns about its y axis by ``degrees`` each frame."""
    cameras = straight_path(frames, step=0)
    for i in range(frames):
        a = np.radians(degrees * i)
        turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        cameras.camera_to_world[i, :3, :3] = cameras.camera_to_world[0, :3, :3] @ turn
    return cameras


@pytest.mark.parametrize("reach_of_path", [1.0, 2.5])
def test_what_is_known_is_what_rays_from_the_picture_meet(reach_of_path):
    cameras = scene.path(9, 240, 160, reach_of_path)
    depth = first_depth(cameras)
    seen = reach(depth, cameras, (240, 160)) >= 0
    for i in range(9):
        truth = seen_by_the_picture(cameras, i)
        assert (seen[i] != truth).mean() < 0.012
        assert abs(seen[i].mean() - truth.mean()) < 0.005
    assert seen[-1].mean() < 0.75  # much is hidden, much has left


def test_what_is_hidden_behind_something_is_not_known_though_it_is_in_view():
    cameras = scene.path(2, 240, 160)
    cameras.camera_to_world[1] = cameras.camera_to_world[0]
    cameras.camera_to_world[1, :3, 3] += [2.0, 0, 0]  # to the side: box and ball uncover the floor behind them
    depth = first_depth(cameras)
    seen = reach(depth, cameras, (240, 160))[1] >= 0
    truth = seen_by_the_picture(cameras, 1)
    surface = scene.picture(cameras, 1, samples=1).surface
    back = (surface == 1) & ~truth & (np.arange(240) < 200)  # of the floor, not what lies outside the picture
    assert back.sum() > 300
    assert (~seen)[back].mean() > 0.9
    assert abs(seen.mean() - truth.mean()) < 0.01


def test_each_pixel_shows_the_pixel_of_the_picture_that_it_should():
    cameras = scene.path(5, 120, 80)
    depth = first_depth(cameras)
    seen = reach(depth, cameras, (120, 80))
    points = unproject(np.where(np.isinf(depth), 1, depth), cameras.K[0], cameras.camera_to_world[0])
    there = scene.picture(cameras, 4, samples=1).depth
    known = (seen[4] >= 0) & np.isfinite(there) & np.isfinite(depth.ravel()[seen[4]])
    pixels, z = project(points.reshape(-1, 3)[seen[4][known]], cameras.K[4], cameras.world_to_camera[4])
    v, u = np.nonzero(known)
    assert np.median(np.abs(pixels - np.stack([u, v], axis=1) - 0.5)) < 0.35
    assert np.quantile(np.abs(z / there[known] - 1), 0.98) < 0.03


def test_coming_nearer_makes_no_false_holes():
    cameras = straight_path(2, step=4.5)  # from 5 units to half a unit: ten times as large
    assert health(wall(), cameras).known[1] == 1


def test_the_back_of_a_surface_is_not_known():
    cameras = straight_path(2, step=0)
    cameras.camera_to_world[1, :3, :3] = cameras.camera_to_world[0, :3, :3] @ np.diag([-1.0, 1, -1])
    cameras.camera_to_world[1, 1, 3] = 10.0  # beyond the wall, looking back at it
    assert health(wall(), cameras).known[1] == 0


def test_a_longer_lens_shows_nothing_new_and_a_wider_one_does():
    cameras = straight_path(3, step=0)
    cameras.K[1, [0, 1], [0, 1]] *= 2
    cameras.K[2, [0, 1], [0, 1]] /= 2
    known = health(wall(), cameras).known
    assert known[1] == 1
    assert known[2] == pytest.approx(0.25, abs=0.02)


def test_sky_has_no_parallax_and_is_known_where_it_was_seen():
    depth = wall()
    depth[:24] = np.inf
    cameras = straight_path(2, step=0)
    cameras.camera_to_world[1, :3, 3] = [4.0, 0, 0]  # as far to the side as half the wall's way off
    known = reach(depth, cameras, (64, 48))[1] >= 0
    assert known[:23].all()
    assert known[25:].mean() == pytest.approx(1 - 4 / 5, abs=0.03)


def test_rotation_and_parallax_are_those_of_the_closed_forms():
    turned = health(wall(), turning(2.0))
    assert turned.rotation[0] == 0
    np.testing.assert_allclose(turned.rotation[1:], 2)
    np.testing.assert_allclose(turned.parallax_most, 0, atol=1e-9)
    cameras = straight_path(4, step=0)
    cameras.camera_to_world[:, 0, 3] = 0.1 * np.arange(4)
    moved = health(wall(), cameras)
    np.testing.assert_allclose(moved.rotation, 0, atol=1e-6)
    np.testing.assert_allclose(moved.parallax[1:], 64 * 0.1 / 5)  # focal length times travel over distance
    np.testing.assert_allclose(moved.parallax_most[1:], 64 * 0.1 / 5)


def test_parallax_is_that_of_travel_alone_while_the_camera_turns_too():
    cameras = turning(1.0, 4)
    cameras.camera_to_world[:, 0, 3] = 0.1 * np.arange(4)
    np.testing.assert_allclose(health(wall(), cameras).parallax[1:], 64 * 0.1 / 5, rtol=0.1)


def test_a_large_picture_is_looked_at_small_and_its_pixels_are_counted_large():
    small = scene.path(5, 240, 160, 2.0)
    large = replace(small, K=np.diag([4.0, 4, 1]) @ small.K, width=960, height=640)
    depth = first_depth(large)
    assert shrunk(depth, large, 240)[0].shape == (160, 240)
    a, b = health(first_depth(small), small), health(depth, large)
    np.testing.assert_allclose(a.known, b.known, atol=0.01)
    np.testing.assert_allclose(4 * a.parallax, b.parallax, rtol=0.1)


def test_ranges_are_in_frame_numbers():
    frame = np.array([1001, 1003, 1005, 1007, 1009])
    assert ranges(frame, np.array([1, 1, 0, 0, 1], bool)) == [(1001, 1003), (1009, 1009)]
    assert ranges(frame, np.zeros(5, bool)) == []


def test_a_quiet_path_gets_no_sentence():
    assert sentences(health(wall(), straight_path(9))) == []


def test_each_fault_gets_a_sentence_with_its_frames():
    cameras = replace(turning(15.0), frame=np.arange(1001, 1010))
    said = sentences(health(wall(), cameras))
    outside, little, turn = said
    assert outside.startswith("Frames 1005 to 1009: hardly anything of the picture")
    assert little.startswith("Frames 1003 to 1004: less than 50%")
    assert "at frame 1004" in little
    assert turn.startswith("Frames 1002 to 1009: the camera turns by up to 15.0 degrees")
    assert f"below {FAST_TURN:g}" in turn
    through = sentences(health(wall(), straight_path(9, step=1.0)))
    assert through[0].startswith("Frame 6: the camera passes through a surface")
    cameras = straight_path(4, step=0)
    cameras.camera_to_world[:, 0, 3] = 0.5 * np.arange(4)
    assert sentences(health(wall(), cameras))[-1].startswith("Frames 2 to 4: what is near moves by up to 6 pixels")
