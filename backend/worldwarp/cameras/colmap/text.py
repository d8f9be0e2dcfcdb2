"""COLMAP's models as text: ``cameras.txt``, ``images.txt``, ``points3D.txt``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..foreign import check_count, fault, numbers, text_lines
from .model import MODELS, UNDISTORT, Image, Lens
from .points import FROM_ONE, NONE, Points

CAMERAS, IMAGES = "cameras.txt", "images.txt"


def read_lenses(path: Path) -> dict[int, Lens]:
    """``CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS...`` in each line."""
    lenses = {}
    for place, line in text_lines(path):
        if not line:
            continue
        number, model, width, height, *parameters = [*line.split(), "", "", ""]
        parameters = parameters[:-3]
        if model not in MODELS:
            raise fault(place, f"{model[:40]!r} is none of {', '.join(MODELS)}; {UNDISTORT}")
        if len(parameters) != MODELS[model].parameters:
            raise fault(place, f"{model} has {len(parameters)} parameters, not {MODELS[model].parameters}")
        size = _whole(width, place), _whole(height, place)
        lenses[_whole(number, place)] = Lens(model, *size, tuple(numbers(parameters, place)), place)
    return lenses


def read_images(path: Path) -> list[Image]:
    """``IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME``, and in the next line its points, which may be none."""
    images: list[Image] = []
    lines = text_lines(path)
    for place, line in lines:
        if not line:
            continue
        words = line.split(maxsplit=9)
        if len(words) < 10:
            raise fault(place, "is not a picture's IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME")
        values = numbers(words[1:8], place)
        images.append(Image(words[9], _whole(words[8], place), tuple(values[:4]), tuple(values[4:]), place))
        check_count(len(images), path)
        place, points = next(lines, (place, ""))
        if len(points.split()) % 3:
            raise fault(place, "is not a picture's points; each picture has two lines, the second may be empty")
    return images


def encode(lenses: Mapping[int, Lens], images: Sequence[Image], points: Points = NONE) -> dict[str, str]:
    """The files of a model; points are numbered from 1."""
    cameras = [f"{i} {lens.model} {lens.width} {lens.height} {_words(lens.parameters)}" for i, lens in lenses.items()]
    lines = [
        f"{i} {_words(im.q)} {_words(im.t)} {im.lens} {im.name}\n{_seen(points, i - 1)}"
        for i, im in enumerate(images, 1)
    ]
    return {
        CAMERAS: "\n".join(["# CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS", *cameras, ""]),
        IMAGES: "\n".join(["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME; POINTS2D", *lines, ""]),
        "points3D.txt": "\n".join(["# POINT3D_ID X Y Z R G B ERROR TRACK", *_points(points), ""]),
    }


def _seen(points: Points, picture: int) -> str:
    part = points.of(picture)
    pairs = zip(points.pixel[part].tolist(), points.point[part].tolist(), strict=True)
    return " ".join(f"{x!r} {y!r} {point + 1}" for (x, y), point in pairs)


def _points(points: Points) -> list[str]:
    each = zip(points.xyz.tolist(), points.rgb.tolist(), points.tracks(), strict=False)
    return [
        f"{i} {_words(xyz)} {_words(rgb)} 0 {_words((track + FROM_ONE).ravel().tolist())}"
        for i, (xyz, rgb, track) in enumerate(each, 1)
    ]


def _whole(word: str, place: str) -> int:
    if not (word.isdecimal() and len(word) < 20):
        raise fault(place, f"{word[:40]!r} is not a whole number")
    return int(word)


def _words(values: Sequence[float | int]) -> str:
    return " ".join(map(repr, values))
