"""The files of a result folder: which of what lies there WorldWarp wrote, and what is done to those alone.

Whatever is a link or lies behind one is somebody else's: it is neither deleted nor copied.
"""

import json
import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

from .problems import Problem

TOP = re.compile(
    r"shot\.json|shot\.json\.part|cameras\.npz|points\.ply|video\.mp4|prores(4444)?\.mov|ffv1\.mkv|transforms\.json"
)
"""Files of the folder itself, as docs/formats.md lists them."""

NUMBERED = r"\d{4,}\."

COLMAP = r"(cameras|images|points3D)\.(txt|bin)"

BELOW = {
    r"frames|provenance|plate(_\d+x\d+)?": NUMBERED + "png",
    r"points": NUMBERED + "ply",
    r"exr|linear": NUMBERED + "exr",
    r"noise": r"chunk_\d{4,}\.png",
    r"world": r"(points|mesh|gaussians)\.ply|mesh\.glb|gaussians\.splat",
    r"inputs": r"[0-9a-f]{64}\.\w+",
    r"colmap(_binary)?": COLMAP,
    r"timeline/(exr|linear|plate|frames)": r"\d+\.(exr|png)",
}
"""Folders below it, and the files that are ours in them."""

RECORD = "shot.json"

FIELDS = {"name": str, "run": str, "state": str, "colour_space": str, "frames": int, "settings": dict, "chunks": list}
"""Of a ``shot.json``, that are looked at here."""

OF_CHUNK = {"first": int, "count": int, "meta": dict}

PIECE = 4 * 2**20
"""Bytes that are copied at once: a few milliseconds' work."""


def run_of(folder: Path) -> str | None:
    """The id of the run whose result ``folder`` holds; None where it holds none that can be told."""
    found = described(folder)
    return None if found is None else str(found.get("run", ""))


def described(folder: Path) -> dict | None:
    """What ``shot.json`` says; None where there is none that can be read."""
    try:
        return parsed((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def parsed(text: str) -> dict:
    """A ``shot.json`` whose fields, where they are there, are what they should be; else raises ``ValueError``."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it describes no shot")
    _check(found, FIELDS)
    for chunk in found.get("chunks", []):
        if not isinstance(chunk, dict):
            raise ValueError("chunks are damaged")
        _check(chunk, OF_CHUNK)
    return found


def _check(found: dict, fields: dict[str, type]) -> None:
    for name, kind in fields.items():
        if name in found and not isinstance(found[name], kind):
            raise ValueError(f"{name} is damaged")


def ours(folder: Path) -> list[Path]:
    """The files in ``folder`` that WorldWarp wrote, relative to it, ``shot.json`` last."""
    if _is_link(folder):
        return []
    found = [Path(name) for name in _files(folder) if TOP.fullmatch(name)]
    for below in _folders(folder):
        names = next((names for places, names in BELOW.items() if re.fullmatch(places, below.as_posix())), None)
        if names is not None:
            found += [below / name for name in _files(folder / below) if re.fullmatch(names, name)]
    return sorted(found, key=lambda path: (path.name == RECORD, path))


def size(folder: Path) -> int:
    """Bytes of the files in ``folder`` that WorldWarp wrote."""
    return sum((folder / path).stat().st_size for path in ours(folder))


def _folders(folder: Path) -> list[Path]:
    """Folders in ``folder`` and in its ``timeline``, relative to it; no links."""
    top = [Path(name) for name in _names(folder, os.DirEntry.is_dir)]
    below = [Path("timeline") / name for name in _names(folder / "timeline", os.DirEntry.is_dir)]
    return [path for path in top + below if not any(map(_is_link, [folder / path, (folder / path).parent]))]


def _files(folder: Path) -> list[str]:
    return _names(folder, os.DirEntry.is_file)


def _names(folder: Path, kind) -> list[str]:
    """Names of what is of that kind in ``folder``, without links; [] where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if kind(entry, follow_symlinks=False)]
    except OSError:
        return []


def _is_link(path: Path) -> bool:
    """Whether ``path`` itself leads elsewhere: a link, or a junction of Windows."""
    there = Path(os.path.realpath(path.parent)) / path.name
    return os.path.normcase(os.path.realpath(path)) != os.path.normcase(there)


def delete(folder: Path) -> int:
    """Delete what WorldWarp wrote in ``folder``, and the folders that are empty then; says how many files stay.

    Raises:
        Problem: a file cannot be deleted; those before it are gone.
    """
    for path in ours(folder):
        try:
            (folder / path).unlink()
        except OSError as error:
            raise Problem(f"{folder / path} cannot be deleted ({error.strerror}): close what uses it") from None
    for below in [*sorted(_folders(folder), reverse=True), Path()]:
        if not _is_link(folder / below):
            _drop_if_empty(folder / below)
    return sum(len(names) for _, _, names in os.walk(folder))


def _drop_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def copying(folder: Path, target: Path) -> Generator[float, None, None]:
    """Copy what WorldWarp wrote in ``folder`` to ``target``, which appears once it is whole.

    Copies ``PIECE`` bytes at most for each ``next``, which says what share is there; where it does not come to its end,
    it takes back what it wrote.

    Raises:
        Problem: there is something already, or it cannot be written.
    """
    part, paths = target.with_name(target.name + ".part"), ours(folder)
    try:
        sizes = [(folder / path).stat().st_size for path in paths]
        done, whole = 0, max(1, sum(sizes))
        for path in paths:
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            for size in _copy_file(folder / path, part / path):
                done += size
                yield min(1.0, done / whole)
        part.rename(target)
    except OSError as error:
        delete(part)
        raise Problem(
            f"{folder} cannot be copied to {target} ({error.strerror}): make room there, or move it"
        ) from None
    except GeneratorExit:
        delete(part)
        raise


def _copy_file(path: Path, target: Path) -> Generator[int, None, None]:
    with path.open("rb") as source, target.open("wb") as copy:
        while piece := source.read(PIECE):
            copy.write(piece)
            yield len(piece)
    shutil.copystat(path, target)
