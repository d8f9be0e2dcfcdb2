"""A photograph for the demo, which nobody made for it: the view of a camera that stands in one of Blender's panoramas.

Run by a Python that holds Blender as the module ``bpy`` (4.2 to 5.0), which has them for its viewport (by Greg Zaal,
Poly Haven, CC0):

    demo_photo.py PHOTO.png
"""

import math
import sys
from pathlib import Path

import bpy

PANORAMA = "forest.exr"
SIZE = (384, 256)
LENS = 20.0
HEADING, PITCH = -90.0, -6.0
"""In degrees: along the garden path, a little down."""


def main(path):
    """Render the view."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.world = panorama(Path(bpy.utils.system_resource("DATAFILES", path="studiolights/world")) / PANORAMA)
    data = bpy.data.cameras.new("Camera")
    data.lens, data.sensor_width = LENS, 36.0
    scene.camera = bpy.data.objects.new("Camera", data)
    scene.camera.rotation_euler = (math.radians(90 + PITCH), 0, math.radians(HEADING))
    scene.collection.objects.link(scene.camera)
    render = scene.render
    render.engine, render.filepath = "CYCLES", str(Path(path).resolve())
    render.resolution_x, render.resolution_y = SIZE
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", 16, False
    bpy.ops.render.render(write_still=True)


def panorama(path):
    """A world that looks like the picture ``path`` in every direction."""
    world = bpy.data.worlds.new("Panorama")
    world.use_nodes = True
    tree = world.node_tree
    picture = tree.nodes.new("ShaderNodeTexEnvironment")
    picture.image = bpy.data.images.load(str(path))
    background = next(node for node in tree.nodes if node.type == "BACKGROUND")
    tree.links.new(picture.outputs["Color"], background.inputs["Color"])
    return world


if __name__ == "__main__":
    main(*sys.argv[1:])
