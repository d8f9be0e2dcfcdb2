"""Where a pixel was seen first, by the exact geometry of the ray cast: nothing here depends on what was generated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...cache.visibility import confirmed
from .places import Place

Mask = NDArray[np.bool_]

AGREES = 0.03
"""A point is the surface that a frame saw there if their depths differ by less, relatively."""


@dataclass(frozen=True)
class Zones:
    """Three zones (n, H, W) that together are every pixel."""

    picture: Mask
    """Seen in the picture, frame 0."""
    generated: Mask
    """Not there, but in an earlier frame of the path."""
    never: Mask
    """Seen for the first time."""

    @property
    def holes(self) -> Mask:
        """All that has to be invented by this frame or one before it: what the picture does not show."""
        return ~self.picture


def zones(place: Place) -> Zones:
    """The zones of a walk. A point counts as seen where it is projected into a frame and lies at that frame's depth."""
    n = len(place.depth)
    picture = np.stack([seen(place, i, slice(0, 1)) for i in range(n)])
    before = np.stack([seen(place, i, slice(1, max(i, 1))) for i in range(n)])
    picture[0] = True
    return Zones(picture, before & ~picture, ~before & ~picture)


def seen(place: Place, i: int, frames: slice) -> Mask:
    """Pixels (H, W) of frame ``i`` that any of ``frames`` saw."""
    if not len(place.depth[frames]):
        return np.zeros(place.depth.shape[1:], bool)
    K, pose = place.cameras.K[i], place.cameras.camera_to_world[i]
    return confirmed(place.depth[i], K, pose, place.depth[frames], place.cameras[frames], AGREES)


def only_on_the_way(place: Place) -> Mask:
    """Pixels (n // 2, H, W) of the way out that neither the picture nor the frame at the turn saw."""
    turn = len(place.depth) // 2
    ends = [seen(place, i, slice(0, 1)) | seen(place, i, slice(turn, turn + 1)) for i in range(turn)]
    return ~np.stack(ends)
