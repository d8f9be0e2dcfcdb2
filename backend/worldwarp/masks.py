"""What the user says of a picture's pixels, white on black: what must not be baked into the world (people, passing
things), and what is sky.
"""

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
"""A pixel that is brighter is set."""

NOTHING_STAYS = {
    "mask": "leaves a whole picture out; white is left out, black stays.",
    "sky": "is sky everywhere, so that there is nothing to move through; white is sky, black is not.",
}
"""Why not every pixel may be set, by the mask's name."""


def read_mask(path: Path, size: Size, name: str = "mask") -> Mask:
    """(H, W), what is set of the mask ``name`` (``mask`` or ``sky``) of a picture of ``size`` (width, height).

    Raises:
        InvalidShot: no picture, of another size, or everything is set.
    """
    try:
        grey = read_picture(path).mean(-1)
    except InvalidShot as error:
        raise InvalidShot(name, error.text) from None
    if grey.shape != (size[1], size[0]):
        raise InvalidShot(
            name, f"{path} is {grey.shape[1]} x {grey.shape[0]}, the picture {size[0]} x {size[1]}; paint over it."
        )
    mask = grey > SET
    if mask.all():
        raise InvalidShot(name, f"{path} {NOTHING_STAYS[name]}")
    return np.asarray(mask)


def check_mask(name: str, mask: Mask, shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not of the pictures' ``shape`` (f, H, W), or sets all of one.

    Raises:
        InvalidShot: naming the mask.
    """
    if mask.shape != shape:
        raise InvalidShot(name, f"is {extent(mask.shape)}, the picture is {extent(shape)}; paint it over the picture.")
    if mask.all(axis=(1, 2)).any():
        raise InvalidShot(name, NOTHING_STAYS[name])


def frame_mask(mask: Mask, framing: Framing, above: int = 0) -> Mask:
    """The mask at the generated size: every new pixel of which more than ``above`` / 255 is set; 0: any of it."""
    grey: Bytes = np.repeat((mask * np.uint8(255))[..., None], 3, axis=2)
    return np.asarray(resample_picture(grey, framing)[..., 0] > above)


def extent(shape: tuple[int, ...]) -> str:
    """The shape of pictures in words."""
    if len(shape) == 3 and shape[0] == 1:
        return f"{shape[2]} x {shape[1]}"
    return f"of shape {shape}"


def leave_out(geometry: Geometry, views: Sequence[View]) -> Geometry:
    """Geometry of which nothing is known in what the views leave out, in its rim, and in what is not known of the views
    themselves: the cache puts no point there.
    """
    confidence = geometry.confidence.copy()
    for sure, view in zip(confidence, views, strict=True):
        if view.left_out is not None:
            sure[grown(view.left_out, RIM)] = 0
        if view.known is not None:
            sure[~view.known] = 0
    return replace(geometry, confidence=confidence)


def cut_out(depth: Floats, mask: Mask) -> Floats:
    """Depth (H, W), NaN in what the mask (H, W) leaves out, and in its rim."""
    return np.where(grown(mask, RIM), np.float32(np.nan), depth)


def as_sky(depth: Floats, mask: Mask) -> Floats:
    """Depth (..., H, W), infinite in what the mask says is sky."""
    return np.where(mask, np.float32(np.inf), depth)


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
