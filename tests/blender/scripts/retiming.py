"""A take goes twice as fast, half as fast, and as it was: what is shown, rendered and seen from goes together."""

import json
import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_result

import blender_addon.pump  # noqa: F401  (before any operator: they need each other)
from blender_addon import camera, composite_operators, compositing, importer, picture, solved, takes, takes_operators

folder = Path(sys.argv[1])
scene = bpy.context.scene
scene.view_settings.view_transform, scene.render.dither_intensity = "Standard", 0
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
scene.render.resolution_x, scene.render.resolution_y = 32, 16
cam = scene.camera
for frame in range(11, 20):
    cam.location.x, cam.data.lens = frame, 20 + frame
    cam.keyframe_insert("location", frame=frame)
    cam.data.keyframe_insert("lens", frame=frame)
path = camera.sample(scene, cam, range(11, 20), bpy.context.evaluated_depsgraph_get())
frames = [np.full((16, 32, 3), 20 * (i + 1), np.uint8) for i in range(9)]
write_result(folder, frames, path, "sRGB")
shot = json.loads((folder / "shot.json").read_text())
shot["chunks"] = [{"first": 0, "count": 5}, {"first": 5, "count": 4}]
(folder / "shot.json").write_text(json.dumps(shot))
with np.load(folder / "cameras.npz") as there:
    data = dict(there)
data["R_solved"], data["t_solved"] = data["R"], data["t"] + [[0, 0.5, 0]]
np.savez(folder / "cameras.npz", **data)
poses = {name: solved.poses_of(data[f"R{end}"], data[f"t{end}"]) for name, end in (("", ""), ("solved", "_solved"))}

composite_operators.register()
for kind in (takes_operators.WorldWarpTake, takes_operators.WorldWarpTakes):
    bpy.utils.register_class(kind)
bpy.types.Scene.worldwarp_takes = bpy.props.PointerProperty(type=takes_operators.WorldWarpTakes)
take = importer.import_result(scene, folder).collection
scene.worldwarp_takes.active = take
name, returned = take.name, takes.camera_of(take)
for thing in scene.objects:
    thing.hide_render = True
scene.camera = returned
ops = bpy.ops.worldwarp
ops.frames_behind(collection=name)


def seen(first: int, last: int, which: str = "") -> list:
    """At each frame of the timeline: the file that is shown, in the view and by the wipe, and how far from the pose
    that it was taken from the camera is, and its lens."""
    take = bpy.data.collections[name]
    returned, rows = takes.camera_of(take), []
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        user = returned.data.evaluated_get(graph).background_images[0].image_user
        number = min(max(frame - user.frame_start + 1, 1), user.frame_duration) + user.frame_offset
        wiped = int(takes.frame_file(take, frame).stem)
        pose = camera.matrix_world(poses[which])[number - 1]
        off = np.abs(np.array(returned.evaluated_get(graph).matrix_world) - pose).max()
        off = max(off, abs(returned.data.evaluated_get(graph).lens * 32 / 36 - data["K"][number - 1, 0, 0]))
        rows.append([number, wiped, float(off)])
    return rows


def rendered(frame: int) -> int:
    """The value that F12 saves, 8 bit, of frames that have one each."""
    scene.frame_set(frame)
    scene.render.filepath = str(folder / "render.png")
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"
    bpy.ops.render.render(write_still=True)
    pixels = picture.to_bytes(picture.read_pixels(folder / "render.png")[..., :3])
    return int(np.median(pixels))


def markers() -> list:
    ops.frames_as(collection=name, kind="MARKERS")
    return sorted(marker.frame for marker in scene.timeline_markers)


found = {"came": [seen(11, 19), rendered(15)]}
actions = len(bpy.data.actions)
ops.retime_take(speed=2)
found["fast"] = [seen(11, 15), rendered(13), markers()]
found["untouched"] = [composite_operators.bring(scene, take, kind) for kind in ("CLIP", "STRIP")]
ops.retime_take(speed=0.5, first=101)
found["slow"] = [seen(101, 118), [rendered(101), rendered(104), rendered(118)], markers()]
solved.switch(returned, solved.SOLVED)
ops.retime_take(speed=1, first=11)
found["solved"] = [seen(11, 19, "solved"), solved.shown(returned, solved.SOLVED), rendered(15)]
solved.switch(returned, solved.REQUESTED)
found["untouched"].append(composite_operators.bring(scene, take, "CLIP"))
found["back"] = [seen(11, 19), len(bpy.data.actions) - actions]
by_hand = compositing.node_of(scene)
found["kept"] = [by_hand.node_tree.name, len([group for group in bpy.data.node_groups if "Frames" in group.name])]

# The user's own keys stay: those that another object follows, too, and those that are kept
mine = bpy.data.actions.new("Mine")
cam.animation_data.action = returned.animation_data.action = mine
ops.retime_take(speed=1, first=11)
found["shared"] = ["Mine" in bpy.data.actions, cam.animation_data.action is not None]
returned.animation_data.action, cam.animation_data.action, mine.use_fake_user = mine, None, True
ops.retime_take(speed=1, first=11)
found["faked"] = "Mine" in bpy.data.actions

bpy.ops.ed.undo_push(message="Before")
bpy.ops.worldwarp.retime_take("EXEC_DEFAULT", True, take=name, speed=3)
bpy.ops.ed.undo()
scene = bpy.context.scene
found["undone"] = seen(11, 19)
for case, given in {"no take": {"take": "Nowhere"}, "too long": {"take": name, "speed": 0.01}}.items():
    try:
        from blender_addon import retiming

        retiming.MOST_FRAMES = 500
        bpy.ops.worldwarp.retime_take(**given)
    except RuntimeError as error:
        found[case] = str(error)
leave(**found)
