"""What the user leaves out of the world: people and things that must not be baked into geometry and cache."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from worldwarp_protocol.errors import InvalidShot

from .cameras.sizes import Framing, Size, resample_picture
from .nouns import Bytes, Floats, Geometry, View
from .outputs.pictures import read_picture

Mask = NDArray[np.bool_]

RIM = 1
"""Pixels around what is left out that mix with it."""

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


def leave_out(geometry: Geometry, views: Sequence[View]) -> Geometry:
    """Geometry of which nothing is known in what the views leave out, and in its rim: the cache puts no point there."""
    confidence = geometry.confidence.copy()
    for sure, view in zip(confidence, views, strict=True):
        if view.left_out is not None:
            sure[grown(view.left_out, RIM)] = 0
    return replace(geometry, confidence=confidence)


def without(depth: Floats, views: Sequence[View]) -> Floats:
    """Depth (n, H, W), NaN in what the views, the first of its frames, leave out: no world is made of it."""
    kept = depth.copy()
    for frame, view in zip(kept, views, strict=False):
        if view.left_out is not None:
            frame[grown(view.left_out, RIM)] = np.nan
    return kept


def grown(mask: Mask, pixels: int) -> Mask:
    """The mask and all within ``pixels`` of it, diagonals included."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * pixels + 1))) > 0
