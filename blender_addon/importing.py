"""What has come by itself becomes objects piece by piece between two drawings of Blender's, and is then linked at once.

Datablocks that are half made are in no scene. Undo, redo, saving and opening a file give the works up, which leaves
nothing of them; they begin again after it.
"""

from collections.abc import Callable, Hashable
from contextlib import suppress

import bpy
from bpy.app.handlers import persistent

from .pieces import READY, Pieces, T, to_the_end
from .problems import Problem

_works: dict[str, tuple[Hashable, Pieces]] = {}
"""By kind of work: which it is, and what is left of it."""

_ready: set[str] = set()
"""Kinds of work that are ready to be linked, or found that they cannot be done."""


def ready(kind: str, which: Hashable, begin: Callable[[], Pieces]) -> bool:
    """Do a piece more of the work that ``begin`` begins; True once only its last piece is left, or it has failed."""
    if kind not in _works or _works[kind][0] != which:
        _give_up(kind)
        _works[kind] = which, begin()
    if kind in _ready:
        return True
    try:
        if next(_works[kind][1]) == READY:
            _ready.add(kind)
    except (StopIteration, Problem):  # a problem is told to whoever begins it once more, to have it
        _ready.add(kind)
    except ReferenceError:  # what it had made was taken away: it begins again
        _give_up(kind)
    return kind in _ready


def finish(kind: str, which: Hashable, begin: Callable[[], Pieces[T]]) -> T:
    """What that work returns, by its last piece where it has come so far; else by all of it, at once."""
    if kind in _ready and _works[kind][0] == which and _works[kind][1].gi_frame is not None:
        _ready.discard(kind)
        with suppress(ReferenceError):  # what it had made was taken away: all of it again
            return to_the_end(_works.pop(kind)[1])
    _give_up(kind)
    return to_the_end(begin())


def forget() -> None:
    """Give all works up."""
    for kind in list(_works):
        _give_up(kind)


def _give_up(kind: str) -> None:
    _ready.discard(kind)
    if kind in _works:
        _works.pop(kind)[1].close()


@persistent
def _forget(*_) -> None:
    forget()


HANDLERS = ("save_pre", "undo_pre", "redo_pre", "load_pre")


def register() -> None:
    for event in HANDLERS:
        getattr(bpy.app.handlers, event).append(_forget)


def unregister() -> None:
    for event in HANDLERS:
        getattr(bpy.app.handlers, event).remove(_forget)
    forget()
