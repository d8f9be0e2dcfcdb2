"""Depth files of several layers: those of other programs, and one that this Blender writes."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import counts, report

from blender_addon import picture
from blender_addon.problems import Problem

folder = Path(sys.argv[1])
scene = bpy.context.scene
image = scene.render.image_settings
scene.render.engine, scene.cycles.samples = "CYCLES", 1
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 40, 100
scene.view_layers[0].use_pass_z = True
bpy.ops.render.render()
if hasattr(image, "media_type"):
    image.media_type = "MULTI_LAYER_IMAGE"
image.file_format, image.color_depth = "OPEN_EXR_MULTILAYER", "32"
bpy.data.images["Render Result"].save_render(str(folder / "blender.exr"))

before, found = counts(), {}
for name in ("blender", "passes", "layers", "one", "plain"):
    np.save(folder / f"{name}.npy", picture.read_depth(folder / f"{name}.exr"))
for name in ("two", "none", "words"):
    try:
        picture.read_depth(folder / f"{name}.exr")
    except Problem as problem:
        found[name] = str(problem)
try:
    picture.load_picture(folder / "passes.exr", None, scene)
except Problem as problem:
    found["picture"] = str(problem)
report(found=found, changed=counts() != before)
