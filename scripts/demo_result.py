"""The demo's result in Blender: returned camera, its frames, the points, and a CG object that stands on the table.

Run by a Python that holds Blender as the module ``bpy``, with the extension installed by demo_generate.py:

    demo_result.py SCENE.blend FOLDER [ADDRESS]

With the ADDRESS of the server it also makes the proxy mesh of all frames: the CG object's shadow then falls on that,
and the scene's own objects, whose place it takes, are hidden.

Writes result.blend, cg_0024.png (the CG object alone, as the returned camera sees it) and points.png (the points and
the camera's path from outside) into FOLDER.
Prints how far the returned camera is from the scene's own.
"""

import math
import sys
from pathlib import Path

import bpy
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

MODULE = "bl_ext.user_default.worldwarp"
FRAME = 24
"""The frame that is rendered with the CG object."""

SCALE = 3
"""The CG object is rendered so many times larger than the frame it stands in."""

ROOM = (0.10, 0.08, 0.06)
"""Stands in for the walls that no frame shows; the sky would shine through where they are missing."""

TABLE = (0.83, -0.93, 0.48)
"""A free place on the table top of demo_scene.py."""

SUNLIT = (0.83, -0.56, 0.48)
"""Another one, where the sun falls through the window."""


def main(scene_file, folder, address=""):
    """Import the result beside the scene it came from, add CG, save, render."""
    folder = Path(folder).resolve()
    bpy.ops.preferences.addon_enable(module=MODULE)
    bpy.ops.wm.open_mainfile(filepath=str(Path(scene_file).resolve()))
    scene = bpy.context.scene
    original = scene.camera
    bpy.ops.worldwarp.import_result(directory=str(folder))
    returned = next(thing for thing in scene.objects if thing.type == "CAMERA" and thing != original)
    tell_distance(scene, original, returned)
    imported = {thing for collection in scene.collection.children for thing in collection.objects}
    proxy = make_proxy(scene, address) if address else None
    add_cg(SUNLIT if proxy else TABLE)
    scene.camera = returned
    configure_cg_render(scene, imported, proxy, folder / f"cg_{FRAME:04}.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "result.blend"))
    bpy.ops.file.make_paths_relative()  # so that the folder can be moved
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "result.blend"), compress=True)
    bpy.ops.render.render(write_still=True)
    show_points(scene, imported, folder / "points.png")
    bpy.ops.render.render(write_still=True)


def tell_distance(scene, original, returned):
    """Print the largest difference between both cameras' places and directions over the walk."""
    distances, angles = [], []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        (at, turn, _), (at_too, turn_too, _) = original.matrix_world.decompose(), returned.matrix_world.decompose()
        distances.append((at - at_too).length)
        angles.append(turn.rotation_difference(turn_too).angle)
    print(
        f"  The returned camera is at most {max(distances):.1e} m and {math.degrees(max(angles)):.1e} degrees away "
        "from the scene's own.",
        flush=True,
    )


def make_proxy(scene, address):
    """The mesh of all frames, made and let catch shadows as the buttons do."""
    bpy.context.preferences.addons[MODULE].preferences.address = address
    bpy.ops.worldwarp.make_world(collection=scene.collection.children[-1].name, product="mesh")
    mesh = next(thing for thing in scene.objects if thing.get("worldwarp_role") == "mesh")
    bpy.ops.worldwarp.in_renders(thing=mesh.name, part="SHADOWS")
    print(f"  The proxy mesh has {len(mesh.data.polygons):,} triangles.", flush=True)
    return mesh


def add_cg(place):
    """A golden head that stands at ``place``."""
    bpy.ops.mesh.primitive_monkey_add(size=0.40)
    head = bpy.context.object
    head.name = "CG Object"
    head.rotation_euler = (math.radians(-28), 0, math.radians(-22))
    subdivide = head.modifiers.new("Smooth", "SUBSURF")
    subdivide.levels = subdivide.render_levels = 2
    head.data.shade_smooth()
    head.data.materials.append(gold())
    bpy.context.view_layer.update()
    shape = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
    lowest = min((shape.matrix_world @ vertex.co).z for vertex in shape.data.vertices)
    head.location = (place[0], place[1], place[2] - lowest)


def gold():
    """A polished metal: it mirrors the scene around it."""
    made = bpy.data.materials.new("Gold")
    made.use_nodes = True
    surface = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Base Color"].default_value = (0.95, 0.60, 0.18, 1)
    surface.inputs["Metallic"].default_value = 1.0
    surface.inputs["Roughness"].default_value = 0.22
    return made


def configure_cg_render(scene, imported, proxy, path):
    """CG alone over transparency: the proxy mesh, or else the scene's own objects, catch its shadow and show in it, but
    are not seen.
    """
    for thing in scene.objects:
        if thing.type == "MESH" and thing.name != "CG Object":
            catches = thing == proxy if proxy else thing not in imported
            thing.is_shadow_catcher, thing.hide_render = catches, not catches
    if proxy:
        scene.cycles.caustics_reflective = False
        scene.world = plain_world("Room", ROOM)
    render, settings = scene.render, scene.render.image_settings
    render.film_transparent = True
    render.resolution_percentage = 100 * SCALE
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
    render.filepath = str(path)
    scene.frame_set(FRAME)
    frame_around(scene, bpy.data.objects["CG Object"])


def frame_around(scene, thing):
    """Render only where ``thing`` and its shadow are; the rest stays transparent."""
    corners = [thing.matrix_world @ Vector(corner) for corner in thing.bound_box]
    seen = [world_to_camera_view(scene, scene.camera, corner) for corner in corners]
    render = scene.render
    render.use_border, render.use_crop_to_border = True, False
    for axis in ("x", "y"):
        low, high = (limit(getattr(point, axis) for point in seen) for limit in (min, max))
        setattr(render, f"border_min_{axis}", max(0.0, low - (high - low)))
        setattr(render, f"border_max_{axis}", min(1.0, high + (high - low)))


def show_points(scene, imported, path):
    """Set the scene up for a picture of nothing but the points, which shine by themselves, and the camera's path."""
    for thing in scene.objects:
        thing.hide_render = thing not in imported
    add_path(scene)
    data = bpy.data.cameras.new("Overview")
    data.lens = 41.0
    overview = scene.camera = bpy.data.objects.new("Overview", data)
    overview.location = (-4.6, -8.6, 6.0)
    overview.rotation_euler = (Vector((0.0, -0.35, 0.85)) - overview.location).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(overview)
    scene.world = plain_world("Dusk", (0.012, 0.012, 0.016))
    scene.cycles.samples = 16
    render = scene.render
    render.use_border = render.film_transparent = False
    render.image_settings.color_mode = "RGB"
    render.filepath = str(path)


def plain_world(name, colour):
    """A world of one colour."""
    world = bpy.data.worlds.new(name)
    world.use_nodes = True
    backdrop = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    backdrop.inputs["Color"].default_value = (*colour, 1)
    return world


def add_path(scene):
    """The way of the active camera as a glowing thread."""
    places = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        places.append((*scene.camera.matrix_world.translation, 1.0))
    curve = bpy.data.curves.new("Path", "CURVE")
    curve.dimensions, curve.bevel_depth = "3D", 0.025
    line = curve.splines.new("POLY")
    line.points.add(len(places) - 1)
    for point, place in zip(line.points, places, strict=True):
        point.co = place
    glow = bpy.data.materials.new("Glow")
    glow.use_nodes = True
    tree = glow.node_tree
    emission = tree.nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = (1.0, 0.22, 0.01, 1)
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(emission.outputs[0], output.inputs["Surface"])
    curve.materials.append(glow)
    scene.collection.objects.link(bpy.data.objects.new("Path", curve))


if __name__ == "__main__":
    main(*sys.argv[1:])
