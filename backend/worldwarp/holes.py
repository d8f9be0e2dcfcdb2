"""Holes of what is known, filled smoothly: in colour and in disparity, without any model."""

import numpy as np
from numpy.typing import NDArray

from .nouns import Floats

SWEEPS = 12
"""Smoothing sweeps at each level of the pyramid: enough to hide its blocks."""

REACH = 1 / 12
"""How far around a pixel, in widths of the picture, one looks for what is behind it."""

SKY_QUANTILE = 0.02
"""Sky counts as being as far away as this share of the scene: it must not outweigh everything else."""


def fill_frame(rgb: Floats, depth: Floats, valid: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Colour (H, W, 3) and planar depth (H, W) with the pixels that are not ``valid`` filled.

    A hole opens behind what moved in front of it, so the far side of its border counts for more than the near side.
    """
    disparity = np.where(valid, 1 / np.where(valid, depth, 1), 0).astype(np.float32)
    trust = valid * background(disparity, valid)
    values = np.concatenate([rgb, disparity[..., None]], axis=-1)
    filled = fill_smoothly(values, trust.astype(np.float32))
    with np.errstate(divide="ignore"):
        # Sky has disparity 0; what is filled in between sky and scene ends up behind the scene, not in the sky.
        filled_depth = np.where(filled[..., 3] > 1e-9, 1 / filled[..., 3], np.inf)
    return filled[..., :3], np.where(valid, depth, filled_depth).astype(np.float32)


def background(disparity: Floats, valid: NDArray[np.bool_]) -> Floats:
    """(H, W) in (0, 1]: 1 where nothing known nearby is farther away, little for what stands in front of something."""
    if not (valid & (disparity > 0)).any():
        return np.ones_like(disparity)
    sky = np.quantile(disparity[valid & (disparity > 0)], SKY_QUANTILE)
    here = np.maximum(disparity, sky)
    reach = max(1, round(disparity.shape[1] * REACH))
    farthest = _least(_least(np.where(valid, here, np.inf), reach, 0), reach, 1)
    return np.asarray(np.clip((farthest / here) ** 4, 0.001, 1), np.float32)


def fill_smoothly(values: Floats, trust: Floats) -> Floats:
    """Fill ``values`` (H, W, c) where ``trust`` (H, W) is 0: a weighted membrane, solved from coarse to fine.

    Pixels with trust keep their values exactly; among neighbours, those with more trust pull more.
    """
    if trust.all() or min(trust.shape) < 2:
        total = max(float(trust.sum()), 1e-12)
        mean = (values * trust[..., None]).sum((0, 1)) / total
        return np.where(trust[..., None] > 0, values, mean).astype(np.float32)
    coarse = fill_smoothly(*_half(values, trust))
    hole = trust == 0
    filled = np.where(hole[..., None], _double(coarse, trust.shape), values).astype(np.float32)
    # In a hole every pixel weighs the same, whatever the trust at its border: the membrane spans it evenly.
    weight = np.where(hole, np.float32(1), trust)[..., None]
    for _ in range(SWEEPS):
        filled[hole] = _neighbours(filled * weight)[hole] / _neighbours(weight)[hole]
    return filled


def _half(values: Floats, trust: Floats) -> tuple[Floats, Floats]:
    """Trust-weighted 2 x 2 means; an odd last row or column is repeated."""
    odd = ((0, trust.shape[0] % 2), (0, trust.shape[1] % 2))
    weight = np.pad(trust, odd)[..., None]
    total = np.pad(values, (*odd, (0, 0))) * weight
    sums = [_blocks(a) for a in (total, weight)]
    mean = sums[0] / np.maximum(sums[1], 1e-12)
    return mean.astype(np.float32), (sums[1][..., 0] / 4).astype(np.float32)


def _blocks(a: Floats) -> Floats:
    return a[0::2, 0::2] + a[1::2, 0::2] + a[0::2, 1::2] + a[1::2, 1::2]


def _double(coarse: Floats, shape: tuple[int, ...]) -> Floats:
    return coarse.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]


def _least(a: NDArray[np.floating], reach: int, axis: int) -> NDArray[np.floating]:
    """The least value within ``reach`` pixels along ``axis``."""
    border = [(reach, reach) if i == axis else (0, 0) for i in (0, 1)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(a, border, mode="edge"), 2 * reach + 1, axis=axis)
    return np.asarray(windows.min(-1))


def _neighbours(a: Floats) -> Floats:
    """Sum of the four neighbours; the image's border repeats."""
    p = np.pad(a, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]
