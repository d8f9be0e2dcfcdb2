"""Files dropped onto a 3D view: an image becomes the picture, the ``cameras.npz`` of a result brings its take."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, StringProperty

from .actions import Action
from .paths_of_blend import RELATIVE
from .picture import read_size
from .picture_file import take
from .problems import Problem


class WORLDWARP_OT_take_picture(Action):
    """Let the walk start from an image file"""

    bl_idname = "worldwarp.take_picture"
    bl_label = "Take Picture"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="Image", subtype="FILE_PATH", options={"SKIP_SAVE", *RELATIVE})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event) -> set[str]:
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context) -> set[str]:
        path = Path(bpy.path.abspath(self.filepath))
        try:
            width, height = read_size(path)
        except Problem as problem:
            return self.refuse(problem)
        take(context.scene, path)
        self.report({"INFO"}, rpt_("The walk starts from {}, {} x {} pixels").format(path.name, width, height))
        return {"FINISHED"}


def over_view(context) -> bool:
    """Whether something is dropped onto a 3D view."""
    return context.area is not None and context.area.type == "VIEW_3D"


class WORLDWARP_FH_picture(bpy.types.FileHandler):
    bl_idname = "WORLDWARP_FH_picture"
    bl_label = "WorldWarp picture"
    bl_import_operator = WORLDWARP_OT_take_picture.bl_idname
    bl_file_extensions = ";".join(sorted(bpy.path.extensions_image))

    @classmethod
    def poll_drop(cls, context) -> bool:
        return over_view(context)


class WORLDWARP_FH_result(bpy.types.FileHandler):
    bl_idname = "WORLDWARP_FH_result"
    bl_label = "WorldWarp result"
    bl_import_operator = "worldwarp.import_result"
    bl_file_extensions = ".npz"

    @classmethod
    def poll_drop(cls, context) -> bool:
        return over_view(context)


register, unregister = bpy.utils.register_classes_factory(
    (WORLDWARP_OT_take_picture, WORLDWARP_FH_picture, WORLDWARP_FH_result)
)
