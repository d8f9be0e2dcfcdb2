"""Small shots that tests share."""

import numpy as np
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import pixel_rays


def straight_path(frames: int, width: int = 64, height: int = 48, step: float = 0.02) -> Cameras:
    """A dolly along Blender's +Y, looking along it: OpenCV axes x right, y down, z forward."""
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
    poses = np.repeat(pose[None], frames, axis=0)
    poses[:, 1, 3] = step * np.arange(frames)
    return Cameras(np.repeat(K[None], frames, axis=0), poses, width, height, np.arange(1, frames + 1))


def seen_from(cameras: Cameras, index: int) -> tuple[np.ndarray, np.ndarray]:
    """What camera ``index`` sees: a textured wall at y = 4 behind a column at y = 2, both facing the path.

    Returns:
        rgb (H, W, 3) uint8 and planar depth (H, W) float32, exact.
    """
    rays = pixel_rays(cameras.K[index], cameras.width, cameras.height)
    pose = cameras.camera_to_world[index]
    directions = rays @ pose[:3, :3].T
    wall = (4 - pose[1, 3]) / directions[..., 1]
    column = (2 - pose[1, 3]) / directions[..., 1]
    on_column = np.abs(pose[0, 3] + column * directions[..., 0] - 0.3) < 0.15
    depth = np.where(on_column, column, wall)
    x, _, z = np.moveaxis(pose[:3, 3] + depth[..., None] * directions, -1, 0)
    shade = 0.5 + 0.25 * np.sin(5 * x) * np.cos(4 * z)
    colour = np.stack([shade, 0.8 - 0.4 * shade, np.where(on_column, 0.9, 0.3)], axis=-1)
    return np.rint(colour * 255).astype(np.uint8), depth.astype(np.float32)
