"""What geometry and cache see of the past: the pictures, the previous chunk, and memory of what the chunk will show.

Memory is chosen among all committed frames by what the coming cameras would otherwise not know: stored depth is
projected into them with a z-test, and frames are taken greedily by what they add.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cameras import Cameras
from .cameras.cameras import Array
from .nouns import WORTH, Bytes, Chunk, Floats, Provenance

VERSION = "3"

KEYFRAMES = 10
"""Frames spread over the previous chunk."""

RECENT = 5
"""Its last frames, all of them: the new chunk begins there."""

STRIDE = 4
"""Of committed frames, every so many may be remembered; twice as many when there are more than ``CANDIDATES``."""

CANDIDATES = 128
"""Most frames that are looked at for one chunk: neither time nor memory grows with the path."""

THUMBNAIL = 48
"""Pixels of depth that are looked at along the longer side of a frame."""

CELL = 2
"""Cells in which coverage is counted are so many of these pixels wide: a surface seen at half the distance is whole."""

VIEWS = 6
"""Of the chunk's new frames, so many are looked at."""

AGREES = 0.1
"""Depth that is further by less, relatively, is the surface in front."""

LEAST = 0.001
"""Share of what the views show that a frame has to add."""


@dataclass(frozen=True)
class Thumbnail:
    """What a committed frame knows, thinned."""

    depth: Floats
    """(h, w), planar, world units; inf is sky, NaN is not known."""
    provenance: Bytes
    """(h, w) of ``Provenance``."""
    step: int
    """Its pixels are the frame's at ``step // 2 + step * i``."""


def thumbnail(depth: Floats, provenance: Bytes) -> Thumbnail:
    """The thumbnail of a frame's depth and provenance (H, W)."""
    step = max(1, max(depth.shape) // THUMBNAIL)
    taken = slice(step // 2, None, step), slice(step // 2, None, step)
    return Thumbnail(depth[taken].copy(), provenance[taken].copy(), step)


def select_history(previous: Chunk | None, pictures: int = 1, memory: Sequence[int] = ()) -> list[int]:
    """Positions in the path of the frames that the chunk after ``previous`` is built from, in the order of trust.

    The picture first (where it is among them), then the most recent, then the older (paper 4.2: the history is the
    previous chunk, not the context frames alone). The first chunk is built from the ``pictures`` first frames.

    Args:
        memory: what else is remembered (``remember``).
    """
    if previous is None:
        return list(range(pictures))
    keyframes = np.linspace(previous.start, previous.stop - 1, KEYFRAMES).round().astype(int)
    recent = range(max(previous.start, previous.stop - RECENT), previous.stop)
    chosen = sorted({*keyframes.tolist(), *recent, *memory}, reverse=True)
    return [i for i in chosen if i == 0] + [i for i in chosen if i != 0]


def remember(
    recent: Sequence[int],
    committed: int,
    look: Callable[[int], Thumbnail],
    cameras: Cameras,
    coming: Cameras,
    most: int,
) -> list[int]:
    """Which of the ``committed`` first frames to remember beside the ``recent`` ones, at most ``most``, as picked.

    A frame adds what it is worth in the cells of the coming views beyond what the history and the frames picked before
    it are: ``WORTH`` of its pixels, less where it saw a surface from further away. What lies behind a surface that any
    frame saw does not count, unless that surface is trusted less: a wrong guess hides no picture. Among frames that add
    the same, the most recent is taken. The picture (frame 0) comes first wherever it shows anything.

    Args:
        look: the thumbnail of a committed frame.
        cameras: of the path; of the committed frames those that they were taken from.
        coming: of the chunk's new frames.
    """
    asked = [*recent, *(i for i in candidates(committed) if i not in recent)]
    views = coming[np.unique(np.linspace(0, len(coming) - 1, VIEWS).round().astype(np.int64))]
    depth, worth = (np.stack(parts) for parts in zip(*(_shown(look(i), cameras, i, views) for i in asked), strict=True))
    nearest = np.minimum.accumulate(depth.min(axis=0), axis=0)  # of surfaces that are trusted as much, or more
    worth = np.where(depth > nearest * (1 + AGREES), 0, worth).max(axis=1)
    covered = worth[: len(recent)].max(axis=0)
    picked: list[int] = []
    if most and 0 not in recent and worth[asked.index(0)].any():
        picked, covered = [0], np.maximum(covered, worth[asked.index(0)])
    while len(picked) < most:
        gains = np.maximum(worth - covered, 0).sum(axis=(1, 2))
        best = int(gains.argmax())
        if gains[best] < LEAST * covered.size:
            break
        picked.append(asked[best])
        covered = np.maximum(covered, worth[best])
    return picked


def candidates(committed: int) -> list[int]:
    """Positions of the frames that may be remembered of the first ``committed`` ones, the most recent first."""
    stride = STRIDE
    while committed > stride * CANDIDATES:
        stride *= 2
    return list(range(0, committed, stride))[::-1]


def _shown(seen: Thumbnail, cameras: Cameras, i: int, views: Cameras) -> tuple[Floats, Floats]:
    """What frame ``i`` shows in the cells of v views, apart for each provenance: depth (3, v, cells), infinite for sky
    and nothing, and worth, 0 for nothing.
    """
    size = max(views.width, views.height) * CELL / THUMBNAIL
    columns, rows = (int(np.ceil(side / size)) for side in (views.width, views.height))
    points, footprint, kind = _points(seen, cameras, i)
    # without BLAS: the same bits on any number of threads
    u, v, z = np.einsum("vij,pj->ivp", views.K @ views.world_to_camera[:, :3], points)
    with np.errstate(divide="ignore", invalid="ignore"):
        column, row = np.floor(u / z / size), np.floor(v / z / size)
    view, point = np.nonzero((z > 0) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows))
    place = (view * rows + row[view, point]) * columns + column[view, point]
    shape = len(Provenance), len(views), rows * columns
    cell = kind[point] * len(views) * rows * columns + place.astype(np.int64)
    there = np.where(points[point, 3] > 0, z[view, point], np.inf)
    depth, worth = np.full(shape, np.inf).reshape(-1), np.zeros(shape).reshape(-1)
    np.minimum.at(depth, cell, there)
    front = there <= depth[cell] * (1 + AGREES)
    sharp = np.minimum(z[view, point] / views.K[view, 0, 0] / footprint[point], 1)
    np.maximum.at(worth, cell[front], (WORTH[kind[point]] * sharp)[front])
    return depth.reshape(shape).astype(np.float32), worth.reshape(shape).astype(np.float32)


def _points(seen: Thumbnail, cameras: Cameras, i: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """The surfaces that a thumbnail saw: (p, 4), homogeneous, in the world, w = 0 is sky; how much of them a pixel of
    the frame saw, (p,), world units; and their provenance (p,).
    """
    K, pose = cameras.K[i], cameras.camera_to_world[i]
    known = ~np.isnan(seen.depth)
    row, column = (seen.step // 2 + seen.step * at + 0.5 for at in np.nonzero(known))
    pixels = np.stack([column, row, np.ones_like(row)])
    rays = np.einsum("ij,jp->pi", np.linalg.inv(K), pixels)
    depth = seen.depth[known].astype(np.float64)
    sky = np.isinf(depth)
    reach = np.where(sky, 1, depth)[:, None] * rays
    points = np.einsum("ij,pj->pi", pose, np.concatenate([reach, ~sky[:, None]], axis=1))
    return points, np.where(sky, 1, depth) / K[0, 0], seen.provenance[known].astype(np.int64)
