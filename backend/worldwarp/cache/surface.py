"""What a depth map says about the surface it saw: where it is torn, and how each pixel's patch of it lies."""

import numpy as np
from numpy.typing import NDArray

from ..cameras.cameras import Array, pixel_rays

Mask = NDArray[np.bool_]

JUMP = 0.02
"""Relative change of disparity from pixel to pixel that may be a tear."""

STRETCH = 8.0
"""Most that a patch may be longer than a pixel's footprint: beyond it the surface is seen edge-on."""

THICKNESS = 0.1
"""Of a Gaussian along the surface's normal, in footprints."""


def disparity(depth: NDArray[np.floating]) -> Array:
    """1 / depth (H, W) in float64; sky is 0. Of a plane it is linear over the image, which depth is not."""
    return np.asarray(1.0 / depth, dtype=np.float64)


def tears(d: Array, axis: int) -> Mask:
    """Between which neighbours along ``axis`` the surface is torn; one shorter than the disparity ``d`` there.

    A step counts only where it is unlike the steps on both its sides: a slanted plane has equal steps and is whole.
    """
    step = np.diff(d, axis=axis)
    padding = [(0, 0), (0, 0)]
    padding[axis] = (1, 1)
    around = np.pad(step, padding, mode="constant")
    before = np.take(around, np.arange(step.shape[axis]), axis=axis)
    after = np.take(around, np.arange(2, step.shape[axis] + 2), axis=axis)
    near = np.maximum(np.delete(d, 0, axis=axis), np.delete(d, -1, axis=axis))
    unlike = np.minimum(np.abs(step - before), np.abs(step - after)) > 0.5 * np.abs(step)
    return np.asarray((np.abs(step) > JUMP * near) & unlike)


def silhouettes(d: Array) -> tuple[Mask, Mask]:
    """Pixels (H, W) at the near side and at the far side of a tear."""
    near, far = np.zeros(d.shape, bool), np.zeros(d.shape, bool)
    for axis in (0, 1):
        torn, rising = tears(d, axis), np.diff(d, axis=axis) > 0
        first = tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        near[first] |= torn & ~rising
        near[second] |= torn & rising
        far[first] |= torn & rising
        far[second] |= torn & ~rising
    return near, far


def slope(d: Array, axis: int) -> Array:
    """Change of disparity per pixel along ``axis``: the gentler of both sides, never across a tear."""
    step = np.where(tears(d, axis), np.nan, np.diff(d, axis=axis))
    padding = [(0, 0), (0, 0)]
    padding[axis] = (1, 1)
    around = np.pad(step, padding, constant_values=np.nan)
    before = np.delete(around, -1, axis=axis)
    after = np.delete(around, 0, axis=axis)
    before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    gentler = np.where(np.abs(before) < np.abs(after), before, after)
    return np.nan_to_num(np.where(before * after > 0, gentler, 0.0))


def patches(depth: NDArray[np.floating], K: Array) -> tuple[Array, Array]:
    """The patch of surface that each pixel saw.

    Returns:
        axes: (H, W, 3, 3), rotations in camera axes: columns are the patch's long and short axis and its normal.
        size: (H, W, 3), how far one pixel reaches along them, in world units.
    """
    rays = pixel_rays(K, depth.shape[1], depth.shape[0])
    z = np.asarray(depth, np.float64)[..., None]
    d = disparity(depth)
    # X = z ray, and dz = -z^2 dd: what one pixel to the right and one pixel down move along the surface.
    right = -(z**2) * slope(d, 1)[..., None] * rays + z * np.array([1 / K[0, 0], 0, 0])
    down = -(z**2) * slope(d, 0)[..., None] * rays + z * np.array([0, 1 / K[1, 1], 0])
    rr, rd, dd = ((a * b).sum(-1) for a, b in ((right, right), (right, down), (down, down)))
    angle = 0.5 * np.arctan2(2 * rd, rr - dd)[..., None]
    long = np.cos(angle) * right + np.sin(angle) * down
    short = np.cos(angle) * down - np.sin(angle) * right
    lengths = np.stack([np.linalg.norm(v, axis=-1) for v in (long, short)], axis=-1)
    normal = np.cross(long, short)
    axes = np.stack([v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (long, short, normal)], axis=-1)
    footprint = z[..., 0] / np.sqrt(K[0, 0] * K[1, 1])
    lengths = np.clip(lengths, None, STRETCH * footprint[..., None])
    return axes, np.concatenate([lengths, THICKNESS * footprint[..., None]], axis=-1)


def quaternions(R: Array) -> Array:
    """Quaternions (n, 4), wxyz, of rotations (n, 3, 3); through the largest component, so never by a small one."""
    xx, yy, zz = R[:, 0, 0], R[:, 1, 1], R[:, 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], axis=1)
    a, b, c = R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]
    p, q, r = R[:, 0, 1] + R[:, 1, 0], R[:, 0, 2] + R[:, 2, 0], R[:, 1, 2] + R[:, 2, 1]
    # Row i is 4 q_i (w, x, y, z).
    rows = np.stack([squares[:, 0], a, b, c, a, squares[:, 1], p, q, b, p, squares[:, 2], r, c, q, r, squares[:, 3]])
    best = np.take_along_axis(
        rows.T.reshape(-1, 4, 4), squares.argmax(axis=1)[:, None, None].repeat(4, axis=2), axis=1
    )[:, 0]
    return np.asarray(best / np.linalg.norm(best, axis=1, keepdims=True))
