"""The solved cameras of a result: a second action of the camera that came back, beside the requested one.

Needs ``bpy`` and numpy only, as ``importer`` does.
"""

from dataclasses import dataclass

import bpy
import numpy as np

from .problems import Problem

REQUESTED, SOLVED = "worldwarp_requested", "worldwarp_solved"
"""Custom properties of the camera: its actions. They count as users, so that neither is lost with the file."""

PIXELS = "worldwarp_pixels"
"""Custom property of the camera: by how many pixels known points are off, requested and solved."""


@dataclass(frozen=True)
class Solved:
    """Where the frames were really taken from.

    Args:
        camera_to_world: (n, 4, 4) OpenCV axes, Blender's world.
        pixels: median over the frames of how far known points are off, requested and solved; NaN: not known.
    """

    camera_to_world: np.ndarray
    pixels: tuple[float, float]


def read(data, n: int) -> Solved | None:
    """What an open ``cameras.npz`` of ``n`` frames says; None where it was not solved. ``ValueError``: not n frames."""
    if "R_solved" not in data or "t_solved" not in data:
        return None
    R, t = data["R_solved"].astype(np.float64), data["t_solved"].astype(np.float64).reshape(-1, 3)
    if R.shape != (n, 3, 3) or t.shape != (n, 3) or not (np.isfinite(R).all() and np.isfinite(t).all()):
        raise ValueError("its solved cameras do not belong to its frames")
    return Solved(poses_of(R, t), tuple(_median(data, name) for name in ("residual_requested", "residual_solved")))


def poses_of(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Camera to world (n, 4, 4) of world to camera R (n, 3, 3), t (n, 3)."""
    poses = np.tile(np.eye(4), (len(R), 1, 1))
    poses[:, :3, :3] = R.transpose(0, 2, 1)
    poses[:, :3, 3] = -np.einsum("nji,nj->ni", R, t)
    return poses


def _median(data, name: str) -> float:
    values = data[name] if name in data else np.empty(0)
    return float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else float("nan")


def keep(camera, name: str) -> None:
    """Keep the action that ``camera`` has now as its requested or its solved one."""
    action = camera.animation_data.action
    action.name = f"{camera.name} {'Solved' if name == SOLVED else 'Requested'}"
    camera[name] = action


def camera_of(collection) -> bpy.types.Object | None:
    """The camera of a result that has both, or None."""
    return next((thing for thing in collection.objects if thing.type == "CAMERA" and SOLVED in thing), None)


def shown(camera, name: str) -> bool:
    """Whether ``camera`` follows that action now."""
    return camera.animation_data is not None and camera.animation_data.action == camera.get(name)


def switch(camera, name: str) -> None:
    """Let ``camera`` follow its requested or its solved action.

    Raises:
        Problem: that action was removed.
    """
    action = camera.get(name)
    if action is None:
        raise Problem("This camera's other keys are gone: import the result again")
    animation = camera.animation_data_create()
    animation.action = action
    if hasattr(animation, "action_slot"):  # Blender 4.4
        animation.action_slot = action.slots[0]


def off(camera, name: str) -> str:
    """How far known points are off under that action, "" where nobody knows."""
    pixels = camera.get(PIXELS, (float("nan"),) * 2)[name == SOLVED]
    return "" if np.isnan(pixels) else f"{pixels:.2g} px"
