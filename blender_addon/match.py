"""The camera as the picture's own: its lens, its sensor, its horizon and height above the floor."""

from pathlib import Path

import numpy as np
from mathutils import Matrix

from . import anchor, exif, geometry
from .camera import Raster, camera_to_world, check_type, fitted_side, intrinsics, lens_at, matrix_world
from .motion import keyed
from .parts import LENS_SOURCES, MARK, recall
from .problems import Problem

SENSORS = {
    "FULL": ("Full Frame", 36.0, 24.0),
    "APSC": ("APS-C", 23.5, 15.6),
    "APSC_CANON": ("APS-C, Canon", 22.3, 14.9),
    "APSH": ("APS-H", 27.9, 18.6),
    "SUPER35": ("Super 35", 24.89, 18.66),
    "SUPER16": ("Super 16", 12.52, 7.41),
    "MFT": ("Micro Four Thirds", 17.3, 13.0),
    "MEDIUM": ("Medium Format", 43.8, 32.9),
    "INCH": ("One Inch", 13.2, 8.8),
    "PHONE": ("Phone", 9.8, 7.3),
}
"""Name, width and height in millimetres."""

STEEP = 0.05
"""Length of a heading's shadow on the floor below which it is no heading: the camera looks straight up or down."""


def picture_focal(picture: Path | None, size: tuple[int, int], collection) -> tuple[float, str]:
    """The picture's focal length in its pixels, and who says so; raises ``Problem`` where nobody does.

    Args:
        picture: its file, whose EXIF counts first.
        size: width and height of the picture.
        collection: its geometry, or None.
    """
    written = exif.read(picture).pixels(*size) if picture else 0.0
    if written > 0:
        return written, "the file says"
    if collection is None:
        raise Problem("The picture says nothing of its lens: press Estimate first")
    if collection[MARK] not in LENS_SOURCES:
        raise Problem("The picture says nothing of its lens, nor does its depth's source: TTT3R would estimate it")
    return float(recall(collection, "K_found")[0, 0]) * size[0] / collection["worldwarp_size"][0], "estimated"


def set_sensor(data, sensor: str) -> None:
    """Give camera data the sensor of that name; its lens keeps its angle of view."""
    before = lens_at(data)
    _, data.sensor_width, data.sensor_height = SENSORS[sensor]
    data.lens = before.lens * lens_at(data).sensor / before.sensor


def set_lens(data, focal: float, raster: Raster) -> tuple[float, float]:
    """Give camera data a focal length in pixels of ``raster``; its millimetres before and now."""
    before, sensor = data.lens, lens_at(data).sensor
    data.lens = focal / fitted_side(data.sensor_fit, raster) * sensor
    return before, data.lens


def level_camera(camera, level: np.ndarray, factor: float) -> np.ndarray:
    """Turn ``camera`` level and lift it above the floor at Z = 0; its heading, X and Y stay. Its new pose.

    Args:
        level: (4, 4) of ``geometry.Estimate``; factor: scale of its distances.

    Raises:
        Problem: the camera's place is animated or constrained, or no floor is known.
    """
    if keyed(camera, "location", "rotation") or any(not c.mute for c in camera.constraints):
        raise Problem("The camera is animated: it can only be levelled before it is keyed or constrained")
    if level[2, 3] == 0:
        raise Problem("No floor was found in the picture: level the camera by hand")
    pose = levelled(camera_to_world(np.array(camera.matrix_world)), level, factor)
    scale = camera.matrix_world.to_scale()
    camera.matrix_world = Matrix(matrix_world(pose).tolist()) @ Matrix.Diagonal((*scale, 1))
    return pose


def levelled(pose: np.ndarray, level: np.ndarray, factor: float) -> np.ndarray:
    """The pose (4, 4) at ``pose``'s X, Y and heading with ``level``'s pitch, roll and height; OpenCV axes."""
    turn = _heading(pose) - _heading(level)
    new = np.eye(4)
    new[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    new[:3, :3] = new[:3, :3] @ level[:3, :3]
    new[:3, 3] = [*pose[:2, 3], level[2, 3] * factor]
    return new


def _heading(pose: np.ndarray) -> float:
    """The angle on the floor at which a camera looks, or, looking straight up or down, has its upper edge."""
    forward = pose[:2, 2]
    if np.linalg.norm(forward) < STEEP:
        forward = -pose[:2, 1] * -np.sign(pose[2, 2])
    return float(np.arctan2(forward[1], forward[0]))


def match(context, camera, picture: Path | None, size: tuple[int, int], *, lens: bool, level: bool, sensor: str):
    """Do what was asked for to ``camera``, and let the geometry follow: reports, each its kind and its sentence.

    Args:
        sensor: a key of ``SENSORS``, or KEEP.

    Raises:
        Problem: before anything was changed.
    """
    check_type(camera)
    collection, said = geometry.of_scene(context.scene), []
    focal, who = picture_focal(picture, size, collection) if lens else (0.0, "")
    render = context.scene.render
    raster = Raster(*size, render.pixel_aspect_x, render.pixel_aspect_y)
    if lens and keyed(camera.data, "lens"):
        raise Problem("The camera's lens is animated: remove its keys, or match another camera")
    if level:
        if collection is None:
            raise Problem("The floor is not known yet: press Estimate first")
        pose = level_camera(camera, recall(collection, "level", 4), anchor.factor(collection))
        geometry.move(collection, pose)
    if sensor != "KEEP":
        set_sensor(camera.data, sensor)
    if lens:
        before, now = set_lens(camera.data, focal, raster)
        said.append(("INFO", f"Lens {before:.1f} mm to {now:.1f} mm, as {who}"))
        difference = abs(before - now) / max(before, now)
        if difference > geometry.LENS_DIFFERENCE:
            said.append(
                ("WARNING", f"The camera's lens was {difference:.0%} off: {before:.1f} instead of {now:.1f} mm")
            )
    if collection is not None and (lens or sensor != "KEEP"):
        width, height = collection["worldwarp_size"]
        K = intrinsics(lens_at(camera.data), Raster(width, height, raster.aspect_x, raster.aspect_y))
        geometry.see_through(collection, K)
    return said


def focus_distance(camera) -> float:
    """How far, along its viewing direction, the camera focuses: on its focus object, or at its distance.

    Raises:
        Problem: the focus object is behind the camera.
    """
    dof = camera.data.dof
    if dof.focus_object is None:
        return dof.focus_distance
    offset = dof.focus_object.matrix_world.translation - camera.matrix_world.translation
    distance = float(np.array(offset) @ camera_to_world(np.array(camera.matrix_world))[:3, 2])
    if distance <= 0:
        raise Problem("The camera's focus object is behind it")
    return distance
