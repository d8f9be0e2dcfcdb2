"""A proxy mesh of what one camera sees: a grid over its depth, torn where depth jumps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cameras.cameras import Array
from ..cameras.sizes import SURFACE
from ..nouns import Bytes, Floats

VERSION = "1"
"""Raised when the same depth gives another mesh."""

MAX_VERTICES = 250_000
"""Half a million triangles: Blender stays fluent, and CG placed on them stands right."""

MAX_FACES = 300_000
"""Of all frames: Blender stays fluent with it, and a physics cache is made of it in seconds."""

EVIDENCE = 4
"""Steps of the same slope beside a steep one that show it to be a plane seen at a low angle, and no jump."""

SAME_SLOPE = 0.2
"""Steps of disparity that differ by less than this, relative to the one in question, have the same slope."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with a colour at each corner."""

    xyz: Floats
    """(p, 3)."""
    rgb: Bytes
    """(p, 3)."""
    faces: NDArray[np.int32]
    """(m, 3) rows of ``xyz``, anticlockwise as the camera sees them: normals face it."""


def depth_mesh(depth: Floats, picture: Bytes, K: Array, max_vertices: int = MAX_VERTICES) -> Mesh:
    """The surfaces that a picture shows, in its camera's own OpenCV axes, at the depth's scale.

    Vertices lie at centres of pixels; only those that belong to a triangle are kept. Sky is left out.

    Args:
        depth: (H, W), planar; inf is sky, NaN is unknown.
        picture: (H, W, 3).
        K: (3, 3), pixels.
        max_vertices: of a larger picture every second, third, ... pixel is taken.
    """
    rows, columns = _grid(depth.shape, max_vertices)
    across = _spans(one_surface(depth[rows]), columns)
    down = _spans(one_surface(depth.T[columns]), rows).T
    numbers = np.arange(len(rows) * len(columns)).reshape(len(rows), len(columns))
    faces = _triangles(numbers, across, down)
    used = np.unique(faces)
    v, u = rows[used // len(columns)], columns[used % len(columns)]
    pixels = np.stack([u + 0.5, v + 0.5, np.ones(len(used))], axis=1)
    xyz = pixels @ np.linalg.inv(K).T * depth[v, u, None]
    return Mesh(xyz.astype(np.float32), picture[v, u], np.searchsorted(used, faces).astype(np.int32))


def one_surface(depth: Floats) -> NDArray[np.bool_]:
    """(H, W - 1): whether a pixel and the one to its right lie on one surface.

    They do where their depths are close, and on planes seen at a low angle, where disparity goes on in equal steps.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        disparity = 1 / depth.astype(np.float64)
    known = np.isfinite(disparity) & (disparity > 0)
    disparity = np.where(known, disparity, 0)
    here, right = disparity[:, :-1], disparity[:, 1:]
    close = np.maximum(here, right) <= SURFACE * np.minimum(here, right)
    step = right - here
    before, after = np.ones_like(close), np.ones_like(close)
    for k in range(1, EVIDENCE + 1):
        same = np.zeros_like(close)
        same[:, k:] = np.abs(step[:, k:] - step[:, :-k]) <= SAME_SLOPE * np.abs(step[:, k:])
        before &= same
        same = np.zeros_like(close)
        same[:, :-k] = np.abs(step[:, :-k] - step[:, k:]) <= SAME_SLOPE * np.abs(step[:, :-k])
        after &= same
    return np.asarray((close | before | after) & known[:, :-1] & known[:, 1:])


def encode_ply(mesh: Mesh, uv: Floats | None = None) -> bytes:
    """A binary little-endian PLY file: x y z, red green blue, and triangles as ``vertex_indices``.

    Args:
        uv: (p, 2) in a picture, from 0 to 1, v down; written as ``s t``, t up. NaN becomes -1: outside of it.
    """
    texture = np.empty((len(mesh.xyz), 0)) if uv is None else np.nan_to_num(uv * [1, -1] + [0, 1], nan=-1)
    vertex = np.dtype([("xyz", "<f4", 3), ("st", "<f4", texture.shape[1]), ("rgb", "u1", 3)])
    face = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    vertices, faces = np.empty(len(mesh.xyz), vertex), np.empty(len(mesh.faces), face)
    vertices["xyz"], vertices["st"], vertices["rgb"] = mesh.xyz, texture, mesh.rgb
    faces["count"], faces["corners"] = 3, mesh.faces
    properties = [f"property float {name}" for name in ("xyz" if uv is None else "xyzst")]
    properties += [f"property uchar {name}" for name in ("red", "green", "blue")]
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}", *properties]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    return "\n".join(lines).encode("ascii") + vertices.tobytes() + faces.tobytes()


def used(mesh: Mesh) -> tuple[Mesh, NDArray[np.integer]]:
    """The mesh without vertices that no triangle has, and which vertices (q,) are left."""
    kept = np.unique(mesh.faces)
    faces = np.searchsorted(kept, mesh.faces).astype(np.int32)
    return Mesh(mesh.xyz[kept], mesh.rgb[kept], faces), kept


def _grid(shape: tuple[int, ...], max_vertices: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns that are looked at: evenly spread, the first and the last among them."""
    step = 1
    while True:
        counts = [-(-(side - 1) // step) + 1 for side in shape]
        if counts[0] * counts[1] <= max(max_vertices, 4):
            break
        step += 1
    rows, columns = (
        np.rint(np.linspace(0, side - 1, n)).astype(np.intp) for side, n in zip(shape, counts, strict=True)
    )
    return rows, columns


def _spans(joined: NDArray[np.bool_], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(h, c - 1): whether all pixels from each of ``columns`` to the next are joined, of ``joined`` (h, W - 1)."""
    breaks = np.concatenate([np.zeros((len(joined), 1), np.intp), np.cumsum(~joined, axis=1)], axis=1)
    return np.asarray(breaks[:, columns[1:]] == breaks[:, columns[:-1]])


def _triangles(numbers: NDArray[np.intp], across: NDArray[np.bool_], down: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(m, 3): a triangle stands at a corner of a cell where both edges of that corner are whole.

    A whole cell has two, at its top left and bottom right; where neither of them stands, the other corners may.
    """
    a, b, c, d = numbers[:-1, :-1], numbers[:-1, 1:], numbers[1:, :-1], numbers[1:, 1:]
    top, bottom, left, right = across[:-1], across[1:], down[:, :-1], down[:, 1:]
    first, last = top & left, bottom & right
    neither = ~first & ~last
    corners = [
        (first, (a, c, b)),
        (last, (b, c, d)),
        (neither & top & right, (a, d, b)),
        (neither & bottom & left, (a, c, d)),
    ]
    return np.concatenate([np.stack([corner[at] for corner in three], axis=1) for at, three in corners])
