"""Reads a multilayer EXR as Blender's Image node and OpenImageIO do, and renders a Vector pass with Cycles.

Arguments: the file, where to save what OpenImageIO read (.npz), cameras.npz and where Cycles writes its render.
"""

import json
import math
import sys
from pathlib import Path

import bpy
import numpy as np

path, read, cameras, render = map(Path, sys.argv[1:5])
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene


def image_node_passes():
    if bpy.app.version >= (5, 0):
        tree = bpy.data.node_groups.new("passes", "CompositorNodeTree")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
    node = tree.nodes.new("CompositorNodeImage")
    node.image = bpy.data.images.load(str(path))
    return {socket.name: socket.type for socket in node.outputs if socket.enabled}


def channels_by_openimageio():
    for folder in Path(sys.prefix).glob("lib/python3*/site-packages/bpy/*/python/lib/python3*/site-packages"):
        sys.path.append(str(folder))
    try:
        import OpenImageIO
    except ImportError:  # not in every Blender
        return False
    file = OpenImageIO.ImageInput.open(str(path))
    pixels = file.read_image("float")
    np.savez(read, **{name: pixels[..., i] for i, name in enumerate(file.spec().channelnames)})
    return True


def cycles_vectors():
    """A wall at Y = 6, seen along the path: object and camera as a user would have them."""
    with np.load(cameras) as file:
        K, poses, width, height = file["K"], file["camera_to_world"], int(file["width"]), int(file["height"])
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    bpy.ops.mesh.primitive_plane_add(size=1000, location=(0, 6, 0), rotation=(math.pi / 2, 0, 0))
    lens = bpy.data.cameras.new("camera")
    lens.sensor_width, lens.lens = 36, 36 * K[0, 0, 0] / width
    camera = bpy.data.objects.new("camera", lens)
    camera.rotation_mode = "QUATERNION"
    scene.collection.objects.link(camera)
    scene.camera = camera
    from mathutils import Matrix

    for frame, pose in enumerate(poses, 1):
        camera.matrix_world = Matrix(pose @ np.diag([1, -1, -1, 1]))
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_quaternion", frame=frame)
    layer = scene.view_layers[0]
    layer.use_pass_vector = layer.use_pass_z = True
    scene.frame_set(2)
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth = "OPEN_EXR_MULTILAYER", "32"
    scene.render.filepath = str(render)
    bpy.ops.render.render(write_still=True)


passes = image_node_passes()
report = {"passes": passes, "openimageio": channels_by_openimageio()}
cycles_vectors()
print("WORLDWARP-RESULT " + json.dumps(report))
