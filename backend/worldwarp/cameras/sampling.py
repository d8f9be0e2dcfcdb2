"""Which frames of a path are generated, and which are rendered from those beside them."""

import numpy as np
from numpy.typing import NDArray

from .cameras import Cameras
from .parallax import FAST_TURN, parallax, rotation

STEPS = (4, 2, 1)
"""Every so many frames."""

ENOUGH = 4.0
"""Parallax in pixels between two generated frames that is filled in without being noticed: a strip that neither of
them saw is no wider, a quarter of the 16 pixels of a token."""

NEAREST = 0.99
"""Quantile of the parallax that counts as the largest: single wrong depths do not."""


def positions(frames: int, every: int) -> NDArray[np.int64]:
    """(m,): positions of the frames that are generated in a path of ``frames``: every so many, and the last."""
    return np.append(np.arange(0, frames - 1, every), frames - 1)


def position(index: int, frames: int, every: int) -> int:
    """Position in a path of ``frames`` of the generated frame number ``index``."""
    return min(index * every, frames - 1)


def sampling(cameras: Cameras, every: int) -> Cameras:
    """The cameras whose frames are generated; all of them, as they are, where ``every`` is 1."""
    return cameras if every == 1 else cameras[positions(len(cameras), every)]


def recommend(cameras: Cameras, depth: NDArray[np.floating]) -> tuple[int, str]:
    """Every how many frames to generate, 1, 2 or 4, and the sentence that says why.

    Args:
        cameras: the path; camera 0 took the picture.
        depth: (H, W) of the picture, of the cameras' size, planar, world units; inf is sky, NaN is not known.
    """
    moved, turned = float(parallax(depth, cameras, [NEAREST]).max()), float(rotation(cameras).max())
    every = next((step for step in STEPS if step * moved <= ENOUGH and step * turned <= FAST_TURN), 1)
    moves = (
        f"From frame to frame near things move up to {moved:.1f} pixels and the camera turns up to {turned:.1f} degrees"
    )
    if every == 1:
        return 1, f"{moves}: generate every frame."
    return every, f"{moves}: it is enough to generate every {ordinal(every)} frame, where nothing in the scene moves."


def ordinal(every: int) -> str:
    """2nd or 4th."""
    return f"{every}{'nd' if every == 2 else 'th'}"
