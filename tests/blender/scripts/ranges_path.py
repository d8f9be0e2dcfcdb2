"""The path told from curves against the one that Blender evaluates; what curves do not tell is not told."""

import bpy
import numpy as np
from shots import leave

from blender_addon.camera import sample, scene_raster
from blender_addon.ranges_path import told

scene = bpy.context.scene
camera, frames = scene.camera, range(1, 40)
rig, dolly = (bpy.data.objects.new(name, None) for name in ("Rig", "Dolly"))
for thing in (rig, dolly):
    scene.collection.objects.link(thing)
rig.location, rig.rotation_euler, rig.scale = (3, 4, 5), (0.3, 0.2, 1.1), (2, 2, 2)
dolly.parent = rig
bpy.context.view_layer.update()
dolly.matrix_parent_inverse = rig.matrix_world.inverted()
camera.parent = dolly
camera.data.sensor_fit = "VERTICAL"


def off() -> list[float]:
    """Of K in pixels and of poses in units."""
    true = sample(scene, camera, frames, bpy.context.evaluated_depsgraph_get())
    quick = told(scene, camera, frames, scene_raster(scene))
    return [float(np.abs(getattr(true, name) - getattr(quick, name)).max()) for name in ("K", "camera_to_world")]


def key(thing, path: str, first, last) -> None:
    for frame, value in ((1, first), (40, last)):
        setattr(thing, path, value)
        thing.keyframe_insert(path, frame=frame)


found = {"still": off()}
key(rig, "rotation_euler", (0, 0, 0), (0.3, 0.1, 2.0))
key(dolly, "location", (0, 0, 0), (-4, 3, 1))
key(camera.data, "lens", 35.0, 80.0)
key(camera.data, "shift_x", 0.0, 0.2)
modes = {"XYZ": "rotation_euler", "ZXY": "rotation_euler", "QUATERNION": "rotation_quaternion"}
for mode, path in {**modes, "AXIS_ANGLE": "rotation_axis_angle"}.items():
    camera.animation_data_clear()
    camera.rotation_mode = mode
    values = list(getattr(camera, path))
    key(camera, path, values, [value + 0.4 for value in values])
    found[mode] = off()
scene.frame_set(17)
found["frame"] = [scene.frame_current, (told(scene, camera, frames, scene_raster(scene)), scene.frame_current)[1]]


def nothing() -> bool:
    return told(scene, camera, frames, scene_raster(scene)) is None


constraint = camera.constraints.new("TRACK_TO")
constraint.target = rig
found["constraint"] = nothing()
constraint.mute = True
found["muted"] = not nothing()
dolly.driver_add("scale", 0)
found["driver"] = nothing()
dolly.driver_remove("scale", 0)
scene.render.frame_map_new = 200
found["another time"] = nothing()
scene.render.frame_map_new = 100
camera.data.type = "ORTHO"
found["no pinhole"] = nothing()
leave(**found)
