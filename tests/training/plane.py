"""A wall with a smooth pattern behind a board, ray cast in closed form; the cameras slide past it and turn."""

import numpy as np
import torch
from worldwarp.cameras.cameras import pixel_rays
from worldwarp.training.clips import Clip

BACK, FRONT, HALF = 4.0, 2.0, (0.35, 0.25)
"""Distances of wall and board, and half the board's sides."""


def colours(points: np.ndarray) -> np.ndarray:
    """In [0, 1], smooth: a function of the place alone."""
    x, y, z = np.moveaxis(points, -1, 0)
    waves = [np.sin(1.1 * x + 0.7 * y + z + k) * np.cos(0.8 * y - 0.5 * x + 2 * k) for k in range(3)]
    return 0.5 + 0.45 * np.stack(waves, axis=-1)


def cast(K: np.ndarray, pose: np.ndarray, pixels=None, size=(64, 96)) -> tuple[np.ndarray, np.ndarray]:
    """Points (..., 3) and planar depth (...) at pixels (..., 2), or at all of a picture."""
    if pixels is None:
        rays = pixel_rays(K, size[1], size[0])
    else:
        rays = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1) @ np.linalg.inv(K).T
    directions, origin = rays @ pose[:3, :3].T, pose[:3, 3]
    near, far = ((z - origin[2]) / directions[..., 2] for z in (FRONT, BACK))
    place = origin + near[..., None] * directions
    depth = np.where((np.abs(place[..., :2]) < HALF).all(-1), near, far)
    return origin + depth[..., None] * directions, depth


def path(frames: int, height: int = 64, width: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """K (n, 3, 3) and camera-to-world (n, 4, 4)."""
    K = np.tile([[0.9 * width, 0, width / 2], [0, 0.9 * width, height / 2], [0, 0, 1]], (frames, 1, 1))
    poses = np.tile(np.eye(4), (frames, 1, 1))
    for i, pose in enumerate(poses):
        angle = 0.02 * i
        pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
        pose[:3, 3] = 0.06 * i, 0.01 * i, 0.03 * i
    return K.astype(np.float64), poses


def clip(frames: int = 9, height: int = 64, width: int = 96) -> Clip:
    """With exact colours and depth."""
    K, poses = path(frames, height, width)
    seen = [cast(k, pose, size=(height, width)) for k, pose in zip(K, poses, strict=True)]
    rgb = np.stack([np.rint(colours(points) * 255) for points, _ in seen]).astype(np.uint8)
    depth = np.stack([z for _, z in seen]).astype(np.float32)
    return Clip(torch.from_numpy(rgb), torch.from_numpy(depth), torch.from_numpy(K), torch.from_numpy(poses))
