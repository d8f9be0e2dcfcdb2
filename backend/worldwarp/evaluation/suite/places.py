"""Held-out places with walks through them, and the truth about every frame."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...cameras import Cameras
from ...nouns import Bytes, Floats
from ...training.clips import HELD_OUT, pool


@dataclass(frozen=True)
class Place:
    """A walk of n frames through a place that no network was trained on."""

    rgb: Bytes
    """(n, H, W, 3), display-referred."""
    depth: Floats
    """(n, H, W), planar, metres; inf is sky."""
    cameras: Cameras


@lru_cache(maxsize=4)
def place(folder: Path, number: int, frames: int, height: int, width: int, device: str = "cpu") -> Place:
    """Place ``number``, from 0, rendered once into a folder of its own below ``folder``."""
    clip = pool(folder / f"{number:03d}", HELD_OUT + number, 1, frames, height, width, device)[0]
    cameras = Cameras(clip.K.numpy(), clip.camera_to_world.numpy(), width, height, np.arange(frames))
    return Place(clip.rgb.numpy(), clip.depth.numpy(), cameras)


def there_and_back(place: Place) -> Place:
    """The first half of a walk, and exactly the same way back; n is odd."""
    n = len(place.rgb)
    order = np.minimum(np.arange(n), np.arange(n)[::-1])
    path = place.cameras[order]
    cameras = Cameras(path.K, path.camera_to_world, path.width, path.height, np.arange(n))
    return Place(place.rgb[order], place.depth[order], cameras)
