"""Solved cameras in a result folder: found from its committed frames, kept beside the requested ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import files
from worldwarp_protocol.archives import read_archive
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.results import ResultFolder

from .. import contents
from ..cameras import Cameras
from ..cameras.formats import read_cameras
from ..nouns import Report, Solved
from ..store import Store
from .frames import Frames, committed
from .solve import solve


def solve_folder(folder: Path, store: Store, report: Report) -> Solved:
    """Solve the cameras of a result folder's frames and write them into its ``cameras.npz``, whole or not at all.

    Of a path that is not finished, the frames that are committed are solved; the rest stays as requested.

    Raises:
        FolderError: this is no result folder.
        WorldWarpError: none of its frames is in the store.
    """
    record = ResultFolder(folder).record
    if record is None:
        raise FolderError(f"{folder} holds no shot: name a folder that was generated into.")
    frames = committed(store, record.chunks)
    requested = read_cameras(folder / "cameras.npz")
    found = solve_frames(frames, requested[: len(frames)], report)
    said = np.stack([found.residual_requested, found.residual_solved, found.inliers], axis=1)
    files.add_solved(folder / "cameras.npz", 0, found.camera_to_world, said)
    return found


def solve_frames(frames: Frames, requested: Cameras, report: Report) -> Solved:
    """``solve`` for committed frames, read from the disk one by one."""
    kept = [(key, int(i)) for key, i in zip(frames.keys, frames.cameras.frame, strict=True)]
    return solve(
        (contents.read_image(frames.store, key, "frames", i) for key, i in kept),
        (contents.read_depth(frames.store, key, i) for key, i in kept),
        requested,
        report,
    )


def read_solved(path: Path) -> Cameras | None:
    """The solved cameras of a ``cameras.npz``; None where they were not solved yet."""
    cameras = read_cameras(path)
    data = _read(path)
    if not {"R_solved", "t_solved"} <= data.keys():
        return None
    n = len(cameras)
    R, t = data["R_solved"].astype(np.float64), data["t_solved"].astype(np.float64)
    if R.shape != (n, 3, 3) or t.shape != (n, 3):
        raise FolderError(f"{path} holds {R.shape} solved cameras for {n}: solve them again.")
    poses = np.tile(np.eye(4), (len(R), 1, 1))
    poses[:, :3, :3] = R.transpose(0, 2, 1)
    poses[:, :3, 3] = -np.einsum("nij,nj->ni", poses[:, :3, :3], t)
    return replace(cameras, camera_to_world=poses)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return read_archive(path)
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} cannot be read ({error}): take another copy.") from None
