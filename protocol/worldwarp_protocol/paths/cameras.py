"""The path: one pinhole camera per frame, in OpenCV axes and Blender's world."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cameras:
    """One camera per frame.

    Args:
        K: (n, 3, 3) float64, intrinsics in pixels; the centre of pixel (0, 0) is at (0.5, 0.5).
        camera_to_world: (n, 4, 4) float64, rigid; camera axes are OpenCV's (x right, y down, z forward),
            the world is Blender's (right-handed, Z up, world units).
        width, height: of the image plane, in pixels.
        frame: (n,) int64, each camera's frame number in the user's timeline.
        fps: frames per second of that timeline.
    """

    K: Array
    camera_to_world: Array
    width: int
    height: int
    frame: NDArray[np.int64]
    fps: float = 24.0

    def __len__(self) -> int:
        return len(self.K)

    def __getitem__(self, index: slice | NDArray[np.int64] | list[int]) -> "Cameras":
        """The cameras at ``index`` (a slice or a list of positions), still a path."""
        return replace(self, K=self.K[index], camera_to_world=self.camera_to_world[index], frame=self.frame[index])

    @property
    def world_to_camera(self) -> Array:
        """(n, 4, 4): the extrinsics, x_cam = R x_world + t."""
        R = self.camera_to_world[:, :3, :3].transpose(0, 2, 1)
        t = -(R @ self.camera_to_world[:, :3, 3:])
        bottom = np.broadcast_to(np.array([0.0, 0.0, 0.0, 1.0]), (len(self), 1, 4))
        return np.concatenate([np.concatenate([R, t], axis=2), bottom], axis=1)

    @property
    def centres(self) -> Array:
        """(n, 3): the camera centres in the world."""
        return self.camera_to_world[:, :3, 3]
