"""A result with overscan comes in: where does a small bright cube stand in a render of the returned camera's size?"""

import json
import sys
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from shots import report

from blender_addon import importer, rendering

folder, points = Path(sys.argv[1]), json.loads(sys.argv[2])
scene = bpy.context.scene
for thing in list(bpy.data.objects):
    bpy.data.objects.remove(thing)
imported = importer.import_result(scene, folder)
width, height = (json.loads((folder / "shot.json").read_text())[side] for side in ("width", "height"))
scene.camera = imported.camera
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
scene.render.engine, scene.cycles.samples = "CYCLES", 4
glow = bpy.data.materials.new("Glow")
glow.use_nodes = True
emission = glow.node_tree.nodes.new("ShaderNodeEmission")
glow.node_tree.links.new(emission.outputs[0], glow.node_tree.nodes["Material Output"].inputs[0])
scene.world.color = (0, 0, 0)

found, rendered = [], []
for frame, point in points:
    scene.frame_set(frame)
    u, v, _ = world_to_camera_view(scene, imported.camera, Vector(point))
    found.append([u * width, (1 - v) * height])
    bpy.ops.mesh.primitive_cube_add(size=0.2, location=point)
    cube = bpy.context.object
    cube.data.materials.append(glow)
    taken = rendering.render_picture(scene, imported.camera, frame)
    rows, columns = np.nonzero(np.isfinite(taken.depth))
    rendered.append([columns.mean() + 0.5, rows.mean() + 0.5, len(rows)])
    bpy.data.objects.remove(cube)
report(found=found, rendered=np.array(rendered).tolist(), size=[width, height])
