"""NumPy archives of poses and intrinsics, as research code writes them; of plain numbers only."""

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import files
from worldwarp_protocol.archives import read_archive

from ..outputs.pictures import check_file
from .cameras import Array, Cameras, inverse
from .foreign import LAST_FRAME, Given, check_count, check_finite, fault, size_of

WORLD_TO_CAMERA = ("w2c", "world_to_camera", "extrinsics")
CAMERA_TO_WORLD = ("c2w", "camera_to_world", "poses")
INTRINSICS = ("K", "intrinsics")
REST = ("frame", "width", "height", "fps")
"""Names of entries; the first of a row that is there counts."""


def read(path: Path, given: Given) -> Cameras:
    """The path in an archive.

    Poses (n, 3, 4) or (n, 4, 4) in OpenCV's camera axes, intrinsics (3, 3) or (n, 3, 3) in pixels from the picture's
    corner; ``width``, ``height``, ``frame`` (n,) and ``fps`` may be there.

    Raises:
        InvalidShot: naming the file and the entry.
    """
    data = _arrays(path, {*WORLD_TO_CAMERA, *CAMERA_TO_WORLD, *INTRINSICS, *REST})
    poses = _poses(path, data)
    n = len(poses)
    check_count(n, path)
    size = size_of(path, (_number(path, data, "width"), _number(path, data, "height")), given)
    frame = data.get("frame", np.arange(1, n + 1))
    if frame.shape != (n,) or frame.dtype.kind not in "iu" or not (abs(frame.astype(np.float64)) <= LAST_FRAME).all():
        raise fault(path, f"frame is not {n} whole numbers")
    fps = _number(path, data, "fps") if given.fps is None else given.fps
    return Cameras(_intrinsics(path, data, n), poses, *size, frame.astype(np.int64), 24.0 if fps is None else fps)


def write(path: Path, cameras: Cameras) -> None:
    """Write ``w2c`` (n, 4, 4), ``K``, ``frame``, ``width``, ``height`` and ``fps``."""
    buffer = io.BytesIO()
    rest: dict[str, Any] = {name: getattr(cameras, name) for name in REST}
    np.savez(buffer, w2c=cameras.world_to_camera, K=cameras.K, **rest)
    files.write(path, buffer.getvalue())


def entries(path: Path) -> set[str]:
    """The names in an archive; none where it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return set()


def _arrays(path: Path, names: Collection[str]) -> dict[str, NDArray[Any]]:
    check_file("path", path)
    try:
        return read_archive(path, names)
    except (OSError, ValueError) as error:
        raise fault(path, f"cannot be read ({error}); write it by numpy.savez, plain numbers only") from None


def _poses(path: Path, data: dict[str, NDArray[Any]]) -> Array:
    name = next((name for name in (*WORLD_TO_CAMERA, *CAMERA_TO_WORLD) if name in data), "")
    if not name:
        raise fault(path, f"has no poses; call them {', '.join(WORLD_TO_CAMERA)} or {', '.join(CAMERA_TO_WORLD)}")
    given = data[name].astype(np.float64)
    if given.ndim != 3 or given.shape[1:] not in ((3, 4), (4, 4)):
        raise fault(path, f"{name} has shape {given.shape}; it is (frames, 3, 4) or (frames, 4, 4)")
    check_finite(given, f"{path}, {name}")
    if given.shape[1] == 4 and (given[:, 3] != [0, 0, 0, 1]).any():
        raise fault(path, f"{name} has a last row that is not 0 0 0 1")
    if name in WORLD_TO_CAMERA:
        return inverse(given)
    poses = np.tile(np.eye(4), (len(given), 1, 1))
    poses[:, :3] = given[:, :3]
    return poses


def _intrinsics(path: Path, data: dict[str, NDArray[Any]], n: int) -> Array:
    name = next((name for name in INTRINSICS if name in data), "")
    if not name:
        raise fault(path, f"has no intrinsics; call them {' or '.join(INTRINSICS)}")
    K = data[name].astype(np.float64)
    if K.shape not in ((3, 3), (n, 3, 3)):
        raise fault(path, f"{name} has shape {K.shape}; it is (3, 3) or ({n}, 3, 3)")
    check_finite(K, f"{path}, {name}")
    K = np.broadcast_to(K, (n, 3, 3)).copy()
    if n and (abs(K[:, :2, 2]) <= 1).all():
        raise fault(path, f"{name} is in shares of the picture; multiply its rows by width and height")
    return K


def _number(path: Path, data: dict[str, NDArray[Any]], name: str) -> float | None:
    if name not in data:
        return None
    if data[name].size != 1:
        raise fault(path, f"{name} has shape {data[name].shape}; it is one number")
    value = float(data[name].reshape(-1)[0])
    check_finite([value], f"{path}, {name}")
    return value
