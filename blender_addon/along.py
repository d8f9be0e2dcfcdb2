"""A camera's path along a curve object."""

import bpy
import numpy as np

from .problems import Problem

RESOLUTION = 64
"""Pieces of the curve between two of its control points."""

LEVEL_LIMIT = 1e-6
"""A direction whose level part is shorter than this is straight up or down."""


def polyline(thing) -> np.ndarray:
    """Points (m, 3) in the world along the first spline of a curve object; a cyclic one ends where it began.

    Raises:
        Problem: it has no length.
    """
    data = thing.data.copy()
    data.bevel_depth = data.extrude = data.offset = 0
    data.bevel_object = data.taper_object = None
    data.resolution_u = data.render_resolution_u = RESOLUTION
    while len(data.splines) > 1:
        data.splines.remove(data.splines[-1])
    for spline in data.splines:
        spline.resolution_u = RESOLUTION
    bare = bpy.data.objects.new("WorldWarp Temporary", data)
    try:
        mesh = bare.to_mesh()
        local = np.array([vertex.co for vertex in mesh.vertices]).reshape(-1, 3) if mesh else np.empty((0, 3))
    finally:
        bare.to_mesh_clear()
        bpy.data.objects.remove(bare)
        bpy.data.curves.remove(data)
    if len(local) < 2 or not np.ptp(local, axis=0).any():
        raise Problem(f"Curve {thing.name!r} has no length: add points to its first spline")
    if thing.data.splines[0].use_cyclic_u:
        local = np.vstack([local, local[:1]])
    matrix = np.array(thing.matrix_world)
    return local @ matrix[:3, :3].T + matrix[:3, 3]


def at_shares(line: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 3) and directions (n, 3) after ``shares`` (n,), 0 to 1, of the length of ``line`` (m, 3)."""
    pieces = np.linalg.norm(np.diff(line, axis=0), axis=1)
    line = line[np.append(True, pieces > 0)]
    pieces = pieces[pieces > 0]
    far = np.concatenate([[0], np.cumsum(pieces)])

    def places(at):
        return np.column_stack([np.interp(at, far, axis) for axis in line.T])

    at = np.asarray(shares) * far[-1]
    step = far[-1] / 1000
    ways = places(np.minimum(at + step, far[-1])) - places(np.maximum(at - step, 0))
    return places(at), ways / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-12)


def looking(places: np.ndarray, ways: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Camera to world (n, 4, 4), OpenCV axes, level, at ``places`` (n, 3) and looking along ``ways`` (n, 3).

    Straight up or down, the picture's right stays as it was; at first as in the rotation ``before`` (3, 3).
    """
    poses, right = np.tile(np.eye(4), (len(places), 1, 1)), before[:, 0]
    poses[:, :3, 3] = places
    for pose, way in zip(poses, ways, strict=True):
        forward = way / np.linalg.norm(way)
        level = np.array([forward[1], -forward[0], 0.0])
        steep = np.linalg.norm(level) < LEVEL_LIMIT
        right = right - (right @ forward) * forward if steep else level
        right = right / np.linalg.norm(right)
        pose[:3, :3] = np.column_stack([right, np.cross(forward, right), forward])
    return poses
