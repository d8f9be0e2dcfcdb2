"""What is dropped onto a 3D view, as Blender hands it to the operators behind the file handlers."""

import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
from shots import leave, write_png, write_result

import blender_addon
from blender_addon import camera, dropping, takes
from blender_addon.colour import spaces

folder = Path(sys.argv[1])
blender_addon.register()
scene, shot = bpy.context.scene, bpy.context.scene.worldwarp
write_png(folder / "photo.png", np.full((32, 48, 3), 90, np.uint8))
found = {"source": shot.source}


def dropped(handler, **given) -> str:
    """Blender gives the operator that the handler names what was dropped, and invokes it."""
    module, name = handler.bl_import_operator.split(".")
    try:
        assert getattr(getattr(bpy.ops, module), name)("INVOKE_DEFAULT", True, **given) == {"FINISHED"}
    except RuntimeError as error:
        return str(error)
    return ""


handler = dropping.WORLDWARP_FH_picture
found["images"] = [suffix in handler.bl_file_extensions.split(";") for suffix in (".png", ".jpg", ".exr", ".tif")]
places = ("VIEW_3D", "IMAGE_EDITOR")
found["where"] = [handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type=place))) for place in places]
shot.picture_space = spaces()[0]
assert dropped(handler, filepath=str(folder / "photo.png")) == ""
found["taken"] = [shot.source, shot.picture_file, shot.picture_space]
(folder / "words.png").write_text("no picture")
found["refused"] = dropped(handler, filepath=str(folder / "words.png"))
found["kept"] = shot.picture_file
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "here.blend"))
assert dropped(handler, filepath=str(folder / "photo.png")) == ""
typed = [blender_addon.properties.WorldWarpShot, blender_addon.preferences.WorldWarpPreferences]
ops = bpy.ops.worldwarp
kinds = [kind.bl_rna for kind in typed] + [op.get_rna_type() for op in (ops.import_cameras, ops.import_result)]
made_of = [prop for kind in kinds for prop in kind.properties]
paths = [prop for prop in made_of if prop.subtype in ("FILE_PATH", "DIR_PATH")]
found["absolute"] = [prop.identifier for prop in paths if not getattr(prop, "is_path_supports_blend_relative", True)]
found["paths"] = len(paths)
found["relative"] = bpy.context.scene.worldwarp.picture_file

path = camera.sample(scene, scene.camera, range(1, 3), bpy.context.evaluated_depsgraph_get())
write_result(folder / "Walk_v001", [np.zeros((16, 24, 3), np.uint8)] * 2, path, "sRGB")
assert dropped(dropping.WORLDWARP_FH_result, directory=f"{folder / 'Walk_v001'}/") == ""
found["takes"] = len([collection for collection in bpy.data.collections if takes.RUN in collection])
blender_addon.unregister()
leave(**found)
