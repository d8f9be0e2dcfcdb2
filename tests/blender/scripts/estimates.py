"""The installed extension against a real server: the geometry of a render and of a picture, and what is refused."""

import sys
import time
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from shots import report, write_png

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)

from bl_ext.user_default.worldwarp import (  # noqa: E402  (exists from here on)
    answers,
    camera,
    estimating,
    geometry,
    geometry_operators,
    order,
    preferences,
    pump,
)
from bl_ext.user_default.worldwarp.parts import part, recall  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE, Inquiry  # noqa: E402

scene, ops, shot = bpy.context.scene, bpy.ops.worldwarp, bpy.context.scene.worldwarp
preferences.get().address = address
scene.render.engine, scene.cycles.samples = "CYCLES", 4
scene.render.resolution_x, scene.render.resolution_y = 160, 96
bpy.ops.mesh.primitive_plane_add(size=12, location=(0, 0, -1))
scene.camera.keyframe_insert("location", frame=1)
scene.frame_end = 5
scene.frame_set(3)
shot.name, shot.output_folder = "Room", str(folder / "results")


def refused(operator) -> str:
    try:
        operator()
    except RuntimeError as error:
        return str(error)
    return ""


def off() -> float:
    """Largest relative distance of the surface's vertices from where their rays meet the scene; few at silhouettes."""
    bpy.context.view_layer.update()
    collection = geometry.of_scene(scene)
    thing = part(collection, "surface")
    co = np.empty(len(thing.data.vertices) * 3, np.float32)
    thing.data.vertices.foreach_get("co", co)
    matrix = np.array(thing.matrix_world)
    xyz = co.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    pose = camera.sample(scene, scene.camera, [1], bpy.context.evaluated_depsgraph_get()).camera_to_world[0]
    collection.hide_viewport = True
    depsgraph = bpy.context.evaluated_depsgraph_get()
    distances = []
    for point in xyz[::5]:
        direction = point - pose[:3, 3]
        far = np.linalg.norm(direction)
        hit, where, *_ = scene.ray_cast(depsgraph, Vector(pose[:3, 3]), Vector(direction / far))
        distances.append(np.linalg.norm(np.array(where) - point) / far if hit else np.inf)
    collection.hide_viewport = False
    return float(np.quantile(distances, 0.995))


def pump_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, STATE
        pump.pump()
        time.sleep(0.005)


# This camera's render
bpy.ops.ed.undo_push(message="Before")
assert ops.estimate() == {"FINISHED"}
collection = geometry.of_scene(scene)
found = {
    "name": collection.name,
    "state": STATE.inquiry.state,
    "off": off(),
    "faces": len(part(collection, "surface").data.polygons),
    "frame": scene.frame_current,
    "closed": not bpy.context.window_manager.worldwarp.picture,
    "sources": sorted(STATE.sources),
    "anchor in shot": order.settings(scene, camera.Raster(160, 96))["anchor"],
}
normals = np.empty(found["faces"] * 3, np.float32)
part(collection, "surface").data.polygons.foreach_get("normal", normals)
found["facing"] = float((normals.reshape(-1, 3)[:, 2] > 0).mean())
level = recall(collection, "level", 4)
found["height"] = level[2, 3]  # the camera stands 4.96 above the world's floor, and the plane is 1 below that
found["up"] = float(np.abs(level[2, :3] - camera.camera_to_world(np.array(scene.camera.matrix_world))[2, :3]).max())

# A picture and its depth from files
write_png(folder / "plate.png", np.full((64, 96, 3), 90, np.uint8))
image = bpy.data.images.new("depth", 96, 64, float_buffer=True, is_data=True)
image.pixels.foreach_set(np.tile(np.float32([6, 6, 6, 1]), 96 * 64))
image.file_format, image.filepath_raw = "OPEN_EXR", str(folder / "depth.exr")
image.save()
shot.source, shot.picture_file, shot.depth_file = "FILE", str(folder / "plate.png"), str(folder / "depth.exr")
assert ops.estimate() == {"FINISHED"}
bpy.context.view_layer.update()
surface = part(geometry.of_scene(scene), "surface")
z = np.empty(len(surface.data.vertices) * 3, np.float32)
surface.data.vertices.foreach_get("co", z)
found["flat"] = float(np.abs(z.reshape(-1, 3)[:, 2] + 6).max())
found["same collection"] = geometry.of_scene(scene) == collection

# Weights that are missing, in one sentence, at the step and before Generate
shot.depth_source = "ttt3r"
found["ttt3r"] = refused(ops.estimate)
found["generate"] = refused(ops.generate)
shot.depth_source = "depth-anything"
found["depth-anything"] = refused(ops.estimate)
shot.clip_file = str(folder / "plate.png")
found["path"] = refused(ops.camera_from_video)
shot.depth_source = "given"

# Who is told the camera's lens: all but the source that estimates the picture's own; a file's EXIF counts before
picture = order.take_picture(scene, 1, [])
found["told"] = {}
for source in ("given", "depth-anything", "ttt3r"):
    shot.depth_source = source
    _, question = estimating.inquire(bpy.context, picture)
    found["told"][source] = None if question.K is None else round(float(question.K[0, 0, 0]), 3)
shot.depth_source = "given"

# Cancelled while it is under way: nothing comes
undone = len(bpy.data.objects)
geometry_operators.WORLDWARP_OT_estimate.start(None, bpy.context)
found["busy"] = refused(ops.estimate)
assert ops.cancel() == {"FINISHED"}
pump_until(lambda: not pump.busy())
found["cancelled"] = STATE.inquiry.state
found["connected"] = STATE.connected

# Failed, where the server refuses: said, and the server is not to blame
image = bpy.data.images["depth"]
image.pixels.foreach_set(np.tile(np.float32([1e10, 1e10, 1e10, 1]), 96 * 64))
image.save()
found["sky"] = refused(ops.estimate)
found["still connected"] = STATE.connected

# A path's answer, as the network would give it
poses = np.tile(np.eye(4), (3, 1, 1))
poses[:, 2, 3] = 0, 0.5, 1
K = np.tile([[400.0, 0, 256], [0, 400, 144], [0, 0, 1]], (3, 1, 1))
start = camera.sample(scene, scene.camera, [1], bpy.context.evaluated_depsgraph_get()).camera_to_world[0]
filmed = estimating.Filmed("clip", camera.Raster(512, 288), np.array([1.0, 2, 3]), start, 2.0)
arrays = {"K": K, "camera_to_world": poses}
bpy.ops.ed.undo_push(message="Before")
STATE.inquiry = Inquiry("path", scene.session_uid, filmed, state="answered", arrays=arrays)
answers.bring_in(STATE.inquiry)
found["path camera"] = STATE.inquiry.text
there = [name for name in bpy.data.objects.keys() if "clip" in name]  # noqa: SIM118 (it is no dict)
bpy.ops.ed.undo()
found["one step"] = [len(there), sum("clip" in name for name in bpy.data.objects.keys())]  # noqa: SIM118
found["undone"] = undone
report(**found)
