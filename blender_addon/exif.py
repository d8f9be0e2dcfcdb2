"""What a camera wrote into its picture, its focal length and how it was held: EXIF of JPEG, PNG, WebP and TIFF files.

Needs no Blender.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LONGEST_HEAD = 1 << 20
"""Bytes from the front of a file in which EXIF is looked for."""

FORMATS = {1: "B", 3: "H", 4: "I", 5: "II", 9: "i", 10: "ii"}
"""EXIF's number types: 5 and 10 are fractions."""

EXIF_FOLDER, FOCAL, FOCAL_35, PLANE_X, PLANE_UNIT, PIXELS_X = 0x8769, 0x920A, 0xA405, 0xA20E, 0xA210, 0xA002
ORIENTATION = 0x0112

PLANE_UNITS = {2: 25.4, 3: 10.0, 4: 1.0}
"""Millimetres in an inch, a centimetre, a millimetre."""

DIAGONAL_35 = math.hypot(36, 24)
"""Of the frame that 35 mm equivalents refer to, in millimetres."""


@dataclass(frozen=True)
class Focal:
    """What is written: millimetres, 0 where it is not; ``plane`` is the sensor's width in millimetres."""

    millimetres: float = 0.0
    equivalent: float = 0.0
    plane: float = 0.0

    def pixels(self, width: int, height: int) -> float:
        """The focal length in pixels of the whole picture at that size, 0 where too little is known."""
        if self.equivalent > 0:
            return self.equivalent / DIAGONAL_35 * math.hypot(width, height)
        if self.millimetres > 0 and self.plane > 0:
            return self.millimetres / self.plane * max(width, height)
        return 0.0


def read(path: Path) -> Focal:
    """What ``path`` says of its lens; nothing where it has no EXIF or a broken one."""
    tags = _read(path)
    resolution, across = tags.get(PLANE_X, 0.0), tags.get(PIXELS_X, 0.0)
    plane = across / resolution * PLANE_UNITS.get(int(tags.get(PLANE_UNIT, 2)), 0.0) if resolution > 0 else 0.0
    return Focal(tags.get(FOCAL, 0.0), tags.get(FOCAL_35, 0.0), plane)


def orientation(path: Path) -> int:
    """How its rows and columns are to be turned to stand as the camera saw them, 1 to 8; 1 is as they are."""
    found = int(_read(path).get(ORIENTATION, 1))
    return found if found in range(1, 9) else 1


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, ...), from the top, of a file of that orientation, as they are to be seen."""
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def _read(path: Path) -> dict[int, float]:
    try:
        with path.open("rb") as file:
            return _tags(_tiff(file.read(LONGEST_HEAD)))
    except (OSError, struct.error, ValueError, IndexError):
        return {}


def _tiff(head: bytes) -> bytes:
    """The TIFF structure that holds the tags."""
    if head[:4] in (b"II*\0", b"MM\0*"):
        return head
    mark = {b"\xff\xd8": b"Exif\0\0", b"\x89P": b"eXIf", b"RI": b"EXIF"}.get(head[:2])
    at = head.find(mark) if mark else -1
    if at < 0:
        raise ValueError("no EXIF")
    tiff = head[at + len(mark) + (4 if mark == b"EXIF" else 0) :]
    return tiff[6:] if tiff[:6] == b"Exif\0\0" else tiff


def _tags(tiff: bytes) -> dict[int, float]:
    order = {b"II": "<", b"MM": ">"}[tiff[:2]] if tiff[:2] in (b"II", b"MM") else ""
    if not order:
        raise ValueError("no TIFF")
    first = _folder(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])
    inner = _folder(tiff, order, int(first[EXIF_FOLDER])) if EXIF_FOLDER in first else {}
    return {**first, **inner}


def _folder(tiff: bytes, order: str, at: int) -> dict[int, float]:
    """The numbers of one folder of tags; of lists, the first."""
    found = {}
    for entry in range(struct.unpack_from(order + "H", tiff, at)[0]):
        where = at + 2 + 12 * entry
        tag, kind, count = struct.unpack_from(order + "HHI", tiff, where)
        if kind not in FORMATS or count < 1:
            continue
        form = order + FORMATS[kind]
        inside = struct.calcsize(form) * count <= 4
        values = struct.unpack_from(
            form, tiff, where + 8 if inside else struct.unpack_from(order + "I", tiff, where + 8)[0]
        )
        found[tag] = values[0] / values[1] if len(values) == 2 and values[1] else float(values[0])
    return found
