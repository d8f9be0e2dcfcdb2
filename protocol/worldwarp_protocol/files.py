"""The files of a result folder: ``cameras.npz``, ``points.ply``, and writing any of them whole or not at all."""

import errno
import io
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archives import read_archive
from .errors import FolderError

VERTEX = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f4"),
        ("z", "<f4"),
        ("red", "u1"),
        ("green", "u1"),
        ("blue", "u1"),
        ("provenance", "u1"),
    ]
)
"""One point as it lies in a PLY file, 16 bytes."""
PLY_TYPES = {"f": "float", "u": "uchar"}

SHAPES: dict[str, tuple[int, ...]] = {"K": (3, 3), "R": (3, 3), "t": (3,), "frame": ()}
"""Of one camera in ``cameras.npz``."""


FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Nothing more fits on the disk."""
LEFT_BY_SYSTEMS = {".DS_Store", ".localized", "Thumbs.db", "desktop.ini", "lost+found", "System Volume Information"}


@dataclass(frozen=True)
class CameraFile:
    """``cameras.npz``: OpenCV axes, Blender's world, x_cam = R x_world + t."""

    K: NDArray[np.float64]
    """(n, 3, 3), pixels; the centre of pixel (0, 0) is at (0.5, 0.5)."""
    R: NDArray[np.float64]
    """(n, 3, 3)."""
    t: NDArray[np.float64]
    """(n, 3), world units."""
    camera_to_world: NDArray[np.float64]
    """(n, 4, 4): the poses that R and t were made from, to the last bit."""
    frame: NDArray[np.int64]
    """(n,), numbers in the user's timeline."""
    width: int
    height: int
    fps: float
    window: tuple[int, int, int, int] | None = None
    """x, y, width, height of what was asked for, in pixels; the rest is overscan. None: all was."""

    @classmethod
    def of(
        cls,
        K: NDArray[Any],
        camera_to_world: NDArray[Any],
        frame: NDArray[Any],
        width: int,
        height: int,
        fps: float,
        window: tuple[int, int, int, int] | None = None,
    ) -> "CameraFile":
        """From poses (n, 4, 4), camera to world."""
        pose = np.asarray(camera_to_world, np.float64)
        R = np.ascontiguousarray(pose[:, :3, :3].transpose(0, 2, 1))
        t = -np.einsum("nij,nj->ni", R, pose[:, :3, 3])
        return cls(
            np.asarray(K, np.float64), R, t, pose, np.asarray(frame, np.int64), width, height, float(fps), window
        )

    @property
    def arrays(self) -> dict[str, Any]:
        """What the file holds, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def encode(self) -> bytes:
        """The bytes of the file, the same for the same cameras."""
        buffer = io.BytesIO()
        np.savez(buffer, **self.arrays)
        return buffer.getvalue()

    def begins_with(self, other: "CameraFile") -> bool:
        """Whether ``other`` is this path, or a shorter one that it goes on from."""
        n = len(other.K)
        same_plane = (self.width, self.height, self.fps) == (other.width, other.height, other.fps)
        return same_plane and all(
            np.array_equal(getattr(self, name)[:n], getattr(other, name)) for name in ("K", "R", "t", "frame")
        )


SOLVED = {"R_solved", "t_solved", "residual_requested", "residual_solved", "inliers"}
"""What ``add_solved`` adds to a ``cameras.npz``."""


def read_cameras(path: Path) -> CameraFile:
    """Read a ``cameras.npz``; raises ``FolderError`` where it is none."""
    try:
        data = read_archive(path, CameraFile.__dataclass_fields__)
        n = len(data["frame"])
        K, R, t, frame = (data[name].reshape(n, *shape) for name, shape in SHAPES.items())
        poses = data["camera_to_world"].reshape(n, 4, 4) if "camera_to_world" in data else _inverse(R, t)
        plane = int(data["width"]), int(data["height"]), float(data["fps"])
        return CameraFile(K, R, t, poses, frame, *plane, _window(data.get("window")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(
            f"{path} cannot be read as cameras ({error}): delete it and fetch the result again."
        ) from error


def _window(numbers: NDArray[Any] | None) -> tuple[int, int, int, int] | None:
    if numbers is None:
        return None
    x, y, width, height = (int(number) for number in numbers)
    return x, y, width, height


def add_solved(path: Path, first: int, camera_to_world: NDArray[Any], residuals: NDArray[Any]) -> None:
    """Write where frames were taken from beside the requested cameras of a ``cameras.npz``, whole or not at all.

    What was added of other frames stays; of those that nothing is known of, the solved camera is the requested one.

    Args:
        first: position in the path of the first of m frames.
        camera_to_world: (m, 4, 4), OpenCV axes.
        residuals: (m, 3): in pixels, of the requested and of the solved cameras, NaN is not known; and of how many
            points that is.

    Raises:
        FolderError: the file cannot be read, or has no such frames.
    """
    try:
        data = read_archive(path)
        n, frames = len(data["R"]), slice(first, first + len(camera_to_world))
        moved = CameraFile.of(data["K"][frames], camera_to_world, data["frame"][frames], 0, 0, 0.0)
        blank = np.full(n, np.nan)
        for name, start, values in (
            ("R_solved", data["R"], moved.R),
            ("t_solved", data["t"], moved.t),
            ("residual_requested", blank, residuals[:, 0]),
            ("residual_solved", blank, residuals[:, 1]),
            ("inliers", np.zeros(n, np.int64), residuals[:, 2]),
        ):
            data[name] = np.array(data.get(name, start))
            data[name][frames] = values
    except (OSError, ValueError, KeyError) as error:
        raise FolderError(f"{path} cannot take solved cameras ({error}): fetch the result again.") from error
    write(path, _encode(data))


def forget_solved(path: Path, first: int) -> None:
    """Frames from position ``first`` on come anew: nothing is known any more of where they were taken from.

    Raises:
        FolderError: the file cannot be read.
    """
    try:
        data = read_archive(path)
        if not data.keys() & SOLVED:
            return
        if first == 0:
            data = {name: array for name, array in data.items() if name not in SOLVED}
        else:
            blank = {"R_solved": data["R"], "t_solved": data["t"], "inliers": np.zeros(len(data["R"]), np.int64)}
            for name in data.keys() & SOLVED:
                data[name] = np.array(data[name])
                data[name][first:] = blank[name][first:] if name in blank else np.nan
    except (OSError, ValueError, KeyError) as error:
        raise FolderError(f"{path} cannot lose solved cameras ({error}): fetch the result again.") from error
    write(path, _encode(data))


def _encode(data: dict[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **data)  # type: ignore[arg-type]
    return buffer.getvalue()


def _inverse(R: NDArray[Any], t: NDArray[Any]) -> NDArray[np.float64]:
    """(n, 4, 4): the poses of cameras with x_cam = R x_world + t."""
    poses = np.tile(np.eye(4), (len(R), 1, 1))
    poses[:, :3, :3] = R.transpose(0, 2, 1)
    poses[:, :3, 3] = -np.einsum("nji,nj->ni", R, t)
    return poses


def make_vertices(xyz: NDArray[Any], rgb: NDArray[Any], provenance: NDArray[Any]) -> NDArray[np.void]:
    """(p,) of ``VERTEX`` from positions (p, 3) in Blender's world, colours (p, 3) uint8 and provenance (p,) uint8."""
    vertices = np.empty(len(xyz), VERTEX)
    for i, (axis, colour) in enumerate(zip(("x", "y", "z"), ("red", "green", "blue"), strict=True)):
        vertices[axis], vertices[colour] = xyz[:, i], rgb[:, i]
    vertices["provenance"] = provenance
    return vertices


def encode_ply(vertices: NDArray[np.void]) -> bytes:
    """A binary little-endian PLY file of ``VERTEX`` (p,)."""
    properties = "".join(f"property {PLY_TYPES[VERTEX[name].kind]} {name}\n" for name in VERTEX.names or ())
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n{properties}end_header\n"
    return header.encode("ascii") + vertices.tobytes()


def read_ply(path: Path) -> NDArray[np.void]:
    """Read what ``encode_ply`` wrote; raises ``FolderError`` where it is something else."""
    content = read(path)
    _, _, body = content.partition(b"end_header\n")
    vertices = np.frombuffer(body, VERTEX) if len(body) % VERTEX.itemsize == 0 else np.empty(0, VERTEX)
    if encode_ply(vertices) != content:
        raise FolderError(f"{path} is not a point cloud of ours: delete it and fetch the result again.")
    return vertices


def read(path: Path) -> bytes:
    """The bytes of a file; raises ``FolderError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FolderError(f"{path} cannot be read ({error.strerror}).") from error


def write(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole or not at all, whatever happens; raises ``FolderError``."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise FolderError(f"{path} cannot be written ({error.strerror}): {_remedy(error)}.") from error


def _remedy(error: OSError) -> str:
    if error.errno in FULL:
        return "free some space there, or choose another folder"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return "a file lies where its folder should be; choose another folder"
    return "choose another folder"


def strange(folder: Path) -> list[str]:
    """Names of what lies in ``folder`` beside what operating systems leave in any; raises ``FolderError``."""
    try:
        return sorted({path.name for path in folder.iterdir()} - LEFT_BY_SYSTEMS)
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise FolderError(f"{folder} is a file: choose another folder.") from None
    except OSError as error:
        raise FolderError(f"{folder} cannot be read ({error.strerror}): choose another folder.") from error


def delete(path: Path) -> None:
    """Delete a file, there or not; raises ``FolderError``."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise FolderError(f"{path} cannot be deleted ({error.strerror}).") from error
