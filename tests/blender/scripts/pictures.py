"""The picture and its depth: against ray casts, in every engine; nothing of the user's scene changes."""

import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from shots import counts, report

from blender_addon import camera, picture, rendering

scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 320, 192, 50
scene.render.film_transparent = False
scene.render.filepath = "/nowhere/else"
scene.render.use_border, scene.render.use_motion_blur = True, True
scene.camera.data.shift_x = 0.1
other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
scene.collection.objects.link(other)
cam, scene.camera = scene.camera, other
scene.frame_set(5)


def state() -> dict:
    render, layer = scene.render, scene.view_layers[0]
    compositor = getattr(scene, "compositing_node_group", None) or getattr(scene, "use_nodes", None)
    fields = ("filepath", "use_border", "use_motion_blur", "use_compositing", "use_sequencer", "resolution_percentage")
    found = {field: str(getattr(render, field)) for field in fields}
    return found | {
        "frame": scene.frame_current,
        "camera": scene.camera.name,
        "z": layer.use_pass_z,
        "compositor": str(compositor),
        "format": render.image_settings.file_format,
        "counts": counts(),
    }


def worst_depth(depth: np.ndarray) -> tuple[float, int]:
    """Largest relative error of ``depth`` against rays through pixel centres, and how many of them disagree on sky."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    path = camera.sample(scene, cam, [5], depsgraph)
    K, pose = path.K[0], path.camera_to_world[0]
    worst, sky = 0.0, 0
    for y in range(3, depth.shape[0], 6):
        for x in range(3, depth.shape[1], 6):
            ray = pose[:3, :3] @ (np.linalg.inv(K) @ [x + 0.5, y + 0.5, 1.0])
            hit, location, *_ = scene.ray_cast(depsgraph, Vector(pose[:3, 3]), Vector(ray / np.linalg.norm(ray)))
            if hit != np.isfinite(depth[y, x]):
                sky += 1
            elif hit:
                planar = (np.array(location) - pose[:3, 3]) @ pose[:3, 2]
                worst = max(worst, abs(planar - depth[y, x]) / planar)
    return worst, sky


found = {}
for engine in sys.argv[1:]:
    scene.render.engine = engine
    if engine == "CYCLES":
        scene.cycles.samples = 4
    before = state()
    taken = rendering.render_picture(scene, cam, 5)
    assert taken.rgb.shape == (96, 160, 3), taken.rgb.shape
    assert taken.depth.dtype == np.float32
    assert np.isinf(taken.depth).any()
    worst, sky = worst_depth(taken.depth)
    found[engine] = {"worst": worst, "sky": sky, "same": before == state(), "space": taken.colour_space}

scene.render.use_stamp = scene.render.film_transparent = True  # as Frames behind Renders leaves it
again = rendering.render_picture(scene, cam, 5)
opaque = int(np.abs(again.rgb.astype(int) - taken.rgb).max())

image = bpy.data.images.new("Glass", 16, 16, alpha=True)
image.alpha_mode = "CHANNEL_PACKED"
image.pixels.foreach_set(np.tile(np.array([200, 100, 50, 128], np.float32) / 255, 256))
image.file_format, image.filepath_raw = "PNG", str(Path("glass.png").resolve())
image.save()
glass = picture.load_picture(Path("glass.png"), None, scene).rgb
report(engines=found, opaque=opaque, glass=glass.reshape(-1, 3).mean(axis=0).tolist())
