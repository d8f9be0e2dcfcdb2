"""Frames that show more than was asked for, so that they can be reframed, stabilised or bent again later."""

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .sizes import MULTIPLE, Framing, Size

Window = tuple[int, int, int, int]
"""x, y, width, height: what of a frame was asked for, in its pixels."""

HAIR = 1e-6
"""Of a pixel: rounding must not cost one."""


@dataclass(frozen=True)
class Canvas:
    """A frame, and what of it a picture fills with whole pixels."""

    framing: Framing
    """Of the frame: how the picture's pixels become its pixels, beyond the picture's border too."""
    inner: Framing
    """Of what the picture fills."""
    left: int
    top: int
    """Where that lies in the frame."""

    @property
    def known(self) -> NDArray[np.bool_] | None:
        """(H, W): what the picture fills; None where it is all."""
        if (self.inner.width, self.inner.height) == (self.framing.width, self.framing.height):
            return None
        inner = np.ones((self.inner.height, self.inner.width), bool)
        return np.asarray(self.spread(inner, "constant"))

    def spread(self, image: NDArray[Any], beyond: Literal["edge", "constant"] = "edge") -> NDArray[Any]:
        """(H, W, ...) of the whole frame from that of what the picture fills; beyond it its edge, or zero."""
        right = self.framing.width - self.inner.width - self.left
        below = self.framing.height - self.inner.height - self.top
        return np.pad(image, ((self.top, below), (self.left, right), *[(0, 0)] * (image.ndim - 2)), mode=beyond)


def overscan(framing: Framing, share: float) -> tuple[Framing, Window | None]:
    """The framing of a frame that shows ``share`` more in width and height, and where the asked-for one lies in it.

    Half of it on either side, so that the field that was asked for is the centre; rounded up to whole tokens of
    16 pixels on each side: a token is either margin or not. None where nothing is added.
    """
    if share == 0:
        return framing, None
    x, y = (MULTIPLE * ceil(side * share / (2 * MULTIPLE) - HAIR) for side in (framing.width, framing.height))
    larger = Framing(framing.width + 2 * x, framing.height + 2 * y, framing.scale, framing.left - x, framing.top - y)
    return larger, (x, y, framing.width, framing.height)


def canvas(framing: Framing, picture: Size) -> Canvas:
    """What of a frame a picture of size ``picture`` fills."""
    left, right = _filled(framing.left, framing.scale * picture[0], framing.width)
    top, below = _filled(framing.top, framing.scale * picture[1], framing.height)
    size = {"width": right - left, "height": below - top}
    return Canvas(framing, replace(framing, **size, left=framing.left + left, top=framing.top + top), left, top)


def _filled(before: float, length: float, side: int) -> tuple[int, int]:
    """First and last + 1 of the pixels, of ``side``, that lie in the picture."""
    return max(ceil(-before - HAIR), 0), min(floor(length - before + HAIR), side)
