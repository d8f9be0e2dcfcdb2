"""Reads what ``worldwarp geometry`` wrote, as a user of Blender would."""

import json
import sys
from pathlib import Path

import bpy
import numpy as np

folder = Path(sys.argv[1])
image = bpy.data.images.load(str(folder / "depth.exr"))
pixels = np.empty(len(image.pixels), np.float32)
image.pixels.foreach_get(pixels)
depth = pixels.reshape(image.size[1], image.size[0], -1)[::-1, :, 0]
truth = np.load(folder / "depth.npy")
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.ply_import(filepath=str(folder / "mesh.ply"), forward_axis="Y", up_axis="Z")
mesh = bpy.data.meshes[0]
corners = np.array([mesh.vertices[i].co for i in mesh.polygons[0].vertices])
to_camera = np.array([0, 0, 1.4]) - corners.mean(0)
report = {
    "depth": bool(np.array_equal(depth, truth)),
    "vertices": len(mesh.vertices),
    "faces": len(mesh.polygons),
    "colours": [attribute.name for attribute in mesh.color_attributes],
    "repaired": mesh.validate(),
    "lowest": min(vertex.co.z for vertex in mesh.vertices),
    "facing": float(np.dot(mesh.polygons[0].normal, to_camera)),
}
print("WORLDWARP-RESULT " + json.dumps(report))
