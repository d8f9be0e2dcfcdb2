"""The path, as the protocol has it, and what its cameras see."""

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.paths.cameras import Array, Cameras

__all__ = ["Array", "Cameras", "between", "inverse", "pixel_rays", "project", "unproject"]


def pixel_rays(K: Array, width: int, height: int) -> Array:
    """Directions (H, W, 3) in camera axes with z = 1 through every pixel's centre: equation 2 without the depth."""
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
    return np.asarray(pixels @ np.linalg.inv(K).T)


def unproject(depth: NDArray[np.floating], K: Array, camera_to_world: Array) -> Array:
    """World points (H, W, 3) of planar depth (H, W) seen by one camera (paper, equations 2 and 3)."""
    points = pixel_rays(K, depth.shape[1], depth.shape[0]) * depth[..., None]
    return np.asarray(points @ camera_to_world[:3, :3].T + camera_to_world[:3, 3])


def project(points: Array, K: Array, world_to_camera: Array) -> tuple[Array, Array]:
    """Pixels (..., 2) and planar depth (...) of world points (..., 3); depth <= 0 is behind the camera."""
    in_camera = points @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    depth = in_camera[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = (in_camera @ K.T)[..., :2] / depth[..., None]
    return pixels, depth


def inverse(rigid: Array) -> Array:
    """World to camera of camera to world, and the other way round: (..., 4, 4) of (..., 3, 4) or (..., 4, 4)."""
    out = np.zeros((*rigid.shape[:-2], 4, 4))
    out[..., :3, :3] = np.swapaxes(rigid[..., :3, :3], -1, -2)
    out[..., :3, 3] = -np.einsum("...ij,...j->...i", out[..., :3, :3], rigid[..., :3, 3])
    out[..., 3, 3] = 1
    return out


def between(cameras: Cameras) -> tuple[Array, Array]:
    """From pixels p of camera 0 and their disparity d to each camera's pixels: q = turn p + d shift, divided by q_z.

    Returns:
        (n, 3, 3) and (n, 3).
    """
    relative = cameras.world_to_camera @ cameras.camera_to_world[0]
    turn = cameras.K @ relative[:, :3, :3] @ np.linalg.inv(cameras.K[0])
    return turn, np.asarray((cameras.K @ relative[:, :3, 3:])[..., 0])
