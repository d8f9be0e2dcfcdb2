"""Where what one camera sees lies in another camera's picture, and the motion vectors that follow."""

import numpy as np
from numpy.typing import NDArray

from ..cameras import Cameras
from ..cameras.cameras import Array
from ..nouns import Floats


def landing(
    depth: NDArray[np.floating], K: Array, camera_to_world: Array, other_K: Array, other_to_world: Array
) -> tuple[Array, Array]:
    """Where the points that a camera sees at ``depth`` (H, W, planar, inf is sky) land in another camera.

    Sky is a direction, so it moves by the rotation alone.

    Returns:
        Pixels (H, W, 2) of the other camera, centres at +0.5; and the other camera's planar depth there as a multiple
        of this one's (H, W): zero or negative is behind it.
    """
    relative = np.linalg.inv(other_to_world) @ camera_to_world
    turn = other_K @ relative[:3, :3] @ np.linalg.inv(K)
    shift = other_K @ relative[:3, 3]
    u, v = np.meshgrid(np.arange(depth.shape[1]) + 0.5, np.arange(depth.shape[0]) + 0.5)
    p = np.stack([u, v, np.ones_like(u)], axis=-1) @ turn.T + shift / depth[..., None].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return p[..., :2] / p[..., 2:], p[..., 2]


def motion_vectors(depth: Floats, cameras: Cameras, index: int) -> Floats:
    """(H, W, 4): the motion of a still scene at frame ``index``, as Cycles writes its Vector pass.

    In pixels, x to the right, y up: X, Y are the position in the previous frame less the one here, Z, W the position
    here less the one in the next frame. Zero where there is no such frame, or where the point is behind its camera or
    not known. Unlike Cycles, which writes zero there, the sky moves as the camera turns.

    Args:
        depth: (H, W), planar, world units, of that frame; inf is sky, NaN is not known.
        cameras: of the whole path, at the size of ``depth``.
    """
    before, after = (_moved(depth, cameras, index, other) for other in (index - 1, index + 1))
    return np.concatenate([before, -after], axis=-1).astype(np.float32)


def _moved(depth: Floats, cameras: Cameras, index: int, other: int) -> Array:
    """(H, W, 2): from the pixels of frame ``index`` to those of frame ``other``, y up."""
    if not 0 <= other < len(cameras):
        return np.zeros((*depth.shape, 2))
    here = cameras.K[index], cameras.camera_to_world[index]
    pixels, ahead = landing(depth, *here, cameras.K[other], cameras.camera_to_world[other])
    own = np.stack(np.meshgrid(np.arange(depth.shape[1]) + 0.5, np.arange(depth.shape[0]) + 0.5), axis=-1)
    return np.where((ahead > 0)[..., None], (pixels - own) * [1, -1], 0.0)
