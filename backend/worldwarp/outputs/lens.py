"""A lens that bends straight lines: undone on the way in, given back as an ST-map on the way out.

The model is Brown and Conrady's as OpenCV and COLMAP have it: with (x, y) a ray's direction at z = 1 and r its length,
x' = x (1 + k1 r^2 + k2 r^4 + k3 r^6) + 2 p1 x y + p2 (r^2 + 2 x^2), y' likewise with p1 and p2 exchanged.
"""

from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot

from ..cameras.cameras import Array
from ..nouns import Bytes
from .pictures import write_channels
from .sampling import cubic

ITERATIONS = 20
"""Of Newton's method, at most: 5 are enough for most lenses."""
PRECISE = 1e-10
"""Error of a ray's direction."""
PRECISE_PIXEL = 1e-6
"""Of a pixel's edge: what overlaps by less is rounding."""


@dataclass(frozen=True)
class Distortion:
    """Coefficients in OpenCV's order."""

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0


def read_distortion(text: str) -> Distortion:
    """``k1,k2,p1,p2,k3``, of which the last may be left out.

    Raises:
        InvalidShot: no numbers, or too many.
    """
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not 1 <= len(values) <= len(astuple(Distortion())) or not np.isfinite(values).all():
        raise InvalidShot("distortion", f"is {text!r}; give k1,k2,p1,p2,k3 as numbers with commas between them.")
    return Distortion(*values)


def bend(rays: Array, lens: Distortion) -> Array:
    """Directions (..., 2) at z = 1 as the lens images them."""
    x, y = rays[..., 0], rays[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))
    across = x * radial + 2 * lens.p1 * x * y + lens.p2 * (r2 + 2 * x * x)
    down = y * radial + lens.p1 * (r2 + 2 * y * y) + 2 * lens.p2 * x * y
    return np.stack([across, down], axis=-1)


def straighten(bent: Array, lens: Distortion) -> Array:
    """The directions (..., 2) at z = 1 that ``bend`` takes to ``bent``, by Newton's method.

    Raises:
        InvalidShot: there are none for some: the coefficients do not describe a lens so wide.
    """
    rays = bent.copy()
    for _ in range(ITERATIONS):
        error = bend(rays, lens) - bent
        if np.abs(error).max() < PRECISE:
            break
        rays = rays - np.linalg.solve(_slope(rays, lens), error[..., None])[..., 0]
    if not np.abs(bend(rays, lens) - bent).max() < 1e-6 or not (np.linalg.det(_slope(rays, lens)) > 0).all():
        raise InvalidShot("distortion", "folds the picture's corners over; check the coefficients and their order.")
    return rays


def undistort(picture: Bytes, K: Array, lens: Distortion) -> tuple[Bytes, float]:
    """The picture (H, W, 3) as a pinhole camera of the same intrinsics (3, 3) sees it.

    Returns:
        The picture, and the share of it that the lens did not see: its border is carried on there.
    """
    height, width = picture.shape[:2]
    pixels = _pixels(bend(_rays(K, width, height), lens), K)
    inside = ((pixels >= 0) & (pixels <= [width, height])).all(-1)
    colours = np.rint(np.clip(cubic(picture.astype(np.float32), pixels), 0, 255))
    return np.asarray(colours, np.uint8), float(1 - inside.mean())


def undistort_mask(mask: NDArray[np.bool_], K: Array, lens: Distortion) -> NDArray[np.bool_]:
    """(H, W): the pixels of the straightened picture that show any of the ``mask`` (H, W) of the bent one."""
    height, width = mask.shape
    half = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    corners = _pixels(bend(_rays(K + half, width + 1, height + 1), lens), K)
    around = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]])
    last = np.array([width, height]) - 1
    low = np.clip(np.floor(around.min(axis=0) + PRECISE_PIXEL), 0, last).astype(np.intp)
    high = np.clip(np.ceil(around.max(axis=0) - PRECISE_PIXEL), low + 1, last + 1).astype(np.intp)
    total = np.pad(mask.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    (left, top), (right, bottom) = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    return np.asarray(total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left] > 0)


def st_map(K: Array, width: int, height: int, lens: Distortion) -> Array:
    """(H, W, 2): for each pixel of a frame as the lens shows it, where it lies in the pinhole frame.

    As Nuke's STMap and Blender's Map UV node take it: 0 to 1 from the left and from the bottom edge, the centre of the
    first pixel at 0.5 / width. Values beyond are parts that the lens sees and the pinhole frame does not.
    """
    pixels = _pixels(straighten(_rays(K, width, height), lens), K)
    return np.stack([pixels[..., 0] / width, 1 - pixels[..., 1] / height], axis=-1)


def write_st_map(path: Path, values: Array) -> None:
    """Write an ``st_map`` (H, W, 2) as EXR, channels R and G, 32-bit float; whole or not at all.

    Raises:
        WorldWarpError: it cannot be written.
    """
    red, green = np.moveaxis(values.astype(np.float32), -1, 0)
    write_channels(path, {"R": red, "G": green})


def _slope(rays: Array, lens: Distortion) -> Array:
    """(..., 2, 2): the derivative of ``bend``."""
    x, y = rays[..., 0], rays[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))
    growth = lens.k1 + r2 * (2 * lens.k2 + r2 * 3 * lens.k3)  # of radial, by r2
    mixed = 2 * x * y * growth + 2 * lens.p1 * x + 2 * lens.p2 * y
    xx = radial + 2 * x * x * growth + 2 * lens.p1 * y + 6 * lens.p2 * x
    yy = radial + 2 * y * y * growth + 6 * lens.p1 * y + 2 * lens.p2 * x
    return np.stack([np.stack([xx, mixed], -1), np.stack([mixed, yy], -1)], -2)


def _rays(K: Array, width: int, height: int) -> Array:
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]], axis=-1)


def _pixels(rays: Array, K: Array) -> Array:
    return np.asarray(rays * [K[0, 0], K[1, 1]] + [K[0, 2], K[1, 2]])
