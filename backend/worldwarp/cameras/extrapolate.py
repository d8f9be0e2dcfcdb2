"""Past the given path: more cameras, going on as the path went (paper, section 7)."""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES

from .cameras import Array, Cameras

How = Literal["velocity", "loop", "ping-pong", "slow-down"]

WAYS: tuple[How, ...] = get_args(How)

WINDOW = 20
"""Frames whose mean motion goes on (paper 7)."""


def extrapolate(cameras: Cameras, frames: int, how: How = "velocity", window: int = WINDOW) -> Cameras:
    """The path and ``frames`` more cameras; frame numbers go on in the last step. One camera alone stays where it is.

    Args:
        how: ``velocity``: at the mean velocity of the last ``window`` frames, straight on in the world and about one
            axis (the paper's linear velocity and SLERP), with the last lens. ``slow-down``: the same, eased to a
            standstill over ``frames``. ``loop``: the path's motion over again, as seen from where it ended: an orbit
            goes round once more, a dolly goes further. ``ping-pong``: back along the path and forth again. The last
            two repeat the path's lenses, too.
        window: frames, of ``velocity`` and ``slow-down``; less where the path is shorter.

    Raises:
        InvalidShot: another ``how``, too few or too many frames, or no window.
    """
    _check(cameras, frames, how, window)
    lens = np.full(frames, len(cameras) - 1)
    ahead = np.arange(1, frames + 1)
    if how == "velocity":
        poses = _carried(cameras, ahead.astype(np.float64), window)
    elif how == "slow-down":
        poses = _carried(cameras, _eased(frames), window)
    elif how == "loop":
        lens = 1 + (ahead - 1) % (len(cameras) - 1) if len(cameras) > 1 else lens
        poses = _repeated(cameras, frames)
    else:
        lens = _to_and_fro(ahead, len(cameras))
        poses = cameras.camera_to_world[lens]
    stride = cameras.frame[-1] - cameras.frame[-2] if len(cameras) > 1 else 1
    return replace(
        cameras,
        K=np.concatenate([cameras.K, cameras.K[lens]]),
        camera_to_world=np.concatenate([cameras.camera_to_world, poses]),
        frame=np.concatenate([cameras.frame, cameras.frame[-1] + stride * ahead]),
    )


def _check(cameras: Cameras, frames: int, how: str, window: int) -> None:
    if how not in WAYS:
        raise InvalidShot("extend_how", f"There is no way '{how}' to go on; choose one of {', '.join(WAYS)}.")
    if not 0 <= frames <= MAX_FRAMES - len(cameras):
        raise InvalidShot(
            "extend",
            f"is {frames:,} frames after a path of {len(cameras):,}; give 0 or more, at most {MAX_FRAMES:,} in all.",
        )
    if window < 1:
        raise InvalidShot("extend_window", f"is {window} frames; the velocity needs at least 1.")


def _carried(cameras: Cameras, ahead: Array, window: int) -> Array:
    """Poses (m, 4, 4) that are ``ahead`` (m,) frames further, at the mean velocity of the last ``window`` frames.

    The mean turn is that of the turns from frame to frame, each below half a circle, so that all of them together may
    be more than one.
    """
    recent = cameras.camera_to_world[-(window + 1) :]
    steps = max(len(recent) - 1, 1)
    velocity = (recent[-1, :3, 3] - recent[0, :3, 3]) / steps
    spin = _vectors(recent[1:, :3, :3] @ recent[:-1, :3, :3].transpose(0, 2, 1)).sum(axis=0) / steps
    poses = np.tile(recent[-1], (len(ahead), 1, 1))
    poses[:, :3, 3] += ahead[:, None] * velocity
    poses[:, :3, :3] = _rotations(ahead[:, None] * spin) @ recent[-1, :3, :3]
    return poses


def _eased(frames: int) -> Array:
    """How far (frames,) one has come, in steps, if the first is whole and they fade, as a cosine, to none after."""
    return np.asarray(np.cumsum(0.5 + 0.5 * np.cos(np.pi * np.arange(frames) / max(frames, 1))))


def _repeated(cameras: Cameras, frames: int) -> Array:
    """Poses (frames, 4, 4): the path's motion, in the axes of its first camera, again and again from the last one."""
    path = cameras.camera_to_world
    R = path[0, :3, :3].T
    lap = np.tile(np.eye(4), (len(path), 1, 1))
    # The nearest true rotations: what one is short of being a rotation would grow with every lap.
    U, _, Vt = np.linalg.svd(R @ path[:, :3, :3])
    lap[:, :3, :3] = U @ Vt
    lap[:, :3, 3] = (path[:, :3, 3] - path[0, :3, 3]) @ R.T
    laps, start = [path[:0]], path[-1]
    for _ in range(-(-frames // max(len(path) - 1, 1))):
        laps.append(start @ (lap[1:] if len(path) > 1 else lap))
        start = laps[-1][-1]
    return np.concatenate(laps)[:frames]


def _to_and_fro(ahead: np.ndarray, n: int) -> np.ndarray:
    """Positions in a path of n, walked back and forth from its end."""
    period = max(2 * (n - 1), 1)
    return np.asarray(np.abs(n - 1 - ahead % period))


def _vectors(R: Array) -> Array:
    """Axis times angle (n, 3), in radians, of rotations (n, 3, 3)."""
    axis = np.stack([R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]], axis=1)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine, np.trace(R, axis1=1, axis2=2)[:, None] - 1)
    return np.asarray(axis / np.maximum(sine, 1e-300) * angle)


def _rotations(vectors: Array) -> Array:
    """Rotations (n, 3, 3) about vectors (n, 3) by their lengths, in radians: Rodrigues' formula."""
    angle = np.linalg.norm(vectors, axis=1)
    x, y, z = (vectors / np.maximum(angle, 1e-300)[:, None]).T
    o = np.zeros_like(x)
    cross = np.stack([o, -z, y, z, o, -x, -y, x, o], axis=1).reshape(-1, 3, 3)
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.asarray(np.eye(3) + s * cross + (1 - c) * cross @ cross)
