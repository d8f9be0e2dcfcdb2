"""Lenses: focal lengths in millimetres and pixels, sensors, and what a camera wrote into its picture.

The sensor's width lies along the picture's longer side, as Blender's sensor fit *Auto* has it.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from worldwarp_protocol.errors import InvalidShot

from ..cameras.cameras import Array
from ..cameras.sizes import Size

SENSORS: dict[str, tuple[float, float]] = {
    "full-frame": (36.0, 24.0),
    "aps-c": (23.5, 15.6),
    "aps-c-canon": (22.3, 14.9),
    "aps-h": (27.9, 18.6),
    "super-35": (24.89, 18.66),
    "super-35-3perf": (24.89, 14.0),
    "super-16": (12.52, 7.41),
    "micro-four-thirds": (17.3, 13.0),
    "medium-format": (43.8, 32.9),
    "65mm": (52.48, 23.01),
    "one-inch": (13.2, 8.8),
    "phone-main": (9.8, 7.3),
    "phone": (6.17, 4.55),
}
"""Width and height in millimetres."""

FULL_FRAME_DIAGONAL = math.hypot(36, 24)
"""In millimetres: equal angles across the picture's diagonal define the 35 mm equivalent (CIPA DCG-001)."""

DIFFERS = 0.15
"""A lens that differs by more than this from what the picture shows is worth a warning."""


POSSIBLE = (0.1, 60.0)
"""Focal lengths of lenses, relative to the picture's longer side: from 157 degrees across it down to 1."""


@dataclass(frozen=True)
class Lens:
    """A picture's focal length, and who says so."""

    focal: float
    """Pixels of the picture."""
    source: str
    """Such as ``EXIF, 35 mm equivalent``."""


def intrinsics(focal: float, size: Size) -> Array:
    """(3, 3) of square pixels, the principal point in the middle."""
    return np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1.0]])


def to_pixels(mm: float, sensor_width: float, size: Size) -> float:
    """A focal length in pixels of a picture of ``size``."""
    return mm * max(size) / sensor_width


def to_mm(focal: float, sensor_width: float, size: Size) -> float:
    """A focal length in millimetres behind a sensor of that width, of one in pixels of a picture of ``size``."""
    return focal * sensor_width / max(size)


def parse(text: str, sensor_width: float, size: Size) -> Lens:
    """A lens that a user wrote: ``35mm`` or ``1200px``.

    Raises:
        InvalidShot: it is neither.
    """
    number, unit = text.strip()[:-2], text.strip()[-2:].lower()
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if unit not in ("mm", "px") or not 0 < value < 1e6:
        raise InvalidShot("focal", f"is {text!r}; write it with its unit, such as 35mm or 1200px.")
    return Lens(value if unit == "px" else to_pixels(value, sensor_width, size), f"given as {text}")


def from_exif(path: Path, sensor_width: float | None = None) -> Lens | None:
    """The lens that the camera wrote into its picture; None where it says nothing that can be used.

    The 35 mm equivalent counts first, for it needs no sensor; then the focal length with ``sensor_width``, then with
    the sensor's own resolution.

    Raises:
        InvalidShot: the file cannot be read as a picture.
    """
    try:
        with Image.open(path) as image:
            size, tags = image.size, dict(image.getexif().get_ifd(ExifTags.IFD.Exif))
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidShot(
            "picture", f"{path} cannot be read as a picture ({error}); give a PNG or JPEG file."
        ) from None
    equivalent = _number(tags.get(ExifTags.Base.FocalLengthIn35mmFilm))
    if equivalent:
        return Lens(equivalent * math.hypot(*size) / FULL_FRAME_DIAGONAL, f"EXIF, {equivalent:g} mm equivalent")
    mm = _number(tags.get(ExifTags.Base.FocalLength))
    if mm and sensor_width:
        return Lens(to_pixels(mm, sensor_width, size), f"EXIF, {mm:g} mm on {sensor_width:g} mm")
    return _from_resolution(mm, tags, size)


def estimated(focals: Array | None, size: Size) -> float | None:
    """The focal length in pixels that estimates (n,) of one lens agree on: the median of those that can be lenses.

    None where none can: a network that makes nothing of a picture says anything.
    """
    if focals is None:
        return None
    least, most = (times * max(size) for times in POSSIBLE)
    usable = focals[(focals >= least) & (focals <= most)]
    return float(np.median(usable)) if len(usable) else None


def differs(focal: float, other: float) -> bool:
    """Whether two focal lengths differ by more than ``DIFFERS``."""
    return abs(focal / other - 1) > DIFFERS


def _from_resolution(mm: float, tags: dict[int, object], size: Size) -> Lens | None:
    """By the sensor's pixels for each unit of length, corrected for a picture that was scaled since."""
    units = {2: 25.4, 3: 10.0, 4: 1.0}  # inch, centimetre, millimetre
    resolution = _number(tags.get(ExifTags.Base.FocalPlaneXResolution))
    unit = units.get(int(_number(tags.get(ExifTags.Base.FocalPlaneResolutionUnit)) or 2), 0.0)
    original = [_number(tags.get(tag)) for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)]
    if not (mm and resolution and unit and all(original)):
        return None
    return Lens(mm * resolution / unit * max(size) / max(original), f"EXIF, {mm:g} mm and the sensor's resolution")


def _number(value: object) -> float:
    """0 where a tag is missing, or holds nothing that can be."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if 0 < number < 1e9 else 0.0
