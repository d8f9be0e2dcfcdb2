"""The points of a COLMAP model, and the pictures in which they are seen."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...nouns import Bytes, Floats
from ..cameras import Array, Cameras, project

MOST = 20_000
"""Points of a model: as many as trainers begin with. Each is listed again in every picture that sees it."""

TOLERANCE = 0.02
"""Of depth: a point this near to what a picture saw there is seen in it."""


class Points(NamedTuple):
    """p points and the m times that one is seen in a picture, by picture and then by point."""

    xyz: Array
    """(p, 3), world units."""
    rgb: Bytes
    """(p, 3)."""
    picture: NDArray[np.int64]
    """(m,), from 0."""
    point: NDArray[np.int64]
    """(m,), from 0."""
    pixel: Array
    """(m, 2), where it is seen: the centre of the first pixel is at (0.5, 0.5)."""

    def of(self, picture: int) -> slice:
        """What is seen in a picture."""
        first, stop = np.searchsorted(self.picture, [picture, picture + 1])
        return slice(int(first), int(stop))

    def tracks(self) -> list[NDArray[np.int64]]:
        """For each point (k, 2): picture, and position among all that is seen in it; both from 0."""
        place = np.arange(len(self.point)) - np.searchsorted(self.picture, self.picture)
        order = np.argsort(self.point, kind="stable")
        pairs = np.stack([self.picture, place], axis=1)[order]
        return np.split(pairs, np.searchsorted(self.point[order], np.arange(1, len(self.xyz))))


FROM_ONE = np.array([1, 0])
"""In files pictures count from 1, places among what is seen from 0."""

NOBODY = np.zeros(0, np.int64)
NONE = Points(np.zeros((0, 3)), np.zeros((0, 3), np.uint8), NOBODY, NOBODY, np.zeros((0, 2)))


def seen(xyz: Floats, rgb: Bytes, cameras: Cameras, depth: Callable[[int], Floats], most: int = MOST) -> Points:
    """Points (p, 3), thinned evenly to at most ``most``, and the pictures that see them; unseen ones are left out.

    Args:
        depth: of picture i, (H, W), planar, world units; a point is seen where it is no further off than that.
    """
    points, rgb, *_ = unseen(xyz, rgb, most)
    found = []
    for i in range(len(cameras)):
        pixels, z = project(points, cameras.K[i], cameras.world_to_camera[i])
        inside = (z > 0) & (pixels >= 0).all(1) & (pixels < [cameras.width, cameras.height]).all(1)
        (there,) = np.nonzero(inside)
        column, row = pixels[there].astype(np.int64).T
        same = np.abs(depth(i)[row, column] - z[there]) <= TOLERANCE * z[there]  # NaN is not
        found.append((np.full(int(same.sum()), i), there[same], pixels[there[same]]))
    picture, point, pixel = (np.concatenate(part) for part in zip(*found, strict=True))
    shown, again = np.unique(point, return_inverse=True)
    return Points(points[shown], rgb[shown], picture, again.astype(np.int64), pixel)


def unseen(xyz: Floats, rgb: Bytes, most: int = MOST) -> Points:
    """The same points where it is not known which pictures see them."""
    kept = np.unique(np.linspace(0, len(xyz) - 1, min(most, len(xyz))).astype(np.int64))
    return NONE._replace(xyz=xyz[kept].astype(np.float64), rgb=rgb[kept])
