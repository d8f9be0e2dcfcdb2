"""From where frames were really taken back to the path that was asked for."""

from dataclasses import replace

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.rotations import from_vectors, to_vectors

from .cameras import Array, Cameras, inverse


def ease(requested: Cameras, solved: Array, frames: int = 16) -> Cameras:
    """The next chunk's cameras: from where its fixed frames were really taken, back to the requested path.

    The difference, as a turn and a shift in the camera's axes, fades by smoothstep, so the path keeps its velocity at
    both ends.

    Args:
        requested: cameras of the chunk, its fixed frames (the context) first.
        solved: (c, 4, 4), the solved poses of those c fixed frames.
        frames: after so many more, the path is the requested one.

    Returns:
        ``requested`` itself, to the last bit, where its fixed frames were taken as requested.

    Raises:
        InvalidShot: there are no fixed frames, or more than cameras, or ``frames`` is below 1.
    """
    fixed = len(solved)
    if not 1 <= fixed <= len(requested) or frames < 1:
        raise InvalidShot("ease", f"{fixed} fixed of {len(requested)} frames over {frames}; give at least one of each.")
    poses = requested.camera_to_world
    if np.array_equal(solved, poses[:fixed]):
        return requested
    apart = inverse(poses[fixed - 1]) @ solved[-1]
    s = np.clip(np.arange(1, len(poses) - fixed + 1) / frames, 0, 1)
    share = 1 - s * s * (3 - 2 * s)
    eased = poses[fixed:] @ matrices(share[:, None] * vectors(apart[None]))
    eased[share == 0] = poses[fixed:][share == 0]
    return replace(requested, camera_to_world=np.concatenate([solved, eased]))


def vectors(rigid: Array) -> Array:
    """(n, 6) of (n, 4, 4): turn, then shift."""
    return np.concatenate([to_vectors(rigid[:, :3, :3]), rigid[:, :3, 3]], axis=1)


def matrices(vectors: Array) -> Array:
    """(n, 4, 4) of (n, 6): the inverse of ``vectors``."""
    rigid = np.tile(np.eye(4), (len(vectors), 1, 1))
    rigid[:, :3, :3], rigid[:, :3, 3] = from_vectors(vectors[:, :3]), vectors[:, 3:]
    return rigid
