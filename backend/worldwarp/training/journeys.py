"""Cameras that walk through made places: smooth, never within anything, and with new things to see."""

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from . import rays
from .solids import Scene

Array = NDArray[np.float64]

FOV = (50.0, 80.0)
"""Horizontal fields of view, in degrees."""

CLEARANCE = 0.3
"""Metres between a camera and anything."""

RETURNS = 0.25
"""Share of journeys that go out and come back the same way."""

TRIES = 80
"""Walks thought of before the best of them is taken."""

REVEALED = (0.08, 0.6)
"""Share of the farthest frame that the first did not see, at least and at most."""

SOLIDS_SEEN = 7
"""Fewer at the start or the farthest are a look at a wall."""

OPEN = 1.6
"""Metres that half of the first and of the farthest view is away, at least."""

GLIMPSE = (18, 27)
"""Rows and columns of the rays by which walks are judged."""


def journey(scene: Scene, seed: int, frames: int) -> tuple[Array, float]:
    """A walk through a place.

    Args:
        scene: where.
        seed: which walk.
        frames: how many cameras.

    Returns:
        camera_to_world (n, 4, 4), level, with OpenCV axes, and the horizontal field of view in degrees.

    Raises:
        ValueError: the place has no room for a camera.
    """
    rng = np.random.default_rng([seed, 1])
    fov = float(rng.uniform(*FOV))
    progress = _progress(rng, frames)
    solids = rays.pack(scene, "cpu", torch.float64)
    best, least = None, np.inf
    for _ in range(TRIES):
        poses = _level(*_walk(scene, rng, progress[:, None]))
        if poses is None or _clearance(solids, poses) < CLEARANCE:
            continue
        wanting = _wanting(solids, poses[0], poses[progress.argmax()], fov)
        if wanting < least:
            best, least = poses, wanting
        if wanting == 0:
            break
    if best is None:
        raise ValueError(f"No camera finds room in this {scene.kind} (seed {seed}).")
    return best, fov


def intrinsics(fov: float, height: int, width: int) -> Array:
    """K (3, 3) in pixels, which are square, for a horizontal field of view in degrees."""
    focal = width / 2 / np.tan(np.radians(fov) / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def revealed(solids: rays.Solids, before: Array, after: Array, fov: float) -> float:
    """Share of what the view ``after`` (4, 4) shows that the view ``before`` does not: outside of it, or hidden."""
    t, _, origin, direction = _glimpse(solids, after, fov)
    points = origin + t.clamp_max(1e3) * direction
    x, y, z = torch.from_numpy(before[:3, :3].T) @ (points - torch.from_numpy(before[:3, 3:]))
    wide = np.tan(np.radians(fov) / 2)
    within = (z > 0) & (x.abs() < wide * z) & (y.abs() < wide * GLIMPSE[0] / GLIMPSE[1] * z)
    eye = torch.from_numpy(before[:3, 3:]).expand_as(points).contiguous()
    hidden = rays.blocked(solids, eye, points - eye, 0.99)
    return float((~within | hidden).double().mean())


def _progress(rng: Generator, frames: int) -> Array:
    """How far along (n,) each frame is, 0 to 1: at a speed that varies, and for some out and back."""
    t = np.linspace(0, 1, frames)
    back = rng.random() < RETURNS
    if back:
        t = 1 - np.abs(2 * t - 1)
    ease = rng.uniform(0.6 if back else 0, 1)
    return np.asarray((1 - ease) * t + ease * t * t * (3 - 2 * t))


def _walk(scene: Scene, rng: Generator, s: Array) -> tuple[Array, Array]:
    """Where a camera is and what it looks at, (n, 3) each, at ``s`` (n, 1) of the way.

    It goes along its view, across it, around something, turns as it goes, or wanders.
    """
    start, target = (_somewhere(scene, rng, low, high) for low, high in ((0.9, 1.75), (0.4, 1.5)))
    ahead = (target - start) / (np.linalg.norm(target - start) + 1e-9)
    across = np.array([-ahead[1], ahead[0], 0.0])
    level, far = ahead * [1, 1, 0.2], rng.uniform(0.7, 2.3)
    side, rise = rng.choice([-1, 1]), np.array([0, 0, rng.uniform(-0.4, 0.4)])
    aim = target + ahead
    kind = rng.choice(["dolly", "truck", "arc", "turn", "wander"], p=[0.25, 0.22, 0.2, 0.13, 0.2])
    if kind == "dolly":
        return start + s * far * rng.choice([1, 1, 1, -1]) * level + s * rise, aim + 0 * s
    if kind == "truck":
        move = s * (side * far * across + rise)
        return start + move, aim + move * rng.uniform(0.2, 1)
    if kind == "arc":
        return _around(start, target, s * side * rng.uniform(0.35, 1.0)) + s * rise, target + 0 * s
    if kind == "turn":
        return start + s * 0.5 * far * level, start + 2 * ahead + s * side * across * rng.uniform(0.7, 2.5)
    bend = s * s * across * rng.uniform(-1.2, 1.2)
    return start + s * far * level + bend + s * rise, aim + s * across * rng.uniform(-1.5, 1.5)


def _somewhere(scene: Scene, rng: Generator, low: float, high: float) -> Array:
    x0, y0, x1, y1 = scene.walkable[rng.integers(len(scene.walkable))]
    return np.array([rng.uniform(x0, x1), rng.uniform(y0, y1), rng.uniform(low, high)])


def _around(start: Array, centre: Array, angle: Array) -> Array:
    """``start`` turned about a vertical axis through ``centre`` by angles (n, 1)."""
    x, y, _ = start - centre
    turned = np.hstack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, 0 * angle])
    return np.asarray(turned + np.array([centre[0], centre[1], start[2]]))


def _level(places: Array, targets: Array) -> Array | None:
    """Cameras (n, 4, 4) that look at targets; None where these are too near, or too far up or down."""
    ahead = targets - places
    length = np.linalg.norm(ahead, axis=1, keepdims=True)
    if length.min() < 0.6 or np.abs(ahead[:, 2:] / length).max() > 0.5:
        return None
    ahead = ahead / length
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    poses = np.tile(np.eye(4), (len(places), 1, 1))
    poses[:, :3, :3] = np.stack([right, np.cross(ahead, right), ahead], 2)
    poses[:, :3, 3] = places
    return poses


def _clearance(solids: rays.Solids, poses: Array) -> float:
    """Metres from the nearest thing to any of the cameras."""
    return float(rays.distance(solids, torch.from_numpy(poses[:, :3, 3].T.copy())).min())


def _wanting(solids: rays.Solids, first: Array, farthest: Array, fov: float) -> float:
    """How far a walk falls short of one that is worth filming; 0 if it does not."""
    short = 0.0
    for pose in (first, farthest):
        t, which, _, _ = _glimpse(solids, pose, fov)
        short += max(0.0, 1 - float(t.median()) / OPEN) + max(0.0, 1 - len(torch.unique(which)) / SOLIDS_SEEN)
    new = revealed(solids, first, farthest, fov)
    return short + max(0.0, REVEALED[0] - new) + max(0.0, new - REVEALED[1])


def _glimpse(solids: rays.Solids, pose: Array, fov: float) -> tuple[torch.Tensor, ...]:
    """Depth (P,), solids (P,), origins and directions (3, P) of a view's few rays."""
    height, width = GLIMPSE
    y, x = (a.ravel() + 0.5 for a in np.mgrid[:height, :width])
    pixels = np.stack([x, y, np.ones_like(x)])
    direction = torch.from_numpy(pose[:3, :3] @ np.linalg.inv(intrinsics(fov, height, width)) @ pixels)
    origin = torch.from_numpy(pose[:3, 3:].copy()).expand_as(direction).contiguous()
    return (*rays.nearest(solids, origin, direction), origin, direction)
