"""How a walk is cut into the ranges of frames that are made at once. Plain numbers: neither Blender nor protocol."""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Range:
    """A range of a walk; all are positions in the walk, from 0.

    Args:
        first, count: of the frames that it adds.
        seen: of the frames whose cameras it is made with: those that are generated, and those that it adds.
    """

    first: int
    count: int
    seen: tuple[int, ...]

    def among(self, frames) -> tuple[int, int]:
        """First and last of its frames on the timeline, ``frames`` being the whole walk's."""
        return int(frames[self.first]), int(frames[self.first + self.count - 1])


@lru_cache(maxsize=16)
def cut(frames: int, length: int, overlap: int, every: int = 1) -> tuple[Range, ...]:
    """The ranges of a walk of ``frames`` frames, as the server plans them.

    Of the frames that are generated (each ``every``-th, and the last) the first range has ``length``; each later one
    begins with the last ``overlap`` of the one before it.
    """
    generated = [*range(0, frames - 1, every), frames - 1]
    found, start, stop = [], 0, 0
    while stop < len(generated):
        stop = min(start + length, len(generated))
        first = found[-1].first + found[-1].count if found else 0
        new = range(first, generated[stop - 1] + 1)
        found.append(Range(first, len(new), tuple(sorted({*generated[start:stop], *new}))))
        start = stop - overlap
    return tuple(found)


def holding(ranges: tuple[Range, ...], position: int) -> int:
    """Which range adds the frame at ``position``."""
    return next(i for i, found in enumerate(ranges) if position < found.first + found.count)


def spans(frames: tuple[int, ...] | list[int]) -> str:
    """Frame numbers in few words: ``1-49, 60``."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(a) if a == b else f"{a}\u2013{b}" for a, b in runs)
