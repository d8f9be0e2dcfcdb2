"""One proxy mesh of all committed frames, for shadows, holdouts and collisions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cache.surface import patches
from ..cameras.cameras import Array, pixel_rays, project
from ..nouns import Floats, Provenance, Report
from . import grid
from .cloud import Cloud, cells_of, footprint, looked_at
from .frames import Frames, picture_of
from .mesh import MAX_FACES, Mesh, used
from .points import beyond_known, surface

MAX_BLOCKS = 16_000
"""Of 512 cells and 20 bytes a cell: 160 MB. Where a world needs more, its cells grow."""

MAX_INDEX = 1 << 25
"""Of places for blocks, full or empty."""

TRUST = {Provenance.PICTURE: 1.0, Provenance.GENERATED: 0.25, Provenance.FILLED: 0.02}
"""What a pixel's distance weighs against another's of the same size."""

SEEN = 0.02
"""A vertex at most this far behind the depth of the picture's pixel, relatively, is what that pixel shows."""


@dataclass(frozen=True)
class Field:
    """A truncated signed distance field in blocks."""

    voxel: float
    """Side of a cell, world units."""
    origin: NDArray[np.int64]
    """(3,), the cell at ``index[0, 0, 0]``'s first corner."""
    index: NDArray[np.int32]
    """(X, Y, Z), which block is where; -1 is none."""
    blocks: NDArray[np.int64]
    """(b, 3), where each block is in ``index``."""
    distance: Floats
    """(b, 512), in truncations; positive is in front of the surface."""
    weight: Floats
    """(b, 512)."""
    colour: Floats
    """(b, 512, 3), 0 to 255."""


def fused(frames: Frames, cloud: Cloud, report: Report, voxel: float | None = None, max_faces: int = MAX_FACES) -> Mesh:
    """The surfaces of all frames: distances averaged by trust and footprint, triangles where they are zero.

    What only one camera saw is open behind it; nothing is closed that nobody saw. Triangles are anticlockwise from
    where they were seen.

    Args:
        cloud: where surfaces are, of the same frames (``cloud.merged``).
        voxel: side of the field's cells, in world units; one and a half median footprints of a pixel if left out.
            They grow where the world would take more than ``MAX_BLOCKS`` of them.
        max_faces: beyond it, vertices are drawn together in cells that are just large enough.
    """
    field = empty(cloud.xyz, 1.5 * footprint(frames) if voxel is None else voxel)
    for i in looked_at(frames):
        report("mesh", i, len(frames))
        _add(field, frames, i)
    return simplified(triangles(field), max_faces, field.voxel)


def empty(points: Array, voxel: float, most: int = MAX_BLOCKS) -> Field:
    """A field of blocks around ``points`` (p, 3), in which nothing is known yet."""
    while True:
        cells = np.unique(cells_of(points, grid.SIDE * voxel), axis=0)
        low = cells.min(axis=0) - 2 if len(cells) else np.zeros(3, np.int64)
        shape = tuple(np.ptp(cells, axis=0) + 5) if len(cells) else (1, 1, 1)
        if np.prod(shape, dtype=float) <= MAX_INDEX:
            near = _dilated(cells - low, shape)
            if near.sum() <= most:
                break
        voxel *= 1.25
    blocks = np.argwhere(near)
    index = np.full(shape, -1, np.int32)
    index[near] = np.arange(len(blocks))
    flat = np.zeros((len(blocks), grid.CELLS), np.float32)
    return Field(voxel, low * grid.SIDE, index, blocks, flat, flat.copy(), np.zeros((*flat.shape, 3), np.float32))


def triangles(field: Field) -> Mesh:
    """Where the field is zero."""
    number, cells, rgb = grid.vertices(field.index, field.blocks, field.distance, field.weight, field.colour)
    quads = grid.quads(field.index, field.blocks, field.distance, number)
    xyz = (cells + field.origin) * field.voxel
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return used(Mesh(xyz.astype(np.float32), np.rint(rgb).astype(np.uint8), faces))[0]


def simplified(mesh: Mesh, most: int, cell: float) -> Mesh:
    """The mesh with at most ``most`` triangles: vertices that share a cell of a grid become their mean."""
    small = mesh
    while len(small.faces) > most:
        cell *= max(1.05, float(np.sqrt(len(small.faces) / most)) ** 0.9)
        small = _clustered(mesh, cell)
    return small


def texture_coordinates(mesh: Mesh, frames: Frames) -> Floats:
    """(p, 2): where the first frame shows each vertex, from 0 to 1, v down; NaN where it does not."""
    _, depth = picture_of(frames)
    cameras = frames.cameras
    pixels, z = project(mesh.xyz.astype(np.float64), cameras.K[0], cameras.world_to_camera[0])
    size = np.array([cameras.width, cameras.height])
    with np.errstate(invalid="ignore"):
        inside = (z > 0) & ((pixels >= 0) & (pixels < size)).all(axis=1)
    columns, rows = np.where(inside[:, None], pixels, 0).astype(np.intp).T
    slack = SEEN * z + 2 * z / cameras.K[0, 0, 0]
    shown = inside & (z <= depth[rows, columns] + slack)
    return np.where(shown[:, None], pixels / size, np.nan).astype(np.float32)


def _add(field: Field, frames: Frames, i: int) -> None:
    view, depth = frames.solid(i)
    K, pose = frames.cameras.K[i], frames.cameras.world_to_camera[i]
    kept = surface(depth) & ~beyond_known(depth, view.provenance)
    axes, _ = patches(np.where(np.isfinite(depth), depth, 1e6), K)
    rays = pixel_rays(K, *view.rgb.shape[1::-1])
    slope = np.abs((axes[..., 2] * rays).sum(axis=-1))
    trust = np.choose(view.provenance, [TRUST[p] for p in Provenance]) * slope / np.where(kept, depth, 1) ** 2
    grid.integrate(
        field.distance,
        field.weight,
        field.colour,
        field.blocks * grid.SIDE + field.origin,
        field.voxel,
        np.where(kept, depth, np.nan).astype(np.float64),
        slope,
        np.where(kept, trust, 0),
        view.rgb,
        np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]),
        np.ascontiguousarray(pose[:3, :4]),
    )


def _dilated(cells: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where ``cells`` (p, 3) are, and one around them in all directions."""
    out = np.zeros(shape, bool)
    for offset in np.ndindex(3, 3, 3):
        out[tuple((cells + np.array(offset) - 1).T)] = True
    return out


def _clustered(mesh: Mesh, cell: float) -> Mesh:
    _, cluster, count = np.unique(
        cells_of(mesh.xyz.astype(np.float64), cell), axis=0, return_inverse=True, return_counts=True
    )
    cluster = cluster.ravel()
    mean = [_means(values, cluster, count) for values in (mesh.xyz, mesh.rgb)]
    faces = cluster[mesh.faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    faces = faces[np.sort(first)].astype(np.int32)
    return used(Mesh(mean[0].astype(np.float32), np.rint(mean[1]).astype(np.uint8), faces))[0]


def _means(values: NDArray[np.generic], cluster: NDArray[np.intp], count: NDArray[np.intp]) -> Array:
    """(clusters, 3)."""
    sums = [np.bincount(cluster, column, len(count)) for column in values.T]
    return np.asarray(np.stack(sums, axis=1) / count[:, None])
