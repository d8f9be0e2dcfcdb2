"""Tables of the results, in Markdown and CSV: means, paired differences with intervals, controls, the paper's order."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import bootstrap, holes
from .bootstrap import Interval
from .rows import PAPER, ROWS, Row

Array = NDArray[np.float64]

COLUMNS = {
    "psnr": ("PSNR", 2),
    "psnr@50": ("PSNR, frame 50", 2),
    "psnr@200": ("PSNR, frame 200", 2),
    "ssim": ("SSIM", 3),
    "ms_ssim": ("MS-SSIM", 3),
    "R_dist": ("R_dist", 3),
    "T_dist": ("T_dist", 3),
    "lost": ("lost", 2),
    "psnr_picture": ("PSNR, seen in the picture", 2),
    "psnr_generated": ("PSNR, seen in generated frames", 2),
    "psnr_never": ("PSNR, never seen", 2),
    "kid": ("KID in holes", 2),
    "gradient_ratio": ("gradients in holes, over true", 2),
    "best_psnr_holes": ("PSNR in holes, best sample", 2),
    "best_ssim_holes": ("SSIM in holes, best sample", 3),
    "psnr_return": ("PSNR, way back against way out", 2),
}
"""Heading and digits."""

DIFFERENCES = ("psnr", "psnr_picture", "psnr_generated", "psnr_never", "ms_ssim", "R_dist", "T_dist", "kid")

RECOVERED, COSTS = 0.7, 2.0


@dataclass(frozen=True)
class Held:
    """What is known of a row, over s places in the same order as of every other row."""

    measures: Mapping[str, Array]
    """(s,) by name; NaN where there is none."""
    differences: Array
    """(s, s), of ``holes.kernel_differences``; NaN where a place has no holes."""


Rows = dict[str, Held]


def markdown(held: Rows, floor: Interval, said: Sequence[str]) -> str:
    """Everything that is reported; ``said`` are sentences of what was run and on what."""
    parts = ["# What each part is worth", *said, "## Means over the places", _means(held)]
    parts += [f"KID of truth against truth (half of each walk against its other half): {_shown(floor, 2)}.", KEY]
    parts += ["## Paired differences", _paired(held), "## Controls", _bullets(controls(held))]
    parts += ["## The order of the paper's table 3", _bullets(order(held))]
    return "\n\n".join(parts) + "\n"


KEY = (
    "PSNR in dB. R_dist in radians and T_dist in parts of the walk's furthest frame, of cameras found again from the "
    "frames; *lost*: the share that was not found. Zones come from the ray cast alone. *Holes* are what the picture "
    "does not show. KID is on fixed filter statistics of 16 x 16 patches, not on Inception's features: it tells blur "
    "and wrong textures, not wrong objects. PSNR of one sample rewards blur in the holes. LPIPS and FID are not "
    "measured: their networks are not here."
)


def means_csv(held: Rows) -> str:
    """A line for each row: the mean of every measure over the places where it is known."""
    text = io.StringIO()
    names = sorted({name for row in held.values() for name in row.measures})
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "scenes", "kid", *names])
    for name, row in held.items():
        values = [bootstrap.of_mean(row.measures[m]).value if m in row.measures else np.nan for m in names]
        writer.writerow([name, len(row.differences), *(f"{v:.6g}" for v in (kid(row).value, *values))])
    return text.getvalue()


def difference(held: Rows, row: str, against: str, measure: str) -> Interval:
    """Row minus the other row, paired over the places."""
    a, b = held[row], held[against]
    if measure != "kid":
        nothing = np.full(len(a.differences), np.nan)
        return bootstrap.of_mean(a.measures.get(measure, nothing) - b.measures.get(measure, nothing))
    return kid(Held({}, a.differences - b.differences))


def kid(row: Held) -> Interval:
    """KID of a row over the places that have holes."""
    known = np.isfinite(row.differences).all(0)
    differences = row.differences[known][:, known]
    count = len(differences)
    if not count:
        return Interval(np.nan, np.nan, np.nan)
    return bootstrap.interval(float(holes.kid(differences)[0]), holes.kid(differences, bootstrap.weights(count)), count)


def controls(held: Rows) -> list[str]:
    """Sentences: whether the suite itself can be believed."""
    return [_oracle_beats_all(held), _errors_cost(held), *(_memory(held, of) for of in ("oracle", "mini"))]


def order(held: Rows) -> list[str]:
    """Sentences: whether neighbours stand as in the paper's table 3, by PSNR."""
    said = []
    for lower, higher in PAPER:
        if lower in held and higher in held:
            found = difference(held, higher, lower, "psnr")
            verdict = {1: "as in the paper", 0: "not told apart", -1: "**reversed**"}[found.sign]
            said.append(f"*{higher}* minus *{lower}*: {_shown(found, 2)} dB: {verdict}.")
    return said or ["Not run."]


def _oracle_beats_all(held: Rows) -> str:
    others = [name for name in held if name in ROWS and _plain(ROWS[name])]
    if "oracle" not in held or not others:
        return "The oracle beats all: not run."
    gains = {name: difference(held, "oracle", name, "psnr") for name in others}
    nearest = min(gains, key=lambda name: gains[name].value)
    verdict = _verdict(min(found.value for found in gains.values()) > 0)
    return f"The oracle beats all: {verdict}; the nearest is *{nearest}*, {_shown(gains[nearest], 2)} dB behind."


def _errors_cost(held: Rows) -> str:
    exact, aligned, wrong = "oracle", "oracle, wrong geometry aligned", "oracle, wrong geometry unaligned"
    if not {exact, aligned, wrong} <= held.keys():
        return "Pose errors cost, alignment recovers: not run."
    cost = difference(held, exact, wrong, "psnr_seen_later")
    back = difference(held, aligned, wrong, "psnr_seen_later")
    share = back.value / cost.value
    return (
        f"3 degrees and 0.7 x cost at least {COSTS:g} dB of what was seen before, after the first chunk: "
        f"{_verdict(cost.value >= COSTS)} ({_shown(cost, 2)} dB); alignment recovers at least {RECOVERED:.0%}: "
        f"{_verdict(share >= RECOVERED)} ({share:.0%})."
    )


def _memory(held: Rows, of: str) -> str:
    pair = f"return, {of}", f"return, {of}, no memory"
    if not set(pair) <= held.keys():
        return f"Memory helps on the way back ({of}): not run."
    found = difference(held, *pair, "psnr_return")
    return f"Memory helps on the way back ({of}): {_verdict(found.sign > 0)} ({_shown(found, 2)} dB)."


def _plain(row: Row) -> bool:
    """Whether a row is the method on an ordinary walk, without a stand-in."""
    return row.fill == "profile" and not row.back


def _verdict(holds: bool) -> str:
    return "holds" if holds else "**does not hold**"


def _means(held: Rows) -> str:
    names = [name for name in COLUMNS if name == "kid" or any(name in row.measures for row in held.values())]
    lines = [["row", *(COLUMNS[name][0] for name in names), "note"]]
    for name, row in held.items():
        cells = []
        for measure in names:
            values = row.measures.get(measure, np.array([np.nan]))
            value = kid(row).value if measure == "kid" else bootstrap.of_mean(values).value
            cells.append(f"{value:.{COLUMNS[measure][1]}f}" if np.isfinite(value) else "-")
        lines.append([name, *cells, ROWS[name].note])
    return _table(lines)


def _paired(held: Rows) -> str:
    lines = [["row", "against", *(COLUMNS[name][0] for name in DIFFERENCES)]]
    for name in held:
        against = ROWS[name].against
        if against in held:
            cells = [_shown(difference(held, name, against, one), COLUMNS[one][1]) for one in DIFFERENCES]
            lines.append([name, against, *cells])
    return _table(lines) if len(lines) > 1 else "No pair was run."


def _shown(found: Interval, digits: int) -> str:
    if not np.isfinite(found.value):
        return "-"
    if not np.isfinite(found.low):
        return f"{found.value:.{digits}f}"
    text = f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"
    return f"**{text}**" if found.sign else text


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *body = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *body])


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
