"""The health of a path, drawn: what is known as a strip and a line, rotation and parallax below."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..cameras.cameras import Array
from ..cameras.health import FAST_PARALLAX, LITTLE, Health
from ..cameras.parallax import FAST_TURN
from ..nouns import Bytes

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT = 64, 936
STRIP = (52, 76)
"""Top and bottom of the strip; below it are the panels."""
PANELS = ((100, 260), (296, 386), (422, 512))
TITLE_SIZE, LABEL_SIZE = 18, 13
PAPER, INK, FADED, GRID, LINE, BAND = (255,) * 3, (30,) * 3, (110,) * 3, (225,) * 3, (0, 90, 156), (178, 210, 232)
LIMIT = (196, 78, 0)
"""Dark orange beside blue: told apart by everybody."""
SHADES = np.array([(0, 34, 78), (78, 88, 108), (124, 123, 120), (188, 174, 108), (254, 232, 56)])
"""Dark blue, grey, yellow: nothing known to all known, of even steps in lightness."""


def plot(health: Health) -> Bytes:
    """An image (h, w, 3), display-referred sRGB; dashed lines are what sentences warn of."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((LEFT, 14), "Known from the picture, frame by frame", INK, _font(TITLE_SIZE))
    image.paste(Image.fromarray(_strip(health.known)), (LEFT, STRIP[0]))
    image.paste(Image.fromarray(_strip(np.linspace(0, 1, RIGHT - LEFT))).resize((120, 12)), (RIGHT - 170, 20))
    draw.text((RIGHT - 178, 26), "nothing", FADED, _font(LABEL_SIZE), anchor="rm")
    draw.text((RIGHT - 42, 26), "all of it", FADED, _font(LABEL_SIZE), anchor="lm")
    x = np.linspace(LEFT, RIGHT - 1, len(health.known))
    _frames(draw, health.frame, x)
    known, turn, parallax = (_Panel(draw, x, top, bottom) for top, bottom in PANELS)
    known.axis("known, %", 100.0, 100 * LITTLE)
    known.line(100 * health.known)
    turn.axis("rotation, degrees a frame", _top(health.rotation, FAST_TURN), FAST_TURN)
    turn.line(health.rotation[1:])
    limit = FAST_PARALLAX * health.width
    parallax.axis(
        "parallax, pixels a frame: median, and what 95 % stay below", _top(health.parallax_most, limit), limit
    )
    parallax.fill(health.parallax[1:], health.parallax_most[1:])
    parallax.line(health.parallax[1:])
    for i in np.flatnonzero(health.through):
        draw.line([(x[i], STRIP[0]), (x[i], PANELS[0][1])], LIMIT, 2)
        draw.text((x[i] - 6, PANELS[0][0] + 8), "through a surface", LIMIT, _font(LABEL_SIZE), anchor="ra")
    return np.asarray(image).copy()


class _Panel:
    """A diagram of values over frames, whose columns are at ``x`` (n,)."""

    def __init__(self, draw: ImageDraw.ImageDraw, x: Array, top: int, bottom: int) -> None:
        self._draw, self._x, self._top, self._bottom = draw, x, top, bottom
        self._most = 1.0

    def axis(self, title: str, most: float, limit: float) -> None:
        """Values from 0 to ``most``, with a dashed line at ``limit`` where that is among them."""
        self._most = most
        font = _font(LABEL_SIZE)
        for value in (0.0, most / 2, most):
            y = self._y(value)
            self._draw.line([(LEFT, y), (RIGHT, y)], GRID)
            self._draw.text((LEFT - 8, y), f"{value:.4g}", FADED, font, anchor="rm")
        for left in range(LEFT, RIGHT, 12) if limit <= most else ():
            self._draw.line([(left, self._y(limit)), (left + 6, self._y(limit))], LIMIT)
        self._draw.text((LEFT, self._top - 18), title, INK, font)

    def line(self, values: Array) -> None:
        """Values (m,) of the last m frames as a line."""
        self._draw.line(self._points(values), LINE, 2, joint="curve")

    def fill(self, low: Array, high: Array) -> None:
        """What is between values (m,) and (m,) of the last m frames as a band."""
        self._draw.polygon([*self._points(low), *self._points(high)[::-1]], BAND)

    def _points(self, values: Array) -> list[tuple[float, float]]:
        return [(float(x), self._y(float(value))) for x, value in zip(self._x[-len(values) :], values, strict=True)]

    def _y(self, value: float) -> float:
        return self._bottom - value / self._most * (self._bottom - self._top)


def _strip(known: Array) -> Bytes:
    column = np.arange(RIGHT - LEFT) * len(known) // (RIGHT - LEFT)
    place = known[column] * (len(SHADES) - 1)
    colours = np.stack([np.interp(place, np.arange(len(SHADES)), SHADES[:, i]) for i in range(3)], axis=-1)
    return np.repeat(np.rint(colours).astype(np.uint8)[None], STRIP[1] - STRIP[0], axis=0)


def _frames(draw: ImageDraw.ImageDraw, frame: NDArray[np.int64], x: Array) -> None:
    for i in np.unique(np.rint(np.linspace(0, len(frame) - 1, min(9, len(frame)))).astype(int)):
        for top, bottom in PANELS:
            draw.line([(x[i], top), (x[i], bottom)], GRID)
        draw.text((x[i], PANELS[-1][1] + 8), str(frame[i]), FADED, _font(LABEL_SIZE), anchor="ma")
    draw.text((LEFT - 8, PANELS[-1][1] + 26), "frame", FADED, _font(LABEL_SIZE), anchor="la")


def _top(values: Array, limit: float) -> float:
    """Where an axis ends: a round number above the values, and above the limit where they come near it."""
    most = max(float(values.max()), limit if values.max() > 0.5 * limit else 0.1 * limit)
    power = 10 ** np.floor(np.log10(most))
    return float(next(step for step in (1, 2, 4, 6, 8, 10, 12) if step * power > 1.05 * most) * power)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
