"""COLMAP's models in binary: ``cameras.bin``, ``images.bin``, ``points3D.bin``; little-endian.

Counts are held against the file's length before anything is made of them.
"""

import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...outputs.pictures import check_file
from ..foreign import check_count, fault
from .model import MODELS, UNDISTORT, Image, Lens
from .points import FROM_ONE, NONE, Points

CAMERAS, IMAGES = "cameras.bin", "images.bin"

COUNT = struct.Struct("<Q")
LENS = struct.Struct("<IiQQ")
"""Number, model, width, height; then its parameters."""
IMAGE = struct.Struct("<I7dI")
"""Number, quaternion, translation, lens; then its name, a zero, the count of its points and the points."""
POINT = struct.Struct("<ddQ")
SEEN = np.dtype([("pixel", "<f8", 2), ("point", "<u8")])
"""The same, for many."""
POINT3D = struct.Struct("<Q3d3BdQ")
"""Number, position, colour, error, length of the track; then pairs of a picture and a place among its points."""

LONGEST_NAME = 4096
"""Bytes of a picture's name: no file system allows for more."""


def read_lenses(path: Path) -> dict[int, Lens]:
    """Cameras by number."""
    check_file("path", path)
    lenses = {}
    with path.open("rb") as file:
        (count,) = _take(file, path, COUNT)
        _check_room(file, path, count, LENS.size)
        for _ in range(count):
            place = f"{path}, byte {file.tell()}"
            number, model, width, height = _take(file, path, LENS)
            lenses[number] = Lens(_name(model, place), width, height, _parameters(file, path, model), place)
    return lenses


def read_images(path: Path) -> list[Image]:
    """Pictures as they come; their points are passed over."""
    check_file("path", path)
    images = []
    with path.open("rb") as file:
        (count,) = _take(file, path, COUNT)
        check_count(count, path)
        for _ in range(count):
            place = f"{path}, byte {file.tell()}"
            _, *pose, lens = _take(file, path, IMAGE)
            images.append(Image(_text(file, place), lens, tuple(pose[:4]), tuple(pose[4:]), place))
            (points,) = _take(file, path, COUNT)
            _check_room(file, path, points, POINT.size)
            file.seek(points * POINT.size, os.SEEK_CUR)
    return images


def encode(lenses: Mapping[int, Lens], images: Sequence[Image], points: Points = NONE) -> dict[str, bytes]:
    """The files of a model; points are numbered from 1."""
    cameras = [COUNT.pack(len(lenses))]
    for i, lens in lenses.items():
        cameras.append(LENS.pack(i, MODELS[lens.model].number, lens.width, lens.height))
        cameras.append(struct.pack(f"<{len(lens.parameters)}d", *lens.parameters))
    pictures = [COUNT.pack(len(images))]
    for i, image in enumerate(images, 1):
        part = points.of(i - 1)
        seen = np.empty(part.stop - part.start, SEEN)
        seen["pixel"], seen["point"] = points.pixel[part], points.point[part] + 1
        pictures += [IMAGE.pack(i, *image.q, *image.t, image.lens), image.name.encode() + b"\0"]
        pictures += [COUNT.pack(len(seen)), seen.tobytes()]
    return {CAMERAS: b"".join(cameras), IMAGES: b"".join(pictures), "points3D.bin": _points(points)}


def _points(points: Points) -> bytes:
    parts = [COUNT.pack(len(points.xyz))]
    for i, (xyz, rgb, track) in enumerate(zip(points.xyz, points.rgb, points.tracks(), strict=False), 1):
        parts += [POINT3D.pack(i, *xyz, *rgb.tolist(), 0.0, len(track)), (track + FROM_ONE).astype("<u4").tobytes()]
    return b"".join(parts)


def _take(file: BinaryIO, path: Path, layout: struct.Struct) -> tuple[Any, ...]:
    data = file.read(layout.size)
    if len(data) < layout.size:
        raise fault(path, "ends too early; copy it again")
    return layout.unpack(data)


def _check_room(file: BinaryIO, path: Path, count: int, size: int) -> None:
    left = os.fstat(file.fileno()).st_size - file.tell()
    if count * size > left:
        raise fault(f"{path}, byte {file.tell()}", f"{count:,} entries do not fit into the rest; copy the file again")


def _name(number: int, place: str) -> str:
    for name, model in MODELS.items():
        if model.number == number:
            return name
    raise fault(place, f"camera model {number} is none of {', '.join(MODELS)}; {UNDISTORT}")


def _parameters(file: BinaryIO, path: Path, number: int) -> tuple[float, ...]:
    (count,) = (model.parameters for model in MODELS.values() if model.number == number)
    return _take(file, path, struct.Struct(f"<{count}d"))


def _text(file: BinaryIO, place: str) -> str:
    start = file.tell()
    name, zero, _ = file.read(LONGEST_NAME + 1).partition(b"\0")
    if not zero:
        raise fault(place, "a picture's name does not end")
    file.seek(start + len(name) + 1)
    return name.decode("utf-8", "replace")
