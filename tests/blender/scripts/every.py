"""A take of which the server makes every fourth frame: all come, all play, and its points give way to the world's."""

import json
import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera, motion, preferences, pump, world  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp.parts import STREAMED, part  # noqa: E402

ops, scene = bpy.ops.worldwarp, bpy.context.scene
shot, cam = scene.worldwarp, scene.camera
preferences.get().address = address
scene.render.engine, scene.cycles.samples = "CYCLES", 2
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.frame_start, scene.frame_end = 101, 109
shot.longest_side, shot.cache_steps, shot.every, shot.output_folder = 96, 5, "4", str(folder / "results")
cam.keyframe_insert("location", frame=101)
cam.location.x -= 1.5
cam.keyframe_insert("location", frame=109)
depsgraph = bpy.context.evaluated_depsgraph_get()
asked = camera.sample(scene, cam, range(101, 110), depsgraph).camera_to_world
assert ops.generate() == {"FINISHED"}

take = bpy.data.collections["Walk_v001"]
where = Path(take["worldwarp_folder"])
taken = next(thing for thing in take.objects if thing.type == "CAMERA")
background = taken.data.background_images[0]
user = background.image_user
curves = motion.curves(taken.animation_data)
files = sorted((where / "frames").glob("*.png"))
returned = camera.sample(scene, taken, range(101, 110), bpy.context.evaluated_depsgraph_get()).camera_to_world
found = {
    "sent": json.loads((where / "shot.json").read_text())["settings"]["every"],
    "files": [path.name for path in files],
    "keys": sorted({round(point.co.x) for curve in curves for point in curve.keyframe_points}),
    "plays": [user.frame_duration, user.frame_start, user.frame_offset],
    "pictures": len({path.read_bytes() for path in files}),
    "follows": float(np.abs(returned - asked).max()),
}

# The world's points instead of those that came with the frames
cloud = part(take, STREAMED)
found["shown"] = [[cloud.hide_viewport, world.collection_of(scene, shot.run) is None]]
assert ops.make_world(collection="Walk_v001", product="points") == {"FINISHED"}
merged = part(world.collection_of(scene, shot.run), "points")
found["shown"].append([cloud.hide_viewport and cloud.hide_render, merged.hide_viewport])
pump.stop()
leave(**found)
