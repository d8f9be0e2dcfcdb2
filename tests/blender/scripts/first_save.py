"""A take that was imported before the file was saved moves with the project all the same."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_result

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera as cameras  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import takes  # noqa: E402

scene, project = bpy.context.scene, folder / "project"
scene.render.resolution_x, scene.render.resolution_y = 32, 16
path = cameras.sample(scene, scene.camera, range(1, 3), bpy.context.evaluated_depsgraph_get())
write_result(project / "worldwarp" / "Walk_v001", [np.zeros((16, 32, 3), np.uint8)] * 2, path, "sRGB")
assert bpy.ops.worldwarp.import_result(directory=str(project / "worldwarp" / "Walk_v001")) == {"FINISHED"}
(take,) = takes.all_of(bpy.context.scene)
found = {"unsaved": takes.folder_of(take) == project / "worldwarp" / "Walk_v001"}
bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"))
(take,) = takes.all_of(bpy.context.scene)
found["saved"] = [takes.frames_of(take).filepath, takes.folder_of(take) == project / "worldwarp" / "Walk_v001"]
project.rename(folder / "moved")
bpy.ops.wm.open_mainfile(filepath=str(folder / "moved" / "scene.blend"))
(take,) = takes.all_of(bpy.context.scene)
found["moved"] = [takes.is_result(takes.folder_of(take)), str(takes.folder_of(take).relative_to(folder))]
found["frame"] = takes.frame_file(take, 2).is_file()
leave(**found)
