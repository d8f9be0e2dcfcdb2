"""Cameras of files become cameras of the scene."""

from pathlib import Path

import bpy
import numpy as np
from bpy.props import StringProperty

from . import keyed, keys, order, reading
from .actions import Action
from .camera import Raster, lens_of
from .paths_of_blend import RELATIVE
from .problems import Problem
from .writing import written


class WORLDWARP_OT_import_cameras(Action):
    """Add the camera of a cameras.npz, with keys at its own frames; other files become one by worldwarp path convert"""

    bl_idname = "worldwarp.import_cameras"
    bl_label = "Camera from Another Run"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", *RELATIVE})
    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})

    def invoke(self, context, event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        try:
            said = _import(context, Path(bpy.path.abspath(self.filepath)))
        except Problem as problem:
            return self.refuse(problem)
        self.report({"WARNING"} if len(said) > 1 else {"INFO"}, ". ".join(said))
        return {"FINISHED"}


def _import(context, path: Path) -> list[str]:
    """Sentences about the camera that was added and is followed now."""
    scene = context.scene
    found = _read(path)
    if np.any(np.diff(found.frame) != 1):
        raise Problem(f"The frames of {path.name} are not consecutive: bring it to every frame first")
    ratio = found.K[0, 0, 0] / found.K[0, 1, 1]
    raster = Raster(found.width, found.height, 1.0, ratio)
    data = bpy.data.cameras.new(path.parent.name or "Camera")
    keyed.apply_lens(data, lens_of(found.K[0], raster))
    camera = bpy.data.objects.new(data.name, data)
    camera.rotation_mode = "QUATERNION"
    scene.collection.objects.link(camera)
    keys.write(camera, found.frame, found.K, found.camera_to_world, raster)
    scene.worldwarp.camera = camera
    context.view_layer.update()
    return [written(camera, found.frame), *_time_notes(scene, found)]


def _read(path: Path) -> reading.Cameras:
    try:
        return reading.read_cameras(path)
    except Problem:
        raise Problem(
            f"{path} cannot be read as cameras.npz: files of COLMAP, transforms.json, RealEstate10K and TUM become one "
            "by 'worldwarp path convert'"
        ) from None


def _time_notes(scene, found) -> list[str]:
    """What differs between a path's time and the scene's."""
    fps, notes = scene.render.fps / scene.render.fps_base, []
    if abs(fps / found.fps - 1) > 1e-4:
        notes.append(f"The path has {found.fps:.6g} frames a second, the scene {fps:.6g}: Retime Keys makes up for it")
    first = order.frames_of(scene)[0]
    if found.frame[0] != first:
        notes.append(f"The path starts at frame {found.frame[0]}, the walk at {first}")
    return notes


CLASSES = (WORLDWARP_OT_import_cameras,)
