"""Keys on a camera that come from a path: few, with Bezier curves between them, and the keys of before are kept."""

import hashlib

import bpy
import numpy as np
from mathutils import Matrix

from .camera import Raster, check_type, fitted_side, lens_at, matrix_world
from .fitting import spans
from .keyed import new_curve, quaternions
from .motion import curves, driven, keyed, take_off
from .problems import Problem

BEZIER, FREE = 2, 0
"""``Keyframe.interpolation`` and handle types as numbers, for ``foreach_set``."""

HANDLES = ("co", "handle_left", "handle_right")
"""What of a key is a time and a value."""

PLACE, TURN, LENS = 2e-5, 1e-5, 1e-4
"""How far curves may pass from the path: in world units, in radians or quaternions, in millimetres."""

ROTATIONS = ("rotation_euler", "rotation_quaternion", "rotation_axis_angle")
MOVED = ("location", *ROTATIONS, "lens")
"""Properties that a path is made of."""

OURS = "worldwarp_keys"
"""Of an action: what its keys were when they were written here."""


def check_free(camera) -> None:
    """Refuse cameras whose keys would not be where they stand.

    Raises:
        Problem: a parent, constraint, driver, NLA track or delta transform moves it as well.
    """
    check_type(camera)
    what = ""
    if camera.parent is not None:
        what = "has a parent"
    elif any(not constraint.mute for constraint in camera.constraints):
        what = "has constraints"
    elif not np.allclose(camera.matrix_basis, _plain(camera), atol=1e-5):
        what = "has delta transforms"
    elif any(data and (driven(data, *MOVED) or data.nla_tracks) for data in _animations(camera)):
        what = "has drivers or NLA tracks"
    if what:
        raise Problem(f"Camera {camera.name!r} {what}, so keys alone do not move it: write on a new camera instead")


def _plain(camera) -> Matrix:
    """The transform that location, rotation and scale make, without deltas."""
    rotation = {"QUATERNION": camera.rotation_quaternion, "AXIS_ANGLE": None}.get(
        camera.rotation_mode, camera.rotation_euler
    )
    if rotation is None:
        angle, *axis = camera.rotation_axis_angle
        rotation = Matrix.Rotation(angle, 3, axis)
    return Matrix.LocRotScale(camera.location, rotation, camera.scale)


def _animations(camera) -> tuple:
    return camera.animation_data, camera.data.animation_data


def write(camera, frame: np.ndarray, K: np.ndarray, camera_to_world: np.ndarray, raster: Raster) -> list[str]:
    """Key ``camera`` so that it is at those poses; its lens too, where the focal length changes.

    Args:
        frame: (n,) consecutive; K: (n, 3, 3) pixels of ``raster``; camera_to_world: (n, 4, 4) OpenCV axes.

    Returns:
        Sentences about the keys that were there before.

    Raises:
        Problem: something else moves the camera.
    """
    check_free(camera)
    matrices = matrix_world(camera_to_world)
    path, rotations = rotation_channel(camera, matrices[:, :3, :3])
    channels = {"location": (matrices[:, :3, 3], PLACE), path: (rotations, TURN)}
    said = _key(camera, frame, channels, ("location", *ROTATIONS))
    lens = lens_at(camera.data)
    focal = K[:, :1, 0] * lens.sensor / fitted_side(lens.sensor_fit, raster)
    if np.ptp(focal) > LENS or keyed(camera.data, "lens"):
        if camera.data.users > 1:
            said.append(f"The lens belongs to {camera.data.users} cameras: it changes for all of them")
        said += _key(camera.data, frame, {"lens": (focal, LENS)}, ("lens",))
    return said


def rotation_channel(camera, rotations: np.ndarray) -> tuple[str, np.ndarray]:
    """The property of the camera's own rotation mode and its values (n, 3 or 4), without jumps between frames."""
    wxyz = quaternions(rotations)
    if camera.rotation_mode == "QUATERNION":
        return "rotation_quaternion", wxyz
    if camera.rotation_mode == "AXIS_ANGLE":
        return "rotation_axis_angle", _axis_angle(wxyz)
    before, found = camera.rotation_euler, []
    for rotation in rotations:
        before = Matrix(rotation.tolist()).to_euler(camera.rotation_mode, before)
        found.append(before)
    return "rotation_euler", np.array(found)


def _axis_angle(wxyz: np.ndarray) -> np.ndarray:
    sine = np.linalg.norm(wxyz[:, 1:], axis=1, keepdims=True)
    axis = np.where(sine > 1e-9, wxyz[:, 1:] / np.maximum(sine, 1e-9), [0.0, 0.0, 1.0])
    return np.hstack([2 * np.arctan2(sine, wxyz[:, :1]), axis])


def _key(datablock, frame: np.ndarray, channels: dict, replaced: tuple[str, ...]) -> list[str]:
    """Key each channel, path -> (values (n, k), tolerance), at the same few frames."""
    said = renew(datablock, replaced)
    widths = [values.shape[1] for values, _ in channels.values()]
    tolerance = np.repeat([tolerance for _, tolerance in channels.values()], widths)
    values = np.hstack([values for values, _ in channels.values()])
    rows, handles = spans(values, tolerance)
    columns = [(path, index) for path, width in zip(channels, widths, strict=True) for index in range(width)]
    action = datablock.animation_data.action
    for column, (path, index) in enumerate(columns):
        curve = new_curve(action, datablock, path, index)
        _fill(curve, frame[rows], values[rows, column], handles[:, :, column])
    action[OURS] = _digest(datablock.animation_data)
    return said


def _digest(animation) -> str:
    """What tells whether keys were edited."""
    digest = hashlib.sha256()
    for curve in curves(animation):
        digest.update(f"{curve.data_path}[{curve.array_index}]".encode())
        for name in HANDLES:
            pairs = np.empty(2 * len(curve.keyframe_points), np.float32)
            curve.keyframe_points.foreach_get(name, pairs)
            digest.update(pairs.tobytes())
    return digest.hexdigest()


def _fill(curve, frame: np.ndarray, values: np.ndarray, handles: np.ndarray) -> None:
    """Bezier keys at ``frame`` (m,), with the heights of the two handles (m - 1, 2) of each span."""
    third = np.diff(frame) / 3
    left, right = np.column_stack([frame, values]), np.column_stack([frame, values])
    left[0, 0], right[-1, 0] = frame[0] - 1, frame[-1] + 1
    right[:-1] = np.column_stack([frame[:-1] + third, handles[:, 0]])
    left[1:] = np.column_stack([frame[1:] - third, handles[:, 1]])
    points = curve.keyframe_points
    points.add(len(frame))
    for name, pairs in zip(HANDLES, (np.column_stack([frame, values]), left, right), strict=True):
        points.foreach_set(name, pairs.astype(np.float32).ravel())
    for name, number in (("interpolation", BEZIER), ("handle_left_type", FREE), ("handle_right_type", FREE)):
        points.foreach_set(name, np.full(len(frame), number, np.int32))
    curve.update()


def renew(datablock, replaced: tuple[str, ...] = ()) -> list[str]:
    """Give ``datablock`` an action of its own to write to: a copy of the one it has, without the curves ``replaced``.

    The action that it had is kept with a fake user, and the sentence says its name; where it was written here and
    nobody has edited it or uses it, it goes.
    """
    data = datablock.animation_data_create()
    old = data.action
    if old is None:
        data.action = bpy.data.actions.new(datablock.name)
        return []
    stale = old.get(OURS) == _digest(data) and old.users == 1 and not old.use_fake_user
    slot = getattr(data, "action_slot", None)  # Blender 4.4
    data.action = old.copy()
    if slot is not None:
        data.action_slot = next(one for one in data.action.slots if one.handle == slot.handle)
    data.action.use_fake_user = False
    take_off(data, replaced)
    if stale:
        bpy.data.actions.remove(old)
        return []
    old.use_fake_user = True
    return [f"The keys of {datablock.name!r} before are kept in action {old.name!r}"]


def stretch(camera, first: float, factor: float) -> list[str]:
    """Let the keys of ``camera`` and its lens be ``factor`` times as far from frame ``first``; says what is kept.

    They all move, those of other properties too.
    """
    said = []
    for thing in (camera, camera.data):
        if thing.animation_data is None or thing.animation_data.action is None:
            continue
        said += renew(thing)
        for curve in curves(thing.animation_data):
            for name in HANDLES:
                pairs = np.empty(2 * len(curve.keyframe_points), np.float32)
                curve.keyframe_points.foreach_get(name, pairs)
                pairs[::2] = first + (pairs[::2] - first) * factor
                curve.keyframe_points.foreach_set(name, pairs)
            curve.update()
    return said


def span(camera) -> tuple[float, float]:
    """The first and the last frame with a key of the camera or its lens.

    Raises:
        Problem: there is none.
    """
    animations = [data for data in _animations(camera) if data]
    ranges = [curve.range() for data in animations for curve in curves(data) if len(curve.keyframe_points)]
    if not ranges:
        raise Problem(f"Camera {camera.name!r} has no keys of its own: write some first")
    return min(first for first, _ in ranges), max(last for _, last in ranges)
