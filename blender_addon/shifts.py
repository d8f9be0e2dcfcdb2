"""How far a picture's points move when its camera does, bounded in pixels. Needs numpy only.

What moves none of them visibly is kept: Blender's curves let a late key move early cameras by a hair.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the protocol's package may be missing where the panel asks for SHIFT
    from worldwarp_protocol.files import CameraFile

SHIFT = 0.1
"""Pixels of a generated frame: no eye sees less, and a good track is not surer of a point."""

CLOSE = 1e-5
"""By how much cameras that are the same may differ, of their distance from the origin: Blender computes in 32 bits."""

NEAREST = 1
"""Percent of the points in a frame that may be nearer than what counts as near: strays are not to decide."""

MOST_POINTS = 1 << 9
"""Of a world that are looked at."""

FRAMES = 1 << 6
"""That are looked at, at once."""

FEWEST_POINTS = 1 << 4
"""Of each file of them."""

LEAST = 1e-12
"""Of a distance that is divided by: what is nearer moves beyond all bounds."""

HEADER_BYTES = 1 << 12
"""A PLY file's header is shorter."""


def close(old: "CameraFile", new: "CameraFile") -> np.ndarray:
    """Which cameras are the same but for rounding: (n,) bool, of the positions that both have."""
    count = min(len(old.frame), len(new.frame))
    before, now = old.camera_to_world[:count], new.camera_to_world[:count]
    limit = CLOSE * np.maximum(1.0, np.abs(before).max(axis=(1, 2)))
    lens = np.isclose(new.K[:count], old.K[:count], rtol=CLOSE).all(axis=(1, 2))
    return (np.abs(now - before).max(axis=(1, 2)) <= limit) & lens


def bound(old: "CameraFile", new: "CameraFile", near: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Most pixels, of ``old``'s size, that a point which ``old`` sees moves by in the picture: (n,), of both.

    With x = (X / Z, Y / Z, 1), of a point Z >= near and |(X, Y)| / Z <= r, the point (X, Y, Z) + t is at most
    |t| sqrt(1 + r^2) / (near - |t|) from it; a turn by a then moves it by at most a / cos^2 of the largest angle to
    the axis that it reaches; pixels are K x.

    Args:
        near: (n,) the least depth of points in each frame, in world units.
        margin: the share of its size that a frame shows more on each side.
    """
    count = min(len(old.frame), len(new.frame))
    before, now, near = old.camera_to_world[:count], new.camera_to_world[:count], near[:count]
    step = np.linalg.norm(now[:, :3, 3] - before[:, :3, 3], axis=1)
    chord = np.linalg.norm(now[:, :3, :3] - before[:, :3, :3], axis=(1, 2))
    turn = 2 * np.arcsin(np.minimum(1.0, chord / np.sqrt(8)))
    r = corner(old, margin)[:count]
    shifted = step * np.hypot(1, r) / np.maximum(near - step, LEAST)
    angle = np.minimum(np.arctan(r + shifted) + turn, np.pi / 2)
    moved = shifted + turn / np.cos(angle) ** 2
    focal = old.K[:count, [0, 1], [0, 1]].max(axis=1)
    lens = np.abs(new.K[:count] - old.K[:count])
    zoomed = lens[:, [0, 1], [0, 1]].max(axis=1) * (r + moved)
    return focal * moved + zoomed + np.linalg.norm(lens[:, :2, 2], axis=1)


def corner(cameras: "CameraFile", margin: float) -> np.ndarray:
    """Tangent of the largest angle to the axis that is seen: (n,)."""
    size = np.array([cameras.width, cameras.height])
    focal, centre = cameras.K[:, [0, 1], [0, 1]], cameras.K[:, :2, 2]
    sides = np.maximum(np.abs(centre + margin * size), np.abs((1 + margin) * size - centre)) / focal
    return np.hypot(*sides.T)


def nearest(cameras: "CameraFile", points: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Depth that nearly all ``points`` (p, 3) in a frame are beyond: (n,); of the whole walk where it shows none.

    All 0 where no frame shows one.
    """
    if not len(points):
        return np.zeros(len(cameras.frame))
    starts = range(0, len(cameras.frame), FRAMES)
    found = np.concatenate([_least(cameras, slice(i, i + FRAMES), points, margin) for i in starts])
    least = found.min()
    return np.where(np.isfinite(found), found, least if np.isfinite(least) else 0.0)


def _least(cameras: "CameraFile", block: slice, points: np.ndarray, margin: float) -> np.ndarray:
    """The same of a few frames; infinite where they show none."""
    K, size = cameras.K[block], np.array([[cameras.width], [cameras.height]])
    seen = (K @ cameras.R[block]) @ points.T + K @ cameras.t[block, :, None]  # (b, 3, p): pixels times depth, depth
    across, depth = seen[:, :2], seen[:, 2]
    inside = ((across >= -margin * size * depth[:, None]) & (across <= (1 + margin) * size * depth[:, None])).all(
        axis=1
    )
    depth = np.sort(np.where(inside & (depth > 0), depth, np.inf), axis=1)
    strays = np.isfinite(depth).sum(axis=1) * NEAREST // 100
    return depth[np.arange(len(depth)), strays]


def some_points(files: list[Path]) -> np.ndarray:
    """A few points (p, 3) of PLY files of a result folder; of those that cannot be read none."""
    share = max(FEWEST_POINTS, MOST_POINTS // max(1, len(files)))
    return np.concatenate([np.empty((0, 3)), *(_some(path, share) for path in files)])


def _some(path: Path, count: int) -> np.ndarray:
    from worldwarp_protocol.files import VERTEX

    try:
        with path.open("rb") as file:
            head, end, _ = file.read(HEADER_BYTES).partition(b"end_header\n")
        start = len(head) + len(end)
        total = (path.stat().st_size - start) // VERTEX.itemsize
        rows = np.memmap(path, VERTEX, "r", start, total)[:: max(1, total // count)] if end and total else []
        found = np.array([[row["x"], row["y"], row["z"]] for row in rows], np.float64).reshape(-1, 3)
    except (OSError, ValueError):
        return np.empty((0, 3))
    return found[np.isfinite(found).all(axis=1)]
