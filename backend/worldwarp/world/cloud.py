"""One point cloud of all committed frames: a point for each voxel that a surface goes through."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import WorldWarpError

from ..cache.surface import patches
from ..cameras.cameras import Array, unproject
from ..nouns import Bytes, Floats, Provenance, Report
from .frames import Frames
from .points import EVERY, beyond_known, surface

VERSION = "2"
"""Raised when the same chunks give another cloud."""

MAX_POINTS = 2_000_000
"""Blender stays fluent with it; where a world needs more, its voxels grow."""

SAMPLES = 8
"""Frames that the median footprint of a pixel is taken from."""

NEIGHBOURS = 3
"""Fewer points than this around one, within three to six footprints of a pixel, and it belongs to no surface."""

BITS = 20
"""Of a voxel's number along each axis in its key; two more are its provenance."""

REACH = (1 << (BITS - 1)) - 2
"""Voxels from the origin along each axis that have numbers, with one more around them."""

CORNERS = 8
"""Voxels that meet at the origin: however large they grow, they stay apart."""

ZERO = np.zeros(3)


@dataclass(frozen=True)
class Cloud:
    """Points on surfaces, ordered by voxel."""

    xyz: Array
    """(p, 3), world units."""
    rgb: Floats
    """(p, 3), 0 to 255, display-referred."""
    normal: Floats
    """(p, 3), unit vectors towards the cameras that saw the point."""
    provenance: Bytes
    """(p,) of ``Provenance``."""
    footprint: Floats
    """(p,), how far a pixel reached where the point was seen best, world units."""
    voxel: float
    """Side of the voxels that the points stand for, world units."""

    def __len__(self) -> int:
        return len(self.xyz)

    def __getitem__(self, kept: NDArray[np.bool_]) -> "Cloud":
        return Cloud(
            self.xyz[kept], self.rgb[kept], self.normal[kept], self.provenance[kept], self.footprint[kept], self.voxel
        )


@dataclass(frozen=True)
class Sums:
    """What was added up in each voxel, of its most trusted provenance."""

    voxel: float
    key: NDArray[np.int64]
    """(p,), 4 times ``packed``, plus the provenance; ascending, each voxel once."""
    total: Array
    """(p, 10): the weight, and weighted by it position, colour and normal."""
    footprint: Array
    """(p,), the smallest."""
    origin: Array = field(default_factory=lambda: ZERO)
    """(3,), a corner of voxels, world units; their numbers are counted from here."""


def merged(frames: Frames, report: Report, voxel: float | None = None, filled: bool = True) -> Cloud:
    """The points of all frames: in each voxel what the picture shows, else what was generated, else what was filled.

    Within a voxel a pixel counts by the inverse of its squared footprint. Sky, ramps at jumps of depth and points that
    stand alone are left out. Memory is bounded by ``MAX_POINTS``, whatever the number of frames: voxels grow where
    there would be more, and where surfaces are further than ``REACH`` of them from the first camera.

    Args:
        voxel: its side, in world units; the median footprint of a pixel if left out.
        filled: whether holes that were filled without a model are surfaces, too.
    """
    side = footprint(frames) if voxel is None else voxel
    sums = nothing(side, np.round(frames.cameras.centres[0] / side) * side)
    for i in looked_at(frames):
        report("points", i, len(frames))
        rows, weight = seen(frames, i, filled)
        sums = reaching(sums, rows[:, :3])
        sums = bounded(joined(sums, summed(rows, weight, sums.voxel, sums.origin)), MAX_POINTS)
    cloud = averaged(sums)
    return cloud[~alone(cloud)]


def looked_at(frames: Frames) -> list[int]:
    """Positions of every fourth frame, and of the last: what shows for less is not worth a point."""
    return sorted({*range(0, len(frames), EVERY), len(frames) - 1})


def footprint(frames: Frames) -> float:
    """The median size of a pixel on the surfaces it shows, in world units; 1 where all is sky."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, SAMPLES).astype(np.intp))
    sizes = [frames.solid(i)[1][::4, ::4] / _focal(frames, i) for i in chosen]
    solid = np.concatenate([size[np.isfinite(size)] for size in sizes])
    return float(np.median(solid)) if solid.size else 1.0


def seen(frames: Frames, i: int, filled: bool = True) -> tuple[Array, Array]:
    """What frame ``i`` shows: (p, 11) of position, colour, normal, provenance and footprint, and weights (p,)."""
    view, depth = frames.solid(i)
    K, pose = frames.cameras.K[i], frames.cameras.camera_to_world[i]
    kept = surface(depth) & ~beyond_known(depth, view.provenance)
    if not filled:
        kept &= view.provenance != Provenance.FILLED
    axes, _ = patches(np.where(np.isfinite(depth), depth, 1e6), K)
    normal = -axes[..., 2][kept] @ pose[:3, :3].T
    size = depth[kept, None].astype(np.float64) / _focal(frames, i)
    xyz = unproject(np.where(kept, depth, 1), K, pose)[kept]
    columns = [xyz, view.rgb[kept], normal, view.provenance[kept, None], size]
    return np.concatenate(columns, axis=1), 1 / size[:, 0] ** 2


def nothing(voxel: float, origin: Array = ZERO) -> Sums:
    """No points, in voxels of that side, counted from ``origin`` (3,)."""
    return Sums(voxel, np.empty(0, np.int64), np.empty((0, 10)), np.empty(0), origin)


def joined(a: Sums, b: Sums) -> Sums:
    """Both, of the same voxels: where they share one, the better provenance, or the sum of equals."""
    columns = (np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("key", "total", "footprint"))
    return _reduced(a.voxel, a.origin, *columns)


def bounded(sums: Sums, most: int) -> Sums:
    """At most ``most`` points (``CORNERS`` where that is less), in voxels doubled as often as that takes."""
    while len(sums.key) > max(most, CORNERS):
        sums = _doubled(sums)
    return sums


def reaching(sums: Sums, xyz: Array) -> Sums:
    """The same, in voxels doubled until each of the points ``xyz`` (p, 3), all finite, lies in one with a number."""
    furthest = float(np.abs(xyz - sums.origin).max(initial=0))
    while furthest / sums.voxel >= REACH:
        sums = _doubled(sums)
    return sums


def averaged(sums: Sums) -> Cloud:
    """A point for each voxel."""
    mean = sums.total[:, 1:] / sums.total[:, :1]
    normal = mean[:, 6:] / np.maximum(np.linalg.norm(mean[:, 6:], axis=1, keepdims=True), 1e-9)
    rgb, provenance = mean[:, 3:6].astype(np.float32), (sums.key & 3).astype(np.uint8)
    return Cloud(mean[:, :3], rgb, normal.astype(np.float32), provenance, sums.footprint.astype(np.float32), sums.voxel)


def rethinned(cloud: Cloud, most: int) -> Cloud:
    """At most ``most`` points, for voxels that are just large enough."""
    while len(cloud) > max(most, CORNERS):
        voxel = cloud.voxel * max(1.02, (len(cloud) / most) ** 0.25)
        columns = cloud.xyz, cloud.rgb, cloud.normal, cloud.provenance[:, None], cloud.footprint[:, None]
        cloud = averaged(summed(np.concatenate(columns, axis=1), np.ones(len(cloud)), voxel, _middle(cloud.xyz)))
    return cloud


def alone(cloud: Cloud) -> NDArray[np.bool_]:
    """(p,): points with fewer than ``NEIGHBOURS`` others around them, in cells as wide as their footprints ask for."""
    out = np.zeros(len(cloud), bool)
    level = np.ceil(np.log2(np.maximum(cloud.footprint / cloud.voxel, 1))).astype(int)
    for one in np.unique(level):
        cells = cells_of(cloud.xyz, 3 * cloud.voxel * 2.0**one, _middle(cloud.xyz))
        out[level == one] = _around(np.sort(packed(cells)), cells[level == one]) <= NEIGHBOURS
    return out


def cells_of(xyz: Array, side: float, origin: Array = ZERO) -> NDArray[np.int64]:
    """(p, 3): the numbers of the voxels that points lie in, counted from ``origin`` (3,)."""
    return np.asarray(np.floor((xyz - origin) / side).astype(np.int64))


def packed(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number (p,) for each voxel (p, 3).

    Raises:
        WorldWarpError: a voxel is too far from the origin.
    """
    half = 1 << (BITS - 1)
    if cells.min(initial=0) < -half or cells.max(initial=0) >= half:
        raise WorldWarpError(f"The world is wider than {2 * half:,} voxels: give a larger --voxel.")
    x, y, z = (cells + half).T
    return np.asarray(x << (2 * BITS) | y << BITS | z)


def unpacked(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """The voxels (p, 3) of their numbers (p,)."""
    parts = np.stack([key >> (2 * BITS), key >> BITS, key], axis=1) & ((1 << BITS) - 1)
    return np.asarray(parts - (1 << (BITS - 1)))


def summed(rows: Array, weight: Array, voxel: float, origin: Array = ZERO) -> Sums:
    """Pixels as ``seen`` gives them, added up."""
    key = packed(cells_of(rows[:, :3], voxel, origin)) << 2 | rows[:, 9].astype(np.int64)
    total = np.concatenate([weight[:, None], weight[:, None] * rows[:, :9]], axis=1)
    return _reduced(voxel, origin, key, total, rows[:, 10])


def _doubled(sums: Sums) -> Sums:
    key = packed(unpacked(sums.key >> 2) >> 1) << 2 | sums.key & 3
    return _reduced(2 * sums.voxel, sums.origin, key, sums.total, sums.footprint)


def _middle(xyz: Array) -> Array:
    return (xyz.min(axis=0) + xyz.max(axis=0)) / 2 if len(xyz) else ZERO


def _reduced(voxel: float, origin: Array, key: NDArray[np.int64], total: Array, footprint: Array) -> Sums:
    order = np.argsort(key, kind="stable")
    key, total, footprint = key[order], total[order], footprint[order]
    start = np.flatnonzero(np.diff(key, prepend=-1))
    best = np.diff(key[start] >> 2, prepend=-1) != 0  # the lowest provenance comes first
    if len(start):
        total, footprint = np.add.reduceat(total, start), np.minimum.reduceat(footprint, start)
    return Sums(voxel, key[start][best], total[best], footprint[best], origin)


def _around(keys: NDArray[np.int64], cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of ``keys``, ascending, lie in the 27 voxels around each of ``cells``: nine rows of three."""
    count = np.zeros(len(cells), np.int64)
    for x in (-1, 0, 1):
        for y in (-1, 0, 1):
            low, high = (packed(cells + np.array((x, y, z))) for z in (-1, 1))
            count += np.searchsorted(keys, high, side="right") - np.searchsorted(keys, low, side="left")
    return count


def _focal(frames: Frames, i: int) -> float:
    K = frames.cameras.K[i]
    return float(np.sqrt(K[0, 0] * K[1, 1]))
