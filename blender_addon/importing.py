"""A result that has come by itself is read piece by piece between two drawings of Blender's, and then placed at once.

Nothing of Blender's is held from one piece to the next: the user may undo, or open another file, meanwhile.
"""

from collections.abc import Generator
from pathlib import Path

from .importer import Result, read_result, reading
from .problems import Problem


class _Now:
    folder: Path | None = None
    work: Generator[None, None, Result] | None = None
    result: Result | None = None


def ready(folder: Path) -> bool:
    """Read a bounded piece more of ``folder``; True once all of it is read, or cannot be."""
    if _Now.folder != folder:
        forget()
        _Now.folder, _Now.work = folder, reading(folder)
    if _Now.work is None:
        return True
    try:
        next(_Now.work)
    except StopIteration as end:
        _Now.work, _Now.result = None, end.value
    except Problem:  # ``take`` says it, to whoever wants the result
        _Now.work = None
    return _Now.work is None


def take(folder: Path) -> Result:
    """What was read of ``folder``, else all of it now; raises ``Problem`` as ``read_result``."""
    found = _Now.result if _Now.folder == folder else None
    forget()
    return found or read_result(folder)


def forget() -> None:
    _Now.folder = _Now.work = _Now.result = None
