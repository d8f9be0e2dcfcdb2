"""Poses: seven numbers (t xyz in metres, q wxyz), matrices camera-to-world (OpenCV axes), and their chain."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .activations import points


def pose(raw: Tensor) -> Tensor:
    """Pose (..., 7) from the head's raw numbers: t like a point, q normalised with w >= 0."""
    q = F.normalize(raw[..., 3:], dim=-1, eps=1e-12)
    return torch.cat([points(raw[..., :3]), _upper_half(q)], -1)


def matrix(pose: Tensor) -> Tensor:
    """Camera-to-world (..., 4, 4) of poses (..., 7)."""
    w, x, y, z = pose[..., 3:].unbind(-1)
    s = 2 / (pose[..., 3:] ** 2).sum(-1)
    one, nil = torch.ones_like(w), torch.zeros_like(w)
    tx, ty, tz = pose[..., :3].unbind(-1)
    rows = [
        [one - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y), tx],
        [s * (x * y + w * z), one - s * (x * x + z * z), s * (y * z - w * x), ty],
        [s * (x * z - w * y), s * (y * z + w * x), one - s * (x * x + y * y), tz],
        [nil, nil, nil, one],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def encoding(camera_to_world: Tensor) -> Tensor:
    """Pose (..., 7) of rigid matrices (..., 4, 4): the inverse of ``matrix``.

    The rows of 4 q q^T can be read off the rotation; the one with the largest diagonal is q at its most precise.
    """
    R = camera_to_world[..., :3, :3]
    xx, yy, zz = R.diagonal(dim1=-2, dim2=-1).unbind(-1)
    wx, wy, wz = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    xy, xz, yz = R[..., 0, 1] + R[..., 1, 0], R[..., 0, 2] + R[..., 2, 0], R[..., 1, 2] + R[..., 2, 1]
    rows = [
        [1 + xx + yy + zz, wx, wy, wz],
        [wx, 1 + xx - yy - zz, xy, xz],
        [wy, xy, 1 - xx + yy - zz, yz],
        [wz, xz, yz, 1 - xx - yy + zz],
    ]
    products = torch.stack([torch.stack(row, -1) for row in rows], -2)
    best = products.diagonal(dim1=-2, dim2=-1).argmax(-1)
    q = products.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    return torch.cat([camera_to_world[..., :3, 3], _upper_half(F.normalize(q, dim=-1))], -1)


def chain(poses: Tensor, resets: Sequence[bool], base: Tensor) -> tuple[Tensor, Tensor]:
    """Poses of one world from poses that start anew after each reset.

    Args:
        poses: (F, 4, 4), each in the world of its own chunk.
        resets: per frame, whether the state is reset after it: the next chunk's world is this frame's camera.
        base: (4, 4), the world that the first pose is in.

    Returns:
        Camera-to-world (F, 4, 4), and the base to go on with.
    """
    chained = []
    for one, reset in zip(poses, resets, strict=True):
        chained.append(base @ one)
        base = chained[-1] if reset else base
    return torch.stack(chained), base


def _upper_half(q: Tensor) -> Tensor:
    """q or -q, the same rotation, with w >= 0."""
    return torch.where(q[..., :1] < 0, -q, q)
