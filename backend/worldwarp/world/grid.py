"""A truncated signed distance field in blocks near the surfaces, and the triangles where it is zero (numba).

Fusion follows Curless and Levoy 1996, "A Volumetric Method for Building Complex Models from Range Images"; the
triangles are surface nets (Gibson 1998): one vertex in each cell that the surface goes through, at the mean of where
it crosses the cell's edges, and a quad around each edge that it crosses.
"""

import math

import numpy as np
from numba import njit, prange

SIDE = 8
"""Cells of a block along each axis."""

CELLS = SIDE**3

TRUNCATION = 3.0
"""Cells: no distance is measured further behind a surface, and none is told from another further before it."""

FLAT = 1.5
"""Of two neighbouring depths: a larger ratio is a jump that nothing is interpolated across."""

WHOLE = 0.9
"""Change of distance from cell to cell, in truncations, beyond which there is an edge of something and no surface."""


@njit(parallel=True, cache=True)
def integrate(field, weight, colour, corners, voxel, depth, slope, trust, rgb, camera, pose):  # type: ignore[no-untyped-def]
    """Add a frame to the field, in place.

    Args:
        field, weight: (b, CELLS): distance in truncations, positive before the surface; what it rests on.
        colour: (b, CELLS, 3).
        corners: (b, 3) int64, the first cell of each block.
        depth: (H, W) planar; inf is sky, NaN is left out.
        slope: (H, W), by what a distance along the ray (of z = 1) is shorter at a right angle to the surface.
        trust: (H, W), weights of pixels.
        camera: (fx, fy, cx, cy); pose: (3, 4) world to camera.
    """
    height, width = depth.shape
    reach = TRUNCATION * voxel
    for b in prange(len(corners)):
        for cell in range(CELLS):
            wx = (corners[b, 0] + (cell >> 6) + 0.5) * voxel
            wy = (corners[b, 1] + ((cell >> 3) & 7) + 0.5) * voxel
            wz = (corners[b, 2] + (cell & 7) + 0.5) * voxel
            z = pose[2, 0] * wx + pose[2, 1] * wy + pose[2, 2] * wz + pose[2, 3]
            if z <= 0:
                continue
            u = camera[0] * (pose[0, 0] * wx + pose[0, 1] * wy + pose[0, 2] * wz + pose[0, 3]) / z + camera[2]
            v = camera[1] * (pose[1, 0] * wx + pose[1, 1] * wy + pose[1, 2] * wz + pose[1, 3]) / z + camera[3]
            if not (0 <= u < width and 0 <= v < height):
                continue
            row, column = int(v), int(u)
            there = _between(depth, u - 0.5, v - 0.5, row, column)
            if not there < math.inf:
                continue
            distance = (there - z) * slope[row, column] / reach
            w = trust[row, column]
            if distance < -1 or w <= 0:
                continue
            before = weight[b, cell]
            weight[b, cell] = before + w
            share = w / (before + w)
            field[b, cell] += (min(distance, 1.0) - field[b, cell]) * share
            for k in range(3):
                colour[b, cell, k] += (rgb[row, column, k] - colour[b, cell, k]) * share


@njit(inline="always")
def _between(depth, u, v, row, column):  # type: ignore[no-untyped-def]
    """Depth at (u, v): disparity interpolated between four pixels of one surface, else that of the nearest pixel."""
    height, width = depth.shape
    x, y = min(max(math.floor(u), 0), width - 2), min(max(math.floor(v), 0), height - 2)
    a, b, c, d = depth[y, x], depth[y, x + 1], depth[y + 1, x], depth[y + 1, x + 1]
    if not max(max(a, b), max(c, d)) <= FLAT * min(min(a, b), min(c, d)):
        return depth[row, column]
    s, t = u - x, v - y
    return 1.0 / ((1 - t) * ((1 - s) / a + s / b) + t * ((1 - s) / c + s / d))


@njit(inline="always")
def _flat(index, x, y, z):  # type: ignore[no-untyped-def]
    """Where a cell lies in the field, counted through all blocks; -1 where it is in none."""
    b = index[x >> 3, y >> 3, z >> 3]
    return -1 if b < 0 else b * CELLS + ((x & 7) << 6 | (y & 7) << 3 | (z & 7))


@njit(cache=True)
def vertices(index, blocks, field, weight, colour):  # type: ignore[no-untyped-def]
    """The vertex of each cell that the surface goes through.

    Args:
        index: (X, Y, Z) int32, numbers of blocks, -1 is none; nothing at its borders.
        blocks: (b, 3), where they are in it.
        field, weight, colour: as ``integrate``.

    Returns:
        number (b * CELLS,) int32 of each cell's vertex, -1 is none; xyz (p, 3) in cells from ``index``'s origin, of
        whose first cell the centre is at 0.5; rgb (p, 3).
    """
    field, weight, colour = field.ravel(), weight.ravel(), colour.reshape(-1, 3)
    number = np.full(len(field), -1, np.int32)
    count = 0
    for only_count in (True, False):
        if not only_count:
            xyz, rgb = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
            count = 0
        near, at = np.empty(8), np.empty(8, np.int64)
        for b in range(len(blocks)):
            for cell in range(CELLS):
                x = blocks[b, 0] * SIDE + (cell >> 6)
                y = blocks[b, 1] * SIDE + ((cell >> 3) & 7)
                z = blocks[b, 2] * SIDE + (cell & 7)
                below, known = 0, True
                for k in range(8):
                    at[k] = _flat(index, x + (k >> 2), y + ((k >> 1) & 1), z + (k & 1))
                    if at[k] < 0 or weight[at[k]] <= 0:
                        known = False
                        break
                    near[k] = field[at[k]]
                    below += near[k] < 0
                if not known or below == 0 or below == 8:
                    continue
                px, py, pz, crossed = 0.0, 0.0, 0.0, 0
                for k in range(8):
                    for bit in (4, 2, 1):
                        other = k | bit
                        if k & bit or (near[k] < 0) == (near[other] < 0):
                            continue
                        if abs(near[k] - near[other]) > WHOLE:
                            crossed = -100
                        t = near[k] / (near[k] - near[other])
                        px += (k >> 2) + (t if bit == 4 else 0.0)
                        py += ((k >> 1) & 1) + (t if bit == 2 else 0.0)
                        pz += (k & 1) + (t if bit == 1 else 0.0)
                        crossed += 1
                if crossed <= 0:
                    continue
                if not only_count:
                    number[b * CELLS + cell] = count
                    xyz[count, 0] = x + 0.5 + px / crossed
                    xyz[count, 1] = y + 0.5 + py / crossed
                    xyz[count, 2] = z + 0.5 + pz / crossed
                    total = 0.0
                    rgb[count] = 0
                    for k in range(8):
                        w = (1.001 - abs(near[k])) * weight[at[k]]
                        total += w
                        for c in range(3):
                            rgb[count, c] += w * colour[at[k], c]
                    rgb[count] /= total
                count += 1
    return number, xyz, rgb


@njit(cache=True)
def quads(index, blocks, field, number):  # type: ignore[no-untyped-def]
    """(q, 4) vertices around each edge that the surface crosses, anticlockwise from where the distance is positive.

    Args as ``vertices``; number: as it returns.
    """
    field = field.ravel()
    out = np.empty((3 * (number.max() + 1 if len(number) else 0), 4), np.int32)
    count = 0
    for b in range(len(blocks)):
        for cell in range(CELLS):
            here = b * CELLS + cell
            if number[here] < 0:
                continue
            x = blocks[b, 0] * SIDE + (cell >> 6)
            y = blocks[b, 1] * SIDE + ((cell >> 3) & 7)
            z = blocks[b, 2] * SIDE + (cell & 7)
            for axis in range(3):
                u, v = (axis + 1) % 3, (axis + 2) % 3
                end = _flat(index, x + (axis == 0), y + (axis == 1), z + (axis == 2))
                inside = field[here] < 0
                if inside == (field[end] < 0):
                    continue
                whole = True
                for k in range(4):  # the cells around the edge: here, one back along u, along both, along v
                    du, dv = k == 1 or k == 2, k >= 2
                    at = _flat(
                        index,
                        x - (u == 0 and du) - (v == 0 and dv),
                        y - (u == 1 and du) - (v == 1 and dv),
                        z - (u == 2 and du) - (v == 2 and dv),
                    )
                    whole = whole and at >= 0 and number[at] >= 0
                    if whole:
                        out[count, k if inside else 3 - k] = number[at]
                count += whole
    return out[:count]
