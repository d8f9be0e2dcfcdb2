"""The suite's work, cell by cell (a row on a place), and its results: one JSON line for each finished cell.

A folder holds ``results.jsonl``; ``features/`` with the hole statistics of each cell; ``pictures/`` with strips of
frames; ``places/``, the truth; and ``store/``, the chunks. Whatever was cut off goes on: chunks by their recipes, cells
by their keys, in which everything counts that a result depends on.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from worldwarp_protocol import files

from ... import profiles, terminal
from ...engines.compute import numerics
from ...outputs.pictures import encode_png
from ...store import Store
from . import holes, measures, oracle, pictures
from .places import Place, place, there_and_back
from .procedural import run
from .rows import Row
from .zones import Zones, zones

VERSION = "1"

RESULTS = "results.jsonl"

BEST_OF = ("psnr_holes", "ssim_holes", "psnr_never", "ssim_never")
"""Measures of which the best of several samples is taken, too."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """What all cells have in common."""

    folder: Path
    frames: int
    """Of a walk, 4k + 1."""
    height: int
    width: int
    chunk_frames: int
    samples: int = 1
    """Of rows that draw noise: the first one is measured, and ``best_..`` is the best of all."""


@dataclass(frozen=True)
class Cell:
    """A row on a place."""

    row: Row
    number: int
    """Of the place, from 0."""


def key(suite: Suite, row: Row) -> str:
    """What the results of a row depend on, as a digest; the place's number is not in it."""
    of = [VERSION, oracle.VERSION, msgspec.to_builtins(row), profiles.recipe(row.settings), numerics()]
    of += [suite.frames, suite.height, suite.width, suite.chunk_frames, samples(suite, row)]
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]


def samples(suite: Suite, row: Row) -> int:
    """How many a row is run for: one where no noise is drawn."""
    draws = row.settings.profile != "draft" and row.fill == "profile"
    return suite.samples if draws else 1


def finished(suite: Suite, rows: Sequence[Row], scenes: int) -> dict[tuple[str, int], Result]:
    """The results that are there, by row and place; those of other settings or other code are left out."""
    keys = {row.name: key(suite, row) for row in rows}
    found = {}
    for result in _read(suite.folder / RESULTS):
        if keys.get(result["row"]) == result["key"] and result["scene"] < scenes:
            found[result["row"], result["scene"]] = result
    return found


def work(suite: Suite, rows: Sequence[Row], scenes: int, jobs: int) -> Iterator[Result]:
    """Compute what is not finished, place by place, in so many processes; each result is on disk before it is given."""
    done = finished(suite, rows, scenes)
    left = [Cell(row, number) for number in range(scenes) for row in rows if (row.name, number) not in done]
    for result in _computed(suite, left, jobs):
        _append(suite.folder / RESULTS, result)
        yield result


def compute(suite: Suite, cell: Cell) -> Result:
    """Run a row on a place and measure it."""
    row = cell.row
    truth, seen = _truth(suite, cell.number, row.back)
    store = Store(suite.folder / "store")
    first, *others = (
        run(row, truth, store, suite.chunk_frames, seed, terminal.show) for seed in range(samples(suite, row))
    )
    found = measures.measure(first, truth, seen, suite.chunk_frames, row.back, terminal.show)
    each = [measures.by_zone(made.frames, truth.rgb, seen) for made in (first, *others)]
    found |= {f"best_{name}": float(np.max([one[name] for one in each])) for name in BEST_OF}
    at = holes.places_of(seen.holes)
    made_of = {"made": holes.features(first.frames, at), "true": holes.features(truth.rgb, at), "frame": at[:, 0]}
    files.write(features_path(suite, row, cell.number), _npz(made_of))
    files.write(
        pictures.path(suite.folder, row.name, cell.number), encode_png(pictures.strip(first.frames, seen.holes))
    )
    plain = {name: value if np.isfinite(value) else None for name, value in found.items()}
    return {
        "row": row.name,
        "scene": cell.number,
        "key": key(suite, row),
        "seconds": first.seconds,
        "measures": plain,
    }


def features_path(suite: Suite, row: Row, number: int) -> Path:
    """Where the hole statistics of a cell are kept."""
    return suite.folder / "features" / f"{row.name.replace(' ', '_')}-{number:03d}.npz"


@lru_cache(maxsize=4)
def _truth(suite: Suite, number: int, back: bool) -> tuple[Place, Zones]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = place(suite.folder / "places", number, suite.frames, suite.height, suite.width, device)
    found = there_and_back(found) if back else found
    return found, zones(found)


def _computed(suite: Suite, cells: Sequence[Cell], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from (compute(suite, cell) for cell in cells)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as processes:
        try:
            by_place = [processes.submit(_place, suite, one) for one in _by_place(cells)]
            for future in as_completed(by_place):
                yield from future.result()
        finally:
            processes.shutdown(cancel_futures=True)


def _by_place(cells: Sequence[Cell]) -> list[list[Cell]]:
    return [[cell for cell in cells if cell.number == n] for n in sorted({cell.number for cell in cells})]


def _place(suite: Suite, cells: Sequence[Cell]) -> list[Result]:
    return [compute(suite, cell) for cell in cells]


def _append(path: Path, result: Result) -> None:
    """Add a line and have it on the disk; a last line that was torn is taken away first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.seek(0)
        held = file.read()
        file.truncate(held.rfind(b"\n") + 1)
        file.write(json.dumps(result, sort_keys=True, allow_nan=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> list[Result]:
    if not path.exists():
        return []
    whole, _, _torn = path.read_text("utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def _npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
