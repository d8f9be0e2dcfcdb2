"""The installed extension against a real server: a first picture from words."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)

from bl_ext.user_default.worldwarp import imagining, picture, preferences  # noqa: E402  (exists from here on)

scene, shot = bpy.context.scene, bpy.context.scene.worldwarp
preferences.get().address = address
scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
shot.name, shot.output_folder = "Hall", str(folder / "results")
shot.imagined_side, shot.diffusion.steps = 256, 2
made = []
place = imagining.place


def watched(scene, path, rgb):
    made.append(np.array(rgb))
    return place(scene, path, rgb)


imagining.place = watched


def make() -> str:
    try:
        bpy.ops.worldwarp.imagine("EXEC_DEFAULT", True)
    except RuntimeError as error:
        return str(error)
    return ""


found = {"no words": make()}
shot.diffusion.prompt = "a hall"
found["made"], found["source"], found["file"] = make(), shot.source, shot.picture_file
if not found["made"]:
    taken = picture.load_picture(Path(shot.picture_file), None, scene)
    found["size"] = taken.rgb.shape[1::-1]
    found["exact"] = int(np.abs(taken.rgb.astype(int) - made[0]).max())
    shot.imagined_seed = 5
    bpy.ops.ed.undo_push(message="Another seed")
    assert make() == ""
    shot = bpy.context.scene.worldwarp
    found["again"], found["another"] = shot.picture_file, bool((made[0] != made[1]).any())
    bpy.ops.ed.undo()
    found["undone"] = bpy.context.scene.worldwarp.picture_file
leave(**found)
