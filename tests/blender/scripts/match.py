"""Match Camera on a picture of a known camera: what was asked for changes, in one undo step, and nothing else."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_png

from blender_addon import camera, geometry, geometry_operators, match, properties
from blender_addon.parts import part

folder = Path(sys.argv[1])
properties.register()
geometry_operators.register()
scene, shot, cam = bpy.context.scene, bpy.context.scene.worldwarp, bpy.context.scene.camera
match_camera = bpy.ops.worldwarp.match_camera
WIDTH, HEIGHT = 192, 128
scene.render.resolution_x, scene.render.resolution_y = 1920, 1280
write_png(folder / "plate.png", np.full((HEIGHT, WIDTH, 3), 90, np.uint8))


def refused(**options) -> str:
    try:
        assert match_camera(**options) == {"FINISHED"}
    except RuntimeError as error:
        return str(error)
    return ""


def state() -> dict:
    bpy.context.view_layer.update()
    data = cam.data
    return {
        "lens": data.lens,
        "sensor": (data.sensor_width, data.sensor_height),
        "shift": (data.shift_x, data.shift_y),
        "pose": np.array(cam.matrix_world).round(5).tolist(),
        "other": (scene.camera.name, scene.frame_current, scene.render.resolution_x, scene.render.resolution_y),
    }


def changed(before: dict) -> list[str]:
    return [key for key, value in state().items() if value != before[key]]


found = {"own render": refused()}
shot.source, shot.picture_file = "FILE", str(folder / "plate.png")
found["nothing known"] = refused(level=False)
found["no floor yet"] = refused(lens=False)

# The truth: a camera 1.7 above the floor, pitched and rolled; what is seen of it is at half scale and its lens unknown
data = bpy.data.cameras.new("Truth")
data.lens = 24
truth = bpy.data.objects.new("Truth", data)
scene.collection.objects.link(truth)
truth.location, truth.rotation_euler = (0, 0, 1.7), (1.35, 0.12, 0)
bpy.context.view_layer.update()
raster = camera.Raster(WIDTH, HEIGHT)
K = camera.intrinsics(camera.lens_at(data), raster)
pose = camera.camera_to_world(np.array(truth.matrix_world))
v, u = np.mgrid[HEIGHT // 2 + 30 : HEIGHT, :WIDTH] + 0.5
rays = np.stack([u, v, np.ones_like(u)], -1).reshape(-1, 3) @ np.linalg.inv(K).T
down = rays @ pose[2, :3]
floor = (rays * (-1.7 / down)[:, None])[down < -0.05] / 2
level = pose.copy()
level[:3, 3] /= 2
faces = np.array([[0, 1, 2]], np.int32)
rgb = np.full((len(floor), 3), 90, np.uint8)
estimate = geometry.Estimate("ttt3r", K, WIDTH, HEIGHT, floor.astype(np.float32), rgb, faces, level)
cam.location, cam.rotation_euler = (3, -4, 2.5), (1.2, 0.2, 0.9)
cam.data.lens, cam.data.shift_x = 50, 0.05
cam.scale = (2, 2, 2)
bpy.context.view_layer.update()


def through() -> tuple[np.ndarray, np.ndarray]:
    """K and pose of the scene's camera for the picture."""
    seen = camera.sample(scene, cam, [1], bpy.context.evaluated_depsgraph_get(), raster)
    return seen.K[0], seen.camera_to_world[0]


def floor_heights() -> np.ndarray:
    """Of the geometry's vertices in the world, once it is at its true scale."""
    bpy.context.view_layer.update()
    thing = part(geometry.of_scene(scene), "points")
    co = np.empty(len(thing.data.vertices) * 3, np.float32)
    thing.data.vertices.foreach_get("co", co)
    surface = part(geometry.of_scene(scene), "surface").evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrix = np.array(surface.matrix_world)
    return (co.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])[:, 2]


collection = geometry.place(scene, "Plate", estimate, *through(), "sRGB")
shot.geometry_scale = 2
bpy.context.view_layer.update()

# Each wish by itself
bpy.ops.ed.undo_push(message="Before")
before = state()
assert match_camera("EXEC_DEFAULT", True, lens=True, level=False) == {"FINISHED"}
found["lens changes"] = changed(before)
found["lens"] = cam.data.lens
bpy.ops.ed.undo()
scene, shot = bpy.context.scene, bpy.context.scene.worldwarp
cam, collection, truth = scene.camera, geometry.of_scene(scene), bpy.data.objects["Truth"]
found["undone"] = changed(before)
assert match_camera(lens=False, level=True) == {"FINISHED"}
found["level changes"] = changed(before)
axes = np.array(cam.matrix_world)
found["scale kept"] = [round(s, 4) for s in cam.scale]
heading = np.array(before["pose"])[:2, 2]
found["heading"] = float(
    np.cross([*heading / np.linalg.norm(heading), 0], [*axes[:2, 2] / np.linalg.norm(axes[:2, 2]), 0])[2]
)
found["place"] = [round(float(x), 4) for x in axes[:3, 3]]
before = state()
assert match_camera(lens=False, level=False, sensor="SUPER35") == {"FINISHED"}
found["sensor changes"] = changed(before)
found["angle"] = cam.data.lens / cam.data.sensor_width - before["lens"] / before["sensor"][0]

# All of it: the camera is the truth's but for heading and place, and the geometry's floor is at Z = 0
assert match_camera(sensor="FULL") == {"FINISHED"}
bpy.context.view_layer.update()
found["all lens"] = cam.data.lens
now = np.array(cam.matrix_world)[:3, :3] / 2
want = np.array(truth.matrix_world)[:3, :3]
turn = now @ want.T
found["turned about z"] = float(np.abs(turn[2] - [0, 0, 1]).max())
cam.data.shift_x = 0  # the picture's centre is its lens' own
geometry.see_through(collection, through()[0])
found["floor"] = float(np.abs(floor_heights()).max())
said = match.match(bpy.context, cam, folder / "plate.png", (WIDTH, HEIGHT), lens=True, level=False, sensor="KEEP")
found["matched already"] = [kind for kind, _ in said]
cam.data.lens = 50
said = match.match(bpy.context, cam, folder / "plate.png", (WIDTH, HEIGHT), lens=True, level=False, sensor="KEEP")
found["said"] = said

# A source that knows no lens says so
collection["worldwarp_geometry"] = "depth-anything"
found["no lens"] = refused(level=False)
collection["worldwarp_geometry"] = "ttt3r"

# What is keyed is not moved
cam.keyframe_insert("rotation_euler", frame=1)
cam.data.keyframe_insert("lens", frame=1)
before = state()
found["keyed place"] = refused(lens=False)
found["keyed lens"] = refused(level=False)
cam.animation_data_clear()
cam.constraints.new("TRACK_TO").target = truth
found["constrained"] = refused(lens=False)
cam.constraints.clear()
cam.data.animation_data_clear()
collection["worldwarp_level"] = np.eye(4).ravel().tolist()
found["no floor"] = refused(lens=True)
found["refusals change"] = changed(before)

# Headings: pitch and roll come from the level, the heading from the camera, also where it looks straight down
worst = 0.0
rng = np.random.default_rng(0)
for _ in range(100):
    from mathutils import Euler

    old = camera.camera_to_world(np.array(Euler(rng.uniform(-3, 3, 3)).to_matrix().to_4x4()))
    new = match.levelled(old, level, 1)
    worst = max(worst, np.abs(new[2, :3] - level[2, :3]).max(), abs(np.linalg.det(new[:3, :3]) - 1))
    if np.linalg.norm(old[:2, 2]) > match.STEEP:
        flat = old[:2, 2] / np.linalg.norm(old[:2, 2]) - new[:2, 2] / np.linalg.norm(new[:2, 2])
        worst = max(worst, np.abs(flat).max())
straight = camera.camera_to_world(np.array(Euler((0, 0, 0.7)).to_matrix().to_4x4()))
new = match.levelled(straight, level, 1)
found["down"] = [float(x) for x in new[:2, 2] / np.linalg.norm(new[:2, 2])]
leave(**found, worst=float(worst))
