"""Paths from words, curves and files become keys that are where the path is; and what the picture knows of them."""

import math
import sys
import time
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector
from shots import grid_faces, leave
from worldwarp_protocol.paths import smoothing
from worldwarp_protocol.paths.cameras import Cameras

from blender_addon import camera, geometry, health, look, motion, path_operators, properties, sight, strip, words
from blender_addon.scenery import scenery

folder = Path(sys.argv[1])
properties.register()
path_operators.register()
ops, scene, shot = bpy.ops.worldwarp, bpy.context.scene, bpy.context.scene.worldwarp
cam, settings = scene.camera, scene.worldwarp.words
scene.render.fps, scene.render.fps_base = 24, 1.001
scene.frame_start, scene.frame_end = 1001, 1097
scene.render.resolution_x, scene.render.resolution_y = 960, 640
scene.cursor.location = (0.3, -0.2, 0.1)
cam.scale = (2, 2, 2)
WORDS = (
    "dolly_in 1.5m ease + pan_left 20deg, then orbit 45deg @cursor ease_in + zoom_in 1.5x, "
    "then circle 0.5m over 30 frames + roll_cw 30deg ease over 10 frames"
)
found: dict = {}


def seen(frames, one=None) -> camera.Path:
    return camera.sample(scene, one or cam, frames, bpy.context.evaluated_depsgraph_get())


def off(path, one=None) -> list[float]:
    """Largest difference of places, axes and relative focal lengths."""
    there = seen(path.frame, one)
    pose = np.abs(there.camera_to_world - path.camera_to_world)
    focal = np.abs(there.K / path.K - 1)[:, [0, 1], [0, 1]]
    return [float(pose[:, :3, 3].max()), float(pose[:, :3, :3].max()), float(focal.max())]


def refused(call, **options) -> str:
    try:
        assert call(**options) == {"FINISHED"}
    except RuntimeError as error:
        return str(error)
    return ""


def key_times(one) -> list[float]:
    curves = motion.curves(one.animation_data)
    return sorted({round(point.co.x, 3) for curve in curves for point in curve.keyframe_points})


# In every rotation mode, as the words have it
settings.text = WORDS
still = seen([1001])
for mode in ("XYZ", "QUATERNION", "ZYX", "AXIS_ANGLE"):
    cam.rotation_mode = mode
    cam.matrix_world = Matrix(camera.matrix_world(still.camera_to_world[0]).tolist()) @ Matrix.Scale(2, 4)
    bpy.context.view_layer.update()
    path = words.walk(bpy.context)
    assert ops.write_path() == {"FINISHED"}
    found[mode] = [*off(path), len(key_times(cam)), len(path), int(path.frame[0]), path.fps]
    found[f"{mode} start"] = float(np.abs(path.camera_to_world[0] - still.camera_to_world[0]).max())
    cam.animation_data_clear()
    cam.data.animation_data_clear()
    cam.data.lens = 50

# A straight dolly needs two keys, and stays still where nothing moves
cam.rotation_mode = "XYZ"
settings.text = "dolly_in 1m ease"
assert ops.write_path() == {"FINISHED"}
found["dolly keys"] = [key_times(cam), cam.data.animation_data is None]

# Written anew without an edit in between, the keys before go
count = len(bpy.data.actions)
settings.text = "dolly_in 2m ease"
assert ops.write_path() == {"FINISHED"}
found["anew"] = len(bpy.data.actions) - count

# What was keyed before is kept, curves of other properties go on, and undo takes all back
cam.animation_data.action.name = "Mine"
cam.hide_render = False
cam.keyframe_insert("hide_render", frame=1)
bpy.ops.ed.undo_push(message="Before")
before, actions = seen(range(1001, 1097, 10)), len(bpy.data.actions)
settings.text = "truck_left 1m, then slow tilt_up 10deg"
path = words.walk(bpy.context)
assert ops.write_path("EXEC_DEFAULT", True) == {"FINISHED"}
old, new = bpy.data.actions["Mine"], cam.animation_data.action
found["kept"] = [old.use_fake_user, old.users, new.name != "Mine", len(bpy.data.actions) - actions]
found["other curves"] = sorted({curve.data_path for curve in motion.curves(cam.animation_data)})
found["rewritten"] = off(path)
bpy.ops.ed.undo()
scene = bpy.context.scene
shot, cam, settings = scene.worldwarp, scene.camera, scene.worldwarp.words
again = seen(range(1001, 1097, 10))
found["undone"] = [cam.animation_data.action.name, float(np.abs(again.camera_to_world - before.camera_to_world).max())]
found["undone actions"] = len(bpy.data.actions) - actions

# Retimed: what was at a frame is at another; the old keys are kept
settings.text = WORDS
assert ops.write_path() == {"FINISHED"}
before = seen(range(1001, 1098))
assert ops.retime_path(how="SPEED", speed=0.5) == {"FINISHED"}
later = seen(range(1001, 1195, 2))
found["slower"] = [float(np.abs(later.camera_to_world - before.camera_to_world).max()), key_times(cam)[-1]]
assert ops.retime_path(how="FRAMES", frames=49) == {"FINISHED"}
later = seen(range(1001, 1050))
found["in frames"] = [
    float(np.abs(later.camera_to_world - before.camera_to_world[::2]).max()),
    float(np.abs(later.K - before.K[::2]).max()),
    key_times(cam)[-1],
]

# Smoothed: over the walk only, as the protocol package has it; one undo step
cam.animation_data_clear()
cam.data.animation_data_clear()
rng, still = np.random.default_rng(0), cam.matrix_world.translation.copy()
for frame in range(991, 1103):
    cam.location = still + Vector(rng.normal(size=3) * 0.02)
    cam.location.y += 0.02 * (frame - 1001)
    cam.keyframe_insert("location", frame=frame)
bpy.ops.ed.undo_push(message="Before")
before = seen(range(991, 1103))
walked = Cameras(before.K[10:107], before.camera_to_world[10:107], 960, 640, before.frame[10:107])
wanted = before.camera_to_world.copy()
wanted[10:107] = smoothing.smoothed(walked, 15).camera_to_world
found["even"] = refused(ops.smooth_path, window=8)
found["too long"] = refused(ops.smooth_path, window=99)
assert ops.smooth_path("EXEC_DEFAULT", True, window=15) == {"FINISHED"}
later = seen(range(991, 1103)).camera_to_world
found["smooth"] = [float(np.abs(later - wanted).max()), float(np.abs(later - before.camera_to_world).max())]
bpy.ops.ed.undo()
scene = bpy.context.scene
shot, cam, settings = scene.worldwarp, scene.camera, scene.worldwarp.words
found["rough again"] = float(np.abs(seen(range(991, 1103)).camera_to_world - before.camera_to_world).max())
cam.animation_data_clear()
found["no keys"] = refused(ops.smooth_path)
cam.location = still
bpy.context.view_layer.update()

# Moves are added, and faults said
settings.text = ""
assert ops.add_move(move="dolly_in", amount=1.5, frames=48, easing="ease") == {"FINISHED"}
assert ops.add_move(move="pan_left", amount=20, join="WITH", easing="linear") == {"FINISHED"}
assert ops.add_move(move="orbit", amount=45, pace="slow", target="AHEAD", distance=3) == {"FINISHED"}
found["text"] = settings.text
settings.text = "dolly_inn 1m"
found["fault"] = [words.fault(scene), refused(ops.write_path)]
settings.text = "orbit 20deg @object"
found["no object"] = [words.fault(scene), refused(ops.write_path)]
settings.text = "dolly_in 1m over 48 frames"
found["does not fit"] = words.fault(scene)
settings.fit = False
found["length"] = words.length(scene)
settings.fit = True

# A metre is what the scene's unit settings say; in a scene of centimetres all is as it was, a hundred times as large
settings.text = "dolly_in 1.5m + pan_left 20deg, then orbit 45deg @cursor, then orbit 20deg @target 3m"
units, place = scene.unit_settings, np.array(cam.location)
settings.fit, cursor = False, np.array(scene.cursor.location)
metric = words.walk(bpy.context).camera_to_world
units.scale_length, cam.location, scene.cursor.location = 0.01, 100 * place, 100 * cursor
bpy.context.view_layer.update()
tiny = words.walk(bpy.context).camera_to_world
found["centimetres"] = [
    float(np.abs(tiny[:, :3, 3] / 100 - metric[:, :3, 3]).max()),
    float(np.abs(tiny[:, :3, :3] - metric[:, :3, :3]).max()),
]
settings.text = ""
assert ops.add_move(move="orbit", amount=45, target="AHEAD", distance=300) == {"FINISHED"}
found["shown"] = settings.text
settings.text, found["metre"] = "dolly_in 1m", []
for system in ("METRIC", "IMPERIAL", "NONE"):
    units.system = system
    ends = words.walk(bpy.context).camera_to_world[[0, -1], :3, 3]
    found["metre"].append(float(np.linalg.norm(ends[1] - ends[0])))
units.system, units.scale_length, cam.location, scene.cursor.location = "METRIC", 1, place, cursor
settings.fit = True

# A parent is refused; a new camera is not
cam.animation_data_clear()
cam.data.animation_data_clear()
empty = bpy.data.objects.new("Dolly", None)
scene.collection.objects.link(empty)
empty.location, empty.rotation_euler = (1, 0, 0), (0, 0, 0.3)
cam.parent = empty
bpy.context.view_layer.update()
settings.text = "truck_right 1m @cursor ease"
path = words.walk(bpy.context)
found["parent"] = refused(ops.write_path)
settings.onto = "NEW"
assert ops.write_path() == {"FINISHED"}
found["new"] = [shot.camera.name, scene.camera.name, shot.camera.parent is None, *off(path, shot.camera)]
shot.camera, settings.onto, cam.parent = None, "FOLLOWED", None
bpy.context.view_layer.update()

# Along a curve: on it, at one speed, looking ahead or at the cursor
data = bpy.data.curves.new("Rail", "CURVE")
data.dimensions, data.bevel_depth = "3D", 0.1
spline = data.splines.new("BEZIER")
spline.bezier_points.add(2)
for point, place in zip(spline.bezier_points, ((0, 0, 0), (4, 1, 1), (5, 6, 0)), strict=True):
    point.co = place
    point.handle_left_type = point.handle_right_type = "AUTO"
rail = bpy.data.objects.new("Rail", data)
scene.collection.objects.link(rail)
rail.location, rail.rotation_euler = (1, 2, 3), (0, 0, 0.5)
bpy.context.view_layer.update()
settings.curve, settings.easing, settings.at_camera = rail, "linear", False
blocks = len(bpy.data.curves), len(bpy.data.objects), len(bpy.data.meshes)
assert ops.follow_curve() == {"FINISHED"}
found["clean"] = blocks == (len(bpy.data.curves), len(bpy.data.objects), len(bpy.data.meshes))
along = seen(range(1001, 1098))
at = along.camera_to_world[:, :3, 3]
control = [
    [np.array(rail.matrix_world @ p) for p in (b.handle_left, b.co, b.handle_right)] for b in spline.bezier_points
]
s = np.linspace(0, 1, 100_001)[:, None]


def bezier(a, b):
    """The curve between two points, each its left handle, itself and its right handle."""
    return (1 - s) ** 3 * a[1] + 3 * s * (1 - s) ** 2 * a[2] + 3 * s**2 * (1 - s) * b[0] + s**3 * b[1]


exact = np.vstack([bezier(control[0], control[1]), bezier(control[1], control[2])])
steps = np.linalg.norm(np.diff(at, axis=0), axis=1)
found["curve"] = [
    float(max(np.linalg.norm(exact - place, axis=1).min() for place in at[::8])),
    float(np.ptp(steps) / steps.mean()),
    float(np.abs(at[[0, -1]] - exact[[0, -1]]).max()),
    float(np.einsum("ni,ni->n", along.camera_to_world[1:-1, :3, 2], (at[2:] - at[:-2]) / (2 * steps.mean())).min()),
    float(np.abs(along.camera_to_world[:, 2, 0]).max()),
    len(key_times(cam)),
]
settings.look, settings.at_camera = "CURSOR", True
start = seen([1001]).camera_to_world[0, :3, 3]
assert ops.follow_curve() == {"FINISHED"}
along = seen(range(1001, 1098))
ways = np.array(scene.cursor.location) - along.camera_to_world[:, :3, 3]
ways /= np.linalg.norm(ways, axis=1, keepdims=True)
found["looked at"] = [
    float(np.linalg.norm(along.camera_to_world[:, :3, 2] - ways, axis=1).max()),
    float(np.abs(along.camera_to_world[0, :3, 3] - start).max()),
]

# From another run
R = along.camera_to_world[:, :3, :3].transpose(0, 2, 1)
t = -np.einsum("nij,nj->ni", R, along.camera_to_world[:, :3, 3])
K = along.K.copy()
K[:, 0, 2] += np.linspace(0, 1, 97)
(folder / "run").mkdir()
np.savez(folder / "run" / "cameras.npz", K=along.K, R=R, t=t, frame=along.frame + 5, width=960, height=640, fps=25.0)
assert ops.import_cameras(filepath=str(folder / "run" / "cameras.npz")) == {"FINISHED"}
there = seen(along.frame + 5, shot.camera)
found["imported"] = [
    shot.camera.name,
    float(np.abs(there.camera_to_world - along.camera_to_world).max()),
    float(np.abs(there.K - along.K).max()),
]
found["no run"] = refused(ops.import_cameras, filepath=str(folder / "nothing.npz"))
(folder / "transforms.json").write_text("{}")
found["foreign"] = refused(ops.import_cameras, filepath=str(folder / "transforms.json"))
shot.camera = None

# What the picture knows: a wall 4 units ahead in its lower half, sky above
found["no geometry"] = refused(ops.check_path)
cam.animation_data_clear()
cam.location, cam.rotation_euler, cam.rotation_mode, cam.data.lens = (0, 0, 2), (math.pi / 2, 0, 0), "XYZ", 36
bpy.context.view_layer.update()
W, H = 240, 160
first = camera.sample(scene, cam, [1001], bpy.context.evaluated_depsgraph_get(), camera.Raster(W, H))
v, u = np.mgrid[:H, :W] + 0.5
rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(first.K[0]).T
wall = v > H / 2
rgb = np.where((u < W / 2)[..., None], [200, 40, 20], [20, 60, 220]).astype(np.uint8)
estimate = geometry.Estimate(
    "given", first.K[0], W, H, (4 * rays[wall]).astype(np.float32), rgb[wall], grid_faces(wall), np.eye(4)
)
blocked = geometry.place(scene, "Wall", estimate, first.K[0], first.camera_to_world[0], "sRGB")
bpy.context.view_layer.update()
settings.text, shot.longest_side = "truck_right 1m", 240  # the lens sees 4 units of width at 4 units: a quarter leaves
assert ops.write_path() == {"FINISHED"}
settings.threshold = 95
scene.timeline_markers.new("Mine", frame=7)
assert ops.check_path() == {"FINISHED"}
checked = health.last(scene)
found["known"] = checked.known[[0, 48, 96]].tolist()
found["parallax"] = [float(checked.parallax[1:].min()), float(checked.parallax.max()), float(checked.turn.max())]
found["markers"] = sorted([marker.name, marker.frame] for marker in scene.timeline_markers)
found["sentences"] = health.sentences(checked, 0.95)
places, colours = strip.triangles(checked, 0, 6)
found["strip"] = [places[:3].tolist(), places[-1].tolist(), len(places) / 6, colours[0].tolist(), colours[-1].tolist()]
assert ops.check_path() == {"FINISHED"}
found["markers again"] = len(scene.timeline_markers)
full = scenery(blocked)
many = np.resize(np.arange(97), 250)
walked = seen(range(1001, 1098))
started = time.perf_counter()
sight.known(full, walked.K[many], walked.camera_to_world[many], (960, 640))
found["seconds"] = time.perf_counter() - started
ops.clear_check()
found["cleared"] = [marker.name for marker in scene.timeline_markers]

# The draft of the current frame: the wall's halves where they are, sky above, a hole on the right at the end
scene.frame_set(1001)
drawn, share = look.render(bpy.context)
height, width = drawn.shape[:2]
found["draft"] = [width, height, share, drawn[-5, 5].tolist(), drawn[-5, -5].tolist(), drawn[5, 5].tolist()]
scene.frame_set(1097)
started = time.perf_counter()
drawn, share = look.render(bpy.context)
found["draft seconds"] = time.perf_counter() - started
found["moved"] = [share, drawn[-5, width // 8].tolist(), drawn[-5, -5].tolist(), drawn[5, -5].tolist()]

# It follows the camera, and does nothing where nothing has changed
cam.animation_data_clear()
changes = [look.follow(bpy.context), look.follow(bpy.context)]
cam.location.x += 0.25
bpy.context.view_layer.update()
before_drag, _ = look.shown()[2], changes.append(look.follow(bpy.context))
found["dragged"] = [*changes, before_drag, look.shown()[2]]
look.stop()
found["stopped"] = look.shown()

# A pixel of the picture as a target
cam.location = (0, 0, 2)
bpy.context.view_layer.update()
settings.text = "orbit 30deg @0.25,0.75"
path = words.walk(bpy.context)
target = np.array([-1, 4, 2 - 4 * 160 / 240 / 4])
away = np.linalg.norm(path.camera_to_world[:, :3, 3] - target, axis=1)
found["pixel"] = float(np.ptp(away))
settings.text = "orbit 30deg @0.5,0.1"
found["sky"] = refused(ops.write_path)
leave(**found)
