"""What the user leaves out of the world: people and things that must not be baked into geometry and cache."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from worldwarp_protocol.errors import InvalidShot

from .cameras.sizes import Framing, Size, resample_picture
from .nouns import Bytes, Geometry
from .outputs.pictures import read_picture

Mask = NDArray[np.bool_]

SET = 127
"""A pixel that is brighter is left out."""


def read_mask(path: Path, size: Size) -> Mask:
    """(H, W) of a picture of ``size`` (width, height): white is left out.

    Raises:
        InvalidShot: no picture, of another size, or it leaves everything out.
    """
    grey = read_picture(path).mean(-1)
    if grey.shape != (size[1], size[0]):
        raise InvalidShot(
            "mask", f"{path} is {grey.shape[1]} x {grey.shape[0]}, the picture {size[0]} x {size[1]}; paint over it."
        )
    mask = grey > SET
    if mask.all():
        raise InvalidShot("mask", f"{path} leaves the whole picture out; white is left out, black stays.")
    return np.asarray(mask)


def frame_mask(mask: Mask, framing: Framing) -> Mask:
    """The mask at the generated size: every new pixel that holds any of what is left out."""
    grey: Bytes = np.repeat((mask * np.uint8(255))[..., None], 3, axis=2)
    return np.asarray(resample_picture(grey, framing)[..., 0] > 0)


def leave_out(geometry: Geometry, mask: Mask, views: int = 1, grow: int = 1) -> Geometry:
    """Geometry of which nothing is known where the mask (H, W) is set: the cache puts no point there.

    Args:
        views: the first of them, which the mask is for.
        grow: pixels by which the mask grows, for the rim that mixes with what it covers.
    """
    wide = grown(mask, grow)
    confidence = geometry.confidence.copy()
    confidence[:views] = np.where(wide, 0, confidence[:views])
    return replace(geometry, confidence=confidence)


def grown(mask: Mask, pixels: int) -> Mask:
    """The mask and all within ``pixels`` of it, diagonals included."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * pixels + 1))) > 0
