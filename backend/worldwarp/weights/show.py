"""The list of what is wanted and what of it is here, in words, at most 100 columns wide."""

import textwrap
from collections.abc import Iterator

from ..geometry import checkpoint, depth_anything
from ..geometry.checkpoint import WeightsError
from . import needs, registry
from .parts import DEPTH_ANYTHING, PARTS, PROFILES, TTT3R, Part

WIDTH = 100


def everything() -> str:
    """Each profile's needs, then each part."""
    return "\n\n".join(["\n".join(_profile(name) for name in PROFILES), *(entry(part) for part in PARTS)])


def entry(part: Part) -> str:
    """What has to be known of a part, and whether it is here."""
    return f"{terms(part)}\n{_row('state', state(part))}"


def terms(part: Part) -> str:
    """A part: its purpose, files, source, licence."""
    if part is TTT3R:
        return checkpoint.TERMS
    rows = [
        ("files", f"{len(part.files)}, {needs.gigabytes(part.size)} in all"),
        *(("", line) for line in _files(part)),
        ("from", _source(part)),
        ("licence", f"{part.licence}. {part.terms}"),
        ("for", _used(part)),
    ]
    return "\n".join([_wrapped(f"{part.name}: {part.purpose}", "", "  "), *(_row(*row) for row in rows)])


def state(part: Part) -> str:
    """Whether a part is here, and otherwise what gets it."""
    if part is TTT3R:
        return _ttt3r()
    if part is DEPTH_ANYTHING:
        return depth_anything.missing() or f"here, at {depth_anything.folder()}"
    why = needs.absent(part)
    if why == needs.ABSENT:
        return f"not here; `worldwarp weights get {part.name}`"
    if why:
        return f"{why}; run `{registry.CHECK}`"
    record = registry.records()[part.name]
    return f"here, at {needs.folder(part.name)} ({len(record.files)} files, {record.revision})"


def _profile(name: str) -> str:
    needed = ", ".join(part.name for part in PARTS if name in part.needed) or "nothing"
    usable = ", ".join(part.name for part in PARTS if name in part.optional) or "nothing"
    return _wrapped(f"{name:6} needs {needed}; can use {usable}", "", "       ")


def _files(part: Part) -> Iterator[str]:
    """Name, size and the beginning of the digest."""
    for file in part.files:
        about = "" if file.sha256 else "about "
        digest = f"sha256 {file.sha256[:12]}" if file.sha256 else ""
        yield f"{file.path:50} {about + needs.gigabytes(file.size):>12} {digest}".rstrip()


def _source(part: Part) -> str:
    return f"Hugging Face, {part.repository} at {part.revision[:12]}; not distributed here"


def _used(part: Part) -> str:
    return ", ".join([*part.needed, *(f"{name} (can do without)" for name in part.optional)])


def _ttt3r() -> str:
    path = checkpoint.default_path()
    if not path.is_file():
        return f"not here; download it, then `{checkpoint.COMMAND}`"
    try:
        digest = checkpoint.about(path)["digest"]
    except WeightsError as error:
        return str(error)
    return f"here, at {path} ({needs.gigabytes(path.stat().st_size)}, digest {digest[:16]})"


def _row(name: str, text: str) -> str:
    return _wrapped(text, f"  {name:9} ", " " * 12)


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
