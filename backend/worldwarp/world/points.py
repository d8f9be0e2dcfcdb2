"""The points that a chunk adds to the world."""

import numpy as np
from numpy.typing import NDArray

from .. import contents
from ..cameras import Cameras
from ..cameras.cameras import Array, pixel_rays, project
from ..nouns import Bytes, Floats, Provenance
from ..store import Store

VERSION = "1"
"""Raised when the same chunk gives other points."""

MAX_POINTS = 2_000_000
"""Of one chunk: 32 MB on the wire, and Blender stays fluent with a few chunks of them."""

MAX_PIXELS = 1 << 20
"""Of one frame; larger ones are thinned by whole steps of pixels."""

EVERY = 4
"""Of a stored chunk every fourth frame is looked at, and the last: what shows for less is not worth a point."""

TORN = 0.05
"""A pixel whose depth lies between its neighbours', more than this away from either, is on no surface."""

NEAR = 0.1
"""A point at most this far behind a pixel's depth, relative to it, stands for that pixel already."""

Points = tuple[Floats, Bytes, Bytes]


def stored_points(store: Store, key: str) -> Points:
    """``chunk_points`` of a committed chunk, of the frames that were generated.

    Raises:
        StoreError: a file is missing or damaged.
    """
    manifest = store.manifest(key)
    first, found = manifest.first, contents.generated(manifest)
    indices = sorted({*found[::EVERY], found[-1]})
    frames, provenance, holes = (
        np.stack([contents.read_image(store, key, kind, i) for i in indices])
        for kind in ("frames", "provenance", "holes")
    )
    depth = np.stack([contents.read_depth(store, key, i) for i in indices])
    cameras = contents.read_cameras(store, key, first, depth.shape[2], depth.shape[1])[[i - first for i in indices]]
    return chunk_points(frames, provenance, depth, holes > 0, cameras, first == 0)


def chunk_points(
    frames: Bytes, provenance: Bytes, depth: Floats, holes: NDArray[np.bool_], cameras: Cameras, first: bool
) -> Points:
    """The points that a chunk's frames add to the world.

    Where frame 0 is the user's picture (``first``), each of its pixels is a point. Every other frame adds those of
    its holes that no earlier point stands for, so what shows in many frames appears once. Sky is left out, and so
    are pixels on the ramp of a depth jump, and what was filled beyond everything known: a blend of scene and sky.

    Args:
        frames: (m, H, W, 3), provenance: (m, H, W), depth: (m, H, W) planar, inf is sky.
        holes: (m, H, W), where nothing was known before this chunk.
        cameras: of these m frames.

    Returns:
        xyz (p, 3) float32 in the world, rgb (p, 3) uint8, provenance (p,) uint8; p is at most ``MAX_POINTS``.
    """
    step = int(np.ceil(np.sqrt(depth[0].size / MAX_PIXELS)))
    xyz = np.empty((0, 3))
    rgb, origin = [], []
    for i in range(len(depth)):
        wanted = surface(depth[i])
        if not (first and i == 0):
            wanted &= holes[i] & ~beyond_known(depth[i], provenance[i])
            wanted &= ~stood_for(xyz, depth[i], cameras, i)
        rows, columns = _thinned(wanted, step)
        xyz = np.concatenate([xyz, _unproject(depth[i], cameras, i, rows, columns)])
        rgb.append(frames[i, rows, columns])
        origin.append(provenance[i, rows, columns])
    kept = np.linspace(0, len(xyz) - 1, min(len(xyz), MAX_POINTS)).astype(np.intp)
    return xyz[kept].astype(np.float32), np.concatenate(rgb)[kept], np.concatenate(origin)[kept]


def surface(depth: Floats) -> NDArray[np.bool_]:
    """(H, W): pixels that lie on a surface: not sky, and not on the ramp between a near one and a far one."""
    disparity = 1 / depth.astype(np.float64)
    on = disparity > 0
    for d, flag in ((disparity, on), (disparity.T, on.T)):
        before, here, after = d[:-2], d[1:-1], d[2:]
        jump = TORN * np.maximum(here, np.minimum(before, after))
        falls = (before - here > jump) & (here - after > jump)
        rises = (after - here > jump) & (here - before > jump)
        flag[1:-1] &= ~(falls | rises)
    return on


def stood_for(points: Array, depth: Floats, cameras: Cameras, i: int) -> NDArray[np.bool_]:
    """(H, W): pixels of frame ``i`` that one of ``points`` (p, 3) stands for: within 0.75 px of their centres."""
    height, width = depth.shape
    pixels, z = project(points, cameras.K[i], cameras.world_to_camera[i])
    nearest = np.full((height, width), np.inf)
    for offset in ((-0.25, -0.25), (-0.25, 0.25), (0.25, -0.25), (0.25, 0.25)):
        near = pixels + offset
        with np.errstate(invalid="ignore"):
            inside = (z > 0) & ((near >= 0) & (near < [width, height])).all(axis=1)
        columns, rows = near[inside].astype(np.intp).T
        np.minimum.at(nearest, (rows, columns), z[inside])
    return np.asarray(nearest <= (1 + NEAR) * depth)


def beyond_known(depth: Floats, provenance: Bytes) -> NDArray[np.bool_]:
    """(H, W): what was filled further away than anything known: a blend of scene and sky."""
    filled = provenance == Provenance.FILLED
    known = depth[~filled & np.isfinite(depth)]
    return np.asarray(filled & (depth > known.max(initial=0)))


def _thinned(wanted: NDArray[np.bool_], step: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows, columns = np.nonzero(wanted[::step, ::step])
    return rows * step, columns * step


def _unproject(depth: Floats, cameras: Cameras, i: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
    rays = pixel_rays(cameras.K[i], cameras.width, cameras.height)[rows, columns]
    pose = cameras.camera_to_world[i]
    return np.asarray((rays * depth[rows, columns, None]) @ pose[:3, :3].T + pose[:3, 3])
