"""What a chunk's folder holds, as bytes: written by the worker, read back through the store.

``frames/0001.png`` and beside it ``priors/``, ``provenance/`` (the value is the ``Provenance``), ``holes/`` (255 is a
hole) and ``depth/0001.npy`` (H, W) float32, numbered by position in the path, from 1; ``K.npy`` and
``camera_to_world.npy`` hold the requested cameras of these frames. Where a model made them, ``solved.npy`` (m, 4, 4)
holds the poses that they were taken from, and ``residuals.npy`` (m, 3) of each frame the residuals in pixels of the
requested and of the solved camera, and of how many points that is. Where noise was used, ``noise.npy`` holds the levels
(T', H/16, W/16) that the tokens of the whole chunk began at, and ``noise.png`` shows them over the steps.

Where not every frame of the path is generated (``settings.every``), those between lie beside the others: their priors
are what they show without the holes, which are filled.
"""

import io

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.archives import read_array

from .cameras import Cameras
from .nouns import Bytes, ChunkResult, Floats, Solved, View
from .outputs.pictures import decode_png, encode_png, encode_provenance
from .store import Manifest, Store

NOISE, FIGURE = "noise.npy", "noise.png"
SOLVED, RESIDUALS = "solved.npy", "residuals.npy"

Doubles = NDArray[np.float64]


def name(kind: str, index: int) -> str:
    """The file of ``kind`` for the frame at ``index`` (from 0) in the path."""
    return f"{kind}/{index + 1:04d}.{'npy' if kind == 'depth' else 'png'}"


def encode(result: ChunkResult, first: int, cameras: Cameras) -> dict[str, bytes]:
    """The files of a chunk; ``cameras`` are those of its frames, ``first`` is the first one's position in the path."""
    files = {"K.npy": _npy(cameras.K), "camera_to_world.npy": _npy(cameras.camera_to_world)}
    if result.solved is not None:
        files[SOLVED] = _npy(result.solved.camera_to_world)
        files[RESIDUALS] = _npy(_residuals(result.solved))
    if result.noise is not None:
        files[NOISE] = _npy(result.noise.start)
    if result.figure is not None:
        files[FIGURE] = encode_png(result.figure)
    for i in range(len(result.frames)):
        index = first + i
        files[name("frames", index)] = encode_png(result.frames[i])
        files[name("priors", index)] = encode_png(result.priors[i])
        files[name("provenance", index)] = encode_provenance(result.provenance[i])
        files[name("holes", index)] = encode_png(result.holes[i].astype(np.uint8) * 255)
        files[name("depth", index)] = _npy(result.depth[i])
    return files


def generated(manifest: Manifest) -> list[int]:
    """Positions in the path of the frames of a chunk that the loop generated; the others are rendered from them."""
    every = (manifest.recipe.get("between") or {"every": 1})["every"]
    last = manifest.first + manifest.count - 1
    return [i for i in range(manifest.first, last + 1) if i % every == 0 or i == last]


def read_view(store: Store, key: str, index: int) -> View:
    """A committed frame, as the history of later chunks sees it.

    Raises:
        StoreError: a file is missing or damaged.
    """
    return View(
        index=index,
        rgb=decode_png(store.read(key, name("frames", index))),
        depth=read_depth(store, key, index),
        provenance=read_image(store, key, "provenance", index),
    )


def read_image(store: Store, key: str, kind: str, index: int) -> Bytes:
    """A committed picture: (H, W, 3) for frames and priors, (H, W) for provenance and holes."""
    pixels: Bytes = decode_png(store.read(key, name(kind, index)))
    return pixels


def read_depth(store: Store, key: str, index: int) -> Floats:
    """A committed frame's planar depth (H, W), world units; inf is sky, NaN is not known."""
    depth: Floats = np.load(io.BytesIO(store.read(key, name("depth", index))), allow_pickle=False)
    return depth


def read_cameras(store: Store, key: str, first: int, width: int, height: int) -> Cameras:
    """The cameras that a committed chunk's frames were taken from: solved ones where it has them, else the requested.

    ``frame`` counts from ``first``, its position in the path.
    """
    K, requested = (read_array(store.read(key, f"{name}.npy")) for name in ("K", "camera_to_world"))
    solved = read_solved(store, key)
    poses = solved[0] if solved else requested
    return Cameras(K, poses, width, height, np.arange(first, first + len(K)))


def read_solved(store: Store, key: str) -> tuple[Doubles, Doubles] | None:
    """Poses (m, 4, 4) that a committed chunk's m frames were taken from, and ``residuals.npy``; None without."""
    if SOLVED not in store.manifest(key).files:
        return None
    return read_array(store.read(key, SOLVED)), read_array(store.read(key, RESIDUALS))


def _residuals(solved: Solved) -> Doubles:
    return np.stack([solved.residual_requested, solved.residual_solved, solved.inliers.astype(np.float64)], axis=1)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
