"""Rotations as unit quaternions (w, x, y, z), Hamilton's."""

import numpy as np
from worldwarp_protocol.paths.rotations import TINY, from_vectors, to_vectors

from .cameras import Array

SMALLEST = 1e-6
"""A quaternion shorter than this has no direction."""


def to_rotations(q: Array) -> Array:
    """Quaternions (..., 4) of any length above ``SMALLEST`` to rotation matrices (..., 3, 3)."""
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return from_vectors(angle / np.maximum(sine, TINY) * q[..., 1:])


def from_rotations(R: Array) -> Array:
    """Rotation matrices (..., 3, 3) to unit quaternions (..., 4) with w >= 0."""
    vectors = to_vectors(R)
    half = np.linalg.norm(vectors, axis=-1, keepdims=True) / 2
    return np.concatenate([np.cos(half), vectors / 2 * np.sinc(half / np.pi)], axis=-1)
