"""``worldwarp evaluate --suite procedural``: what each part of the method is worth, on held-out made places."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot

from ... import mini, profiles, terminal
from ...engines.compute import numerics
from ..command import SUITES
from . import bootstrap, holes, pictures
from .bootstrap import Interval
from .cells import Result, Suite, features_path, finished, samples, work
from .rows import GROUPS, Row, chosen
from .table import Held, Rows, markdown, means_csv

MARKDOWN, CSV = "ablations.md", "means.csv"

SMALL = {"frames": 17, "width": 96, "height": 64}
"""A chunk and its size where no mini models are there to say."""


def command(arguments: Sequence[str]) -> int:
    """Run rows on places, or go on with it; writes the tables and sheets and prints where."""
    options = _parser().parse_args(arguments)
    rows, suite = chosen(options.rows), _suite(options)
    _check(suite, rows, options)
    began, total = time.monotonic(), len(rows) * options.scenes
    done = total - len(left) if (left := _left(suite, rows, options.scenes)) else total
    for result in work(suite, rows, options.scenes, options.jobs):
        done += 1
        terminal.wipe()
        print(f"{done} of {total}: {result['row']}, place {result['scene'] + 1}: {_psnr(result)} dB", flush=True)
    write(suite, rows, options.scenes)
    print(f"{suite.folder / MARKDOWN} is written; {time.monotonic() - began:.0f} s.")
    return 0


def write(suite: Suite, rows: Sequence[Row], scenes: int) -> None:
    """The tables and sheets of what is finished."""
    held = hold(suite, rows, scenes)
    sheets = {f"place-{n + 1:02d}.png": pictures.sheet(suite.folder, n) for n in range(scenes)}
    for name, sheet in sheets.items():
        if sheet is not None:
            files.write(suite.folder / name, sheet)
    text = markdown(held, floor(suite, rows, scenes), _said(suite, rows, scenes))
    shown = "\n\n".join(f"![{' | '.join(pictures.SHEET)}]({name})" for name, sheet in sheets.items() if sheet)
    files.write(suite.folder / MARKDOWN, f"{text}\n## Pictures\n\n{SEEN}\n\n{shown}\n".encode())
    files.write(suite.folder / CSV, means_csv(held).encode())


SEEN = "Six frames of each walk; from above truth, draft, mini and oracle. Orange: what the picture does not show."


def hold(suite: Suite, rows: Sequence[Row], scenes: int) -> Rows:
    """The results of rows, place by place; rows of which nothing is finished are left out."""
    results = finished(suite, rows, scenes)
    held = {}
    for row in rows:
        own = [results.get((row.name, n)) for n in range(scenes)]
        if any(own):
            held[row.name] = Held(
                _measures(own), _differences(suite, row, [n for n in range(scenes) if own[n]], scenes)
            )
    return held


def floor(suite: Suite, rows: Sequence[Row], scenes: int) -> Interval:
    """KID of the truth against itself: frames of each walk in alternating blocks."""
    results = finished(suite, rows, scenes)
    made, true = [], []
    for n in range(scenes):
        row = next((row for row in rows if not row.back and (row.name, n) in results), None)
        if row is None:
            continue
        with np.load(features_path(suite, row, n), allow_pickle=False) as kept:
            first = holes.halves(kept["frame"])
            if first.any() and not first.all():
                made.append(kept["true"][first])
                true.append(kept["true"][~first])
    if len(made) < 2:
        return Interval(np.nan, np.nan, np.nan)
    differences = holes.kernel_differences(made, true)
    resampled = holes.kid(differences, bootstrap.weights(len(made)))
    return bootstrap.interval(float(holes.kid(differences)[0]), resampled, len(made))


def _measures(own: Sequence[Result | None]) -> dict[str, np.ndarray]:
    names = {name for result in own if result for name in result["measures"]}
    value = [{} if result is None else result["measures"] for result in own]
    return {name: np.array([one.get(name) for one in value], np.float64) for name in sorted(names)}


def _differences(suite: Suite, row: Row, numbers: Sequence[int], scenes: int) -> np.ndarray:
    found = np.full((scenes, scenes), np.nan)
    kept = {}
    for n in numbers:
        with np.load(features_path(suite, row, n), allow_pickle=False) as arrays:
            if len(arrays["frame"]):
                kept[n] = arrays["made"], arrays["true"]
    if kept:
        found[np.ix_(list(kept), list(kept))] = holes.kernel_differences(*zip(*kept.values(), strict=True))
    return found


def _left(suite: Suite, rows: Sequence[Row], scenes: int) -> list[tuple[str, int]]:
    done = finished(suite, rows, scenes)
    return [(row.name, n) for row in rows for n in range(scenes) if (row.name, n) not in done]


def _said(suite: Suite, rows: Sequence[Row], scenes: int) -> list[str]:
    draws = max(samples(suite, row) for row in rows)
    said = [
        f"{scenes} held-out made places, {suite.frames} frames of {suite.width} x {suite.height}, chunks of "
        f"{suite.chunk_frames}, {draws} sample{'s' if draws > 1 else ''} of rows that draw noise; computed with "
        f"{numerics()}. Intervals: 95 %, bootstrap over the places ({bootstrap.RESAMPLES:,} resamples, percentiles "
        "widened for few places); bold where 0 lies outside."
    ]
    if any(row.settings.profile == "mini" for row in rows):
        said.append(f"The mini models: {mini.trained()['label']}.")
    return said


def _suite(options: argparse.Namespace) -> Suite:
    known = SMALL if mini.missing() else mini.trained()
    return Suite(
        folder=options.out,
        frames=options.frames,
        height=options.height or known["height"],
        width=options.width or known["width"],
        chunk_frames=options.chunk_frames or known["frames"],
        samples=options.samples,
    )


def _check(suite: Suite, rows: Sequence[Row], options: argparse.Namespace) -> None:
    """Refuse before any work what cannot be run."""
    for name in {row.settings.profile for row in rows}:
        profiles.check(name)
    for name in ("frames", "chunk_frames"):
        value = getattr(suite, name)
        if value % 4 != 1 or value < 9:
            raise InvalidShot(name.replace("_", "-"), f"is {value}; give 4k + 1, and 9 at least.")
    if suite.frames <= suite.chunk_frames:
        raise InvalidShot("frames", f"are one chunk of {suite.chunk_frames}: nothing is carried on; give more.")
    for name in ("scenes", "jobs", "samples"):
        if getattr(options, name) < 1:
            raise InvalidShot(name, f"is {getattr(options, name)}; give 1 or more.")


def _psnr(result: Result) -> str:
    value = result["measures"]["psnr"]
    return "-" if value is None else f"{value:.2f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="worldwarp evaluate --suite",
        description="Compare variants of the method on held-out made places; goes on where it was cut off.",
    )
    parser.add_argument("--suite", choices=SUITES, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for results, tables and pictures")
    parser.add_argument("--scenes", type=int, default=8, help="held-out places (8)")
    parser.add_argument("--frames", type=int, default=49, help="of each walk, 4k + 1 (49)")
    groups = ", ".join(GROUPS)
    parser.add_argument("--rows", nargs="+", default=["table-3"], help=f"{groups}, or single rows (table-3)")
    parser.add_argument("--samples", type=int, default=1, help="of rows that draw noise, for the best of them (1)")
    parser.add_argument("--width", type=int, help="left out: what the mini models know")
    parser.add_argument("--height", type=int, help="left out: what the mini models know")
    parser.add_argument("--chunk-frames", type=int, help="left out: what the mini models know")
    parser.add_argument("--jobs", type=int, default=1, help="places at a time, each in a process (1)")
    return parser
