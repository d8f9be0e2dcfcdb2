"""The scale of a first frame whose depth nobody knows: the user's."""

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from ..nouns import Floats

WINDOW = 0.01
"""Radius about the anchor's pixel, of the longer side, in which the median depth counts."""


def read_anchor(text: str) -> tuple[float, float, float]:
    """``u,v,distance`` as it is typed.

    Raises:
        InvalidShot: it is something else.
    """
    try:
        u, v, distance = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidShot("anchor", f"is {text!r}; write u,v,distance, such as 0.5,0.8,3.2.") from None
    return u, v, distance


def first_scale(depth: Floats, confidence: Floats, settings: Settings) -> float:
    """The factor on an estimated depth (H, W) that the settings ask for.

    Raises:
        InvalidShot: the anchor lies in the sky, or where the estimate knows nothing.
    """
    if settings.anchor is None:
        return settings.depth_scale
    u, v, distance = settings.anchor
    height, width = depth.shape
    row, column = min(int(v * height), height - 1), min(int(u * width), width - 1)
    reach = max(round(WINDOW * max(height, width)), 1)
    window = slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1)
    in_sky = confidence[row, column] > 0 and np.isinf(depth[row, column])
    near = depth[window][(confidence[window] > 0) & np.isfinite(depth[window])]
    if in_sky or not near.size:
        raise InvalidShot("settings.anchor", f"({u:g}, {v:g}) lies in the sky; choose a pixel of something solid.")
    return distance / float(np.median(near))
