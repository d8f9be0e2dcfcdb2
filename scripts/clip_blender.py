"""The README's clip, its part in Blender: a walk, a draft of it, the walk with a late key moved, CG in its frames.

Run by a Python that holds Blender as the module ``bpy``, with BLENDER_USER_RESOURCES set to a folder of the clip's:

    clip_blender.py picture EXTENSION.zip FOLDER
    clip_blender.py walk EXTENSION.zip FOLDER ADDRESS
    clip_blender.py again EXTENSION.zip FOLDER ADDRESS
    clip_blender.py cg EXTENSION.zip FOLDER ADDRESS

``picture`` renders the first frame and its depth: all that the rest knows of the scene. Everything else is done by the
operators that the buttons call. ``walk`` and ``again`` leave scene.blend, preview/, results/ and told.json in
FOLDER; ``cg`` leaves cg/, a ball that rolls behind the column of the first walk's frames, its shadow on their mesh.
"""

import importlib
import json
import math
import sys
import time
from pathlib import Path

import bpy
import demo_result
import demo_scene
import numpy as np
from mathutils import Quaternion, Vector

MODULE = "bl_ext.user_default.worldwarp"
SIZE = (480, 320)
FRAMES = 137

WALK = {
    1: ((-1.05, -4.15, 1.50), (0.05, 1.2, 1.05)),
    47: ((-0.62, -3.70, 1.44), (0.22, 1.2, 1.03)),
    93: ((-0.15, -3.35, 1.40), (0.42, 1.2, 1.02)),
    115: ((0.12, -3.10, 1.42), (0.66, 1.2, 1.05)),
    137: ((0.45, -2.80, 1.46), (1.00, 1.2, 1.10)),
}
"""Frame: where the camera is, what it looks at."""

MOVED = (137, (-0.55, -2.75, 1.52), (-0.35, 1.2, 1.12))
"""The last key, elsewhere."""

ROUTE = ((-2.35, 0.05), (-1.45, 0.42), (-0.45, 0.78), (0.12, 0.50), (0.78, 0.08))
"""Where the ball rolls, in metres on the floor: behind the column and out into the sun."""

RADIUS = 0.36
ROLLS = (20, 88)
"""First and last frame of the ball."""

SAMPLES = 10
EVERY = 4
"""So many frames of the walk for each one that the ball is rendered in."""

ROOM = (0.05, 0.04, 0.03)
"""Stands in for the walls that no frame shows: the sky would shine through."""


def picture(extension, folder):
    """The first frame as picture.png and its depth as depth.exr, as the extension renders them; the scene."""
    demo_scene.build(SIZE, FRAMES)
    scene = bpy.context.scene
    scene.cycles.samples = 48
    save(folder)
    open_scene(extension, folder)
    scene = bpy.context.scene
    key_walk(scene)
    made = importlib.import_module(f"{MODULE}.rendering").render_picture(scene, scene.camera, 1)
    write_picture(folder / "picture.png", made.rgb / 255)
    write_picture(folder / "depth.exr", np.repeat(np.minimum(made.depth, 1e6)[..., None], 3, axis=2))
    save(folder)


def walk(extension, folder, address):
    """From a picture and a keyed camera to two walks."""
    open_scene(extension, folder, address)
    scene, shot = bpy.context.scene, bpy.context.scene.worldwarp
    key_walk(scene)
    shot.name, shot.source, shot.profile, shot.far = "Walk", "FILE", "draft", 20.0
    shot.picture_file, shot.depth_file = str(folder / "picture.png"), str(folder / "depth.exr")
    shot.depth_source = "given"
    shot.output_folder, shot.longest_side = str(folder / "results"), SIZE[0]
    save(folder)
    bpy.ops.worldwarp.estimate()
    bpy.ops.worldwarp.draft_path()
    write_preview(scene, folder / "preview")
    tell(folder, {"first": timed(bpy.ops.worldwarp.generate)})
    save(folder)


def again(extension, folder, address):
    """The last key moved, and the walk once more."""
    open_scene(extension, folder, address)
    scene = bpy.context.scene
    key_walk(scene)
    frame, *place = MOVED
    key_camera(scene.camera, frame, *place)
    told = {"plan": plan(scene), "second": timed(bpy.ops.worldwarp.generate)}
    tell(folder, json.loads((folder / "told.json").read_text()) | told)
    save(folder)


def tell(folder, told):
    """Keep what the clip says."""
    (folder / "told.json").write_text(json.dumps(told, indent=1))
    print("  " + json.dumps(told), flush=True)


def open_scene(extension, folder, address=""):
    """The scene, with the extension."""
    bpy.ops.wm.open_mainfile(filepath=str(folder / "scene.blend"))
    bpy.ops.extensions.package_install_files(filepath=str(extension), repo="user_default", enable_on_install=True)
    bpy.context.preferences.addons[MODULE].preferences.address = address


def key_walk(scene):
    """The camera's keys; those of the demo's own walk go."""
    scene.camera.animation_data_clear()
    for frame, place in WALK.items():
        key_camera(scene.camera, frame, *place)
    for curve in importlib.import_module(f"{MODULE}.motion").curves(scene.camera.animation_data):
        for key in curve.keyframe_points:  # automatic handles would pass a moved key on to earlier frames
            key.handle_left_type = key.handle_right_type = "FREE"


def key_camera(camera, frame, location, target):
    """Keys of place and direction."""
    camera.location = location
    camera.rotation_euler = (Vector(target) - Vector(location)).to_track_quat("-Z", "Y").to_euler()
    camera.keyframe_insert("location", frame=frame)
    camera.keyframe_insert("rotation_euler", frame=frame)


def save(folder):
    """The scene as it is."""
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"), compress=True)


def timed(operator):
    """Run it; the seconds it took."""
    begun = time.monotonic()
    operator()
    return time.monotonic() - begun


def plan(scene):
    """What the panel says before Generate: frames kept and computed, and why."""
    bpy.ops.worldwarp.look_ahead()
    forecast = importlib.import_module(f"{MODULE}.ranges_forecast").of(scene)
    rows = [(row.first, row.last, row.state) for row in forecast.rows]
    return {"kept": forecast.kept, "new": forecast.new, "why": forecast.differs, "rows": rows}


def write_preview(scene, folder):
    """The draft of the whole path as pictures, 0001.png and so on, its holes in the colour that the panel has."""
    draft, look = (importlib.import_module(f"{MODULE}.{name}") for name in ("draft", "look"))
    path = draft.last()
    folder.mkdir(parents=True, exist_ok=True)
    for number, (K, pose) in enumerate(zip(path.K, path.camera_to_world, strict=True), 1):
        rgb, known = draft.at(scene, scene.camera, number, K, pose)
        rgb[~known] = look.HOLE
        write_picture(folder / f"{number:04}.png", rgb / 255)


def write_picture(path, rgb):
    """(H, W, 3) as PNG, or as it is in an OpenEXR file."""
    height, width = rgb.shape[:2]
    exr = path.suffix == ".exr"
    image = bpy.data.images.new("Written", width, height, float_buffer=exr, is_data=exr)
    rgba = np.dstack([rgb[::-1], np.ones((height, width))]).astype(np.float32)
    image.pixels.foreach_set(rgba.ravel())
    image.file_format, image.filepath_raw = "OPEN_EXR" if exr else "PNG", str(path)
    image.save()
    bpy.data.images.remove(image)


def cg(extension, folder, address):
    """A ball in the first walk, behind what was generated."""
    open_scene(extension, folder, address)
    scene = bpy.context.scene
    for thing in scene.objects:
        thing.hide_render = thing.type == "MESH"
    take = next(one for one in scene.collection.children if one.name.startswith("Walk_v001"))
    bpy.ops.worldwarp.show_take(take=take.name)
    bpy.ops.worldwarp.make_world(collection=take.name, product="mesh")
    mesh = next(thing for thing in bpy.data.objects if thing.get("worldwarp_role") == "mesh")
    bpy.ops.worldwarp.in_renders(thing=mesh.name, part="SHADOWS")
    scene.camera = next(thing for thing in take.objects if thing.type == "CAMERA")
    add_ball()
    light(scene)
    bpy.ops.worldwarp.frames_behind(collection=take.name)
    scene.cycles.samples = SAMPLES
    scene.frame_start, scene.frame_end, scene.frame_step = *ROLLS, EVERY
    image = scene.render.image_settings
    image.file_format, image.color_mode = "PNG", "RGB"
    scene.render.filepath = str(folder / "cg" / "####")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "cg.blend"), compress=True)
    bpy.ops.render.render(animation=True)


def add_ball():
    """A striped ball that rolls along the route."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=RADIUS)
    ball = bpy.context.object
    ball.name, ball.rotation_mode = "Ball", "QUATERNION"
    ball.data.shade_smooth()
    ball.data.materials.append(lacquer("Gold", (0.95, 0.55, 0.12), 1.0, 0.16))
    ball.data.materials.append(lacquer("Petrol", (0.01, 0.16, 0.20), 0.0, 0.12))
    for face in ball.data.polygons:
        face.material_index = int(abs(face.center.z) < 0.16 * RADIUS or abs(face.center.z) > 0.82 * RADIUS)
    turn = Quaternion((1, 0, 0), math.radians(65))
    places = route(ROLLS[1] - ROLLS[0] + 1)
    for number, place in enumerate(places):
        step = (place - places[number - 1]) if number else Vector()
        if step.length:
            turn = Quaternion(Vector((0, 0, 1)).cross(step), step.length / RADIUS) @ turn
        ball.location, ball.rotation_quaternion = place, turn
        ball.keyframe_insert("location", frame=ROLLS[0] + number)
        ball.keyframe_insert("rotation_quaternion", frame=ROLLS[0] + number)


def light(scene):
    """As in the picture: the sun through the window, a lamp above; no sky, for no wall keeps it out."""
    scene.world = demo_result.plain_world("Room", ROOM)
    for name in ("Fill", "Study Light"):
        bpy.data.objects[name].hide_render = True
    above = demo_scene.add_light("Above", "AREA", (-0.6, -0.2, 2.7), (0.1, 0.15, -1), 70, (1.0, 0.90, 0.78))
    above.data.size = 0.9
    above.visible_camera = above.visible_glossy = False


def lacquer(name, colour, metallic, roughness):
    """A shiny surface."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    surface = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Base Color"].default_value = (*colour, 1)
    surface.inputs["Metallic"].default_value, surface.inputs["Roughness"].default_value = metallic, roughness
    return made


def route(count):
    """Places along a smooth curve through ``ROUTE``, slower towards the end."""
    knots = np.array([ROUTE[0], *ROUTE, ROUTE[-1]])
    fine = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        t = np.linspace(0, 1, 50, endpoint=False)[:, None]
        fine.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    fine = np.concatenate([*fine, knots[-1:]])
    along = np.append(0, np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1)))
    share = np.linspace(0, 1, count)
    wanted = along[-1] * (1.5 * share - 0.5 * share**3)
    return [Vector((*(np.interp(at, along, fine[:, axis]) for axis in (0, 1)), RADIUS)) for at in wanted]


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    paths = [word if word.startswith("tcp:") else Path(word) for word in given]
    {"picture": picture, "walk": walk, "again": again, "cg": cg}[what](*paths)
