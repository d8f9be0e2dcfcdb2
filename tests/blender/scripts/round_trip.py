"""An unmoved camera's render goes out and comes back: camera, colours and points line up, nothing else changes."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import report, write_result

from blender_addon import camera, importer, picture, rendering

folder, view = Path(sys.argv[1]), sys.argv[2]
scene = bpy.context.scene
scene.view_settings.view_transform = view
scene.render.engine = "CYCLES"
scene.cycles.samples = 16
scene.render.resolution_x, scene.render.resolution_y = 240, 160
scene.world.color = (0.5, 0.1, 0.02)
light = bpy.data.lights.new("Bright", "SUN")
light.energy = 8
scene.collection.objects.link(bpy.data.objects.new("Bright", light))
paint = bpy.data.materials.new("Paint")
paint.use_nodes = True
paint.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.9, 0.2, 0.05, 1)
bpy.data.objects["Cube"].data.materials.clear()
bpy.data.objects["Cube"].data.materials.append(paint)

cam = scene.camera
for frame, x in ((11, 7.0), (15, 8.0)):
    cam.location.x = x
    cam.keyframe_insert("location", frame=frame)
    cam.data.lens, cam.data.shift_y = 40 + x, 0.01 * x
    cam.data.keyframe_insert("lens", frame=frame)
    cam.data.keyframe_insert("shift_y", frame=frame)
scene.frame_set(13)
bpy.ops.object.select_all(action="DESELECT")
bpy.data.objects["Cube"].select_set(True)
bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]


def untouched() -> dict:
    return {
        "camera": scene.camera.name,
        "frame": scene.frame_current,
        "active": bpy.context.view_layer.objects.active.name,
        "selected": [thing.name for thing in bpy.context.selected_objects],
        "size": (scene.render.resolution_x, scene.render.resolution_y),
        "compositor": str(getattr(scene, "compositing_node_group", None) or getattr(scene, "node_tree", None)),
        "view": scene.view_settings.view_transform,
    }


def shown(sequence, space: str) -> np.ndarray:
    """What Blender's view makes of the first file of ``sequence`` read in colour space ``space``, 8 bit (H, W, 3)."""
    image = bpy.data.images.load(sequence.filepath, check_existing=False)
    image.colorspace_settings.name = space
    target = folder / "shown.png"
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    image.save_render(str(target), scene=scene)
    return picture.to_bytes(picture.read_pixels(target)[..., :3])


depsgraph = bpy.context.evaluated_depsgraph_get()
path = camera.sample(scene, cam, range(11, 16), depsgraph)
taken = rendering.render_picture(scene, cam, 11)
visible = np.isfinite(taken.depth)
v, u = np.nonzero(visible)
rays = np.c_[u + 0.5, v + 0.5, np.ones(len(u))] @ np.linalg.inv(path.K[0]).T * taken.depth[visible][:, None]
xyz = rays @ path.camera_to_world[0, :3, :3].T + path.camera_to_world[0, :3, 3]
cloud = (xyz.astype(np.float32), taken.rgb[visible], np.arange(len(xyz)) % 3)
write_result(folder / "result", [taken.rgb] * 5, path, taken.colour_space, "Walk", cloud)

before = untouched()
imported = importer.import_result(scene, folder / "result")
assert before == untouched(), (before, untouched())
assert not imported.warnings, imported.warnings
bpy.context.view_layer.update()

# The camera lines up at every frame
back = camera.sample(scene, imported.camera, range(11, 16), bpy.context.evaluated_depsgraph_get())
grid = np.array([[x, y, 1.0] for x in (0, 120, 240) for y in (0, 80, 160)])
worst = 0.0
for K, pose, K2, pose2 in zip(path.K, path.camera_to_world, back.K, back.camera_to_world, strict=True):
    points = (grid @ np.linalg.inv(K).T * 7) @ pose[:3, :3].T + pose[:3, 3]
    seen = (points - pose2[:3, 3]) @ pose2[:3, :3] @ K2.T
    worst = max(worst, np.abs(seen[:, :2] / seen[:, 2:] - grid[:, :2]).max())
# The background shows what was rendered
background = imported.camera.data.background_images[0]
image = background.image
space = image.colorspace_settings.name
off = np.abs(shown(image, space).astype(int) - taken.rgb).max()
off_if_wrong = np.abs(shown(image, "sRGB" if space != "sRGB" else "AgX Base sRGB").astype(int) - taken.rgb).max()
user = background.image_user

# The points are where they were seen, coloured as Blender reads the frames
mesh = imported.cloud.data
colours = np.empty(len(mesh.vertices) * 4, np.float32)
mesh.attributes["Col"].data.foreach_get("color", colours)
linear = colours.reshape(-1, 4)[:, :3]
facts = {}
if view == "Standard":
    values = cloud[1] / 255  # IEC 61966-2-1
    expected = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    facts["linear"] = float(np.abs(linear - expected).max())
properties = dict(imported.collection)
# Rendered from the first frame, they look as the picture does
for thing in ("Cube", "Bright", "Light"):
    bpy.data.objects[thing].hide_render = True
scene.cycles.samples = 32
imported.cloud.hide_render = False  # it came left out of renders
del imported.collection["worldwarp_run"]  # results are left out of pictures; here the points are what is looked at
again = rendering.render_picture(scene, imported.camera, 11)
inner = visible.copy()
for _ in range(2):  # away from the silhouette
    inner[1:-1, 1:-1] &= inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
cloud_off = float(np.median(np.abs(again.rgb[inner].astype(int) - taken.rgb[inner])))
cloud_depth = float(np.median(np.abs(again.depth[inner] / taken.depth[inner] - 1)))

# Twice: a second collection, nothing shared
second = importer.import_result(scene, folder / "result")
report(
    worst=worst,
    off=int(off),
    off_if_wrong=int(off_if_wrong),
    space=space,
    user=[user.frame_start, user.frame_duration, user.frame_offset],
    vertices=len(mesh.vertices),
    expected=len(xyz),
    provenance=[mesh.attributes["provenance"].data[i].value for i in range(3)],
    cloud_off=cloud_off,
    cloud_depth=cloud_depth,
    names=[imported.collection.name, second.collection.name],
    properties=properties,
    temporary=[name for name in (*bpy.data.images.keys(), *bpy.data.scenes.keys()) if "Temporary" in name],
    **facts,
)
