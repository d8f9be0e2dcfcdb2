"""The exact scene of ``tests/cache/scene.py`` as committed chunks in a store, and how far points are from it."""

import numpy as np
from worldwarp import contents
from worldwarp.nouns import ChunkResult, Provenance
from worldwarp.store import Store
from worldwarp.world.frames import committed
from worldwarp_protocol.results import ChunkRecord

from tests.cache.scene import BALL, BOX, PLANES, path, picture


def world(folder, frames=9, width=96, height=64, reach=1.0, each=5, change=None):
    """``frames`` of the scene as chunks of ``each``; ``change(i, rgb, depth, provenance)`` spoils frame i in place."""
    cameras, store, records = path(frames, width, height, reach), Store(folder), []
    for number, first in enumerate(range(0, frames, each)):
        stop = min(first + each, frames)
        shots = [picture(cameras, i, samples=2) for i in range(first, stop)]
        rgb = np.stack([np.rint(shot.rgb * 255).astype(np.uint8) for shot in shots])
        depth = np.stack([shot.depth.astype(np.float32) for shot in shots])
        provenance = np.full(depth.shape, Provenance.PICTURE if first == 0 else Provenance.GENERATED, np.uint8)
        for i in range(stop - first):
            if change:
                change(first + i, rgb[i], depth[i], provenance[i])
        result = ChunkResult(rgb, provenance, depth, rgb, np.zeros(depth.shape, bool), {})
        key = f"{number:064x}"
        files = contents.encode(result, first, cameras[first:stop])
        manifest = store.commit(key, {}, first, stop - first, files, {})
        records.append(ChunkRecord(key, manifest.digest, first, stop - first))
    return committed(store, records), records


def quiet(_stage, _step, _steps, _preview=None):
    """A report to nobody."""


def to_scene(xyz):
    """Distance (p,) of points to the nearest true surface."""
    p = np.asarray(xyz, np.float64)
    found = [np.abs(np.linalg.norm(p - BALL[0], axis=1) - BALL[1])]
    for axis, position, extent in PLANES:
        others = [a for a in range(3) if a != axis]
        near = p.copy()
        near[:, axis] = position
        near[:, others] = np.clip(p[:, others], *np.array(extent).T)
        found.append(np.linalg.norm(p - near, axis=1))
    outside = np.maximum(BOX[0] - p, p - BOX[1])
    found.append(np.abs(np.linalg.norm(np.maximum(outside, 0), axis=1) + np.minimum(outside.max(1), 0)))
    return np.min(found, axis=0)


def reached(points, frames, near):
    """The share of what the first and the last frame show that has a point within ``near``."""
    from scipy.spatial import cKDTree
    from worldwarp.cameras.cameras import unproject

    tree, shares = cKDTree(points), []
    for i in (0, len(frames) - 1):
        _, depth = frames.solid(i)
        solid = np.isfinite(depth)
        pose = frames.cameras.camera_to_world[i]
        true = unproject(np.where(solid, depth, 1), frames.cameras.K[i], pose)[solid]
        shares.append((tree.query(true)[0] < near).mean())
    return min(shares)
