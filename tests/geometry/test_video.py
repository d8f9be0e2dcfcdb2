"""A path from a clip: in Blender's world, at the speed and scale that were asked for."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp
from worldwarp.cameras.checks import check_cameras
from worldwarp.geometry import sources
from worldwarp.geometry.floor import UPRIGHT
from worldwarp.geometry.sizing import crop_of, network_input
from worldwarp.geometry.ttt3r import estimate
from worldwarp.geometry.video import at_size, path_from_frames
from worldwarp.nouns import Estimate
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.rotations import slerp

from ..cache import scene
from .goldens import tiny_network

FRAMES = np.zeros((9, 32, 48, 3), np.uint8)


def oracle(poses, focals, world=None):
    """A source that knows the cameras, in a world of its own."""
    world = np.eye(4) if world is None else world
    depth = np.ones((len(poses), 32, 48), np.float32)
    confidence = depth * np.linspace(1, 2, len(poses), dtype=np.float32)[:, None, None]
    return lambda frames, K: Estimate(depth, confidence, world @ poses, focals)  # noqa: ARG005


def truth():
    return scene.path(9, 48, 32).camera_to_world


def elsewhere():
    world = np.eye(4)
    world[:3, :3] = Rotation.from_euler("xyz", [0.4, -1.2, 2.0]).as_matrix()
    world[:3, 3] = [3, -2, 5]
    return world


def test_the_path_starts_level_at_the_origin_and_goes_as_the_camera_went():
    poses = truth()
    cameras, confidence = path_from_frames(FRAMES, oracle(poses, np.full(9, 43.2), elsewhere()), fps=30)
    assert np.allclose(cameras.camera_to_world[0], UPRIGHT, atol=1e-12)
    wanted = UPRIGHT @ np.linalg.inv(poses[0]) @ poses
    assert np.allclose(cameras.camera_to_world, wanted, atol=1e-12)
    assert (cameras.width, cameras.height, cameras.fps) == (48, 32, 30)
    assert np.array_equal(cameras.frame, np.arange(1, 10))
    assert np.allclose(confidence, np.linspace(1, 2, 9))
    check_cameras(cameras)


def test_one_focal_length_is_taken_and_outliers_do_not_count():
    focals = np.array([43.0, 43.4, 43.2, 400, 43.1, 43.3, 9, 43.2, 43.2])
    cameras, _ = path_from_frames(FRAMES, oracle(truth(), focals))
    assert cameras.K[:, 0, 0] == pytest.approx(43.2, abs=0.11)
    assert np.array_equal(cameras.K, np.repeat(cameras.K[:1], 9, 0))
    assert cameras.K[0, :2, 2].tolist() == [24, 16]


def test_a_known_lens_is_kept():
    K = np.repeat(np.array([[[50.0, 0, 20], [0, 51, 15], [0, 0, 1]]]), 9, 0)
    cameras, _ = path_from_frames(FRAMES, oracle(truth(), None), K=K)
    assert np.array_equal(cameras.K, K)


@pytest.mark.parametrize(("speed", "count"), [(2, 5), (0.5, 17), (1, 9), (3, 4), (0.25, 33)])
def test_speed_stretches_time(speed, count):
    source = oracle(truth(), np.full(9, 43.2))
    whole, _ = path_from_frames(FRAMES, source)
    cameras, confidence = path_from_frames(FRAMES, source, speed=speed)
    assert len(cameras) == len(confidence) == count
    time = np.linspace(0, 8, count)
    turns = Slerp(np.arange(9), Rotation.from_matrix(whole.camera_to_world[:, :3, :3]))(time).as_matrix()
    assert np.allclose(cameras.camera_to_world[:, :3, :3], turns, atol=1e-9)
    for axis in range(3):
        assert np.allclose(cameras.centres[:, axis], np.interp(time, np.arange(9), whole.centres[:, axis]))
    check_cameras(cameras)


def test_scale_stretches_distances_only():
    source = oracle(truth(), np.full(9, 43.2))
    one, three = (path_from_frames(FRAMES, source, scale=scale)[0] for scale in (1.0, 3.0))
    assert np.allclose(three.centres, 3 * one.centres)
    assert np.array_equal(three.camera_to_world[:, :3, :3], one.camera_to_world[:, :3, :3])


def test_turns_of_any_size_are_even():
    random = Rotation.random(50, random_state=0)
    first, second = random[:25].as_matrix(), random[25:].as_matrix()
    share = np.linspace(0, 1, 25)
    wanted = [
        Slerp([0, 1], Rotation.from_matrix(np.stack([a, b])))(s).as_matrix()
        for a, b, s in zip(first, second, share, strict=True)
    ]
    assert np.allclose(slerp(first, second, share), wanted, atol=1e-9)
    assert np.allclose(slerp(first, first, share), first, atol=1e-12)


def test_large_frames_are_looked_at_small():
    shown = []

    def source(frames, K):
        shown.append((frames.shape, None if K is None else K[0]))
        return oracle(truth(), np.full(9, 460.8))(frames, K)

    large = np.zeros((9, 682, 1024, 3), np.uint8)
    free, _ = path_from_frames(large, source)
    K = np.repeat(np.array([[[900.0, 0, 500], [0, 900, 341], [0, 0, 1]]]), 9, 0)
    known, _ = path_from_frames(large, source, K=K)
    assert [shape for shape, _ in shown] == [(9, 341, 512, 3)] * 2
    assert shown[1][1].tolist() == [[450, 0, 250], [0, 450, 170.5], [0, 0, 1]]
    assert free.K[0].tolist() == [[921.6, 0, 512], [0, 921.6, 341], [0, 0, 1]]
    assert np.array_equal(known.K, K)
    assert (free.width, free.height) == (1024, 682)


def test_another_size_sees_the_same():
    cameras, _ = path_from_frames(FRAMES, oracle(truth(), np.full(9, 43.2)))
    large = at_size(cameras, (480, 320))
    assert large.K[0].tolist() == [[432, 0, 240], [0, 432, 160], [0, 0, 1]]
    assert (large.width, large.height) == (480, 320)


def test_what_makes_no_path_is_refused():
    source = oracle(truth(), np.full(9, 43.2))
    for field, call in {
        "video": lambda: path_from_frames(FRAMES[:1], source),
        "speed": lambda: path_from_frames(FRAMES, source, speed=0),
        "scale": lambda: path_from_frames(FRAMES, source, scale=float("nan")),
        "video ": lambda: path_from_frames(FRAMES, oracle(truth(), np.zeros(9))),
        "geometry": lambda: path_from_frames(FRAMES, lambda f, K: Estimate(np.ones(1), np.ones(1))),  # noqa: ARG005
    }.items():
        with pytest.raises(InvalidShot) as refusal:
            call()
        assert refusal.value.field == field.strip()
    for speed in (20, 1e-6):
        with pytest.raises(InvalidShot, match="cameras of 9"):
            path_from_frames(FRAMES, source, speed=speed)


def test_a_network_s_path_is_one_that_can_be_walked(monkeypatch):
    """Random weights, forgetting on the way."""
    monkeypatch.setattr(sources, "RESET_INTERVAL", 2)
    clip = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), np.uint8)
    source = sources.ttt3r(tiny_network())
    K = np.repeat(np.array([[[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]]), 4, 0)
    cameras, confidence = path_from_frames(clip, source, K=K)
    check_cameras(cameras)
    assert (confidence >= 0).all()
    frames = torch.from_numpy(np.stack([network_input(one, crop_of((64, 48), 64)) for one in clip]))
    raw = estimate(tiny_network(), frames, reset_interval=2).camera_to_world.double().numpy()
    assert np.allclose(cameras.camera_to_world, UPRIGHT @ np.linalg.inv(raw[0]) @ raw, atol=1e-4 * np.abs(raw).max())
