"""A take made, then things put before its camera: the picture of the take is sent again, unless it is rendered anew."""

import json
import sys
import time
from pathlib import Path

import bpy
from mathutils import Vector
from shots import leave

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import (  # noqa: E402  (exists from here on)
    actions,
    motion,
    picture_step,
    preferences,
    pump,
    ranges_forecast,
    shooting,
)
from bl_ext.user_default.worldwarp.picture import read_pixels  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE  # noqa: E402

ops, scene = bpy.ops.worldwarp, bpy.context.scene
shot, camera = scene.worldwarp, scene.camera
preferences.get().address = address
scene.render.engine, scene.cycles.samples = "CYCLES", 2
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.frame_start, scene.frame_end = 101, 193
shot.longest_side, shot.cache_steps, shot.output_folder = 64, 3, str(folder / "results")
start = camera.location.x
for frame in (101, 120, 149, 170, 193):
    camera.location.x = start - 0.01 * (frame - 101)
    camera.keyframe_insert("location", frame=frame)
for curve in motion.curves(camera.animation_data):
    for key in curve.keyframe_points:
        key.interpolation = "LINEAR"


def move_key(index: int, by: float) -> None:
    curve = next(c for c in motion.curves(camera.animation_data) if (c.data_path, c.array_index) == ("location", 0))
    curve.keyframe_points[index].co.y += by
    curve.update()


def foretold() -> list:
    ranges_forecast.tell(scene)
    now = ranges_forecast.of(scene)
    return [now.picture, now.sure, picture_step.again_line(bpy.context)]


def given(where: Path) -> dict:
    return json.loads((where / "shot.json").read_text())["given"]


def inputs(where: Path) -> list[bytes]:
    """What was sent as picture and depth."""
    names = [*given(where)["pictures"], *given(where)["depth"]]
    return [(where / "inputs" / name).read_bytes() for name in names]


def red(where: Path) -> bool:
    """Whether the middle of the picture sent is."""
    r, g, b, _ = read_pixels(where / "inputs" / given(where)["pictures"][0])[24, 32]
    return bool(r > 2 * max(g, b))


def compared() -> list:
    """Of the newest run: whether picture and frames are those of the first take, and how many ranges it kept."""
    where = STATE.run.folder
    frames = [(first / "frames" / f"{i:04d}.png", where / "frames" / f"{i:04d}.png") for i in range(1, 50)]
    same = all(a.read_bytes() == b.read_bytes() for a, b in frames)
    return [inputs(where) == inputs(first), same, STATE.run.kept, STATE.run.chunks]


found = {"at first": foretold()}
assert ops.generate() == {"FINISHED"}
first = STATE.run.folder
found["then"] = foretold()

# A red cube before the camera, as CG that is to be composited: it is not in the picture
material = bpy.data.materials.new("Red")
material.use_nodes = True
nodes = material.node_tree.nodes
nodes.clear()
glow, out = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
glow.inputs["Color"].default_value = (1, 0, 0, 1)
material.node_tree.links.new(glow.outputs[0], out.inputs[0])
scene.frame_set(101)
bpy.ops.mesh.primitive_cube_add(size=0.6, location=camera.matrix_world @ Vector((0, 0, -3)))
bpy.context.object.data.materials.append(material)
assert ops.generate() == {"FINISHED"}
found["with a cube"] = compared()
move_key(-1, -0.5)
assert ops.generate() == {"FINISHED"}
found["a late key"] = compared()
move_key(-1, 0.5)
shooting.begin(bpy.context, actions.reachable())  # what Generate's button does
deadline = time.monotonic() + 120
while pump.busy():
    assert time.monotonic() < deadline
    pump.pump()
    time.sleep(0.01)
found["from the panel"] = compared()

# Once anew: the cube is in it
assert ops.show_take(take="Walk_v001") == {"FINISHED"}
shot.render_anew = True
found["anew"] = foretold()
assert ops.generate() == {"FINISHED"}
found["red"] = [red(first), red(STATE.run.folder)]
found["rendered anew"] = [STATE.run.kept, shot.render_anew, foretold()[0]]
assert ops.show_take(take="Walk_v001") == {"FINISHED"}
found["earlier one shown"] = [foretold()[0], sum(row.state == "kept" for row in ranges_forecast.of(scene).rows)]

# What a render would show otherwise: nothing of a take's is used
move_key(0, 0.3)
found["first key"] = foretold()[0]
move_key(0, -0.3)
scene.render.resolution_x = 80
found["size"] = foretold()[0]
scene.render.resolution_x = 64
scene.frame_start = 102
found["first frame"] = foretold()[0]
scene.frame_start = 101
scene.view_settings.view_transform = "Standard"
found["view"] = foretold()[0]
scene.view_settings.view_transform = "AgX"
assert foretold()[0] == "Walk_v001"

# Damaged: no silent render
(first / "inputs" / given(first)["pictures"][0]).write_bytes(b"")
try:
    ops.generate()
except RuntimeError as error:
    found["damaged"] = str(error)
leave(**found)
