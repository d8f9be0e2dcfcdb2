"""The draft in the camera's view: there while it is wanted, as the panel shows it, and gone without a trace."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import counts, leave

from blender_addon import backdrop, camera, geometry, look, order, path_operators, picture, properties

folder = Path(sys.argv[1])
properties.register()
path_operators.register()
scene, cam = bpy.context.scene, bpy.context.scene.camera
opened = bpy.context.window_manager.worldwarp
scene.render.resolution_x, scene.render.resolution_y = 240, 160
scene.render.engine = "BLENDER_WORKBENCH"

# A wall at 4 units: red on the left, blue on the right
cam.matrix_world = np.eye(4)
bpy.context.view_layer.update()
seen = camera.sample(scene, cam, [1], bpy.context.evaluated_depsgraph_get())
v, u = np.mgrid[0.5:160, 0.5:240]
rays = np.stack([u, v, np.ones_like(u)], -1).reshape(-1, 3) @ np.linalg.inv(seen.K[0]).T
colours = np.where(u.reshape(-1, 1) < 120, [200, 40, 20], [20, 60, 220]).astype(np.uint8)
number = np.arange(240 * 160).reshape(160, 240)
a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
faces = np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, c, b), (b, c, d))]).astype(np.int32)
wall = geometry.Estimate("given", seen.K[0], 240, 160, (4 * rays).astype(np.float32), colours, faces, np.eye(4))
scene.worldwarp.geometry = geometry.place(scene, "Wall", wall, seen.K[0], seen.camera_to_world[0], "sRGB")

# The user's own backgrounds, which nobody sees at the moment
mine = bpy.data.images.new("Mine", 8, 8)
for shown in (True, False):
    background = cam.data.background_images.new()
    background.image, background.show_background_image = mine, shown
cam.data.show_background_images = False


def user() -> list:
    cam = bpy.context.scene.camera
    own = [[b.image.name, b.show_background_image, b.alpha, b.display_depth] for b in cam.data.background_images]
    return [cam.data.show_background_images, own, counts()["images"]]


def pixels() -> np.ndarray:
    image = backdrop._image_of(bpy.context.scene.camera.data)
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    return np.rint(values.reshape(image.size[1], image.size[0], 4)[::-1, :, :3] * 255).astype(np.uint8)


def rendered() -> np.ndarray:
    scene.render.filepath = str(folder / "render.png")
    bpy.ops.render.render(write_still=True)
    return picture.read_pixels(folder / "render.png")


def as_drawn() -> bool:
    return bool((pixels() == look.render(bpy.context)[0]).all())


found, before = {}, user()
plain = rendered()
found["panel only"] = [look.follow(bpy.context), user() == before]
opened.look_in_camera = True
found["on"] = [look.follow(bpy.context), look.follow(bpy.context), as_drawn()]
on = user()
found["seen"] = [on[0], [name for name, shown, *_ in on[1] if shown], len(on[1])]
found["asks to be saved"] = backdrop._image_of(cam.data).is_dirty
found["colours"] = (
    [pixels()[80, 5].tolist(), pixels()[80, -5].tolist()]
    if pixels().shape[0] > 80
    else [pixels()[-5, 5].tolist(), pixels()[-5, -5].tolist()]
)
found["not rendered"] = float(np.abs(rendered() - plain).max())

# Dragged
cam.location.x = 1
bpy.context.view_layer.update()
found["dragged"] = [look.follow(bpy.context), as_drawn(), bool((pixels() == look.HOLE).all(axis=-1).any())]
cam.location.x = 0
bpy.context.view_layer.update()
look.follow(bpy.context)

# Another camera is followed
other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
scene.collection.objects.link(other)
scene.worldwarp.camera = other
bpy.context.view_layer.update()
look.follow(bpy.context)
found["other"] = [backdrop.there(other.data), len(cam.data.background_images), cam.data.show_background_images]
scene.worldwarp.camera = None
bpy.data.cameras.remove(other.data)
look.follow(bpy.context)

# Saved without it, shown again after
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "kept.blend"), copy=True)
with bpy.data.libraries.load(str(folder / "kept.blend")) as (there, _):
    found["in the file"] = sorted(there.images)
found["shown again"] = [backdrop.there(cam.data), look.follow(bpy.context), backdrop.there(cam.data)]

# Undone to a step that holds it, when it is wanted no more
bpy.ops.ed.undo_push(message="With it")
opened.look_in_camera = False
look.follow(bpy.context)
found["off"] = user() == before
bpy.ops.ed.undo_push(message="Without it")
bpy.ops.ed.undo()
found["undone"] = user() == before
cam = bpy.context.scene.camera
opened = bpy.context.window_manager.worldwarp
opened.look_in_camera = True
look.follow(bpy.context)
found["on again"] = backdrop.there(order.camera_of(bpy.context.scene).data)
path_operators.unregister()
found["switched off"] = user() == before
leave(**found)
