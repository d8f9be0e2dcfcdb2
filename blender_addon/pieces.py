"""Work in bounded pieces: a generator does one for each ``next``, and returns what it made.

What Blender's main thread does between two drawings is one piece. The last one, which the scene sees, is announced by
yielding ``READY``: it is one undo step of its own.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import bpy

T = TypeVar("T")

READY = "ready"
"""What a work yields before its last piece: until then nothing of it is in any scene."""

Pieces = Generator[str | None, None, T]


def to_the_end(work: Pieces[T]) -> T:
    """All pieces of ``work`` that are left: what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def blocks(count: int, size: int) -> Iterator[slice]:
    """The rows of ``count``, at most ``size`` at once."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


@contextmanager
def whole_or_nothing():
    """A list for the datablocks that are made inside: they go again where it is left before the end."""
    made: list[bpy.types.ID] = []
    try:
        yield made
    except BaseException:  # GeneratorExit too: a work that is given up
        for block in reversed(made):
            _remove(block)
        raise


def _remove(block: bpy.types.ID) -> None:
    with suppress(ReferenceError):  # it may be gone already
        if block.name:
            bpy.data.batch_remove([block])
