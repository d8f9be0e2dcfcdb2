"""Motion vectors against a scene that is ray-cast from every camera."""

import dataclasses

import numpy as np
from worldwarp.cameras.cameras import project, unproject
from worldwarp.outputs.motion import landing, motion_vectors

from tests.cache import scene


def test_vectors_lead_to_the_same_point_of_the_scene():
    cameras = scene.path(3, 120, 80, reach=0.4)
    before, here, after = (scene.picture(cameras, i, samples=1) for i in range(3))
    vectors = motion_vectors(here.depth.astype(np.float32), cameras, 1).astype(float)
    own = np.stack(np.meshgrid(np.arange(120) + 0.5, np.arange(80) + 0.5), -1)
    for other, i, step in ((before, 0, vectors[..., :2]), (after, 2, -vectors[..., 2:])):
        there = own + step * [1, -1]
        pose, K = cameras.camera_to_world[i], cameras.K[i]
        rays = np.concatenate([there, np.ones((80, 120, 1))], -1) @ np.linalg.inv(K).T @ pose[:3, :3].T
        distance, surface, point = scene.trace(pose[:3, 3], rays)
        solid = np.isfinite(here.depth)
        truth = unproject(np.where(solid, here.depth, 1), cameras.K[1], cameras.camera_to_world[1])
        met = solid & (np.abs(distance - project(truth, K, cameras.world_to_camera[i])[1]) < 1e-3)
        assert met.sum() > 0.85 * solid.sum()  # the rest is hidden there
        np.testing.assert_allclose(point[met], truth[met], atol=1e-3)
        assert (surface == other.surface).mean() > 0.5
        assert np.abs(step[met]).max() > 2


def test_sky_turns_with_the_camera_and_ends_do_not_move():
    cameras = scene.path(3, 120, 80)
    sky = np.full((80, 120), np.inf, np.float32)
    far = np.full((80, 120), 1e9, np.float32)
    np.testing.assert_allclose(motion_vectors(sky, cameras, 1), motion_vectors(far, cameras, 1), atol=1e-4)
    assert np.abs(motion_vectors(sky, cameras, 1)).max() > 5
    assert not motion_vectors(far, cameras, 0)[..., :2].any()
    assert not motion_vectors(far, cameras, 2)[..., 2:].any()


def test_what_is_behind_the_other_camera_does_not_move():
    cameras = scene.path(2, 120, 80)
    poses = cameras.camera_to_world.copy()
    poses[1] = poses[0]
    poses[1, :3, 3] += 3 * poses[0, :3, 2]
    cameras = dataclasses.replace(cameras, camera_to_world=poses)
    assert not motion_vectors(np.full((80, 120), 2.0, np.float32), cameras, 0).any()


def test_landing_is_unprojecting_and_projecting():
    cameras = scene.path(2, 24, 16)
    depth = np.random.default_rng(0).uniform(2, 9, (16, 24)).astype(np.float32)
    points = unproject(depth, cameras.K[0], cameras.camera_to_world[0])
    pixels, z = project(points, cameras.K[1], cameras.world_to_camera[1])
    here, there = ((cameras.K[i], cameras.camera_to_world[i]) for i in (0, 1))
    found, ratio = landing(depth, *here, *there)
    np.testing.assert_allclose(found, pixels, atol=1e-9)
    np.testing.assert_allclose(ratio * depth, z, rtol=1e-6)
