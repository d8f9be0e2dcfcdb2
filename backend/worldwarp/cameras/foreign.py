"""What the readers of other tools' files share: numbers in lines, frames by names and times, poses and sizes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES

from ..outputs.pictures import check_file
from .cameras import Array
from .retiming import NTSC
from .sizes import Size

HUGE = 1e15
"""No number of a path is larger: microseconds of 30 years are not."""

LARGEST_SIDE = 1 << 16
"""Of a picture, in pixels."""

LAST_FRAME = 2**31 - 1
"""Frame numbers travel in 32 bits."""


@dataclass(frozen=True)
class Given:
    """What a user says about a path where its file does not."""

    width: int | None = None
    height: int | None = None
    focal: float | None = None
    """Pixels."""
    fps: float | None = None


def fault(place: object, why: str) -> InvalidShot:
    """An error about a file, or a place in it."""
    return InvalidShot("path", f"{place}: {why}.")


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of each line that is no comment, without white space around it; empty ones, too.

    Raises:
        InvalidShot: there is no such file, or it is not UTF-8 text.
    """
    check_file("path", path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.lstrip().startswith("#"):
                    yield f"{path}, line {number}", line.strip()
    except UnicodeDecodeError:
        raise fault(path, "is not text, and no other file of cameras that is known") from None
    except OSError as error:
        raise fault(path, f"cannot be read ({error.strerror}); check the file") from None


def numbers(words: Sequence[str], place: str) -> list[float]:
    """The words as numbers.

    Raises:
        InvalidShot: one of them is none.
    """
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError:
            raise fault(place, f"{word[:40]!r} is not a number") from None
    check_finite(values, place)
    return values


def check_finite(values: Sequence[float] | Array, place: object) -> None:
    """Raise ``InvalidShot`` where a value is not a number that a path can have."""
    if not (np.abs(values) <= HUGE).all():  # so that NaN is refused
        raise fault(place, f"holds a value that is not finite or beyond {HUGE:.0e}; write the path again without it")


def check_count(count: int, place: object) -> None:
    """Raise ``InvalidShot`` unless a path can have so many cameras."""
    if not count:
        raise fault(place, "holds no cameras")
    if count > MAX_FRAMES:
        raise fault(place, f"holds {count:,} cameras or more; a path has at most {MAX_FRAMES:,}")


def size_of(place: object, found: tuple[float | None, float | None], given: Given) -> Size:
    """Width and height of the pictures: the file's, or given where it does not say.

    Raises:
        InvalidShot: neither says, or it is no size.
    """
    sides = []
    for name, mine, yours in zip(("width", "height"), found, (given.width, given.height), strict=True):
        side = yours if mine is None else mine
        if side is None:
            raise fault(place, f"does not say the pictures' {name}; give --width and --height")
        if not (1 <= side <= LARGEST_SIDE and side == int(side)):
            raise fault(place, f"has a {name} of {side:g} pixels; it is a whole number from 1 to {LARGEST_SIDE:,}")
        sides.append(int(side))
    return sides[0], sides[1]


def intrinsics(fx: float, fy: float, cx: float, cy: float) -> Array:
    """(3, 3)."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def in_order(names: Sequence[str]) -> tuple[list[int], NDArray[np.int64]]:
    """Pictures by name, as positions in ``names``, and their frame numbers.

    Digits count as numbers: ``f9.png`` comes before ``f10.png``. A frame's number is the last one in its file's name
    where these rise; else they are 1, 2, ...
    """
    order = sorted(range(len(names)), key=lambda i: re.sub("[0-9]+", lambda digits: digits[0].zfill(24), names[i]))
    found = [re.findall("[0-9]+", PurePosixPath(names[i]).stem)[-1:] for i in order]
    frames = [int(digits[0]) for digits in found if digits and len(digits[0]) < 20]
    rising = all(a < b for a, b in pairwise(frames)) and max(frames, default=0) <= LAST_FRAME
    if len(frames) == len(names) and rising:
        return order, np.array(frames, np.int64)
    return order, np.arange(1, len(names) + 1)


def in_time(path: Path, seconds: Array, fps: float | None) -> tuple[NDArray[np.int64], float]:
    """Frame numbers from 1 and frames per second, from each camera's time; gaps stay gaps.

    Args:
        seconds: (n,).
        fps: as given, or None: what the times have, to the nearest usual rate within 0.05 %.

    Raises:
        InvalidShot: the times do not rise, or two of them fall on one frame.
    """
    steps = np.diff(seconds)
    if len(steps) and steps.min() <= 0:
        raise fault(path, f"camera {int(np.argmin(steps > 0)) + 2} is not later than the one before; sort it by time")
    rate = (_rate(steps) if len(steps) else 24.0) if fps is None else fps
    elapsed = np.rint((seconds - seconds[0]) * rate)
    if not elapsed[-1] < LAST_FRAME:
        raise fault(path, f"takes {elapsed[-1]:.3g} frames at {rate:.5g} a second; check its times")
    if (np.diff(elapsed) < 1).any():
        raise fault(path, f"has several cameras in one frame at {rate:.5g} frames a second; give a higher --fps")
    return 1 + elapsed.astype(np.int64), rate


def _rate(steps: Array) -> float:
    """Frames per second: by the whole time, so that rounded times do no harm; where frames are missing, too."""
    usual_step = np.sort(steps)[(len(steps) - 1) // 2]
    frames = np.maximum(np.rint(steps / usual_step), 1).sum()
    rate = float(frames / steps.sum())
    nearest = min(round(rate), round(rate / NTSC) * NTSC, key=lambda one: abs(one - rate))
    return nearest if abs(nearest - rate) < 5e-4 * rate else rate
