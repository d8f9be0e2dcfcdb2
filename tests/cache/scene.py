"""A small scene with exact answers: textured planes, a box and a ball under an open sky, ray-cast in float64.

The world is Blender's (Z up): a floor at z = 0, a wall at y = 8 with the sky above it, a wall at x = -3, a box and a
ball standing in the room. Textures are functions of the surface's own coordinates, with detail down to a few pixels.
"""

from dataclasses import dataclass

import numpy as np
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import pixel_rays
from worldwarp.nouns import Geometry, Provenance, View

BOX = np.array([[-0.9, 3.6, 0.0], [0.1, 4.6, 1.1]])
BALL = (np.array([1.3, 4.2, 0.6]), 0.6)
PLANES = (  # axis, position, extent of the two other axes
    (2, 0.0, ((-3.0, 4.0), (-4.0, 8.0))),
    (1, 8.0, ((-3.0, 4.0), (0.0, 3.0))),
    (0, -3.0, ((-4.0, 8.0), (0.0, 2.6))),
)


@dataclass(frozen=True)
class Picture:
    """What a camera sees of the scene."""

    rgb: np.ndarray
    """(H, W, 3) in [0, 1], averaged over each pixel."""
    depth: np.ndarray
    """(H, W), planar, at the pixel's centre; inf is sky."""
    surface: np.ndarray
    """(H, W): 0 sky, then planes, box, ball."""


def trace(origin: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance in units of the ray, surface number and point of the first hit."""
    distance = np.full(rays.shape[:-1], np.inf)
    surface = np.zeros(rays.shape[:-1], int)
    with np.errstate(divide="ignore", invalid="ignore"):
        for number, (axis, position, extent) in enumerate(PLANES, 1):
            s = (position - origin[axis]) / rays[..., axis]
            p = origin + s[..., None] * rays
            inside = (s > 1e-9) & (s < distance)
            for other, (low, high) in zip([a for a in range(3) if a != axis], extent, strict=True):
                inside &= (p[..., other] >= low) & (p[..., other] <= high)
            distance, surface = np.where(inside, s, distance), np.where(inside, number, surface)
        slabs = (BOX[:, None, None] - origin) / rays
        enter, leave = slabs.min(0).max(-1), slabs.max(0).min(-1)
        hit = (enter < leave) & (enter > 1e-9) & (enter < distance)
        distance, surface = np.where(hit, enter, distance), np.where(hit, 4, surface)
        centre, radius = BALL
        a = (rays**2).sum(-1)
        b = rays @ (origin - centre)
        c = ((origin - centre) ** 2).sum() - radius**2
        root = b * b - a * c
        s = (-b - np.sqrt(np.maximum(root, 0))) / a
        hit = (root > 0) & (s > 1e-9) & (s < distance)
        distance, surface = np.where(hit, s, distance), np.where(hit, 5, surface)
    point = origin + np.where(np.isfinite(distance), distance, 0)[..., None] * rays
    return distance, surface, point


def paint(surface: np.ndarray, p: np.ndarray, rays: np.ndarray, detail: float) -> np.ndarray:
    """Colour of points on surfaces: checks and waves; of the sky by direction."""
    base = np.array([[0, 0, 0], [0.6, 0.5, 0.4], [0.5, 0.6, 0.7], [0.7, 0.6, 0.3], [0.7, 0.25, 0.2], [0.2, 0.5, 0.3]])
    x, y, z = np.moveaxis(p, -1, 0)
    waves = np.sin(detail * (x + 0.7 * y + 0.4 * z)) * np.sin(detail * (0.8 * y - x + 1.3 * z))
    checks = np.sign(np.sin(0.45 * detail * x + 1) * np.sin(0.45 * detail * y + 1) * np.sin(0.45 * detail * z + 1))
    solid = base[surface] * (1 + 0.35 * waves + 0.3 * checks)[..., None]
    solid[..., 2] += 0.1 * np.sin(3 * detail * x) * np.sin(3 * detail * z + detail * y)
    up = rays[..., 2] / np.linalg.norm(rays, axis=-1)
    sky = np.stack([0.5 + 0.2 * up, 0.6 + 0.2 * up, 0.8 + 0.2 * up], -1) + 0.08 * np.sin(
        12 * rays[..., :1] + 9 * up[..., None]
    )
    return np.clip(np.where(surface[..., None] == 0, sky, solid), 0, 1)


def picture(cameras: Cameras, i: int, detail: float = 9.0, samples: int = 3) -> Picture:
    """The scene from ``cameras[i]``; ``samples`` squared rays a pixel for colour, one through its centre for depth."""
    pose, width, height = cameras.camera_to_world[i], cameras.width, cameras.height
    rays = pixel_rays(cameras.K[i], width, height) @ pose[:3, :3].T
    depth, surface, _ = trace(pose[:3, 3], rays)
    K = cameras.K[i].copy()
    K[:2] *= samples
    fine = pixel_rays(K, width * samples, height * samples) @ pose[:3, :3].T
    _, s, p = trace(pose[:3, 3], fine)
    rgb = paint(s, p, fine, detail).reshape(height, samples, width, samples, 3).mean((1, 3))
    return Picture(rgb, depth, surface)


def path(frames: int, width: int = 120, height: int = 80, reach: float = 1.0) -> Cameras:
    """A dolly with a pan and a turn, ``frames`` cameras; ``reach`` scales how far it goes."""
    t = np.linspace(0, 1, frames) * reach
    K = np.array([[0.9 * width, 0, width / 2], [0, 0.9 * width, height / 2], [0, 0, 1.0]])
    poses = []
    for s in t:
        yaw, pitch = 0.25 * s, 0.12
        forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = [0.5 * s, 1.2 * s, 1.4]
        poses.append(pose)
    return Cameras(np.repeat(K[None], frames, 0), np.stack(poses), width, height, np.arange(1, frames + 1))


def view(cameras: Cameras, i: int, **kwargs: float) -> View:
    """The picture of ``cameras[i]`` as a user would give it: 8 bits and depth."""
    shot = picture(cameras, i, **kwargs)  # type: ignore[arg-type]
    rgb = np.rint(shot.rgb * 255).astype(np.uint8)
    return View(i, rgb, shot.depth.astype(np.float32), np.full(shot.depth.shape, Provenance.PICTURE, np.uint8))


def given(*views: View) -> Geometry:
    """The views' own depth as geometry."""
    depth = np.stack([v.depth for v in views])
    return Geometry(depth, np.ones_like(depth))


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """In dB, over the pixels ``where``."""
    return float(-10 * np.log10(max(((a - b)[where] ** 2).mean(), 1e-12)))
