"""Small shots that tests share."""

import numpy as np

from worldwarp.cameras import Cameras


def straight_path(frames: int, width: int = 64, height: int = 48, step: float = 0.02) -> Cameras:
    """A dolly along Blender's +Y, looking along it: OpenCV axes x right, y down, z forward."""
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
    poses = np.repeat(pose[None], frames, axis=0)
    poses[:, 1, 3] = step * np.arange(frames)
    return Cameras(np.repeat(K[None], frames, axis=0), poses, width, height, np.arange(1, frames + 1))
