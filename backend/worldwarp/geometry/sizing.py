"""The sizes the network was trained with, and the way back to the picture's own.

A picture is scaled until its long edge fits and what overhangs multiples of 16 is cut evenly; nothing is padded, and
squashed only by the rounding of a side to whole pixels. A square picture is cut to 4:3, as in training. What is cut
gets depth all the same: from further crops where it is broad (``further_crops``), else by extension (``extend``).

Torch-free. Sizes are (width, height); the centre of pixel (0, 0) is at (0.5, 0.5).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from worldwarp_protocol.errors import InvalidShot

from ..cameras.sizes import SURFACE, Size
from ..nouns import Bytes, Floats
from .config import PATCH

SQUARE_SIZE = 224
"""Networks of this size were trained on square crops, of pictures whose short edge has it."""


@dataclass(frozen=True)
class Crop:
    """A cut-out of a picture that was scaled to ``scaled``: x' = x * scaled / picture - left, and so for y."""

    picture: Size
    scaled: Size
    left: int
    top: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in the scaled picture."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    @property
    def where(self) -> tuple[slice, slice]:
        """Rows and columns in the scaled picture."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def crop_of(picture: Size, size: int) -> Crop:
    """The crop that the network sees of a picture.

    Args:
        picture: its size.
        size: what the network was trained with: 512 or so, the long edge; or 224, both edges.

    Raises:
        InvalidShot: the picture is so thin that less than a patch remains.
    """
    long = round(SQUARE_SIZE * max(picture) / min(picture)) if size == SQUARE_SIZE else size
    width, height = (round(side * long / max(picture)) for side in picture)
    x, y = width // 2, height // 2
    if size == SQUARE_SIZE:
        half_width = half_height = min(x, y)
    else:
        half_width, half_height = (2 * half // PATCH * PATCH // 2 for half in (x, y))
        if width == height:
            half_height = 3 * half_width // 4 // (PATCH // 2) * (PATCH // 2)
    if min(half_width, half_height) < PATCH // 2:
        raise InvalidShot(
            "picture", f"of {picture[0]} x {picture[1]} pixels is too thin; crop it to 1:{size // PATCH}."
        )
    return Crop(picture, (width, height), x - half_width, y - half_height, 2 * half_width, 2 * half_height)


def further_crops(crop: Crop) -> list[Crop]:
    """Crops of the same size at the edges, where ``crop`` leaves out more than half a patch: none but of squares."""
    right, bottom = crop.scaled[0] - crop.width, crop.scaled[1] - crop.height
    shifted = [replace(crop, left=left) for left in (0, right) if abs(left - crop.left) > PATCH // 2]
    return shifted + [replace(crop, top=top) for top in (0, bottom) if abs(top - crop.top) > PATCH // 2]


def scale_picture(picture: Bytes, crop: Crop) -> Bytes:
    """The picture (H, W, 3) at ``crop.scaled``: Lanczos to shrink it, bicubic otherwise, as in training."""
    shrinks = max(crop.picture) > max(crop.scaled)
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(crop.scaled, method))


def network_input(picture: Bytes, crop: Crop) -> Floats:
    """What the network is given of a picture (H, W, 3): (3, crop.height, crop.width), RGB in [-1, 1]."""
    cut = scale_picture(picture, crop)[crop.where]
    return np.moveaxis(np.asarray((cut.astype(np.float32) / 255 - 0.5) / 0.5, np.float32), -1, 0).copy()


def extend(depth: Floats) -> Floats:
    """Depth (H, W), NaN in a border that a crop left out, with the border filled.

    Across the edge disparity goes on as it ran over the last patch where that was one surface (exact on planes), else
    it stays. Holes inside stay holes.
    """
    known = np.isfinite(depth)
    rows, columns = (np.flatnonzero(known.any(axis)) for axis in (1, 0))
    if not len(rows):
        return depth
    inner = depth[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    wide = _extend_rows(inner.T, columns[0], depth.shape[1] - 1 - columns[-1]).T
    return _extend_rows(wide, rows[0], depth.shape[0] - 1 - rows[-1])


def read_at_picture(depth: Floats, crop: Crop) -> Floats:
    """Depth at ``crop.scaled`` (H', W') read at the centres of the picture's own pixels (H, W).

    Within a surface disparity is interpolated; across jumps and beside holes (NaN) the nearest pixel counts.
    """
    (width, height), (scaled_width, scaled_height) = crop.picture, crop.scaled
    y0, y1, wy = _neighbours(height, scaled_height)
    x0, x1, wx = _neighbours(width, scaled_width)
    corners = np.stack([1 / depth[np.ix_(y, x)].astype(np.float64) for y in (y0, y1) for x in (x0, x1)])
    upper, lower = corners[0] * (1 - wx) + corners[1] * wx, corners[2] * (1 - wx) + corners[3] * wx
    mixed = upper * (1 - wy[:, None]) + lower * wy[:, None]
    smooth = corners.max(0) <= SURFACE * corners.min(0)  # not where one is NaN
    nearest = depth[np.ix_(np.where(wy < 0.5, y0, y1), np.where(wx < 0.5, x0, x1))]
    return np.where(smooth, 1 / np.where(smooth, mixed, 1), nearest).astype(np.float32)


def _neighbours(side: int, scaled: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """For each of ``side`` pixels the two of ``scaled`` whose centres enclose its own, and the second one's weight."""
    position = np.clip((np.arange(side) + 0.5) * scaled / side - 0.5, 0, scaled - 1)
    first = np.minimum(position.astype(np.intp), max(scaled - 2, 0))
    return first, np.minimum(first + 1, scaled - 1), position - first


def _extend_rows(depth: Floats, before: int, after: int) -> Floats:
    """Add ``before`` rows above and ``after`` rows below."""
    above, below = _continued(depth[:PATCH][::-1], before)[::-1], _continued(depth[-PATCH:], after)
    return np.concatenate([above, depth, below])


def _continued(rows: Floats, count: int) -> Floats:
    """The next ``count`` rows after ``rows``, on the planes that those show."""
    disparity = 1 / rows.astype(np.float64)
    steps = np.diff(disparity, axis=0)
    one_surface = (disparity[1:] <= SURFACE * disparity[:-1]) & (disparity[:-1] <= SURFACE * disparity[1:])
    slope = np.median(steps, axis=0) if len(steps) else np.zeros(rows.shape[1])
    slope = np.where(one_surface.all(0), slope, 0)
    last = disparity[-1]
    # a surface that would pass the horizon is kept this side of it
    beyond = np.maximum(last + slope * np.arange(1, count + 1)[:, None], last / 2)
    return np.asarray(1 / beyond, np.float32)
