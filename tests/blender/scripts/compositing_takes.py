"""Shadows by the frames' depth, another take in the compositor, and a blockout hidden: pixels and properties say so."""

import json
import os
import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_result

import blender_addon.pump  # noqa: F401  (before any operator: they need each other)
from blender_addon import (
    camera,
    catcher,
    composite_operators,
    composite_takes,
    compositing,
    hiding,
    importer,
    picture,
    takes,
    takes_operators,
    world,
)
from blender_addon.state import Making

folder = Path(sys.argv[1])
scene, ops = bpy.context.scene, bpy.ops.worldwarp
scene.view_settings.view_transform = "Standard"
scene.render.engine, scene.cycles.samples = "CYCLES", 16
scene.cycles.use_denoising = False
scene.render.dither_intensity = 0
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.world.color = (0, 0, 0)
cam, cube = scene.camera, bpy.data.objects["Cube"]
cam.location, cam.rotation_euler = (0, 0, 0), (np.pi / 2, 0, 0)
cam.data.lens, cam.data.sensor_width = 24, 36  # 64 pixels
lamp = bpy.data.objects["Light"]
lamp.data = bpy.data.lights.new("Sun", "SUN")
lamp.data.energy, lamp.data.angle, lamp.rotation_euler = 3, 0, (np.pi / 3, 0, 0)  # down, onto a wall
cube.scale, cube.location = (0.25, 0.25, 0.25), (-0.8, 3, 0)  # in front of the wall

grey = np.full((64, 96, 3), 120, np.uint8)
path = camera.sample(scene, cam, range(11, 14), bpy.context.evaluated_depsgraph_get())
for module in (composite_operators, takes_operators, composite_takes, hiding):
    module.register()
shown = []
for name, run in (("One", "1" * 32), ("Two", "2" * 32)):
    write_result(folder / name, [grey] * 3, path, "sRGB", name, run=run)
    shown.append(importer.import_result(scene, folder / name).collection)
    takes.show(scene, shown[-1])
one, two = (take.name for take in shown)
takes.show(scene, shown[0])
scene.camera = takes.camera_of(shown[0])
world.bring_in(scene, Making("1" * 32, folder / "One", scene.session_uid, ("mesh",), "answered"))
mesh = composite_takes.mesh_of(shown[0])
found = {"name": mesh.name}


def rendered(frame: int) -> np.ndarray:
    """What F12 saves, 8 bit (64, 96, 3)."""
    scene.frame_set(frame)
    scene.render.filepath = str(folder / "render.png")
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"
    bpy.ops.render.render(write_still=True)
    return picture.to_bytes(picture.read_pixels(folder / "render.png")[..., :3])


def panel_says() -> list:
    return [composite_takes.behind(scene), compositing.node_of(scene).node_tree.name]


# The wall that the frames show, 4 away, as a mesh that is wrong by up to 1 % of its depth
x, z = (axis.ravel() for axis in np.meshgrid(np.linspace(-4, 4, 81), np.linspace(-3, 3, 61)))
y = 4 * (1 + np.random.default_rng(1).uniform(-0.01, 0.01, x.shape))
at = np.arange(x.size).reshape(61, 81)
faces = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
rough = bpy.data.meshes.new("Rough")
rough.from_pydata(np.stack([x, y, z], 1).tolist(), [], faces.tolist())
rough.materials.append(mesh.data.materials[0])
mesh.data = rough
catcher.play(scene, mesh, "SHADOWS")
ops.frames_behind(collection=one, by_depth=True)
pixels = rendered(12)[..., 0].astype(int)
found["lit"] = int(np.abs(pixels[4:60, 60:92] - 120).max())
found["shadow"] = [int(pixels[40:43, 34:37].min()), int(pixels[40:43, 34:37].max())]
mesh.hide_render = True
cube.location = (0, 4.75, 0)  # it begins 4.5 away
found["behind"] = int(np.abs(rendered(12).astype(int) - 120).max())
mesh.hide_render = False

# A new take: its frames come, and what it lacks is said
takes.show(scene, shown[1])
found["other"] = panel_says()


def said(run) -> str:
    """What Blender prints of an operator's reports."""
    with (folder / "said").open("w+") as file:
        kept = [os.dup(1), os.dup(2)]
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        run()
        sys.stdout.flush()
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
        return (folder / "said").read_text()


found["lacks"] = said(lambda: ops.use_take(take=two))
found["now"] = panel_says()
takes.show(scene, shown[0])
ops.frames_behind(collection=one, by_depth=True)
(folder / "One" / "world" / "mesh.ply").rename(folder / "Two" / "world" / "mesh.ply")
world.bring_in(scene, Making("2" * 32, folder / "Two", scene.session_uid, ("mesh",), "answered"))
(folder / "One" / "exr").rename(folder / "Two" / "exr")
takes.show(scene, shown[1])
found["whole"] = said(lambda: ops.use_take(take=two))
node = compositing.node_of(scene)
theirs = composite_takes.mesh_of(shown[1])
found["carried"] = [*panel_says(), catcher.part_of(theirs), bool(node.inputs[compositing.DEPTH].links)]

# The blockout goes, the CG and what hangs on it stays
child, floor = cube.copy(), cube.copy()
child.name, floor.name = "Child", "Floor"
text = bpy.data.objects.new("Sign", bpy.data.curves.new("Sign", "FONT"))
hook = bpy.data.objects.new("Hook", None)
for thing in (child, floor, text, hook):
    scene.collection.objects.link(thing)
child.parent = cube
for thing in scene.objects:
    thing.select_set(thing == cube)
takes_own = {thing.name for take in shown for thing in take.all_objects}


def seen() -> dict:
    scene = bpy.data.scenes[0]
    return {thing.name: [not thing.hide_render, not thing.hide_get()] for thing in scene.objects}


bpy.ops.ed.undo_push(message="Before")
before = seen()
found["said"] = said(lambda: ops.hide_others("EXEC_DEFAULT", True))
after = seen()
found["hidden"] = sorted(name for name in after if after[name] != before[name])
found["gone"] = [after[name] for name in found["hidden"]]
found["takes stay"] = all(after[name] == before[name] for name in takes_own)
bpy.ops.ed.undo()
found["undone"] = seen() == before
leave(**json.loads(json.dumps(found)))
