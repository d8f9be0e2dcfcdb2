"""How far a moved camera moves its picture, against points that are projected, and what is kept for it."""

from dataclasses import replace

import numpy as np
import pytest
from test_ranges import SIZE, keys, take, walk, wish
from worldwarp_protocol import files
from worldwarp_protocol.files import CameraFile

from blender_addon import plan, shifts

WIDTH, HEIGHT = 96, 64
DEPTH = 2.0
"""Of the points that a walk in the tests sees, from its plane."""


def turned(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def cameras(K: np.ndarray, pose: np.ndarray) -> CameraFile:
    return CameraFile.of(K[None], pose[None], np.arange(1), WIDTH, HEIGHT, 24.0)


def pixels(one: CameraFile, points: np.ndarray) -> np.ndarray:
    seen = (points @ one.R[0].T + one.t[0]) @ one.K[0].T
    return seen[:, :2] / seen[:, 2:]


def pose_of(generator: np.random.Generator, turn: float, step: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = turned(generator.normal(size=3), turn)
    way = generator.normal(size=3)
    pose[:3, 3] = step * way / np.linalg.norm(way)
    return pose


@pytest.mark.parametrize("focal", [25.0, 80.0, 400.0])
@pytest.mark.parametrize("what", ["turn", "step", "lens", "all"])
def test_no_point_moves_further_than_the_bound_and_some_nearly_as_far(what, focal):
    generator, margin, near, share = np.random.default_rng(7), 0.1, 1.5, []
    for _ in range(40):
        size = 10 ** generator.uniform(-5, -1.5)
        turn, step, lens = (size * (what in (name, "all")) for name in ("turn", "step", "lens"))
        K = np.array([[focal, 0, 50], [0, focal * 1.2, 30], [0, 0, 1]])
        first = pose_of(generator, 1.0, 5.0)
        old = cameras(K, first)
        new = cameras(K + lens * np.array([[3.0, 0, 1], [0, -2, 1], [0, 0, 0]]), first @ pose_of(generator, turn, step))
        across = generator.uniform(-margin, 1 + margin, (2_000, 2)) * [WIDTH, HEIGHT]
        across[:4] = [[x, y] for x in (-margin * WIDTH, WIDTH * (1 + margin)) for y in (-6.4, 70.4)]
        rays = np.hstack([across, np.ones((2_000, 1))]) @ np.linalg.inv(K).T
        depth = np.where(np.arange(2_000) < 1_000, near, generator.uniform(near, 50, 2_000))
        points = (depth[:, None] * rays - old.t[0]) @ old.R[0]
        true = np.linalg.norm(pixels(new, points) - pixels(old, points), axis=1).max()
        (most,) = shifts.bound(old, new, np.array([near]), margin)
        assert true <= most * (1 + 1e-9) + 1e-9
        share.append(true / most)
    assert max(share) > 0.5  # it is no bound that refuses all


def test_cameras_that_are_the_same_move_nothing():
    one = cameras(np.array([[80.0, 0, 48], [0, 80, 32], [0, 0, 1]]), np.eye(4))
    assert shifts.bound(one, one, np.array([0.0])).tolist() == [0]


def test_what_is_near_is_what_a_frame_shows_but_for_strays():
    K = np.array([[80.0, 0, 48], [0, 80, 32], [0, 0, 1]])
    away = np.eye(4)
    away[:3, :3] = np.diag([-1.0, 1, -1])  # looks back
    both = CameraFile.of(np.stack([K, K]), np.stack([np.eye(4), away]), np.arange(2), WIDTH, HEIGHT, 24.0)
    points = np.tile([0.0, 0, 3], (1_000, 1))
    points[0] = 0, 0, 0.01  # a stray
    points[1:200] = 5, 0, 1  # beside the picture
    assert shifts.nearest(both, points).tolist() == [3, 3]
    assert shifts.nearest(both, points[:0]).tolist() == [0, 0]


def known(folder, made: plan.Wish) -> plan.Take:
    """A take whose points are a wall at ``DEPTH``."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-2, 4, 60), np.linspace(-1, 1, 20)))
    xyz = np.column_stack([x, y, np.full(len(x), DEPTH)])
    vertices = files.make_vertices(xyz, np.zeros((len(x), 3), np.uint8), np.zeros(len(x), np.uint8))
    found = take(folder, made)
    for number in (1, 2, 3):
        files.write(folder / "points" / f"{number:04d}.ply", files.encode_ply(vertices))
    return found


def aside(pixels: float, at: int = 0) -> CameraFile:
    """The walk, from position ``at`` on beside where it was, by that many pixels of the wall."""
    poses = walk().camera_to_world.copy()
    poses[at:, 1, 3] += pixels * DEPTH / walk().K[0, 0, 0]
    return CameraFile.of(walk().K, poses, walk().frame, SIZE, SIZE, 24.0)


def test_less_than_a_tenth_of_a_pixel_is_kept_with_the_takes_cameras(tmp_path, monkeypatch):
    one, moved = known(tmp_path / "take", wish()), replace(wish(), cameras=aside(0.05))
    assert plan.kept(one, moved) == (3, "")
    assert plan.nudged(one, moved, 3)
    sent = plan.settled(one, moved, 3)
    assert np.array_equal(sent.camera_to_world, walk().camera_to_world)
    assert keys(wish(), monkeypatch) == keys(replace(moved, cameras=sent), monkeypatch) != keys(moved, monkeypatch)


def test_what_follows_is_as_it_is_keyed(tmp_path, monkeypatch):
    one, cameras = known(tmp_path / "take", wish()), aside(0.05)
    cameras.camera_to_world[110:] += aside(30, 110).camera_to_world[110:] - walk().camera_to_world[110:]
    moved = replace(wish(), cameras=cameras)
    assert plan.kept(one, moved) == (2, "camera at frame 211")
    sent = plan.settled(one, moved, 2)
    assert np.array_equal(sent.camera_to_world[:93], walk().camera_to_world[:93])
    assert np.array_equal(sent.camera_to_world[93:], cameras.camera_to_world[93:])
    before, after = keys(wish(), monkeypatch), keys(replace(moved, cameras=sent), monkeypatch)
    assert (before[:2], before[2] == after[2]) == (after[:2], False)


def test_a_camera_that_drifts_is_computed_once_it_is_too_far(tmp_path):
    one, far = known(tmp_path / "take", wish()), []
    for step in range(1, 5):  # each beside the one before it by half of what is allowed
        moved = replace(wish(), cameras=aside(0.04 * step))
        far.append(plan.kept(one, moved)[0])
    assert far == [3, 3, 0, 0]
    assert plan.settled(one, moved, 0) is moved.cameras
    assert not plan.nudged(one, moved, 0)


def test_where_nothing_tells_the_depth_places_must_be_the_same(tmp_path):
    one, moved = take(tmp_path / "take", wish()), replace(wish(), cameras=aside(0.05))
    assert plan.kept(one, moved) == (0, "camera at frame 101")
    assert plan.kept(one, wish()) == (3, "")
    assert not plan.nudged(one, wish(), 3)


def test_damaged_points_tell_nothing(tmp_path):
    for name, content in (("a", b""), ("b", b"ply\nend_header\n"), ("c", b"no end" * 9_000)):
        (tmp_path / name).write_bytes(content)
    assert shifts.some_points([tmp_path / name for name in "abcd"]).shape == (0, 3)
