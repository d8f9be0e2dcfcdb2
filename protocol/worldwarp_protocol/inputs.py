"""What a run is made of, as files of its result folder: lossless, and the same bytes for the same shot."""

import hashlib
import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import CameraFile
from .messages import Shot
from .results import Given

Inputs = tuple[Given, dict[str, bytes]]
"""What ``shot.json`` says of a shot, and the files that it names."""

UP = 2
"""PNG's filter that takes the row above away (PNG specification, 9.2)."""


def pack(shot: Shot, arrays: Mapping[str, NDArray[Any]], noted: Mapping[str, str] | None = None) -> Inputs:
    """The inputs of a shot and its arrays, as ``messages.Shot`` names them; ``noted``: ``Given.files``."""
    packed = {name: [_png(one) for one in arrays.get(name, ())] for name in ("picture", "mask", "sky")}
    packed["depth"] = [_npy(one) for one in arrays.get("depth", ())]
    height, width = arrays["picture"].shape[1:3]
    path = CameraFile.of(arrays["K"], arrays["camera_to_world"], arrays["frame"], width, height, shot.fps)
    packed["cameras"] = [(path.encode(), "npz")]
    files: dict[str, bytes] = {}
    names: dict[str, list[str]] = {}
    for kind, contents in packed.items():
        names[kind] = [f"{hashlib.sha256(content).hexdigest()}.{suffix}" for content, suffix in contents]
        files |= {name: content for name, (content, _) in zip(names[kind], contents, strict=True)}
    given = Given(
        settings=shot.settings,
        overrides=list(shot.overrides),
        pictures=names["picture"],
        depth=names["depth"],
        mask=names["mask"],
        sky=names["sky"],
        cameras=names["cameras"][0],
        files=dict(noted or {}),
    )
    return given, files


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """PNG bytes of (H, W, 3) or (H, W) uint8."""
    height, width = image.shape[:2]
    rows = np.ascontiguousarray(image).reshape(height, -1)
    less = np.concatenate([rows[:1], rows[1:] - rows[:-1]])  # bytes wrap, as PNG has it
    filtered = np.concatenate([np.full((height, 1), UP, np.uint8), less], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if image.ndim == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(filtered.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, content) for kind, content in parts)


def _part(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(image: NDArray[np.uint8]) -> tuple[bytes, str]:
    return encode_png(image), "png"


def _npy(array: NDArray[np.float32]) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue(), "npy"
