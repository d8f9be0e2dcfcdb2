"""What the operators of the Path step share that write keys."""

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_
from mathutils import Matrix

from . import keys, order
from .actions import Action
from .camera import matrix_world, scene_raster
from .problems import Problem


class Writing(Action):
    """An action that writes keys on the followed camera, or on a new one that is followed then."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context) -> bool:
        if order.camera_of(context.scene) is None:
            cls.poll_message_set(rpt_("There is no camera: choose one here, or add one to the scene"))
            return False
        return True

    def execute(self, context) -> set[str]:
        try:
            self.write(context)
        except Problem as problem:
            return self.refuse(problem)
        return {"FINISHED"}

    def key(self, context, frame, K, poses) -> None:
        """Write the path, and say what happened."""
        scene = context.scene
        camera = order.camera_of(scene)
        if scene.worldwarp.words.onto == "NEW":
            camera = scene.worldwarp.camera = _copy(context, camera, poses[0])
        said = keys.write(camera, frame, K, poses, scene_raster(scene))
        said += range_notes(scene, int(frame[-1]))
        self.report({"WARNING"} if said else {"INFO"}, ". ".join([written(camera, frame), *said]))
        context.view_layer.update()


def written(camera, frame) -> str:
    return rpt_("Frames {first} to {last} are keyed on {camera}").format(
        first=frame[0], last=frame[-1], camera=camera.name
    )


def _copy(context, camera, pose: np.ndarray):
    """A camera of the same lens at ``pose``, without what else moves the old one."""
    data = camera.data.copy()
    data.animation_data_clear()
    new = bpy.data.objects.new(f"{camera.name} Path", data)
    new.rotation_mode = camera.rotation_mode
    new.matrix_world = Matrix(matrix_world(pose).tolist())
    context.scene.collection.objects.link(new)
    return new


def range_notes(scene, last: int) -> list[str]:
    """What to know where the path's end is not that of the walk."""
    end = order.frames_of(scene)[-1]
    return [] if last == end else [f"The path ends at frame {last}, the range of the walk at {end}"]
