"""Rays and distances against solids on the CPU (numba): a ray meets the boxes around things, then what is in them.

``rays`` holds the same in plain torch, and the words. Everything is computed in the type of what is given.
"""

import math

import numpy as np
from numba import njit, prange

START = 1e-4
"""See ``rays.START``."""

TINY = 1e-9
"""See ``rays.TINY``."""


@njit(inline="always")
def _interval(form, row, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """t within which a ray is in a solid: (near, far), near > far where it never is."""
    ux = row[0] * ox + row[1] * oy + row[2] * oz + row[9]
    uy = row[3] * ox + row[4] * oy + row[5] * oz + row[10]
    uz = row[6] * ox + row[7] * oy + row[8] * oz + row[11]
    vx = _nonzero(row[0] * dx + row[1] * dy + row[2] * dz)
    vy = _nonzero(row[3] * dx + row[4] * dy + row[5] * dz)
    vz = _nonzero(row[6] * dx + row[7] * dy + row[8] * dz)
    one = row.dtype.type(1)
    if form == 2:
        return _round(vx * vx + vy * vy + vz * vz, ux * vx + uy * vy + uz * vz, ux, uy, uz, vx, vy, vz, one)
    near, far = _slab(uz, vz, one)
    if form == 1:
        zero = row.dtype.type(0)
        n, f = _round(vx * vx + vy * vy, ux * vx + uy * vy, ux, uy, zero, vx, vy, zero, one)
        return max(near, n), min(far, f)
    nx, fx = _slab(ux, vx, one)
    ny, fy = _slab(uy, vy, one)
    return max(near, nx, ny), min(far, fx, fy)


@njit(inline="always")
def _nonzero(d):  # type: ignore[no-untyped-def]
    return d if abs(d) >= TINY else type(d)(TINY)


@njit(inline="always")
def _slab(u, v, one):  # type: ignore[no-untyped-def]
    inverse = one / v
    reach = abs(inverse)
    return -u * inverse - reach, reach - u * inverse


@njit(inline="always")
def _round(a, b, ux, uy, uz, vx, vy, vz, one):  # type: ignore[no-untyped-def]
    middle = -b / a
    cx, cy, cz = ux + middle * vx, uy + middle * vy, uz + middle * vz
    square = (one - (cx * cx + cy * cy + cz * cz)) / a
    if square < 0:
        return math.inf, -math.inf
    reach = math.sqrt(square)
    return middle - reach, middle + reach


@njit(inline="always")
def _meets(around, ox, oy, oz, ix, iy, iz, before):  # type: ignore[no-untyped-def]
    """Whether a ray, given by one over its direction, enters a box (low, high) before ``before``."""
    ax, bx = (around[0] - ox) * ix, (around[3] - ox) * ix
    ay, by = (around[1] - oy) * iy, (around[4] - oy) * iy
    az, bz = (around[2] - oz) * iz, (around[5] - oz) * iz
    near = max(min(ax, bx), min(ay, by), min(az, bz))
    far = min(max(ax, bx), max(ay, by), max(az, bz))
    return near <= far and far > 0 and near < before


@njit(parallel=True, cache=True)
def cast(solids, forms, around, ends, origin, direction, limit, first, t, which):  # type: ignore[no-untyped-def]
    """The nearest entry of each ray before ``limit`` in ``t`` and ``which``, or with ``first`` any entry at all.

    Args:
        solids: (k, 15): the rows of the way to unit space, its shift, and half the size.
        forms: (k,).
        around: (g, 6): boxes around things.
        ends: (g + 1,): the first solid of each, and the end.
        origin: (3, P).
        direction: (3, P).
        limit: t of nothing.
        first: whether to stop at the first that is found.
        t: (P,), written.
        which: (P,), written; -1 is none.
    """
    for p in prange(origin.shape[1]):
        ox, oy, oz = origin[0, p], origin[1, p], origin[2, p]
        dx, dy, dz = direction[0, p], direction[1, p], direction[2, p]
        one = solids.dtype.type(1)  # a plain 1 would make float64 of all that it meets
        ix, iy, iz = one / _nonzero(dx), one / _nonzero(dy), one / _nonzero(dz)
        best, found = limit, -1
        for g in range(len(around)):
            if _meets(around[g], ox, oy, oz, ix, iy, iz, best):
                for k in range(ends[g], ends[g + 1]):
                    near, far = _interval(forms[k], solids[k], ox, oy, oz, dx, dy, dz)
                    if near <= far and near > START and near < best:
                        best, found = near, k
                if first and found >= 0:
                    break
        t[p], which[p] = best, found


@njit(parallel=True, cache=True)
def distances(solids, forms, around, ends, points, reach, out):  # type: ignore[no-untyped-def]
    """Metres to the nearest solid from points (3, P), at most ``reach``, in ``out`` (P,)."""
    for p in prange(points.shape[1]):
        x, y, z = points[0, p], points[1, p], points[2, p]
        best = reach
        for g in range(len(around)):
            if _apart(around[g], x, y, z) <= max(best, 0):
                for k in range(ends[g], ends[g + 1]):
                    best = min(best, _distance(forms[k], solids[k], x, y, z))
        out[p] = best


@njit(inline="always")
def _apart(around, x, y, z):  # type: ignore[no-untyped-def]
    ax = max(around[0] - x, x - around[3], 0)
    ay = max(around[1] - y, y - around[4], 0)
    az = max(around[2] - z, z - around[5], 0)
    return math.sqrt(ax * ax + ay * ay + az * az)


@njit(inline="always")
def _distance(form, row, x, y, z):  # type: ignore[no-untyped-def]
    ux = row[0] * x + row[1] * y + row[2] * z + row[9]
    uy = row[3] * x + row[4] * y + row[5] * z + row[10]
    uz = row[6] * x + row[7] * y + row[8] * z + row[11]
    side = min(row[12], row[13])
    if form == 2:
        return (math.sqrt(ux * ux + uy * uy + uz * uz) - 1) * min(side, row[14])
    qz = (abs(uz) - 1) * row[14]
    if form == 1:
        qx = (math.sqrt(ux * ux + uy * uy) - 1) * side
        qy = qx
        outside = math.sqrt(max(qx, 0) ** 2 + max(qz, 0) ** 2)
    else:
        qx, qy = (abs(ux) - 1) * row[12], (abs(uy) - 1) * row[13]
        outside = math.sqrt(max(qx, 0) ** 2 + max(qy, 0) ** 2 + max(qz, 0) ** 2)
    return outside + min(max(qx, qy, qz), 0)


def empty(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Room for t and which of as many rays."""
    return np.empty(points.shape[1], points.dtype), np.empty(points.shape[1], np.int64)
