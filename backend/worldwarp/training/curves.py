"""The course of a training: rows in CSV files, and a picture of them."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from worldwarp_protocol import files

LOSS, HELD_OUT, PICTURE = "loss.csv", "held_out.csv", "curves.png"
WIDTH, PANEL = 960, 150
LEFT, RIGHT = 84, 936
PAPER, INK, FADED, GRID, LINE = (255,) * 3, (30,) * 3, (110,) * 3, (225,) * 3, (0, 90, 156)

Rows = list[dict[str, float]]


def append(path: Path, row: Mapping[str, float]) -> None:
    """Add a row to a CSV file; the first one names its columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow({name: f"{value:.8g}" for name, value in row.items()})


def read(path: Path) -> Rows:
    """The rows of a CSV file; a last one that was torn is left out."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items()} for row in rows if all(row.values())]


def cut(folder: Path, step: int) -> None:
    """Take away what was written after the checkpoint of ``step``: it comes again."""
    for path in (folder / LOSS, folder / HELD_OUT):
        rows = [row for row in read(path) if row["step"] <= step]
        if not rows:
            path.unlink(missing_ok=True)
            continue
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.8g}" for name, value in row.items()} for row in rows)
        files.write(path, text.getvalue().encode())


def draw(folder: Path, title: str) -> None:
    """Write ``curves.png``: a panel for each column of both files, logarithmic where all values are positive."""
    panels = [
        (f"{name}{where}", [row["step"] for row in rows], [row[name] for row in rows])
        for rows, where in ((read(folder / LOSS), ""), (read(folder / HELD_OUT), ", held out"))
        for name in (rows[0] if rows else {})
        if name != "step"
    ]
    image = Image.new("RGB", (WIDTH, 40 + PANEL * max(1, len(panels))), PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((LEFT, 12), title, INK, _font(18))
    most = max((steps[-1] for _, steps, _ in panels), default=1.0)
    for i, (name, steps, values) in enumerate(panels):
        _panel(pen, 40 + PANEL * i, name, np.array(steps) / most, values)
    data = io.BytesIO()
    image.save(data, "PNG")
    files.write(folder / PICTURE, data.getvalue())


def _panel(pen: ImageDraw.ImageDraw, top: int, name: str, x: np.ndarray, values: Sequence[float]) -> None:
    y = np.array(values)
    y = np.where(np.isfinite(y), y, np.nan)
    logarithmic = bool(np.nanmin(y) > 0 and np.nanmax(y) > 5 * np.nanmin(y)) if np.isfinite(y).any() else False
    heights = np.log10(y) if logarithmic else y
    low, high = (np.nanmin(heights), np.nanmax(heights)) if np.isfinite(y).any() else (0.0, 1.0)
    pen.text((LEFT, top), f"{name}, logarithmic" if logarithmic else name, INK, _font(13))
    above, below = top + 24, top + PANEL - 18
    for share in (0.0, 0.5, 1.0):
        value, at = low + share * (high - low), below - share * (below - above)
        pen.line([(LEFT, at), (RIGHT, at)], GRID)
        pen.text((LEFT - 8, at), f"{10**value if logarithmic else value:.4g}", FADED, _font(13), anchor="rm")
    ups = (heights - low) / max(high - low, 1e-12)
    points = [
        (LEFT + float(a) * (RIGHT - LEFT), below - float(b) * (below - above))
        for a, b in zip(x, ups, strict=True)
        if np.isfinite(b)
    ]
    if len(points) > 1:
        pen.line(points, LINE, 2, joint="curve")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
