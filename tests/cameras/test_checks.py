"""What a path has to be, each fault in one sentence, and what is worth a warning."""

import numpy as np
import pytest
from worldwarp.cameras import Cameras
from worldwarp.cameras.checks import check_cameras, coverage, path_warnings
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES

from tests.shots_for_tests import straight_path


def changed(field, place, value, frames=9):
    cameras = straight_path(frames)
    getattr(cameras, field)[place] = value
    return cameras


def turned(degrees, frames=9):
    """A camera that turns about its y axis by ``degrees`` each frame."""
    cameras = straight_path(frames, step=0)
    for i in range(frames):
        a = np.radians(degrees * i)
        turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        cameras.camera_to_world[i, :3, :3] = cameras.camera_to_world[0, :3, :3] @ turn
    return cameras


def test_a_good_path_passes():
    check_cameras(straight_path(2))
    check_cameras(turned(10))


@pytest.mark.parametrize(
    ("cameras", "sentence"),
    [
        (straight_path(1), r"cameras: has 1 frame; .* at least 2"),
        (straight_path(100_000), rf"cameras: has 100,000 frames; at most {MAX_FRAMES:,} .* shorten"),
        (changed("K", (3, 0, 0), np.nan), r"cameras.K: at frame 4 .* not a number"),
        (changed("K", (3, 0, 0), 0), r"cameras.K: at frame 4 has focal length 0.* set the camera's lens"),
        (changed("K", (3, 1, 1), -5), r"cameras.K: at frame 4 has focal length .*-5"),
        (changed("K", (3, 0, 1), 2), r"cameras.K: at frame 4 has skew"),
        (changed("K", (3, 2, 2), 2), r"cameras.K: at frame 4 has skew or another last row"),
        (changed("camera_to_world", (5, 0, 3), np.nan), r"cameras.camera_to_world: at frame 6 .* not a number"),
        (changed("camera_to_world", (5, 0, 3), np.inf), r"cameras.camera_to_world: at frame 6 .* not a number"),
        (changed("camera_to_world", (5, 0, 3), 1e300), r"cameras.camera_to_world: at frame 6 .* beyond"),
        (changed("camera_to_world", (5, 0, 0), 1.001), r"cameras.camera_to_world: at frame 6 is scaled"),
        (changed("camera_to_world", (5, 0, 0), -1), r"cameras.camera_to_world: at frame 6 is mirrored"),
        (changed("camera_to_world", (5, 3, 0), 0.5), r"cameras.camera_to_world: at frame 6 is not affine"),
        (changed("frame", 4, 4), r"cameras.frame: 4 follows 4"),
    ],
    ids=lambda value: value[8:40] if isinstance(value, str) else "",
)
def test_each_fault_gets_its_sentence(cameras, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        check_cameras(cameras)


def test_arrays_of_different_lengths_are_refused():
    good = straight_path(5)
    with pytest.raises(InvalidShot, match=r"cameras.camera_to_world: has shape \(4, 4, 4\)"):
        check_cameras(Cameras(good.K, good.camera_to_world[:4], 64, 48, good.frame))
    with pytest.raises(InvalidShot, match=r"cameras.K: has shape \(5, 9\)"):
        check_cameras(Cameras(good.K.reshape(5, 9), good.camera_to_world, 64, 48, good.frame))


def test_float32_poses_of_a_long_parent_chain_pass():
    rng = np.random.default_rng(3)
    cameras = straight_path(4)
    for i in range(4):
        chain = np.eye(3, dtype=np.float32)
        for _ in range(20):
            turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
            chain = chain @ (turn * np.sign(np.linalg.det(turn))).astype(np.float32)
        cameras.camera_to_world[i, :3, :3] = chain
    check_cameras(cameras)


def wall(distance=5.0):
    return np.full((48, 64), distance, np.float32)


def test_coverage_of_a_turn_is_the_share_of_the_view_that_is_left():
    # focal 64, width 64: half the view is 26.57 degrees; turned by a, the picture's edge lies at tan(26.57 - a) * 64
    shares = coverage(wall(), turned(10), [0, 1, 2])
    truth = [1, *((32 + 64 * np.tan(np.radians(26.565 - a))) / 64 for a in (10, 20))]
    assert np.allclose(shares, truth, atol=0.07)


def test_coverage_carries_the_sky_by_direction():
    sky = np.full((48, 64), np.inf, np.float32)
    sky[-1] = 5
    dolly, turn = straight_path(9, step=3), turned(10)
    assert coverage(sky, dolly, [8])[0] > 0.9
    assert np.allclose(coverage(sky, turn, [2]), coverage(wall(), turn, [2]), atol=0.07)


def test_a_path_that_leaves_the_picture_at_once_is_warned():
    (sentence,) = path_warnings(wall(), turned(40))
    assert "leaves the picture at once: at frame 2" in sentence or "at frame 3" in sentence
    assert path_warnings(wall(), turned(2)) == []


def test_a_path_in_other_units_than_the_depth_is_warned():
    sideways = straight_path(9, step=0)
    sideways.camera_to_world[:, 2, 3] = 0.5 * np.arange(9)
    assert any("same units" in sentence for sentence in path_warnings(wall(3.5), sideways))
    assert not any("same units" in sentence for sentence in path_warnings(wall(30), sideways))


def test_a_camera_through_a_wall_is_warned_and_one_around_a_corner_is_not():
    through = straight_path(9, step=0.8)
    assert any("at frame 8 the camera passes through" in s.lower() for s in path_warnings(wall(5.2), through))
    corner = np.full((48, 64), 20, np.float32)
    corner[:, 40:] = 5  # a pillar on the right
    around = straight_path(9, step=0)
    around.camera_to_world[:, 1, 3] = [0, 2, 4, 6, 7, 8, 8, 8, 8]
    around.camera_to_world[:, 0, 3] = [0, 0, 0, 0, 0, 0, 1, 2, 3]
    assert not any("passes through" in s for s in path_warnings(corner, around))
    outside = straight_path(4, step=0)
    outside.camera_to_world[:, :2, 3] = [[0, 0], [9, 1], [9, 10], [3, 12]]  # past the pillar, out of the view and back
    assert not any("passes through" in s for s in path_warnings(corner, outside))
    at_once = straight_path(2, step=6)
    assert any("at frame 2 the camera passes through" in s.lower() for s in path_warnings(wall(5.2), at_once))
