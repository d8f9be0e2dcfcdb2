"""Where the new frames of a chunk were taken from: asked as it ends, so that the next one can go on from there."""

from collections.abc import Callable, Sequence

import numpy as np

from ..cameras import Cameras
from ..nouns import Bytes, Chunk, Floats, Solved, View
from .solve import Found, Reference, judged, reference, residuals, search, smoothed

FAR = 1.0
"""Pixels: known points that are further off than this from where the camera of a frame should see them are not there by
the search's own error, which is 0.2 pixels at most."""

BETTER = 0.5
"""A solved camera has to bring that to this share of it, at most."""

SHARE = 0.25
"""Of a chunk's new frames, so many have to say so: then all are taken as solved, else none."""


def taken(
    chunk: Chunk,
    frames: Bytes,
    depth: Floats,
    cameras: Cameras,
    requested: Cameras,
    history: Sequence[View],
    history_cameras: Cameras,
    context: Sequence[View],
    tell: Callable[[int, int], None],
) -> Solved:
    """Solve the cameras of a chunk's new frames by the picture, where it is in the history, and by its context.

    Where the frames have not clearly drifted, their cameras are ``cameras``, bit for bit.

    Args:
        frames: (n, H, W, 3) of the whole chunk; depth: (n, H, W), planar, world units; inf is sky, NaN is not known.
        cameras: of them, as they were asked of the model: those of the context are where it was taken from.
        requested: of the path, which the residuals are told of, too.
        tell: called with a frame's number and how many there are.
    """
    count = chunk.stop - chunk.start
    cameras, requested = cameras[:count], requested[:count]  # a path that ends early was extended: nobody sees that
    free, new = slice(chunk.context, count), slice(chunk.first_new - chunk.start, None)
    known = _references(chunk, history, history_cameras, context, cameras)
    found = search(frames[free], depth[free], cameras[free], tell, known)
    solved = judged(found, cameras[free], smoothed(found, cameras[free]))
    drifted = _drifted(solved)
    poses = cameras.camera_to_world.copy()
    if drifted:
        poses[free] = solved.camera_to_world
    given: list[Found | None] = [None] * chunk.context  # the pictures, exact, or the chunk before, solved already
    told = (residuals([*given, *found], requested.K, where)[new] for where in (requested.camera_to_world, poses))
    before, after = told
    inliers = np.concatenate([np.zeros(chunk.context, np.int64), solved.inliers])[new]
    return Solved(poses[new], before, after, inliers, np.full(len(inliers), not drifted))


def _references(
    chunk: Chunk, history: Sequence[View], history_cameras: Cameras, context: Sequence[View], cameras: Cameras
) -> list[Reference]:
    """The picture, which counts in full, and the first and the last of the context."""
    known = [
        reference(view.rgb, view.depth, history_cameras.K[i], history_cameras.camera_to_world[i], 1.0)
        for i, view in enumerate(history)
        if view.index == 0 and view.depth is not None
    ]
    for i in sorted({0, chunk.context - 1}):
        view = context[i]
        if view.index and view.depth is not None:
            known.append(reference(view.rgb, view.depth, cameras.K[i], cameras.camera_to_world[i]))
    return known


def _drifted(solved: Solved) -> bool:
    """Whether the evidence is clear."""
    with np.errstate(invalid="ignore"):
        clear = (solved.residual_requested > FAR) & (solved.residual_solved < BETTER * solved.residual_requested)
    return bool(clear.mean() >= SHARE)
