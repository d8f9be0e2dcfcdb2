"""TUM's trajectories (cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats), as SLAM tools write them.

``timestamp tx ty tz qx qy qz qw`` in each line: seconds, the camera's location in the world, and its rotation camera to
world, in OpenCV's camera axes. There is no lens.
"""

from pathlib import Path

import numpy as np
from worldwarp_protocol import files

from .cameras import Cameras
from .foreign import Given, check_count, fault, in_time, intrinsics, numbers, size_of, text_lines
from .quaternions import SMALLEST, from_rotations, to_rotations

COLUMNS = 8


def read(path: Path, given: Given) -> Cameras:
    """The path in a file; frame numbers from 1, by the times; the principal point in the middle of the picture.

    Args:
        path: the file.
        given: ``width``, ``height`` and ``focal``; ``fps``, or None for that of the times.

    Raises:
        InvalidShot: naming the file and the line.
    """
    size = size_of(path, (None, None), given)
    if given.focal is None:
        raise fault(path, "does not say the focal length; give --lens, such as 35mm or 1200px")
    rows = np.array(_rows(path))
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3, :3] = to_rotations(rows[:, [7, 4, 5, 6]])
    poses[:, :3, 3] = rows[:, 1:4]
    frame, fps = in_time(path, rows[:, 0], given.fps)
    K = np.tile(intrinsics(given.focal, given.focal, size[0] / 2, size[1] / 2), (len(rows), 1, 1))
    return Cameras(K, poses, *size, frame, fps)


def write(path: Path, cameras: Cameras) -> None:
    """Write a path without its lens; the first camera's time is 0."""
    times = (cameras.frame - cameras.frame[0]) / cameras.fps
    q = from_rotations(cameras.camera_to_world[:, :3, :3])[:, [1, 2, 3, 0]]
    lines = ["# timestamp tx ty tz qx qy qz qw"]
    for row in np.concatenate([times[:, None], cameras.centres, q], axis=1).tolist():
        lines.append(" ".join(map(repr, row)))
    files.write(path, ("\n".join(lines) + "\n").encode())


def _rows(path: Path) -> list[list[float]]:
    rows: list[list[float]] = []
    for place, line in text_lines(path):
        words = line.replace(",", " ").split()
        if not words:
            continue
        if len(words) != COLUMNS:
            raise fault(place, f"has {len(words)} columns; it is timestamp tx ty tz qx qy qz qw")
        rows.append(numbers(words, place))
        if np.linalg.norm(rows[-1][4:]) < SMALLEST:
            raise fault(place, "the quaternion is 0")
        check_count(len(rows), path)
    check_count(len(rows), path)
    return rows
