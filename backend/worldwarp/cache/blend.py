"""Front-to-back alpha blending of sorted ellipses, forward and backward, on the CPU (numba).

A tile is one thread's work: it walks its Gaussians, nearest first, and each Gaussian walks the pixels of its box.
(The Gaussians here are pixel-sized: walking every pixel of the tile, as a GPU does, would visit ten times as many.)
Nothing is shared between tiles, so the bits do not depend on the number of threads: the backward pass leaves one
row of gradients for every Gaussian and tile, and ``project_backward`` adds them up in order.

Features are (g, blocks, LANES): a loop of fixed length is unrolled and vectorised.
"""

import math

from numba import njit, prange

from .project import ALPHA_CUT
from .tiles import TILE

LANES = 4
"""Features are blended in blocks of this many: colour and depth are one block."""

ALPHA_CAP = 0.999
"""No Gaussian is fully opaque: its alpha is divided by 1 - alpha on the way back."""

STOP = 1e-4
"""The Gaussian that would leave less transmittance than this ends the pixel, and is not blended itself."""


@njit(parallel=True, cache=True, fastmath={"contract"})
def blend(ellipse, opacities, features, box, starts, gaussian, tiles_x, out, through, last):  # type: ignore[no-untyped-def]
    """Forward.

    Args:
        ellipse, box: as ``project.project`` made them; opacities: (g,); features: (g, blocks, LANES).
        starts, gaussian: as ``tiles.assign`` made them.
        out: (H, W, blocks, LANES): features, blended onto black.
        through: out (H, W): what is left of the light, 1 - alpha.
        last: out (H, W) int32: the entry at which the pixel was full, or the end of its tile's entries.
    """
    height, width = through.shape
    kind = ellipse.dtype.type
    one, half, cut, cap, stop = kind(1), kind(0.5), kind(ALPHA_CUT), kind(ALPHA_CAP), kind(STOP)
    for tile in prange(len(starts) - 1):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        right, bottom = min(left + TILE, width) - 1, min(top + TILE, height) - 1
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                through[y, x] = one
                last[y, x] = starts[tile + 1]
        open_pixels = (right + 1 - left) * (bottom + 1 - top)
        for entry in range(starts[tile], starts[tile + 1]):
            if open_pixels == 0:
                break
            g = gaussian[entry]
            px, py, limit, opacity = ellipse[g, 0], ellipse[g, 1], ellipse[g, 5], opacities[g]
            A, B, C = ellipse[g, 2], ellipse[g, 3], ellipse[g, 4]
            for y in range(max(box[g, 2], top), min(box[g, 3], bottom) + 1):
                dy = kind(y) + half - py
                for x in range(max(box[g, 0], left), min(box[g, 1], right) + 1):
                    dx = kind(x) + half - px
                    sigma = half * (A * dx * dx + C * dy * dy) + B * dx * dy
                    if sigma > limit or sigma < 0 or entry >= last[y, x]:
                        continue
                    alpha = min(opacity * math.exp(-sigma), cap)
                    if alpha < cut:
                        continue
                    T = through[y, x]
                    after = T * (one - alpha)
                    if after <= stop:
                        last[y, x] = entry
                        open_pixels -= 1
                        continue
                    weight = T * alpha
                    for block in range(features.shape[1]):
                        for lane in range(LANES):
                            out[y, x, block, lane] += weight * features[g, block, lane]
                    through[y, x] = after


@njit(parallel=True, cache=True, fastmath={"contract"})
def blend_backward(  # type: ignore[no-untyped-def]
    ellipse, opacities, features, box, starts, gaussian, slot,
    tiles_x, through, last, v_out, v_through, T, behind, partial,
):  # fmt: skip
    """Backward, from the last Gaussian of a tile to its first.

    With weights w_i = T_i a_i, dL/da_i = T_i (f_i . v) - behind / (1 - a_i), where ``behind`` is what all later
    Gaussians and the background contribute to the loss: one number a pixel.

    Args:
        v_out: (H, W, blocks, LANES), v_through: (H, W): gradients to what ``blend`` gave.
        T, behind: (H, W): scratch.
        partial: out (p, 6 + blocks * LANES): gradients of every slot, see ``project.project_backward``.
    """
    height, width = through.shape
    kind = ellipse.dtype.type
    one, half, cut, cap = kind(1), kind(0.5), kind(ALPHA_CUT), kind(ALPHA_CAP)
    for tile in prange(len(starts) - 1):
        left, top = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        right, bottom = min(left + TILE, width) - 1, min(top + TILE, height) - 1
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                T[y, x] = through[y, x]
                behind[y, x] = v_through[y, x] * through[y, x]
        for entry in range(starts[tile + 1] - 1, starts[tile] - 1, -1):
            g = gaussian[entry]
            row = partial[slot[entry]]
            px, py, limit, opacity = ellipse[g, 0], ellipse[g, 1], ellipse[g, 5], opacities[g]
            A, B, C = ellipse[g, 2], ellipse[g, 3], ellipse[g, 4]
            v_px, v_py, v_A, v_B, v_C, v_opacity = kind(0), kind(0), kind(0), kind(0), kind(0), kind(0)
            row[6:] = 0
            for y in range(max(box[g, 2], top), min(box[g, 3], bottom) + 1):
                dy = kind(y) + half - py
                for x in range(max(box[g, 0], left), min(box[g, 1], right) + 1):
                    dx = kind(x) + half - px
                    sigma = half * (A * dx * dx + C * dy * dy) + B * dx * dy
                    if sigma > limit or sigma < 0 or entry >= last[y, x]:
                        continue
                    density = math.exp(-sigma)
                    alpha = min(opacity * density, cap)
                    if alpha < cut:
                        continue
                    back = one / (one - alpha)
                    before = T[y, x] * back
                    T[y, x] = before
                    weight = before * alpha
                    along = kind(0)
                    for block in range(features.shape[1]):
                        for lane in range(LANES):
                            along += features[g, block, lane] * v_out[y, x, block, lane]
                            row[6 + block * LANES + lane] += weight * v_out[y, x, block, lane]
                    v_alpha = before * along - behind[y, x] * back
                    behind[y, x] += weight * along
                    if opacity * density <= cap:
                        v_opacity += density * v_alpha
                        v_sigma = -alpha * v_alpha
                        v_px -= v_sigma * (A * dx + B * dy)
                        v_py -= v_sigma * (B * dx + C * dy)
                        v_A += half * v_sigma * dx * dx
                        v_B += v_sigma * dx * dy
                        v_C += half * v_sigma * dy * dy
            row[0], row[1], row[2], row[3], row[4], row[5] = v_px, v_py, v_A, v_B, v_C, v_opacity
