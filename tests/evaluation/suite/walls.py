"""Walks past a wall, and a box before it, whose zones are known in closed form."""

import numpy as np
from worldwarp.cameras import Cameras
from worldwarp.evaluation.suite.places import Place

HEIGHT, WIDTH, FOCAL, FAR, NEAR = 24, 64, 50.0, 4.0, 2.0


def past(steps: list[int], box: tuple[int, int] | None = None) -> Place:
    """A camera that steps aside so that the wall moves by whole pixels, ``steps`` from the first frame.

    ``box``: the columns that a box at half the distance covers in the first frame.
    """
    n = len(steps)
    depth = np.full((n, HEIGHT, WIDTH), FAR, np.float32)
    poses = np.tile(np.eye(4), (n, 1, 1))
    poses[:, 0, 3] = np.array(steps) * FAR / FOCAL
    if box:
        for i, step in enumerate(steps):
            depth[i, :, max(box[0] - 2 * step, 0) : max(box[1] - 2 * step, 0)] = NEAR
    K = np.tile([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1.0]], (n, 1, 1))
    rgb = np.random.default_rng(0).integers(0, 256, (n, HEIGHT, WIDTH, 3), np.uint8)
    return Place(rgb, depth, Cameras(K, poses, WIDTH, HEIGHT, np.arange(n)))
