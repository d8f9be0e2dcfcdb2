"""Which Gaussians touch which tile, nearest first: a counting sort, linear in what it sorts (numba)."""

import numpy as np
from numba import njit

TILE = 16
"""Side of a tile in px, as in gsplat: the unit of parallel work."""

_DIGIT = 11
"""Bits of depth that one pass of the radix sort looks at: three passes over 32 bits."""

_MASK = (1 << _DIGIT) - 1


@njit(cache=True)
def by_depth(depth, box):  # type: ignore[no-untyped-def]
    """Indices of the Gaussians that are not culled, nearest first, ties in their own order: a radix sort.

    Positive floats sort like their bits. depth: (g,) float32; box: (g, 4) int32, see ``project.project``.
    """
    bits = depth.view(np.uint32)
    order = np.empty(len(depth), np.int32)
    visible = 0
    for i in range(len(depth)):
        if box[i, 0] <= box[i, 1] and box[i, 2] <= box[i, 3]:
            order[visible] = i
            visible += 1
    order = order[:visible]
    spare = np.empty_like(order)
    for shift in (0, _DIGIT, 2 * _DIGIT):
        start = np.zeros(_MASK + 2, np.int64)
        for g in order:
            start[((bits[g] >> shift) & _MASK) + 1] += 1
        start = np.cumsum(start)
        for g in order:
            digit = (bits[g] >> shift) & _MASK
            spare[start[digit]] = g
            start[digit] += 1
        order, spare = spare, order
    return order


@njit(cache=True)
def assign(order, box, tiles_x, tiles_y):  # type: ignore[no-untyped-def]
    """Gaussians of every tile, nearest first.

    Returns:
        offsets: (g + 1,) int64; Gaussian g touches offsets[g + 1] - offsets[g] tiles, and owns that range of slots.
        starts: (tiles + 1,) int64; tile t's entries are starts[t] to starts[t + 1].
        gaussian, slot: (p,) int32 and int64: for every entry its Gaussian, and its slot among that Gaussian's.
    """
    offsets = np.zeros(len(box) + 1, np.int64)
    starts = np.zeros(tiles_x * tiles_y + 1, np.int64)
    for i in range(len(box)):
        touched = 0
        if box[i, 0] <= box[i, 1] and box[i, 2] <= box[i, 3]:
            for ty in range(box[i, 2] // TILE, box[i, 3] // TILE + 1):
                for tx in range(box[i, 0] // TILE, box[i, 1] // TILE + 1):
                    starts[ty * tiles_x + tx + 1] += 1
                    touched += 1
        offsets[i + 1] = offsets[i] + touched
    starts = np.cumsum(starts)
    fill = starts.copy()
    gaussian = np.empty(starts[-1], np.int32)
    slot = np.empty(starts[-1], np.int64)
    for g in order:
        own = offsets[g]
        for ty in range(box[g, 2] // TILE, box[g, 3] // TILE + 1):
            for tx in range(box[g, 0] // TILE, box[g, 1] // TILE + 1):
                at = fill[ty * tiles_x + tx]
                fill[ty * tiles_x + tx] += 1
                gaussian[at] = g
                slot[at] = own
                own += 1
    return offsets, starts, gaussian, slot
