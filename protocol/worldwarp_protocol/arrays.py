"""Which arrays travel with which message: one table, and the check against it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray

from . import limits
from .messages import (
    ArrayHeader,
    CheckPath,
    ChunkCommitted,
    Dtype,
    Estimated,
    EstimateGeometry,
    Frame,
    Imagined,
    PassesMade,
    PathChecked,
    Points,
    Preview,
    RunStarted,
    Submit,
    WorldMade,
)

ITEM_BYTES = {"uint8": 1, "int32": 4, "float32": 4, "float64": 8}
"""Bytes of one element by dtype; the keys are the dtypes that may travel."""


class Rule(NamedTuple):
    """What an array must look like. A letter in ``shape`` is a length that all arrays of the message share."""

    dtype: str
    shape: tuple[int | str, ...]
    optional: bool = False


CAMERAS = {
    "K": Rule("float64", ("n", 3, 3)),
    "camera_to_world": Rule("float64", ("n", 4, 4)),
    "frame": Rule("int32", ("n",)),
}

ARRAYS: dict[type, dict[str, Rule]] = {
    Submit: {
        "picture": Rule("uint8", ("f", "H", "W", 3)),
        "depth": Rule("float32", ("f", "H", "W"), optional=True),
        "mask": Rule("uint8", ("f", "H", "W"), optional=True),
        "sky": Rule("uint8", ("f", "H", "W"), optional=True),
        **CAMERAS,
    },
    EstimateGeometry: {
        "picture": Rule("uint8", ("n", "H", "W", 3)),
        "depth": Rule("float32", ("n", "H", "W"), optional=True),
        "K": Rule("float64", ("n", 3, 3), optional=True),
    },
    Estimated: {
        "depth": Rule("float32", ("n", "H", "W"), optional=True),
        "confidence": Rule("float32", ("n", "H", "W"), optional=True),
        "K": Rule("float64", ("n", 3, 3)),
        "camera_to_world": Rule("float64", ("n", 4, 4)),
        "level": Rule("float64", (4, 4)),
        "xyz": Rule("float32", ("p", 3)),
        "rgb": Rule("uint8", ("p", 3)),
        "faces": Rule("int32", ("m", 3)),
    },
    CheckPath: {
        "picture": Rule("uint8", (1, "H", "W", 3)),
        "depth": Rule("float32", (1, "H", "W"), optional=True),
        "mask": Rule("uint8", (1, "H", "W"), optional=True),
        "sky": Rule("uint8", (1, "H", "W"), optional=True),
        **CAMERAS,
    },
    PathChecked: {
        **{name: Rule("float64", ("n",)) for name in ("known", "rotation", "parallax", "parallax_most")},
        **{name: Rule("uint8", ("n",)) for name in ("outside", "through")},
        "preview": Rule("uint8", ("n", "h", "w", 3), optional=True),
        "holes": Rule("uint8", ("n", "h", "w"), optional=True),
    },
    WorldMade: {
        "points_ply": Rule("uint8", ("a",), optional=True),
        "mesh_ply": Rule("uint8", ("b",), optional=True),
        "mesh_glb": Rule("uint8", ("c",), optional=True),
        "gaussians_ply": Rule("uint8", ("d",), optional=True),
        "gaussians_splat": Rule("uint8", ("e",), optional=True),
    },
    PassesMade: {"exr": Rule("uint8", ("a",))},
    Imagined: {"picture": Rule("uint8", (1, "H", "W", 3))},
    Preview: {"preview": Rule("uint8", ("t", "h", "w", 3))},
    RunStarted: CAMERAS,
    ChunkCommitted: {
        "solved": Rule("float64", ("n", 4, 4), optional=True),
        "residuals": Rule("float64", ("n", 3), optional=True),
    },
    Frame: {"frame": Rule("uint8", ("a",)), "provenance": Rule("uint8", ("b",))},
    Points: {
        "xyz": Rule("float32", ("p", 3)),
        "rgb": Rule("uint8", ("p", 3)),
        "provenance": Rule("uint8", ("p",)),
    },
}

MOST_BYTES: dict[type, int] = {Preview: limits.MAX_PREVIEW_BYTES}
"""What the arrays of a message may have together, where it is less than ``limits.MAX_MESSAGE_BYTES``."""

LENGTHS = {
    "n": (1, limits.MAX_FRAMES, "frames"),
    "f": (1, limits.MAX_PICTURES, "pictures"),
    "H": (1, limits.MAX_SIDE, "pixels of height"),
    "W": (1, limits.MAX_SIDE, "pixels of width"),
    "t": (1, limits.MAX_PICTURES, "pictures"),
    "h": (1, limits.MAX_SIDE, "pixels of height"),
    "w": (1, limits.MAX_SIDE, "pixels of width"),
    "p": (0, limits.MAX_ARRAY_BYTES, "points"),
    "m": (0, limits.MAX_ARRAY_BYTES, "triangles"),
    "a": (1, limits.MAX_ARRAY_BYTES, "bytes"),
    "b": (1, limits.MAX_ARRAY_BYTES, "bytes"),
    "c": (1, limits.MAX_ARRAY_BYTES, "bytes"),
    "d": (1, limits.MAX_ARRAY_BYTES, "bytes"),
    "e": (1, limits.MAX_ARRAY_BYTES, "bytes"),
}
"""What each letter counts: least, most, in words."""


class BadArray(Exception):
    """An array that breaks the table; ``field`` names it, ``text`` says how. Never leaves this package."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text


def check_arrays(kind: type, arrays: Mapping[str, NDArray[Any]]) -> None:
    """``check_headers`` and ``check_lengths`` for arrays that have no headers yet."""
    for name, array in arrays.items():
        if array.dtype.name not in ITEM_BYTES:
            raise BadArray(name, f"{array.dtype} does not travel, only {', '.join(ITEM_BYTES)} do")
    headers = [
        ArrayHeader(name, cast(Dtype, array.dtype.name), list(array.shape), "") for name, array in arrays.items()
    ]
    check_headers(kind, headers)
    check_lengths(kind, headers)


def array_bytes(dtype: str, shape: Sequence[int]) -> int:
    """Bytes of a packed array."""
    return math.prod(shape) * ITEM_BYTES[dtype]


def check_headers(kind: type, headers: Sequence[ArrayHeader]) -> None:
    """Raise ``BadArray`` where one of the arrays that ``headers`` announce is none that a ``kind`` carries."""
    by_name = {header.name: header for header in headers}
    if len(by_name) != len(headers):
        raise BadArray("arrays", "two of them have the same name")
    rules = ARRAYS.get(kind, {})
    for name in by_name.keys() - rules.keys():
        raise BadArray(name, f"{kind.__name__} carries no such array")
    for name, rule in rules.items():
        if name not in by_name and not rule.optional:
            raise BadArray(name, f"{kind.__name__} needs this array")
    _check_sizes(headers, MOST_BYTES.get(kind, limits.MAX_MESSAGE_BYTES))
    _check_shapes({name: rules[name] for name in rules if name in by_name}, by_name)


def check_lengths(kind: type, headers: Sequence[ArrayHeader]) -> None:
    """Raise ``BadArray`` where lengths of one letter differ between arrays that are each as they must be."""
    by_name = {header.name: header for header in headers}
    known: dict[str, tuple[int, str]] = {}
    for name, rule in ARRAYS.get(kind, {}).items():
        for length, dimension in zip(by_name[name].shape if name in by_name else (), rule.shape, strict=False):
            first, owner = known.setdefault(str(dimension), (length, name))
            if length != first:
                things = LENGTHS[str(dimension)][2]
                raise BadArray(name, f"has {length} {things} but {owner} has {first}: make them the same")


def _check_sizes(headers: Sequence[ArrayHeader], most: int) -> None:
    total = 0
    for header in headers:
        size = array_bytes(header.dtype, header.shape)
        total += size
        if size > limits.MAX_ARRAY_BYTES or total > most:
            raise BadArray(header.name, f"has {size} bytes, which makes the message too large: send a smaller one")


def _check_shapes(rules: Mapping[str, Rule], headers: Mapping[str, ArrayHeader]) -> None:
    for name, rule in rules.items():
        header = headers[name]
        wanted = f"must be {rule.dtype} of shape ({', '.join(map(str, rule.shape))})"
        if header.dtype != rule.dtype or len(header.shape) != len(rule.shape):
            raise BadArray(name, f"{wanted}, not {header.dtype} of shape {tuple(header.shape)}")
        for length, dimension in zip(header.shape, rule.shape, strict=True):
            if isinstance(dimension, int):
                if length != dimension:
                    raise BadArray(name, f"{wanted}, not {tuple(header.shape)}")
                continue
            least, most, things = LENGTHS[dimension]
            if not least <= length <= most:
                raise BadArray(name, f"has {length} {things}; send {least} to {most}")
