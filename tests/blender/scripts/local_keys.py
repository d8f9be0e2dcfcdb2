"""Blender's default keys reach far; made local, the path stays to the last bit and a late edit stays late."""

import sys
from types import SimpleNamespace

import bpy
import numpy as np
from shots import leave

zip_file = sys.argv[1]
assert bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)

from bl_ext.user_default.worldwarp import keys, local_keys, motion  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp.camera import sample, scene_raster  # noqa: E402

ops, scene = bpy.ops.worldwarp, bpy.context.scene
camera, parent, target = scene.camera, *(bpy.data.objects.new(name, None) for name in ("Rig", "Target"))
for thing in (parent, target):
    scene.collection.objects.link(thing)
scene.frame_start, scene.frame_end = 1, 137
KEYED = (1, 30, 61, 90, 120, 137)
generator = np.random.default_rng(5)


far: list[list[bool]] = []
"""Whether ranges were reached by a key that is not beside them."""


def key(thing, path: str, size: float) -> None:
    """On and on in one direction: at a turning point clamped handles lie flat, and nothing passes it."""
    values = np.array(getattr(thing, path))
    for frame in KEYED:
        values = values + size * generator.uniform(0.5, 1, values.shape)
        setattr(thing, path, values.tolist())
        thing.keyframe_insert(path, frame=frame)


def poses() -> np.ndarray:
    path = sample(scene, camera, range(1, 138), bpy.context.evaluated_depsgraph_get(), scene_raster(scene))
    return np.concatenate([path.camera_to_world.reshape(137, -1), path.K.reshape(137, -1)], axis=1)


def last_key_moved() -> int:
    """The first frame that is elsewhere when the last key of the camera's x goes 1 to the side; it goes back."""
    curve = next(c for c in motion.curves(camera.animation_data) if (c.data_path, c.array_index) == ("location", 0))
    before, point = poses(), curve.keyframe_points[-1]
    point.co_ui.y += 1
    curve.update()
    moved = np.flatnonzero((poses() != before).any(axis=1))
    still = {int(frame) + 1 for frame in np.flatnonzero(np.abs(poses() - before).max(axis=1) < 1e-5)}
    far.append([local_keys.reached(camera, SimpleNamespace(first=a, last=b), still) for a, b in ((1, 60), (90, 137))])
    point.co_ui.y -= 1
    curve.update()
    return int(moved[0]) + 1


def refused() -> str:
    try:
        ops.keep_keys_local()
    except RuntimeError as error:
        return str(error)
    return ""


found = {"nothing to do": refused()}
key(camera, "location", 1.0)
key(camera, "rotation_euler", 0.2)
found["by default"] = [curve.auto_smoothing for curve in motion.curves(camera.animation_data)]
found["reaching"] = last_key_moved()
camera.parent = parent
key(parent, "location", 1.0)
for frame, lens in zip(KEYED, (35, 40, 38, 50, 45, 60), strict=True):
    camera.data.lens = lens
    camera.data.keyframe_insert("lens", frame=frame)
key(target, "location", 1.0)
constraint = camera.constraints.new("TRACK_TO")
constraint.target, constraint.influence = target, 0.5
found["curves"] = len(local_keys.reaching(camera))
before = poses()
assert ops.keep_keys_local() == {"FINISHED"}
found["same"] = bool((poses() == before).all())
found["left"] = len(local_keys.reaching(camera))
found["local"] = last_key_moved()
found["once"] = refused()

# A key that is added later reaches no further than its neighbours
camera.location.x += 1
camera.keyframe_insert("location", index=0, frame=130)
found["added"] = [last_key_moved(), len(local_keys.reaching(camera))]

# What the extension writes is local from the start
fresh = bpy.data.objects.new("Fresh", bpy.data.cameras.new("Fresh"))
scene.collection.objects.link(fresh)
scene.camera = scene.worldwarp.camera = fresh
count = 60
path = np.tile(np.diag([1.0, -1, -1, 1]), (count, 1, 1))
path[:, :3, 3] = np.sin(np.arange(count)[:, None] / [5.0, 7, 9])
K = np.tile([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]], (count, 1, 1))
K[:, [0, 1], [0, 1]] += np.sin(np.arange(count)[:, None] / 6)
keys.write(fresh, np.arange(1, count + 1), K, path, scene_raster(scene))
found["written"] = [len(motion.curves(fresh.animation_data)) > 3, len(local_keys.reaching(fresh))]
leave(**found, far=far)
