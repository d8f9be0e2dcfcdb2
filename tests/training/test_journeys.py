"""Walks: through free space, smooth, and with something new to see."""

from functools import cache

import numpy as np
import pytest
import torch
from worldwarp.training import journeys, rays
from worldwarp.training.journeys import CLEARANCE, FOV, RETURNS, journey
from worldwarp.training.scenes import scene

SEEDS = range(28)


@cache
def walked(seed: int) -> tuple[np.ndarray, float]:
    return journey(scene(seed), seed, 17)


@pytest.mark.parametrize("seed", range(0, 28, 4))
def test_no_camera_comes_nearer_to_anything_than_the_clearance(seed: int) -> None:
    solids = rays.pack(scene(seed), "cpu", torch.float64, plain=True)
    places = torch.from_numpy(walked(seed)[0][:, :3, 3].T.copy())
    assert rays.distance(solids, places).min() >= CLEARANCE - 1e-9


def test_cameras_are_rotations_and_level() -> None:
    for seed in SEEDS:
        poses, fov = walked(seed)
        R = poses[:, :3, :3]
        np.testing.assert_allclose(R.transpose(0, 2, 1) @ R, np.broadcast_to(np.eye(3), R.shape), atol=1e-12)
        assert np.allclose(np.linalg.det(R), 1)
        assert np.abs(R[:, 2, 0]).max() < 1e-12  # x stays horizontal
        assert (R[:, 2, 1] < 0).all()  # y points down
        assert FOV[0] <= fov <= FOV[1]


def test_walks_are_smooth() -> None:
    for seed in SEEDS:
        places, ahead = walked(seed)[0][:, :3, 3], walked(seed)[0][:, :3, 2]
        assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 0.5
        turns = np.degrees(np.arccos((ahead[1:] * ahead[:-1]).sum(1).clip(-1, 1)))
        assert turns.max() < 16


def test_as_many_come_back_as_are_meant_to() -> None:
    back = [np.allclose(poses[0], poses[-1], atol=1e-9) for poses, _ in map(walked, SEEDS)]
    assert abs(np.mean(back) - RETURNS) < 3 * (RETURNS * (1 - RETURNS) / len(back)) ** 0.5
    poses = walked(back.index(True))[0]
    np.testing.assert_allclose(poses, poses[::-1], atol=1e-9)
    assert not np.allclose(poses[0], poses[8])


def test_the_farthest_frame_shows_much_that_the_first_did_not() -> None:
    new = []
    for seed in SEEDS:
        poses, fov = walked(seed)
        at = 8 if np.allclose(poses[0], poses[-1]) else 16
        new.append(journeys.revealed(rays.pack(scene(seed), "cpu", torch.float64), poses[0], poses[at], fov))
    assert np.mean(new) > 0.2
    assert np.mean(np.array(new) < 0.05) < 0.05


def test_nothing_is_new_from_the_same_place_and_all_is_behind() -> None:
    place = scene(0)
    poses, fov = walked(0)
    solids = rays.pack(place, "cpu", torch.float64)
    behind = poses[0].copy()
    behind[:3, 0] *= -1
    behind[:3, 2] *= -1
    assert journeys.revealed(solids, poses[0], poses[0], fov) == 0
    assert journeys.revealed(solids, poses[0], behind, fov) == 1


def test_a_place_without_room_is_refused() -> None:
    place = scene(0)
    full = type(place)(**{**vars(place), "walkable": ((50, 50, 50.01, 50.01),)})
    with pytest.raises(ValueError, match="No camera finds room"):
        journey(full, 0, 3)
