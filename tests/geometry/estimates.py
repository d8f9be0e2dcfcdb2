"""Estimates of the ray-traced scene (tests/cache/scene.py) as a source would make them: wrong in known ways."""

from dataclasses import replace

import numpy as np
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import pixel_rays
from worldwarp.nouns import Estimate, Floats, Provenance, View

from tests.cache.scene import path, trace


def depth_at(cameras: Cameras, i: int) -> Floats:
    """Exact planar depth (H, W); inf is sky."""
    pose = cameras.camera_to_world[i]
    rays = pixel_rays(cameras.K[i], cameras.width, cameras.height) @ pose[:3, :3].T
    return trace(pose[:3, 3], rays)[0].astype(np.float32)


def known(cameras: Cameras, scale: float = 1.0, provenance: Provenance = Provenance.PICTURE) -> list[View]:
    """Views with exact depth times ``scale``."""
    shape = cameras.height, cameras.width
    rgb, kinds = np.zeros((*shape, 3), np.uint8), np.full(shape, provenance, np.uint8)
    return [View(i, rgb, depth_at(cameras, i) * np.float32(scale), kinds) for i in range(len(cameras))]


def unknown(views: list[View]) -> list[View]:
    return [replace(view, depth=None) for view in views]


def turned(degrees: float, axis: tuple[float, float, float]) -> np.ndarray:
    """Rotation (3, 3)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    a = np.radians(degrees)
    return np.eye(3) + np.sin(a) * K + (1 - np.cos(a)) * K @ K


def estimated(
    cameras: Cameras,
    rng: np.random.Generator,
    scale: float = 1.0,
    pixel: float = 0.05,
    outliers: float = 0.1,
    view: float = 0.0,
    centre: float = 0.0,
    rotation: float = 0.0,
) -> Estimate:
    """What a source would say, in a world of its own (turned and shifted), with lengths times ``scale``.

    Args:
        pixel, view: relative deviation of depth, pixel by pixel and view by view.
        outliers: share of pixels, and of cameras where there are at least eight, that are far off.
        centre: deviation of camera centres, world units.
        rotation: degrees by which all cameras but the first are turned.
    """
    count = len(cameras)
    depth = np.stack([depth_at(cameras, i) for i in range(count)]).astype(np.float64)
    depth *= scale * np.exp(view * rng.standard_normal((count, 1, 1)) + pixel * rng.standard_normal(depth.shape))
    confidence = 1 + rng.random(depth.shape, np.float32)
    wrong = rng.random(depth.shape) < outliers
    depth[wrong] *= rng.uniform(1.5, 4, int(wrong.sum())) ** rng.choice([-1, 1], int(wrong.sum()))
    poses = cameras.camera_to_world.copy()
    poses[:, :3, 3] += centre * rng.standard_normal((count, 3))
    if outliers and count >= 8:
        poses[count // 2, :3, 3] += 3
    for i in range(1, count):
        poses[i, :3, :3] = turned(rotation, (0.2, 0.3, 1)) @ poses[i, :3, :3]
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = turned(70, (1, 2, 3)), (5, -2, 1)
    poses = world @ poses
    poses[:, :3, 3] *= scale
    return Estimate(depth.astype(np.float32), confidence, poses)


def dolly(frames: int, step: float = 0.06, **size: int) -> Cameras:
    """Straight ahead through the scene."""
    cameras = path(frames, **size)
    poses = np.repeat(cameras.camera_to_world[:1], frames, 0)
    poses[:, 1, 3] += step * np.arange(frames)
    return replace(cameras, camera_to_world=poses)


def turn(frames: int, degrees: float = 40, **size: int) -> Cameras:
    """A pan from one spot."""
    cameras = path(frames, **size)
    poses = np.repeat(cameras.camera_to_world[:1], frames, 0)
    for i, angle in enumerate(np.linspace(-degrees / 2, degrees / 2, frames)):
        poses[i, :3, :3] = turned(angle, (0, 0, 1)) @ poses[i, :3, :3]
    return replace(cameras, camera_to_world=poses)


def orbit(frames: int, degrees: float = 60, **size: int) -> Cameras:
    """About the box and the ball, looking at them."""
    cameras = path(frames, **size)
    poses = np.repeat(np.eye(4)[None], frames, 0)
    target = np.array([0.4, 4.2, 0.6])
    for i, angle in enumerate(np.radians(np.linspace(-degrees / 2, degrees / 2, frames))):
        centre = target + np.array([3.2 * np.sin(angle), -3.2 * np.cos(angle), 0.9])
        forward = (target - centre) / np.linalg.norm(target - centre)
        right = np.cross(forward, (0, 0, 1))
        right /= np.linalg.norm(right)
        poses[i, :3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        poses[i, :3, 3] = centre
    return replace(cameras, camera_to_world=poses)
