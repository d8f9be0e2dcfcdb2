"""Files dropped onto a 3D view: an image becomes the picture, the ``cameras.npz`` of a result brings its take."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, StringProperty

from .actions import Action
from .picture import read_size
from .problems import Problem


class WORLDWARP_OT_take_picture(Action):
    """Let the walk start from an image file"""

    bl_idname = "worldwarp.take_picture"
    bl_label = "Take Picture"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="Image", subtype="FILE_PATH", options={"SKIP_SAVE"})
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


def take(scene, path: Path) -> None:
    """Let the walk of ``scene`` start from the image file at ``path``, in the colour space that such files have."""
    shot = scene.worldwarp
    shot.source, shot.picture_file, shot.picture_space = "FILE", shown_path(path), ""


def shown_path(path: Path) -> str:
    """``path`` as the user's preferences want paths: relative to the .blend file, or as it is."""
    if not bpy.data.filepath or not bpy.context.preferences.filepaths.use_relative_paths:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:  # another drive
        return str(path)


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
