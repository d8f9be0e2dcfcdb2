"""Keys that move no more than what is beside them: by Blender's default a late key moves early frames, too."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .keys import BEZIER, FREE, MOVED
from .motion import chain, curves

if TYPE_CHECKING:  # it needs the protocol's package, which may be missing
    from .plan import Row

AUTOMATIC = (1, 4)
"""Handle types as numbers: Automatic, and Auto Clamped, which Blender's new keys have."""

PROPERTIES = (*MOVED, "scale")
"""Of what moves a camera."""

FEWEST_KEYS = 3
"""From so many on the last key's handles move the frames before the key that is beside it."""


def reaching(camera) -> list:
    """Curves that move ``camera`` and whose automatic handles all depend on each other."""
    found = (curve for thing in _movers(camera) for curve in _own(thing))
    return [curve for curve in found if curve.data_path in PROPERTIES and _reaches(curve)]


def reached(camera, row: "Row", still: set[int]) -> bool:
    """Whether the frames of ``row``, of which some have moved, were moved by keys that are not beside them.

    Args:
        still: frames at which the camera is where it was.
    """
    keys = {round(point.co.x) for curve in reaching(camera) for point in curve.keyframe_points}
    start = max((key for key in keys if key <= row.first), default=row.first)
    end = min((key for key in keys if key >= row.last), default=row.last)
    return bool(keys) and {start, end, *(key for key in keys if start < key < end)} <= still


def _movers(camera) -> Iterator:
    """Each once: the camera, its lens, their parents, and what its constraints look at or follow."""
    seen, things = set(), [*chain(camera), camera.data]
    while things:
        thing = things.pop()
        if thing not in seen:
            seen.add(thing)
            yield thing
            targets = (getattr(constraint, "target", None) for constraint in getattr(thing, "constraints", ()))
            things += [other for target in targets for other in chain(target)]


def _own(thing) -> list:
    """Curves of ``thing`` that may be edited in this file."""
    animation = thing.animation_data
    if animation is None or animation.action is None or animation.action.library is not None:
        return []
    return curves(animation)


def _reaches(curve) -> bool:
    keys = curve.keyframe_points
    if curve.auto_smoothing != "CONT_ACCEL" or len(keys) < FEWEST_KEYS or curve.lock:
        return False
    automatic = np.isin([_numbers(keys, f"handle_{side}_type") for side in ("left", "right")], AUTOMATIC)
    return bool((automatic & (_numbers(keys, "interpolation") == BEZIER)).any())


def _numbers(keys, name: str) -> np.ndarray:
    found = np.empty(len(keys), np.int32)
    keys.foreach_get(name, found)
    return found


def keep_local(curve) -> None:
    """Leave all handles where they are; from now on only their own key moves them."""
    keys = curve.keyframe_points
    for side in ("left", "right"):
        keys.foreach_set(f"handle_{side}_type", np.full(len(keys), FREE, np.int32))
    curve.auto_smoothing = "NONE"
    curve.update()
