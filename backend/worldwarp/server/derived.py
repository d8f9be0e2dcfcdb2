"""What follows from committed chunks: computed when somebody asks, kept beside the chunks, never inside them."""

import hashlib
import io
import logging
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..store import Store
from ..world import points
from .journal import Committed
from .kept import write_atomically

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PointCloud:
    """The points that a chunk adds to the world."""

    xyz: NDArray[np.float32]
    """(p, 3) in Blender's world, world units."""
    rgb: NDArray[np.uint8]
    """(p, 3)."""
    provenance: NDArray[np.uint8]
    """(p,) of ``Provenance``."""


def point_cloud(store: Store, chunk: Committed) -> PointCloud:
    """The points of a committed chunk, from the disk where they were computed before. Takes long: not in the loop.

    Raises:
        StoreError: the chunk is damaged.
    """
    path = points_path(store, chunk)
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, BadZipFile):
        log.warning("%s is damaged; the points are computed again.", path)
    cloud = PointCloud(*points.stored_points(store, chunk.key))
    try:
        write_atomically(path, _encode(cloud))
    except OSError as error:
        log.warning("The points of chunk %s cannot be kept (%s); they are computed each time.", chunk.key[:12], error)
    return cloud


def points_path(store: Store, chunk: Committed) -> Path:
    """Where the points of a chunk are kept: named by its key (for its cameras), its content and what computes them."""
    name = hashlib.sha256(f"{chunk.key} {chunk.digest} {points.VERSION}".encode()).hexdigest()
    return store.root / "derived" / name / "points.npz"


def _encode(cloud: PointCloud) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, xyz=cloud.xyz, rgb=cloud.rgb, provenance=cloud.provenance)
    return buffer.getvalue()


def _read(path: Path) -> PointCloud:
    with np.load(path, allow_pickle=False) as stored:
        return PointCloud(stored["xyz"], stored["rgb"], stored["provenance"])
