"""Sizes: from the picture's own size to the one that is generated, with intrinsics to match.

A picture is scaled by one factor in x and y, never squashed, and what overhangs is cut away evenly.
Sizes are written (width, height), in pixels.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from worldwarp_protocol.errors import InvalidShot

from .cameras import Array, Cameras

Size = tuple[int, int]
Pixel = TypeVar("Pixel", np.uint8, np.float32)

MULTIPLE = 16
"""A token of the video model covers 16 x 16 pixels."""

BUCKETS: dict[str, Size] = {
    "3:2": (720, 480),
    "16:9": (768, 432),
    "2.39:1": (880, 368),
    "1:1": (576, 576),
    "9:16": (432, 768),
}
"""Sizes to generate at, by proportions: the paper's 720 x 480, and others of at most as many pixels."""

SURFACE = 1.02
"""Neighbouring depths within this ratio are one surface and may be interpolated. Two surfaces that close are
moved by at most 1 % of their distance."""


@dataclass(frozen=True)
class Framing:
    """How a picture becomes one of ``width`` x ``height``: x' = scale x - left, y' = scale y - top.

    Coordinates are pixels with the centre of pixel (0, 0) at (0.5, 0.5), before and after.
    """

    width: int
    height: int
    scale: float
    left: float
    top: float

    @property
    def matrix(self) -> Array:
        """(3, 3): homogeneous pixels of the picture to those of the generated one."""
        return np.array([[self.scale, 0, -self.left], [0, self.scale, -self.top], [0, 0, 1]])

    @property
    def is_cut(self) -> bool:
        """Whether pixels are only cut away, none resampled."""
        return self.scale == 1 and self.left % 1 == 0 and self.top % 1 == 0

    def box(self, size: Size) -> tuple[float, float, float, float]:
        """The part of a picture of ``size`` that is kept: left, top, right, bottom in the picture's pixels."""
        left, top = self.left / self.scale, self.top / self.scale
        right = min((self.left + self.width) / self.scale, float(size[0]))
        bottom = min((self.top + self.height) / self.scale, float(size[1]))
        return max(left, 0.0), max(top, 0.0), right, bottom


def frame_picture(picture: Size, wanted: Size, framing: str) -> Framing:
    """How a picture of size ``picture`` is brought to ``wanted``.

    Args:
        picture: its size.
        wanted: multiples of 16; (0, 0) is the picture's own size, cut to multiples of 16.
        framing: ``crop`` covers ``wanted`` and cuts what overhangs; ``fit`` is the largest size of the picture's
            proportions inside ``wanted``, of which at most 15 pixels are cut to reach multiples of 16.

    Raises:
        InvalidShot: the sizes cannot be had; says which would do.
    """
    _check_wanted(wanted)
    if wanted == (0, 0):
        width, height = _cut(picture[0]), _cut(picture[1])
        _check_result(picture, width, height, "use a picture of at least 16 x 16 pixels")
        return Framing(width, height, 1.0, (picture[0] - width) // 2, (picture[1] - height) // 2)
    if framing == "crop":
        width, height = wanted
        scale = max(width / picture[0], height / picture[1])
    else:
        scale = min(wanted[0] / picture[0], wanted[1] / picture[1])
        # a hair more than the exact product, so that rounding does not cost 16 pixels of the side that fits exactly
        width, height = (_cut(side * scale * (1 + 1e-12)) for side in picture)
        _check_result(picture, width, height, "ask for a larger size or use framing 'crop'")
    left, top = (picture[0] * scale - width) / 2, (picture[1] * scale - height) / 2
    if scale == 1:  # whole pixels are cut, so that nothing is resampled for half a pixel
        left, top = left // 1, top // 1
    return Framing(width, height, scale, left, top)


def frame_cameras(cameras: Cameras, framing: Framing) -> Cameras:
    """The cameras of the generated size: each scene point lands on the same content as before."""
    return replace(cameras, K=framing.matrix @ cameras.K, width=framing.width, height=framing.height)


def scale_cameras(cameras: Cameras, size: Size) -> Cameras:
    """The cameras for the same pictures at another size; what a side is rounded by is cut, or shown, evenly.

    Raises:
        InvalidShot: the size has other proportions (by more than a pixel); says one that would do.
    """
    scale = size[0] / cameras.width
    over = cameras.height * scale - size[1]
    if min(size) < 1 or abs(over) > 1:
        near = max(size[0], 1), max(round(cameras.height * max(size[0], 1) / cameras.width), 1)
        text = f"are for {cameras.width} x {cameras.height} pixels; {size[0]} x {size[1]} has other proportions"
        raise InvalidShot("cameras", f"{text}: {near[0]} x {near[1]} would do.")
    return frame_cameras(cameras, Framing(*size, scale, 0.0, over / 2))


def resample_picture(picture: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """(H, W, 3) to (height, width, 3), Lanczos over the area a new pixel covers."""
    if framing.is_cut:
        return _slice(picture, framing)
    box = framing.box((picture.shape[1], picture.shape[0]))
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((framing.width, framing.height), Image.Resampling.LANCZOS, box=box)).copy()


def resample_depth(depth: NDArray[np.float32], framing: Framing) -> NDArray[np.float32]:
    """Planar depth (H, W) to (height, width), read at the new pixels' centres.

    Within a surface disparity is interpolated, which is exact on planes; across depth jumps and at the sky the
    nearest pixel counts, so foreground and background never mix.
    """
    if framing.is_cut:
        return _slice(depth, framing)
    rows = (np.arange(framing.height) + 0.5 + framing.top) / framing.scale
    columns = (np.arange(framing.width) + 0.5 + framing.left) / framing.scale
    y0, y1, wy = _neighbours(rows, depth.shape[0])
    x0, x1, wx = _neighbours(columns, depth.shape[1])
    corners = [1 / depth[np.ix_(y, x)].astype(np.float64) for y in (y0, y1) for x in (x0, x1)]
    upper = corners[0] * (1 - wx) + corners[1] * wx
    lower = corners[2] * (1 - wx) + corners[3] * wx
    mixed = upper * (1 - wy)[:, None] + lower * wy[:, None]
    one_surface = np.max(corners, axis=0) <= SURFACE * np.min(corners, axis=0)
    nearest = depth[np.ix_(np.where(wy < 0.5, y0, y1), np.where(wx < 0.5, x0, x1))]
    smooth = one_surface & (mixed > 0)
    return np.where(smooth, 1 / np.where(smooth, mixed, 1), nearest).astype(np.float32)


def shrink_picture(picture: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with its longer side ``long_side``, the other rounded; as it is where it is no larger."""
    height, width = picture.shape[:2]
    picture = np.ascontiguousarray(picture)
    if max(width, height) <= long_side:
        return picture
    size = round(width * long_side / max(width, height)), round(height * long_side / max(width, height))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def nearest_bucket(picture: Size) -> tuple[str, Size]:
    """The bucket whose proportions are nearest to the picture's."""

    def distance(item: tuple[str, Size]) -> float:
        width, height = item[1]
        return float(abs(np.log(width / height * picture[1] / picture[0])))

    return min(BUCKETS.items(), key=distance)


def _slice(image: NDArray[Pixel], framing: Framing) -> NDArray[Pixel]:
    top, left = int(framing.top), int(framing.left)
    return image[top : top + framing.height, left : left + framing.width].copy()


def _neighbours(
    centres: NDArray[np.floating], length: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.floating]]:
    """Indices of the two pixels whose centres enclose each coordinate, and the second one's weight."""
    position = np.clip(centres - 0.5, 0, length - 1)
    first = np.minimum(np.floor(position).astype(np.intp), max(length - 2, 0))
    return first, np.minimum(first + 1, length - 1), position - first


def _cut(side: float) -> int:
    return int(side) // MULTIPLE * MULTIPLE


def _check_wanted(wanted: Size) -> None:
    for name, side in zip(("width", "height"), wanted, strict=True):
        if side % MULTIPLE or side < 0:
            near = max(_cut(side), MULTIPLE)
            raise InvalidShot(
                f"settings.{name}", f"{side} is not a multiple of 16; use {near} or {near + MULTIPLE}, for example."
            )
    if (wanted[0] == 0) != (wanted[1] == 0):
        name = "width" if wanted[0] == 0 else "height"
        raise InvalidShot(
            f"settings.{name}", "is 0 where the other side is not; give both, or 0 for both for the picture's own size."
        )


def _check_result(picture: Size, width: int, height: int, remedy: str) -> None:
    if min(width, height) < MULTIPLE:
        raise InvalidShot(
            "picture", f"of {picture[0]} x {picture[1]} pixels leaves less than 16 pixels on one side; {remedy}."
        )
