"""Pictures of the results: a strip of frames for each cell, and sheets of strips for each place."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...nouns import Bytes
from ...outputs.pictures import decode_png, encode_png
from .zones import Mask

SHOWN = 6
"""Frames of a strip, evenly over the walk."""

TINT, SHARE = np.array([255, 96, 0]), 0.22
"""Orange, over what the picture did not show."""

SHEET = ("truth", "draft", "mini", "oracle")
"""Rows of a sheet, as far as they were run."""

WIDEST = 1500
LABEL, GAP = 90, 4
PAPER, INK = (255, 255, 255), (30, 30, 30)


def strip(frames: Bytes, holes: Mask) -> Bytes:
    """Frames (n, H, W, 3) of a walk side by side, (H, about 6 W, 3), their holes tinted."""
    chosen = np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)
    tinted = np.where(holes[..., None], (1 - SHARE) * frames + SHARE * TINT, frames)[chosen]
    gap = np.full((SHOWN, tinted.shape[1], GAP, 3), 255.0)
    return np.hstack(list(np.concatenate([tinted, gap], 2)))[:, :-GAP].round().astype(np.uint8)


def path(folder: Path, row: str, number: int) -> Path:
    """Where the strip of a row on a place is kept."""
    return folder / "pictures" / f"{row.replace(' ', '_')}-{number:03d}.png"


def sheet(folder: Path, number: int, rows: Sequence[str] = SHEET) -> bytes | None:
    """A PNG of a place's strips one above the other, with their names; None where there are none."""
    there = [(row, path(folder, row, number)) for row in rows]
    strips = [(row, Image.fromarray(decode_png(file.read_bytes()))) for row, file in there if file.exists()]
    if not strips:
        return None
    width, height = strips[0][1].size
    scale = max(1, WIDEST // width)
    size = LABEL + scale * width, len(strips) * (scale * height + GAP) - GAP
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    for i, (row, one) in enumerate(strips):
        top = i * (scale * height + GAP)
        image.paste(one.resize((scale * width, scale * height), Image.Resampling.NEAREST), (LABEL, top))
        draw.text((8, top + scale * height // 2), row, INK, ImageFont.load_default(16), anchor="lm")
    return encode_png(np.asarray(image))
