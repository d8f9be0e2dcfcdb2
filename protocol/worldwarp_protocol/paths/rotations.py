"""Rotations as vectors: axis times angle in radians, right-handed."""

import numpy as np

from .cameras import Array

TINY = 1e-300
"""Keeps 0 / 0 from being asked for where nothing turns."""


def from_vectors(vectors: Array) -> Array:
    """(..., 3) to rotation matrices (..., 3, 3): Rodrigues' formula."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angle[..., 0], TINY), -1, 0)
    o = np.zeros_like(x)
    cross = np.stack([o, -z, y, z, o, -x, -y, x, o], axis=-1).reshape(*x.shape, 3, 3)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + 2 * np.sin(angle / 2) ** 2 * cross @ cross)


def to_vectors(R: Array) -> Array:
    """Rotation matrices (..., 3, 3) to vectors (..., 3) no longer than pi.

    By way of quaternions: of the four rows of 4 q q^T, the one with the largest diagonal is q at its most precise.
    """
    xx, yy, zz = np.moveaxis(np.diagonal(R, axis1=-2, axis2=-1), -1, 0)
    wx, wy, wz = R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]
    xy, xz, yz = R[..., 0, 1] + R[..., 1, 0], R[..., 0, 2] + R[..., 2, 0], R[..., 1, 2] + R[..., 2, 1]
    rows = [
        [1 + xx + yy + zz, wx, wy, wz],
        [wx, 1 + xx - yy - zz, xy, xz],
        [wy, xy, 1 - xx + yy - zz, yz],
        [wz, xz, yz, 1 - xx - yy + zz],
    ]
    products = np.stack([np.stack(row, -1) for row in rows], -2)
    best = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), axis=-1)
    q = np.take_along_axis(products, best[..., None, None], axis=-2)[..., 0, :]
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    return np.asarray(2 * np.arctan2(sine, q[..., :1]) / np.maximum(sine, TINY) * q[..., 1:])


def slerp(first: Array, second: Array, share: Array) -> Array:
    """Rotations (n, 3, 3) that have gone ``share`` (n,) of the shortest turn from ``first`` to ``second``."""
    turn = to_vectors(first.transpose(0, 2, 1) @ second)
    return np.asarray(first @ from_vectors(share[:, None] * turn))


def mean(R: Array) -> Array:
    """The rotation (..., 3, 3) nearest to the average of (..., k, 3, 3) in the sense of least squares."""
    U, _, Vt = np.linalg.svd(R.mean(axis=-3))
    U[..., 2] *= np.sign(np.linalg.det(U @ Vt))[..., None]
    return np.asarray(U @ Vt)
