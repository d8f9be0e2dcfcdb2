"""Random cameras as Blender evaluates them: ours against Blender's own projection matrix and world_to_camera_view."""

import sys

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Vector
from shots import report

from blender_addon import camera

rng = np.random.default_rng(int(sys.argv[1]))
scene = bpy.context.scene
FRAMES = (1, 7, 20)


def random_scene() -> bpy.types.Object:
    """A camera with everything that moves or bends it: scaled parents, a constraint, animated pose, lens and shift."""
    data = bpy.data.cameras.new("c")
    data.sensor_fit = str(rng.choice(["AUTO", "HORIZONTAL", "VERTICAL"]))
    data.sensor_width, data.sensor_height = rng.uniform(8, 60, 2)
    cam = bpy.data.objects.new("c", data)
    scene.collection.objects.link(cam)
    parent = bpy.data.objects.new("p", None)
    scene.collection.objects.link(parent)
    parent.scale = [rng.uniform(0.2, 5)] * 3
    parent.rotation_euler = Euler(rng.uniform(-3, 3, 3))
    parent.location = rng.normal(size=3) * 3
    cam.parent = parent
    cam.scale = rng.uniform(0.3, 3, 3)
    if rng.random() < 0.5:
        target = bpy.data.objects.new("t", None)
        scene.collection.objects.link(target)
        target.location = rng.normal(size=3) * 5
        cam.constraints.new("TRACK_TO").target = target
    for frame in (1, 20):
        cam.location = rng.normal(size=3) * 2
        cam.rotation_euler = Euler(rng.uniform(-3, 3, 3))
        cam.keyframe_insert("location", frame=frame)
        cam.keyframe_insert("rotation_euler", frame=frame)
        data.lens = rng.uniform(15, 120)
        data.shift_x, data.shift_y = rng.uniform(-0.4, 0.4, 2)
        for path in ("lens", "shift_x", "shift_y"):
            data.keyframe_insert(path, frame=frame)
    render = scene.render
    render.resolution_x, render.resolution_y = (int(v) for v in rng.integers(200, 2000, 2))
    render.resolution_percentage = int(rng.choice([100, 50, 37]))
    render.pixel_aspect_x, render.pixel_aspect_y = [(1, 1), (1, 1.5), (2, 1)][rng.integers(3)]
    return cam


exact = viewed = posed = 0.0
for _ in range(int(sys.argv[2])):
    cam = random_scene()
    scene.frame_set(3, subframe=0.25)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    path = camera.sample(scene, cam, FRAMES, depsgraph)
    assert (scene.frame_current, scene.frame_subframe) == (3, 0.25)
    size = np.array([path.raster.width, path.raster.height])
    render = scene.render
    for K, pose, frame in zip(path.K, path.camera_to_world, FRAMES, strict=True):
        scene.frame_set(frame)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        evaluated = cam.evaluated_get(depsgraph)
        assert np.abs(pose[:3, :3].T @ pose[:3, :3] - np.eye(3)).max() < 1e-14
        normalised = np.array(evaluated.matrix_world.normalized())
        posed = max(posed, np.abs(normalised @ np.diag([1, -1, -1, 1]) - pose).max())
        # Blender's float32 projection matrix of exactly this camera
        matrix = np.array(
            evaluated.calc_matrix_camera(
                depsgraph,
                x=path.raster.width,
                y=path.raster.height,
                scale_x=render.pixel_aspect_x,
                scale_y=render.pixel_aspect_y,
            )
        )
        in_view = np.array([[matrix[0, 0], 0, -matrix[0, 2]], [0, matrix[1, 1], -matrix[1, 2]]])
        for _ in range(10):
            pixel = rng.uniform(0, 1, 2) * size
            ray = np.linalg.inv(K) @ [*pixel, 1.0]
            ndc = in_view @ [ray[0], -ray[1], 1.0]
            expected = np.array([(ndc[0] + 1) / 2, (1 - ndc[1]) / 2]) * size
            exact = max(exact, np.abs(expected - pixel).max())
            world = pose[:3, :3] @ (ray * rng.uniform(1, 20)) + pose[:3, 3]
            if render.resolution_percentage == 100:
                seen = world_to_camera_view(scene, evaluated, Vector(world))
                got = np.array([seen.x, 1 - seen.y]) * size
                viewed = max(viewed, np.abs(got - pixel).max())
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)

refused = {}
cam = bpy.data.objects.new("c", bpy.data.cameras.new("c"))
scene.collection.objects.link(cam)
for kind in ("ORTHO", "PANO"):
    cam.data.type = kind
    try:
        camera.sample(scene, cam, [1], bpy.context.evaluated_depsgraph_get())
    except camera.Problem as problem:
        refused[kind] = str(problem)
cam.data.type = "PERSP"
away = bpy.data.collections.new("Away")
scene.collection.children.link(away)
for case in ("object", "collection", "excluded"):
    cam.hide_viewport, away.hide_viewport = case == "object", case == "collection"
    bpy.context.view_layer.layer_collection.children["Away"].exclude = case == "excluded"
    if case == "collection":
        away.objects.link(cam)
        scene.collection.objects.unlink(cam)
    for active in (None, cam):  # the scene's own camera is evaluated, whatever hides it
        scene.camera = active
        try:
            camera.sample(scene, cam, [1], bpy.context.evaluated_depsgraph_get())
        except camera.Problem as problem:
            refused[f"{case}, {'active' if active else 'not active'}"] = str(problem)
report(exact=exact, viewed=viewed, posed=posed, refused=refused)
