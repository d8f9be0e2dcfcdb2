"""A result folder as it is read: cameras, points, what ``shot.json`` says.

Needs ``bpy`` and numpy only, as ``importer`` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from . import points, result_files, solved, takes
from .pieces import Pieces, to_the_end
from .problems import Problem


@dataclass(frozen=True)
class Result:
    """A result folder, read and checked.

    Args:
        K: (n, 3, 3) pixels of the frames; camera_to_world: (n, 4, 4) OpenCV axes, Blender's world.
        frame: (n,) frame numbers of the timeline, consecutive.
        solved: where the frames were really taken from, where that was found.
        cloud: points, colours and provenance, or None where the folder holds no ``points.ply``.
        colours: (p, 3) of the cloud, scene-linear; radii: (p,) of its points.
    """

    folder: Path
    shot: dict
    K: np.ndarray
    camera_to_world: np.ndarray
    frame: np.ndarray
    width: int
    height: int
    fps: float
    solved: solved.Solved | None
    cloud: points.Cloud | None
    colours: np.ndarray | None
    radii: np.ndarray | None

    @property
    def name(self) -> str:
        return takes.name_of(self.folder, self.shot.get("name", ""))

    @cached_property
    def frames_there(self) -> list[int]:
        """Which of the frames have come, counted from 1 as their files are."""
        files = {path.name for path in (self.folder / "frames").glob("*.png")}
        return [number for number in range(1, len(self.frame) + 1) if f"{number:04d}.png" in files]


def read_result(folder: Path) -> Result:
    """Read ``folder``; raises ``Problem`` naming what is missing from it."""
    return to_the_end(reading(folder))


def reading(folder: Path) -> Pieces[Result]:
    """The same in pieces."""
    path = folder / "cameras.npz"
    if not path.is_file():
        raise Problem(f"{folder} holds no cameras.npz: choose a folder that WorldWarp wrote")
    cameras, shot = read_cameras(path), read_shot(folder)
    yield
    cloud = colours = radii = None
    if (folder / "points.ply").is_file():
        with readable(folder / "points.ply"):
            cloud = yield from points.reading_ply(folder / "points.ply")
        colours = yield from points.converting(cloud.rgb, shot.get("colour_space", "sRGB"))
        first = cameras.camera_to_world[0, :3, 3], cameras.K[0, 0, 0]
        radii = yield from points.measuring_radii(cloud.xyz, [first])
    return Result(folder, shot, *vars(cameras).values(), cloud, colours, radii)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """``Problem`` where what is done inside finds that ``path`` is not what it should be."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:  # a damaged file breaks zip, zlib, JSON and numpy in many ways, and all mean the same
        raise Problem(f"{path} cannot be read ({error}): choose a folder that WorldWarp wrote") from None


def read_shot(folder: Path) -> dict:
    """What ``shot.json`` says of the shot, {} where there is none; raises ``Problem`` where it is damaged."""
    path = folder / "shot.json"
    if not path.is_file():
        return {}
    with readable(path):
        return result_files.parsed(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Cameras:
    """What ``cameras.npz`` holds, as ``Result`` names it."""

    K: np.ndarray
    camera_to_world: np.ndarray
    frame: np.ndarray
    width: int
    height: int
    fps: float
    solved: solved.Solved | None


def read_cameras(path: Path) -> Cameras:
    """Read a ``cameras.npz``; raises ``Problem`` where it is none."""
    with readable(path):
        return _read_cameras(path)


def _read_cameras(path: Path) -> Cameras:
    with np.load(path, allow_pickle=False) as data:
        R, t, K = (data[name].astype(np.float64) for name in ("R", "t", "K"))
        frame, width, height = data["frame"].astype(np.int64), int(data["width"]), int(data["height"])
        fps, found = float(data["fps"]), solved.read(data, len(frame))
    n, t = len(frame), t.reshape(-1, 3)
    if n == 0 or not R.shape == K.shape == (n, 3, 3) or len(t) != n:
        raise ValueError("its cameras do not belong together")
    if not all(np.isfinite(values).all() for values in (R, t, K)) or min(width, height, fps, K[:, 0, 0].min()) <= 0:
        raise ValueError("its numbers are no cameras'")
    return Cameras(K, solved.poses_of(R, t), frame, width, height, fps, found)
