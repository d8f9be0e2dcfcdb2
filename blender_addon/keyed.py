"""Keys at every frame, and a lens, for a camera that is told where to go.

Needs ``bpy`` and numpy only, as ``importer`` does.
"""

import bpy
import numpy as np

from .camera import Lens, matrix_world
from .pieces import Pieces, blocks, to_the_end, whole_or_nothing

LINEAR = 1
"""``Keyframe.interpolation`` as a number, for ``foreach_set``."""

KEYS = 1 << 10
"""Poses that are turned into keys at once."""


def apply_lens(data, lens: Lens) -> None:
    for field in ("sensor_width", "sensor_height", "sensor_fit", "lens", "shift_x", "shift_y"):
        setattr(data, field, getattr(lens, field))


def key_poses(camera, frame: np.ndarray, poses: np.ndarray) -> Pieces[bpy.types.Action]:
    """Key poses (n, 4, 4), OpenCV axes, at frames (n,): the new action."""
    matrices = matrix_world(poses)
    turns = yield from turning(matrices[:, :3, :3])
    keys = {"location": matrices[:, :3, 3], "rotation_quaternion": turns}
    return (yield from keying(camera, frame, keys))


def quaternions(rotations: np.ndarray) -> np.ndarray:
    """``turning`` at once."""
    return to_the_end(turning(rotations))


def turning(rotations: np.ndarray) -> Pieces[np.ndarray]:
    """Unit quaternions wxyz (n, 4) of rotations (n, 3, 3), each on its predecessor's side (no long way round)."""
    from mathutils import Matrix

    found = np.empty((len(rotations), 4))
    for block in blocks(len(rotations), KEYS):
        found[block] = [Matrix(rotation.tolist()).to_quaternion() for rotation in rotations[block]]
        yield
    turns = np.cumprod(np.where(np.sum(found[1:] * found[:-1], axis=1) < 0, -1.0, 1.0))
    return found * np.concatenate([[1.0], turns])[:, None]


def keyframe(datablock, frame: np.ndarray, channels: dict[str, np.ndarray]) -> bpy.types.Action:
    """``keying`` at once."""
    return to_the_end(keying(datablock, frame, channels))


def keying(datablock, frame: np.ndarray, channels: dict[str, np.ndarray]) -> Pieces[bpy.types.Action]:
    """Key properties of ``datablock`` at every frame, linear in between: name -> values (n, components)."""
    with whole_or_nothing() as made:
        action = bpy.data.actions.new(datablock.name)
        made.append(action)
        datablock.animation_data_create().action = action
        for path, values in channels.items():
            for index in range(values.shape[1]):
                _key_curve(new_curve(action, datablock, path, index), frame, values[:, index])
            yield
    return action


def _key_curve(curve, frame: np.ndarray, values: np.ndarray) -> None:
    curve.keyframe_points.add(len(frame))
    curve.keyframe_points.foreach_set("co", np.column_stack([frame, values]).astype(np.float32).ravel())
    curve.keyframe_points.foreach_set("interpolation", np.full(len(frame), LINEAR, np.int32))
    curve.update()


def new_curve(action, datablock, path: str, index: int):
    """An empty curve of ``action``, which ``datablock`` uses, for one component of a property."""
    if hasattr(action, "fcurve_ensure_for_datablock"):  # Blender 4.5
        return action.fcurve_ensure_for_datablock(datablock, path, index=index)
    return action.fcurves.new(path, index=index)
