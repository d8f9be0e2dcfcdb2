"""Shared by the scripts that run inside Blender: a scene, a result folder of known content, the report."""

import json
import os
import struct
import sys
import zlib
from pathlib import Path

import bpy
import numpy as np

MARK = "WORLDWARP-RESULT "


def report(**facts) -> None:
    print(MARK + json.dumps(facts))
    sys.stdout.flush()


def leave(**facts) -> None:
    """Report and end at once: bpy 4.2's wheel crashes when it exits with properties that call Python, add-on or not."""
    report(**facts)
    os._exit(0)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """An 8-bit RGB or greyscale PNG, written without Blender."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def write_result(
    folder: Path, frames, path, colour_space: str, name: str = "Walk", cloud=None, run: str = "0" * 32
) -> None:
    """A result folder as ``docs`` describe it, from a ``camera.Path``."""
    for index, frame in enumerate(frames):
        write_png(folder / "frames" / f"{index + 1:04d}.png", frame)
    R = path.camera_to_world[:, :3, :3].transpose(0, 2, 1)
    t = -np.einsum("nij,nj->ni", R, path.camera_to_world[:, :3, 3])
    size = {"width": path.raster.width, "height": path.raster.height, "fps": path.fps}
    np.savez(folder / "cameras.npz", K=path.K, R=R, t=t, frame=path.frame, **size)
    shot = {"name": name, "run": run, "colour_space": colour_space, "settings": {"seed": 7, "profile": "draft"}}
    (folder / "shot.json").write_text(json.dumps(shot))
    if cloud is not None:
        xyz, rgb, provenance = cloud
        row = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("r", "u1"), ("g", "u1"), ("b", "u1"), ("p", "u1")]
        rows = np.zeros(len(xyz), row)
        for column, values in zip("xyzrgbp", [*xyz.T, *rgb.T, provenance], strict=True):
            rows[column] = values
        lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(xyz)}"]
        lines += [f"property float {axis}" for axis in "xyz"]
        lines += [f"property uchar {field}" for field in ("red", "green", "blue", "provenance")]
        (folder / "points.ply").write_bytes("\n".join([*lines, "end_header\n"]).encode() + rows.tobytes())


def counts() -> dict[str, int]:
    """How many datablocks of each kind there are."""
    kinds = (name for name in dir(bpy.data) if type(getattr(bpy.data, name)).__name__ == "bpy_prop_collection")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}


def grid_faces(known: np.ndarray) -> np.ndarray:
    """Triangles (m, 3) over the known pixels (H, W), numbered as they come, where all corners of a cell are known."""
    number = np.cumsum(known.ravel()).reshape(known.shape) - 1
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    whole = known[:-1, :-1] & known[:-1, 1:] & known[1:, :-1] & known[1:, 1:]
    cells = np.concatenate([np.stack(corners, -1)[whole] for corners in ((a, c, b), (b, c, d))])
    return cells.astype(np.int32)
