"""CG in front of and behind a generated wall, rendered over the frames: pixels say what hides what."""

import json
import os
import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_result

import blender_addon.pump  # noqa: F401  (before any operator: they need each other)
from blender_addon import camera, catcher, composite_operators, compositing, importer, picture, world
from blender_addon.parts import part
from blender_addon.state import Making

folder = Path(sys.argv[1])
scene = bpy.context.scene
scene.view_settings.view_transform = "Standard"
scene.render.engine, scene.cycles.samples = "CYCLES", 16
scene.cycles.use_denoising = False
scene.render.dither_intensity = 0
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.world.color = (0, 0, 0)
cam, cube = scene.camera, bpy.data.objects["Cube"]
cam.location, cam.rotation_euler = (0, 0, 0), (np.pi / 2, 0, 0)
cam.data.lens, cam.data.sensor_width = 24, 36  # 64 pixels
lamp = bpy.data.objects["Light"]
lamp.data = bpy.data.lights.new("Sun", "SUN")
lamp.data.energy, lamp.rotation_euler = 3, (0, 0, 0)
red = bpy.data.materials.new("Red")
red.use_nodes = True
red.node_tree.nodes.clear()
shine, end = (red.node_tree.nodes.new(kind) for kind in ("ShaderNodeEmission", "ShaderNodeOutputMaterial"))
shine.inputs["Color"].default_value = (1, 0, 0, 1)
red.node_tree.links.new(shine.outputs[0], end.inputs["Surface"])
cube.data.materials.clear()
cube.data.materials.append(red)
cube.scale, cube.location = (0.25, 0.25, 0.25), (-0.8, 3, 0)  # in front of the wall, above the floor
behind = cube.copy()
behind.location = (1.5, 6, 0)
scene.collection.objects.link(behind)

down, across = np.mgrid[:64, :96].astype(np.float64)
frames = [
    np.stack([40 + across, 60 + down * 2, np.full_like(down, 20 + 60 * i)], -1).astype(np.uint8) for i in range(3)
]
path = camera.sample(scene, cam, range(11, 14), bpy.context.evaluated_depsgraph_get())
for name in ("Walk", "Walk"):
    cloud = (np.array([[0, 4, 0]], np.float32), np.array([[9, 9, 9]], np.uint8), np.zeros(1, np.uint8))
    write_result(folder, frames, path, "sRGB", name, cloud)
shot = json.loads((folder / "shot.json").read_text())
shot["chunks"] = [{"first": 0, "count": 2}, {"first": 2, "count": 1, "meta": {"prompt": "a hall"}}]
shot["given"] = {"overrides": [{"chunk": 1, "seed": 5}]}
(folder / "shot.json").write_text(json.dumps(shot))
takes = [importer.import_result(scene, folder) for _ in range(2)]
take = takes[0].collection
world.bring_in(scene, Making("0" * 32, folder, scene.session_uid, ("mesh",), "answered"))
mesh = part(world.collection_of(scene, "0" * 32), "mesh")
scene.camera = takes[0].camera
composite_operators.register()


def refused(run) -> str:
    try:
        run()
    except RuntimeError as error:
        return str(error)
    return ""


def rendered(frame: int) -> np.ndarray:
    """What F12 saves, 8 bit (64, 96, 3)."""
    scene.frame_set(frame)
    scene.render.filepath = str(folder / "render.png")
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGB"
    bpy.ops.render.render(write_still=True)
    return picture.to_bytes(picture.read_pixels(folder / "render.png")[..., :3])


def off(pixels, expected, row: int, column: int) -> int:
    """The largest difference in 3 x 3 pixels."""
    where = np.s_[row - 1 : row + 2, column - 1 : column + 2]
    return int(np.abs(pixels[where].astype(int) - expected[where]).max())


def tree():
    return getattr(scene, "compositing_node_group", None) or getattr(scene, "node_tree", None)


kept = {name: json.loads(take[f"worldwarp_{name}"]) for name in ("settings", "overrides", "prompts")}
found = {"remembered": [*kept.values(), take["worldwarp_seed"]]}
found |= {"came": catcher.part_of(mesh), "untouched": tree() is None and not scene.render.film_transparent}

# As it looks: the wall is the picture
cube.hide_render = behind.hide_render = True
catcher.play(scene, mesh, "SEEN")
seen = rendered(11)
wall = np.s_[4:44, 4:92]
found["texture"] = float(np.median(np.abs(seen[wall].astype(int) - frames[0][wall])))
found["floor"] = seen[62, 48].tolist()
cube.hide_render = behind.hide_render = False

# Over the frames
ops = bpy.ops.worldwarp
ops.frames_behind(collection=take.name)
for role in ("SHADOWS", "HOLDOUT"):
    ops.in_renders(thing=mesh.name, part=role)
    pixels = rendered(12)
    found[role] = {
        "sky": off(pixels, frames[1], 3, 48),
        "front": pixels[32, 31].tolist(),
        "behind": off(pixels, frames[1], 32, 64),
        "shadow": off(pixels, frames[1], 53, 31),
        "lit floor": off(pixels, frames[1], 53, 70),
    }
# By the frames' own depth, without a mesh
ops.in_renders(thing=mesh.name, part="LEFT_OUT")
try:
    ops.frames_behind(collection=take.name, by_depth=True)
except RuntimeError as error:
    found["no depth"] = str(error)
(folder / "later").rename(folder / "exr")
ops.frames_behind(collection=take.name, by_depth=True)
pixels = rendered(12)
found["depth"] = [pixels[32, 31].tolist(), off(pixels, frames[1], 32, 64), off(pixels, frames[1], 3, 48)]
node = compositing.node_of(scene)
tree().links.new(node.outputs["Generated"], compositing._end(scene, tree()).inputs[0])
pixels = rendered(12)
found["masks"] = [pixels[32, column].tolist() for column in (10, 48, 86)]
tree().links.new(node.outputs["Image"], compositing._end(scene, tree()).inputs[0])

ops.frames_behind(collection=takes[1].collection.name)
ours = [node for node in tree().nodes if compositing.MARK in node]
found["swapped"] = [len(ours), ours[0].node_tree.name]

# Out again: the render ends where it did
kept = tree()
ops.frames_out()
source = compositing._end(scene, kept).inputs[0].links[0].from_node
while source.bl_idname == "NodeReroute":  # Blender 4.5 begins with one
    source = source.inputs[0].links[0].from_node
found["out"] = [
    source.bl_idname == "CompositorNodeRLayers",
    scene.render.film_transparent,
    not any("Frames" in group.name for group in bpy.data.node_groups),
]

# Made only: the user's tree stays
links = len(kept.links)
ops.frames_behind(collection=take.name, connect=False)
found["alone"] = [len(kept.links) == links, bpy.data.node_groups["Walk Frames"].use_fake_user]

# A compositor that others have, too, stays as it is
found["foreign"] = []
if hasattr(scene, "compositing_node_group"):
    own, second = scene.compositing_node_group, bpy.data.scenes.new("Second")
    second.compositing_node_group = own
    found["foreign"].append(refused(lambda: ops.frames_behind(collection=take.name)))
    bpy.data.scenes.remove(second)
    library = folder.parent / "library.blend"
    bpy.data.libraries.write(str(library), {bpy.data.node_groups.new("Grade", "CompositorNodeTree")})
    bpy.data.node_groups.remove(bpy.data.node_groups["Grade"])
    with bpy.data.libraries.load(str(library), link=True) as (_, linked):
        linked.node_groups = ["Grade"]
    scene.compositing_node_group = linked.node_groups[0]
    found["foreign"].append(refused(lambda: ops.frames_behind(collection=take.name)))
    scene.compositing_node_group = own

# For other editors
before = bool(scene.render.use_sequencer)
for kind in ("CLIP", "STRIP", "MASKS", "EXR", "MARKERS", "MARKERS"):
    ops.frames_as(collection=take.name, kind=kind)
clip, editor = bpy.data.movieclips[take.name], scene.sequence_editor
strip = (editor.strips if hasattr(editor, "strips") else editor.sequences)[0]
found["clip"] = [clip.frame_start, clip.frame_duration, list(clip.size), clip.colorspace_settings.name]
found["strip"] = [strip.frame_final_start, strip.frame_final_duration, len(strip.elements), strip.channel]
found["sequencer"] = [before, scene.render.use_sequencer]
found["images"] = [bpy.data.images[f"{take.name} {name}"].source for name in ("Provenance", "EXR")]
found["markers"] = sorted([marker.name, marker.frame] for marker in scene.timeline_markers)


# On an empty: nothing moves, and then all of it does
def places() -> np.ndarray:
    bpy.context.view_layer.update()
    return np.array([np.array(thing.matrix_world) for thing in (takes[0].camera, part(take, "streamed"), mesh)])


still, found["handle"] = places(), []
ops.handle(collection=take.name)
handle = part(take, "handle")
found["handle"].append(float(np.abs(places() - still).max()))
handle.location, handle.scale = (3, 0, 0), (2, 2, 2)
moved = places()
found["handle"] += [moved[0, :3, 3].tolist(), (moved[1, :3, :3] @ [0, 4, 0] + moved[1, :3, 3]).tolist()]
handle.location, handle.scale = (0, 0, 0), (1, 1, 1)

# Refused
for case, run in {
    "points": lambda: ops.in_renders(thing=part(take, "streamed").name, part="SHADOWS"),
    "gone": lambda: ops.frames_behind(collection="Nowhere"),
    "other engine": lambda: (
        setattr(scene.render, "engine", "BLENDER_WORKBENCH"),
        ops.in_renders(thing=mesh.name, part="SHADOWS"),
    ),
}.items():
    found[case] = refused(run)


def told(run) -> str:
    """What Blender prints of an operator's reports."""
    with (folder / "told").open("w+") as file:
        kept = [os.dup(1), os.dup(2)]
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        run()
        sys.stdout.flush()
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
        return (folder / "told").read_text()


# Of a take that is hidden
acts = {
    "seen": lambda: ops.in_renders(thing=mesh.name, part="HOLDOUT"),
    "left out": lambda: ops.in_renders(thing=mesh.name, part="LEFT_OUT"),
    "over": lambda: ops.frames_behind(collection=take.name),
}
for hidden in (False, True):
    for result in takes:
        result.collection.hide_render = hidden
    found[f"hidden {hidden}"] = ["is not shown" in told(act) for act in acts.values()]
for result in takes:
    result.collection.hide_render = False
ops.frames_out()

# One undo step for each
scene.render.engine = "CYCLES"
names = {"mesh": mesh.name, "take": take.name}
found["undone"] = {}


def state() -> list:
    """What the actions change, by name: after undo nothing else of Blender's may be kept."""
    scene, mesh = bpy.data.scenes[0], bpy.data.objects[names["mesh"]]
    return [
        compositing.node_of(scene) is not None,
        scene.render.film_transparent,
        catcher.part_of(mesh),
        len(bpy.data.movieclips),
        len(scene.timeline_markers),
    ]


bpy.ops.ed.undo_push(message="Before")
for name, action in {
    "behind": lambda: ops.frames_behind("EXEC_DEFAULT", True, collection=names["take"]),
    "part": lambda: ops.in_renders("EXEC_DEFAULT", True, thing=names["mesh"], part="SHADOWS"),
    "clip": lambda: ops.frames_as("EXEC_DEFAULT", True, collection=names["take"], kind="CLIP"),
}.items():
    before = state()
    action()
    changed = state() != before
    bpy.ops.ed.undo()
    found["undone"][name] = [changed, state() == before]
leave(**found)
