"""Cameras from points and pixels, against cameras that are known."""

import numpy as np
import pytest
from worldwarp.cameras.cameras import project
from worldwarp.evaluation import pnp
from worldwarp_protocol.paths.rotations import from_vectors

K = np.array([[300.0, 0, 160], [0, 310, 118], [0, 0, 1]])


def problem(n: int, seed: int, noise: float = 0.0, outliers: float = 0.0, flat: bool = False):
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = from_vectors(rng.uniform(-2, 2, 3))
    pose[:3, 3] = rng.uniform(-3, 3, 3)
    in_camera = np.stack([rng.uniform(-1, 1, n), rng.uniform(-1, 1, n), rng.uniform(2, 6, n)], -1)
    if flat:
        in_camera[:, 2] = 3 + 0.4 * in_camera[:, 0] - 0.2 * in_camera[:, 1]
    points = (in_camera - pose[:3, 3]) @ pose[:3, :3]
    pixels = project(points, K, pose)[0] + noise * rng.standard_normal((n, 2))
    wrong = rng.random(n) < outliers
    pixels[wrong] = rng.uniform(0, 240, (wrong.sum(), 2))
    return points, pixels, pose, wrong


def test_one_of_the_poses_of_three_points_is_the_true_one():
    for seed in range(50):
        points, pixels, pose, _ = problem(3, seed)
        rays = np.concatenate([pixels, np.ones((3, 1))], 1) @ np.linalg.inv(K).T
        found = pnp.three_points(points[None], rays[None])
        assert 1 <= len(found) <= 4
        assert np.abs(found - pose).max((1, 2)).min() < 1e-5


@pytest.mark.parametrize("flat", [False, True])
def test_a_camera_is_found_from_nothing_though_six_in_ten_matches_are_wrong(flat):
    points, pixels, pose, wrong = problem(200, 3, outliers=0.6, flat=flat)
    found = pnp.locate(points, pixels, K)
    assert np.abs(found.world_to_camera - pose).max() < 1e-6
    assert found.inliers[~wrong].all()
    assert found.inliers[wrong].mean() < 0.05
    assert found.residual < 1e-6


def test_noise_of_half_a_pixel_averages_out():
    points, pixels, pose, _ = problem(400, 5, noise=0.5, outliers=0.3)
    found = pnp.locate(points, pixels, K)
    off = project(points, K, found.world_to_camera)[0] - project(points, K, pose)[0]
    assert np.linalg.norm(off, axis=1).max() < 0.25
    assert 0.3 < found.residual < 0.8


def test_refining_goes_home_from_nearby_and_minds_no_outliers():
    points, pixels, pose, _ = problem(100, 7, outliers=0.2)
    start = pose.copy()
    start[:3, :3] = from_vectors(np.array([0.01, -0.02, 0.01])) @ pose[:3, :3]
    start[:3, 3] += 0.03
    found = pnp.refine(points, pixels, K, start)
    assert np.abs(found.world_to_camera - pose).max() < 1e-8


def test_weights_decide_between_two_worlds():
    points, pixels, pose, _ = problem(60, 9)
    weights = np.where(np.arange(60) < 30, 1.0, 1e-9)
    pixels[30:] += 0.5
    found = pnp.refine(points, pixels, K, pose, weights)
    assert np.abs(project(points, K, found.world_to_camera)[0] - project(points, K, pose)[0]).max() < 1e-3


@pytest.mark.parametrize("n", [0, 3, 5])
def test_few_points_are_no_camera(n):
    points, pixels, _, _ = problem(n, 1)
    assert pnp.locate(points, pixels, K) is None


def test_points_and_pixels_that_have_nothing_to_do_with_each_other_are_few_inliers():
    points, pixels, _, _ = problem(100, 2, outliers=1.0)
    found = pnp.locate(points, pixels, K)
    assert found is None or found.inliers.sum() < 15


def test_the_same_matches_give_the_same_bits():
    points, pixels, _, _ = problem(100, 4, noise=0.3, outliers=0.3)
    first, second = pnp.locate(points, pixels, K), pnp.locate(points, pixels, K)
    assert np.array_equal(first.world_to_camera, second.world_to_camera)
