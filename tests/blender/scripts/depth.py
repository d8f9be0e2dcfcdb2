"""Depth of a run's frames, fetched from a real server, decides pixel by pixel what of CG is seen in a render."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import (  # noqa: E402  (exists from here on)
    compositing,
    passes,
    picture,
    preferences,
    pump,
    takes,
)
from bl_ext.user_default.worldwarp.state import STATE  # noqa: E402

ops, scene = bpy.ops.worldwarp, bpy.context.scene
shot, cam = scene.worldwarp, scene.camera
preferences.get().address = address
scene.view_settings.view_transform = "Standard"
scene.render.dither_intensity = 0
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.frame_start, scene.frame_end = 101, 105
shot.longest_side, shot.cache_steps, shot.output_folder = 96, 5, str(folder / "results")
cam.keyframe_insert("location", frame=101)
cam.location.x -= 1.5
cam.keyframe_insert("location", frame=105)
assert ops.generate() == {"FINISHED"}
take = bpy.data.collections["Walk_v001"]
result = takes.folder_of(take)

found = {"before": passes.is_there(take, "exr")}
try:
    ops.frames_behind(collection=take.name, by_depth=True)
except RuntimeError as error:
    found["refused"] = str(error)
assert ops.make_world(collection=take.name, product="exr") == {"FINISHED"}
found["fetched"] = [STATE.making.state, STATE.making.meta["exr.frames"], passes.is_there(take, "exr")]
(result / "exr" / "0003.exr").unlink()
there = {path.name: path.stat().st_mtime_ns for path in (result / "exr").iterdir()}
assert ops.make_world(collection=take.name, product="exr") == {"FINISHED"}
now = {path.name: path.stat().st_mtime_ns for path in (result / "exr").iterdir()}
found["again"] = [sorted(now.keys() - there.keys()), all(now[name] == when for name, when in there.items())]

# A red wall at one distance from the returned camera, in front of some of what was generated, behind the rest
for thing in scene.objects:
    thing.hide_render = True
camera = scene.camera = takes.camera_of(take)
bpy.ops.mesh.primitive_plane_add(size=100)
wall = bpy.context.object
wall.parent, wall.matrix_parent_inverse = camera, wall.matrix_parent_inverse.Identity(4)
red = bpy.data.materials.new("Red")
if not red.node_tree:
    red.use_nodes = True
red.node_tree.nodes.clear()
shine, end = (red.node_tree.nodes.new(kind) for kind in ("ShaderNodeEmission", "ShaderNodeOutputMaterial"))
shine.inputs["Color"].default_value = (1, 0, 0, 1)
red.node_tree.links.new(shine.outputs[0], end.inputs["Surface"])
wall.data.materials.append(red)
ops.frames_behind(collection=take.name, by_depth=True)


def rendered(frame: int) -> np.ndarray:
    """What F12 saves, 8 bit (64, 96, 3)."""
    scene.frame_set(frame)
    scene.render.filepath = str(folder / "render.png")
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"
    bpy.ops.render.render(write_still=True)
    return picture.to_bytes(picture.read_pixels(folder / "render.png")[..., :3])


def frame_file(number: int) -> np.ndarray:
    return picture.to_bytes(picture.read_pixels(result / "frames" / f"{number:04d}.png")[..., :3])


renders, away = {}, float((camera.matrix_world.inverted() @ bpy.data.objects["Cube"].matrix_world.translation).z)
for case, distance in {"far": 3 * away, "middle": away, "near": away / 3}.items():
    wall.location = (0, 0, distance)
    renders[case] = rendered(104)
ops.handle(collection=take.name)
handle = next(thing for thing in take.objects if thing.type == "EMPTY")
handle.scale = (2, 2, 2)
wall.location = (0, 0, away)
bpy.context.view_layer.update()
ops.frames_behind(collection=take.name, by_depth=True)
renders["scaled"] = rendered(104)
pump.stop()
found["away"], found["result"] = -away, str(result)
found["nearly"] = compositing.NEARLY
np.savez(folder / "renders.npz", frame=frame_file(4), **renders)
leave(**found)
