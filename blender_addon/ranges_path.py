"""The camera's path told from its curves alone: the scene is not evaluated and its frame stays, so a panel may ask."""

import numpy as np
from mathutils import Euler, Matrix, Quaternion, Vector

from .camera import Lens, Path, Raster, camera_to_world, intrinsics, lens_at
from .motion import chain, curves
from .problems import Problem

MOST_FRAMES = 1_000
"""Longer walks take too long for a panel."""

COLUMNS = ("K", "camera_to_world", "frame")
"""Of a path: one row for each frame."""

ROTATIONS = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


def told(scene, camera, frames: range, raster: Raster) -> Path | None:
    """The path as ``camera.sample`` finds it, to 32 bits; None where curves do not tell it all."""
    things = [*chain(camera), camera.data]
    if len(frames) > MOST_FRAMES or scene.render.frame_map_old != scene.render.frame_map_new:
        return None
    if camera.data.type != "PERSP" or not all(_plain(thing) for thing in things):
        return None
    keyed = {thing: _keyed(thing) for thing in things}
    try:
        poses = [camera_to_world(np.array(_world(camera, keyed, frame))) for frame in frames]
    except Problem:
        return None
    K = [intrinsics(_lens(camera.data, keyed[camera.data], frame), raster) for frame in frames]
    fps = scene.render.fps / scene.render.fps_base
    return Path(np.array(K), np.array(poses), np.array(frames, np.int32), raster, fps)


def joined(pieces: list[Path]) -> Path | None:
    """The path of which ``pieces`` were told one after the other; None where there are none."""
    if not pieces:
        return None
    K, poses, frame = (np.concatenate([getattr(one, name) for one in pieces]) for name in COLUMNS)
    return Path(K, poses, frame, pieces[0].raster, pieces[0].fps)


def _plain(thing) -> bool:
    """Whether nothing but its curves and its parent moves ``thing``."""
    if any(not constraint.mute for constraint in getattr(thing, "constraints", ())):
        return False
    if getattr(thing, "parent", None) is not None and thing.parent_type != "OBJECT":
        return False
    if getattr(thing, "rigid_body", None) is not None:
        return False
    if hasattr(thing, "delta_location") and (any(thing.delta_location) or any(thing.delta_rotation_euler)):
        return False
    animation = thing.animation_data
    return animation is None or not (
        len(animation.drivers) or len(animation.nla_tracks) or animation.action_influence != 1
    )


def _keyed(thing) -> dict[tuple[str, int], object]:
    """Its curves by property and component."""
    animation = thing.animation_data
    found = curves(animation) if animation else []
    return {(curve.data_path, curve.array_index): curve for curve in found if not curve.mute}


def _values(thing, keyed: dict, name: str, frame: int) -> list[float]:
    values = list(getattr(thing, name))
    return [keyed[name, i].evaluate(frame) if (name, i) in keyed else value for i, value in enumerate(values)]


def _world(thing, keyed: dict, frame: int) -> Matrix:
    own = keyed[thing]
    mode = thing.rotation_mode
    turned = _values(thing, own, ROTATIONS.get(mode, "rotation_euler"), frame)
    if mode == "QUATERNION":
        rotation = Quaternion(turned).normalized()
    elif mode == "AXIS_ANGLE":
        rotation = Quaternion(Vector(turned[1:]), turned[0])
    else:
        rotation = Euler(turned, mode)
    local = Matrix.LocRotScale(
        Vector(_values(thing, own, "location", frame)), rotation, Vector(_values(thing, own, "scale", frame))
    )
    if thing.parent is None:
        return local
    return _world(thing.parent, keyed, frame) @ thing.matrix_parent_inverse @ local


def _lens(data, keyed: dict, frame: int) -> Lens:
    now = vars(lens_at(data))
    return Lens(**{name: keyed[name, 0].evaluate(frame) if (name, 0) in keyed else now[name] for name in now})
