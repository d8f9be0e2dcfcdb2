"""The example picture, and what is ticked on the way."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_result

import blender_addon
from blender_addon import camera, colour, order, ticks

folder = Path(sys.argv[1])
blender_addon.register()
scene, shot = bpy.context.scene, bpy.context.scene.worldwarp
scene.render.resolution_x, scene.render.resolution_y = 480, 320
cam, scene.camera = scene.camera, None


def ticked() -> dict:
    return {name: finished(scene) for name, finished in ticks.STEPS.items()}


found = {"ticks": [ticked()]}
scene.camera = cam
assert bpy.ops.worldwarp.example() == {"FINISHED"}
assert bpy.ops.worldwarp.match_camera(level=False) == {"FINISHED"}
found["lens"] = cam.data.lens
found["ticks"].append(ticked())
cam.keyframe_insert("location", frame=scene.frame_start)
cam.location.x += 1
cam.keyframe_insert("location", frame=scene.frame_end)
found["ticks"].append(ticked())
taken = order.take_picture(scene, 1, [])
found["size"] = taken.rgb.shape[1::-1]
found["depth"] = [float(taken.depth.min()), float(np.median(taken.depth))]
found["problems"], found["note"] = order.picture_problems(scene), colour.lost_note(taken.rgb, scene)
path = camera.sample(scene, cam, range(1, 3), bpy.context.evaluated_depsgraph_get())
write_result(folder / "Walk_v001", [np.zeros((16, 24, 3), np.uint8)] * 2, path, "sRGB")
bpy.ops.worldwarp.import_result(directory=str(folder / "Walk_v001"))
found["ticks"].append(ticked())
blender_addon.unregister()
leave(**found)
