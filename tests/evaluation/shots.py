"""Finished shots of the exact scene, whose frames were taken from other cameras than were asked for."""

import dataclasses
from pathlib import Path

import numpy as np
from worldwarp import contents, generate
from worldwarp.cameras import Cameras
from worldwarp.cameras.formats import write_cameras
from worldwarp.nouns import ChunkResult, Provenance, Shot
from worldwarp.outputs.pictures import encode_png
from worldwarp.store import Store
from worldwarp_protocol.messages import Settings
from worldwarp_protocol.paths.rotations import from_vectors
from worldwarp_protocol.results import ResultFolder

from ..cache import scene


def drifted(cameras: Cameras, degrees: float = 1.0, distance: float = 0.08) -> Cameras:
    """Cameras that leave the given ones: by the last frame so many degrees and world units."""
    t = np.linspace(0, 1, len(cameras))[:, None]
    poses = cameras.camera_to_world.copy()
    poses[:, :3, :3] = poses[:, :3, :3] @ from_vectors(np.radians(degrees) * t * np.array([0.48, 0.8, 0.36]))
    poses[:, :3, 3] += distance * t * np.array([0.6, 0.0, 0.8])
    return dataclasses.replace(cameras, camera_to_world=poses)


def finish(root: Path, requested: Cameras, taken: Cameras, each: int = 9, finished: int | None = None) -> Path:
    """A result folder ``shot`` and a ``store`` below ``root``: frames ``taken``, cameras ``requested``."""
    views = [scene.view(taken, i) for i in range(finished or len(taken))]
    store, folder = Store(root / "store"), ResultFolder(root / "shot")
    generate.begin(folder, Shot("shot", views[0].rgb[None], None, requested, Settings(), "sRGB"))
    for number, first in enumerate(range(0, len(views), each)):
        part = views[first : first + each]
        rgb, depth = np.stack([v.rgb for v in part]), np.stack([v.depth for v in part])
        provenance = np.full(depth.shape, Provenance.GENERATED, np.uint8)
        made = ChunkResult(rgb, provenance, depth, rgb, np.zeros(depth.shape, bool), {})
        files = contents.encode(made, first, requested[first : first + len(part)])
        generate.deliver(folder, store, store.commit(f"{number:064x}", {}, first, len(part), files, {}), number)
    return folder.path


def write_truth(folder: Path, cameras: Cameras, depth: bool = True) -> Path:
    """A folder of true frames, their depth and their cameras."""
    for kind in ("frames", "depth"):
        (folder / kind).mkdir(parents=True)
    for i in range(len(cameras)):
        view = scene.view(cameras, i)
        (folder / "frames" / f"{i + 1:04d}.png").write_bytes(encode_png(view.rgb))
        if depth:
            np.save(folder / "depth" / f"{i + 1:04d}.npy", view.depth)
    write_cameras(folder / "cameras.npz", cameras)
    return folder
