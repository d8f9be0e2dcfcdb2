"""RealEstate10K's text files (Zhou et al., Stereo Magnification, 2018; google.github.io/realestate10k).

The first line is the video's address, and is left alone. Each further one is a frame: its time in microseconds;
fx, fy, cx, cy as shares of the picture's width and height, from its corner; 0 0; and the 3 x 4 matrix world to camera,
row by row, in OpenCV's camera axes. The size of the picture stands nowhere.
"""

from pathlib import Path

import numpy as np
from worldwarp_protocol import files

from .cameras import Cameras, inverse
from .foreign import Given, check_count, fault, in_time, numbers, size_of, text_lines

COLUMNS = 19

MICROSECONDS = 1e6


def read(path: Path, given: Given) -> Cameras:
    """The path in a file; frame numbers from 1, by the times.

    Args:
        path: the file.
        given: ``width`` and ``height`` of the pictures; ``fps``, or None for that of the times.

    Raises:
        InvalidShot: naming the file and the line.
    """
    size = size_of(path, (None, None), given)
    rows = np.array(rows_of(path))
    K = np.tile(np.eye(3), (len(rows), 1, 1))
    K[:, [0, 1], [0, 1]] = rows[:, 1:3] * size
    K[:, :2, 2] = rows[:, 3:5] * size
    frame, fps = in_time(path, rows[:, 0] / MICROSECONDS, given.fps)
    return Cameras(K, inverse(rows[:, 7:].reshape(-1, 3, 4)), *size, frame, fps)


def write(path: Path, cameras: Cameras) -> None:
    """Write a path; the first camera's time is 0. The first line is a comment instead of an address."""
    times = np.rint((cameras.frame - cameras.frame[0]) / cameras.fps * MICROSECONDS).astype(np.int64)
    size = np.array([cameras.width, cameras.height])
    lens = np.concatenate([cameras.K[:, [0, 1], [0, 1]] / size, cameras.K[:, :2, 2] / size], axis=1)
    lines = ["# no video"]
    for time, values, pose in zip(times.tolist(), lens.tolist(), cameras.world_to_camera, strict=True):
        lines.append(" ".join(map(repr, [time, *values, 0, 0, *pose[:3].ravel().tolist()])))
    files.write(path, ("\n".join(lines) + "\n").encode())


def rows_of(path: Path) -> list[list[float]]:
    """The numbers of each frame; the first is its time in microseconds. Raises as ``read``."""
    rows: list[list[float]] = []
    for place, line in text_lines(path):
        words = line.split()
        if not words or (not rows and "://" in words[0]):
            continue
        if len(words) != COLUMNS:
            raise fault(place, f"has {len(words)} columns; a camera of RealEstate10K has {COLUMNS}")
        rows.append(numbers(words, place))
        check_count(len(rows), path)
    check_count(len(rows), path)
    return rows
