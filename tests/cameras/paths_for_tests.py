"""Paths that tests of file formats share."""

import numpy as np
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project

POINT = np.array([0.3, 5.0, -0.4])
"""In the world; every camera of ``looking`` sees it."""


def looking(n: int = 7, one_lens: bool = True) -> Cameras:
    """Cameras about the origin that look roughly along +Y, rolled and turned, with odd lenses."""
    rng = np.random.default_rng(3)
    poses = np.tile(np.eye(4), (n, 1, 1))
    for pose in poses:
        forward = np.array([0, 1, 0]) + rng.normal(size=3) * 0.1
        down = np.array([0, 0, -1]) + rng.normal(size=3) * 0.1
        forward /= np.linalg.norm(forward)
        right = np.cross(down, forward)
        right /= np.linalg.norm(right)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = rng.normal(size=3) * 0.2
    K = np.tile(np.array([[613.7, 0, 321.3], [0, 607.1, 177.9], [0, 0, 1]]), (n, 1, 1))
    if not one_lens:
        K[:, 0, 0] += np.arange(n)
    return Cameras(K, poses, 640, 360, np.arange(1, n + 1))


def pixels(cameras: Cameras, point: np.ndarray = POINT) -> np.ndarray:
    """(n, 2): where each camera sees a point."""
    views = zip(cameras.K, cameras.world_to_camera, strict=True)
    return np.array([project(point, K, w2c)[0] for K, w2c in views])


def assert_same(got: Cameras, wanted: Cameras, tolerance: float = 1e-12) -> None:
    """Poses and lenses agree, relative to their size."""
    np.testing.assert_allclose(got.K, wanted.K, rtol=tolerance, atol=0)
    np.testing.assert_allclose(got.camera_to_world, wanted.camera_to_world, rtol=0, atol=tolerance)
    assert (got.width, got.height) == (wanted.width, wanted.height)
