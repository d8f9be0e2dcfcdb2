"""The noise levels of a chunk over its steps, drawn as the paper's figure 9."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..nouns import Bytes, NoiseMap
from .noise import levels

ANCHORS = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ]
)
"""Equally spaced colours of even steps in lightness: dark purple, teal, green, yellow."""

COLUMNS = 12
CELL = 90
"""Pixels that the longer side of a cell comes close to."""

LEAST = (40, 16)
"""Width and height of a cell that leave room for its labels."""

GAP, MARGIN, BAND, ROW_LABEL = 4, 16, 22, 48
TITLE_SIZE, LABEL_SIZE = 18, 13
HEAD, FOOT = 76, 56
PAPER, INK, FADED, FROZEN = (255, 255, 255), (30, 30, 30), (110, 110, 110), (226, 219, 240)
TITLE = "Noise level of every token: latent frames down, denoising steps across"


def figure(noise: NoiseMap, schedule: NDArray[np.float64]) -> Bytes:
    """Draw the levels as an image (h, w, 3), display-referred sRGB.

    A row is a latent frame, with the numbers of its frames beside it; a column is one of about 12 steps, with its sigma
    above it; a cell is the grid of tokens. Rows that stay at 0 from the first one on, the context, are marked.

    A colour stands for the part of the schedule that is left at its level, from dark purple (none, sigma 0) to yellow
    (all of it, sigma 1): on a shifted schedule most of the steps lie close to sigma 1, and would look all alike.
    """
    steps = np.unique(np.rint(np.linspace(0, len(schedule) - 1, COLUMNS)).astype(int))
    cells = _coloured(levels(noise, schedule)[steps], schedule)
    scale = max(1, CELL // max(noise.start.shape[1:]))
    cells = cells.repeat(scale, axis=2).repeat(scale, axis=3)
    pitch = tuple(max(side, least) + GAP for side, least in zip(cells.shape[3:1:-1], LEAST, strict=True))
    left, right = MARGIN + BAND + ROW_LABEL, _font(TITLE_SIZE).getlength(TITLE)
    width = max(left + pitch[0] * len(steps), int(right) + MARGIN) + MARGIN
    image = Image.new("RGB", (width, HEAD + pitch[1] * len(noise.start) + FOOT), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN - 4), TITLE, INK, _font(TITLE_SIZE))
    _mark_frozen(image, noise, pitch[1])
    _label(draw, steps, schedule, len(noise.start), pitch)
    _colour_bar(image, noise, schedule)
    picture = np.asarray(image).copy()
    for column in range(len(steps)):
        for row in range(len(noise.start)):
            _paste(picture, cells[column, row], left + column * pitch[0], HEAD + row * pitch[1])
    return picture


def _coloured(sigma: NDArray[np.floating], schedule: NDArray[np.float64]) -> Bytes:
    """Colours (..., 3) of levels: the part of the schedule that is left at each, looked up among the anchors."""
    left = np.interp(sigma, schedule[::-1], np.linspace(0, 1, len(schedule)))
    at = np.linspace(0, 1, len(ANCHORS))
    channels = [np.interp(left, at, channel) for channel in ANCHORS.T]
    return np.asarray(np.rint(np.stack(channels, -1)), np.uint8)


def _paste(picture: Bytes, cell: Bytes, x: int, y: int) -> None:
    picture[y : y + cell.shape[0], x : x + cell.shape[1]] = cell


def _mark_frozen(image: Image.Image, noise: NoiseMap, pitch: int) -> None:
    """A band beside and behind the leading rows whose tokens are all at 0, with a word on its side."""
    rows = int(np.cumprod((noise.start == 0).all((1, 2))).sum())
    if not rows:
        return
    height = rows * pitch
    band = Image.new("RGB", (height, image.width - 2 * MARGIN), FROZEN)
    font = _font(LABEL_SIZE)
    word = "frozen" if font.getlength("frozen") < height else ""
    ImageDraw.Draw(band).text((height / 2, BAND / 2), word, INK, font, anchor="mm")
    image.paste(band.transpose(Image.Transpose.ROTATE_90), (MARGIN, HEAD - GAP // 2))


def _label(
    draw: ImageDraw.ImageDraw, steps: NDArray[np.int_], schedule: NDArray[np.float64], rows: int, pitch: tuple[int, ...]
) -> None:
    """Step and sigma above the columns, numbers of frames beside the rows."""
    font, left = _font(LABEL_SIZE), MARGIN + BAND + ROW_LABEL
    draw.text((left - 8, HEAD - 26), "step", FADED, font, anchor="rm")
    draw.text((left - 8, HEAD - 11), "sigma", INK, font, anchor="rm")
    for column, step in enumerate(steps):
        x = left + column * pitch[0] + (pitch[0] - GAP) / 2
        draw.text((x, HEAD - 26), str(step), FADED, font, anchor="mm")
        draw.text((x, HEAD - 11), f"{schedule[step]:.3f}", INK, font, anchor="mm")
    for row in range(rows):
        y = HEAD + row * pitch[1] + (pitch[1] - GAP) / 2
        draw.text((left - 8, y), f"{4 * row - 3}-{4 * row}" if row else "0", INK, font, anchor="rm")


def _colour_bar(image: Image.Image, noise: NoiseMap, schedule: NDArray[np.float64]) -> None:
    """All colours below the cells, with sigma 0, the lowest level that tokens are held at (sigma_start), and 1."""
    left, length, height = MARGIN + BAND + ROW_LABEL, 360, 14
    top = image.height - FOOT + 12
    along = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(schedule)), schedule[::-1])
    image.paste(Image.fromarray(_coloured(np.tile(along, (height, 1)), schedule)), (left, top))
    draw, font = ImageDraw.Draw(image), _font(LABEL_SIZE)
    draw.text((left - 8, top + height / 2), "sigma", INK, font, anchor="rm")
    held = float(noise.start[noise.start > 0].min(initial=1))
    for sigma, word in {0.0: "0", held: f"start {held:.4g}", 1.0: "1"}.items():
        x = left + int(np.interp(sigma, schedule[::-1], np.linspace(0, length - 1, len(schedule))))
        draw.line((x, top + height, x, top + height + 4), INK)
        # Beside its mark, away from the end that it may be close to.
        anchor = "mm" if word in "01" else "rm" if x > left + length / 2 else "lm"
        draw.text((x, top + height + 12), word, INK, font, anchor)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
