"""Files of a world: a mesh's picture is found from the .blend file; damaged files are refused by a sentence."""

import sys
from pathlib import Path

import bpy
from shots import leave

import blender_addon.pump  # noqa: F401  (before any other: they need each other)
from blender_addon import catcher, world
from blender_addon.pieces import to_the_end
from blender_addon.problems import Problem
from blender_addon.state import Making

folder = Path(sys.argv[1])
scene = bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))


def place() -> None:
    to_the_end(world.placing(scene, Making("0" * 32, folder / "worldwarp" / "Walk", scene.session_uid, ("mesh",))))


def refused(content: bytes) -> str:
    file.write_bytes(content)
    try:
        place()
    except Problem as problem:
        return str(problem)
    return ""


place()
found = {"picture": [image.filepath for image in bpy.data.images if image.name.endswith("Picture")]}
scene.render.engine = "CYCLES"
mesh = world.part(world.collection_of(scene, "0" * 32), "mesh")
for _ in range(2):
    catcher.play(scene, mesh, "SHADOWS")
found["catchers"] = len([material for material in bpy.data.materials if "Catcher" in material.name])
catcher.play(scene, mesh, "SEEN")
mesh.data.materials[0] = None
try:
    catcher.play(scene, mesh, "SHADOWS")
except Problem as problem:
    found["no material"] = str(problem)
file = folder / "worldwarp" / "Walk" / "world" / "mesh.ply"
whole = file.read_bytes()
head, end, body = whole.partition(b"end_header\n")
lines = [line for line in head.splitlines(keepends=True) if not line.startswith((b"property", b"element"))]
found["refused"] = {
    "corner": refused(whole[:-4] + (50_000_000).to_bytes(4, "little")),
    "negative": refused(whole[:-4] + (-1).to_bytes(4, "little", signed=True)),
    "no vertices": refused(b"".join(lines) + end + body),
    "fewer than none": refused(whole.replace(b"vertex 4", b"vertex -4")),
    "endless": refused(b"".join(lines) + b"element vertex 9000000000000\n" + end),
}
found["left"] = len(bpy.data.meshes) - sum(thing.type == "MESH" for thing in bpy.data.objects)
leave(**found)
