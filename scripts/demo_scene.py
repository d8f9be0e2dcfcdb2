"""The demo's scene, built by script: two connected rooms, seen by a camera that walks, turns and comes back.

Run by a Python that holds Blender as the module ``bpy`` (4.2 to 5.0):

    demo_scene.py SCENE.blend [WIDTH HEIGHT FRAMES]        of the picture; how much of the walk

Everything is matte (Lambert), so that a surface looks the same from everywhere and truth is about geometry.
One unit is a metre; the same seed gives the same scene.
"""

import math
import random
import sys
from pathlib import Path

import bpy
import numpy as np
from demo_materials import Painter, grey, make_materials
from mathutils import Vector

SIZE = (240, 160)
FRAMES = 93
SAMPLES = 32
SEED = 5

WALK = {
    # frame: (where the camera is, what it looks at)
    1: ((-1.05, -4.15, 1.50), (0.05, 1.2, 1.05)),
    24: ((-0.45, -3.70, 1.50), (0.25, 1.2, 1.05)),
    46: ((0.35, -3.30, 1.46), (1.05, 1.2, 1.05)),
    64: ((0.70, -3.20, 1.46), (2.10, 1.0, 1.10)),
    80: ((-0.10, -3.55, 1.50), (1.00, 1.2, 1.07)),
    93: ((-0.80, -4.00, 1.52), (0.20, 1.2, 1.05)),
}


def build(size=SIZE, frames=FRAMES):
    """An empty Blender becomes the scene, for renders of ``size`` (width, height) of the first ``frames``."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "Demo"
    materials = make_materials()
    build_rooms(materials)
    build_living_room(materials)
    build_study(materials)
    build_lights(scene)
    build_camera(scene)
    configure_render(scene, size, frames)


# Shapes


def add_mesh(name, mesh, surface, location=(0, 0, 0), turn=0.0):
    """A mesh becomes an object of the scene; ``turn`` is about the vertical, in degrees."""
    made = bpy.data.objects.new(name, mesh)
    made.location = location
    made.rotation_euler.z = math.radians(turn)
    mesh.materials.append(surface)
    bpy.context.scene.collection.objects.link(made)
    return made


def box(name, low, high, surface, turn=0.0):
    """A box between two corners, its UV in metres on every face (v upwards on walls)."""
    low, high = np.array(low, float), np.array(high, float)
    centre, half = (low + high) / 2, (high - low) / 2
    corners, faces, uvs = [], [], []
    for axis in range(3):
        across, up = [(1, 2), (0, 2), (0, 1)][axis]
        for side in (-1, 1):
            order = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
            # faces look outwards
            order = order if (side > 0) == (axis != 1) else order[::-1]
            faces.append(tuple(range(len(corners), len(corners) + 4)))
            for a, b in order:
                corner = np.zeros(3)
                corner[axis], corner[across], corner[up] = side, a, b
                corners.append(corner * half)
                uvs.append((corner * half + centre)[[across, up]])
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(c) for c in corners], [], faces)
    mesh.uv_layers.new(name="Metres").data.foreach_set("uv", np.concatenate(uvs).astype(np.float32))
    return add_mesh(name, mesh, surface, centre, turn)


def lathe(name, profile, location, surface, segments=40):
    """A surface of revolution: ``profile`` is (radius, height) from bottom to top, in metres."""
    angles = [2 * math.pi * i / segments for i in range(segments)]
    points = [(r * math.cos(a), r * math.sin(a), z) for r, z in profile for a in angles]
    faces = []
    for row in range(len(profile) - 1):
        for i in range(segments):
            j = (i + 1) % segments
            faces.append(tuple(row * segments + k for k in (i, j)) + tuple((row + 1) * segments + k for k in (j, i)))
    faces += [tuple(reversed(range(segments))), tuple((len(profile) - 1) * segments + i for i in range(segments))]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    mesh.shade_smooth()
    return add_mesh(name, mesh, surface, location)


def ball(name, radius, centre, surface):
    """A sphere."""
    rows = 20
    angles = [math.pi * (i + 0.5) / rows for i in range(rows)]
    return lathe(name, [(radius * math.sin(a), -radius * math.cos(a)) for a in angles], centre, surface)


def cylinder(name, radius, base, height, surface):
    """An upright cylinder standing on ``base``."""
    return lathe(name, [(radius, 0.0), (radius, height)], base, surface, 48)


# The place


def build_rooms(m):
    """Living room, and behind its left half, three steps higher, the study. The window looks past the study."""
    box("Floor", (-3.4, -6, -0.2), (3.2, 2.0, 0), m["Tiles"])
    box("Ceiling", (-3.4, -6, 3.0), (3.2, 2.0, 3.2), m["Ceiling"])
    box("Left Wall", (-3.6, -6, 0), (-3.4, 2.2, 3.0), m["Plaster"])
    box("Right Wall", (3.2, -6, 0), (3.4, 2.2, 3.0), m["Plaster"])
    box("Rear Wall", (-3.4, -6.2, 0), (3.2, -6, 3.0), m["Plaster"])
    build_brick_wall(m)
    for i, y in enumerate((-4.6, -2.7, -0.8, 1.1)):
        box(f"Beam {i}", (-3.4, y, 2.78), (3.2, y + 0.2, 3.0), m["Beam"])
    box("Skirting", (3.16, -6, 0), (3.2, 2.0, 0.14), m["White Wood"])
    for i in range(3):
        box(f"Step {i}", (-2.35, 1.05 + 0.32 * i, 0), (-0.45, 1.37 + 0.32 * i, 0.15 * (i + 1)), m["Stone"])
    box("Threshold", (-2.2, 2.0, 0), (-0.6, 2.2, 0.45), m["Oak"])
    box("Study Floor", (-3.4, 2.2, 0.25), (0.5, 5.2, 0.45), m["Planks"])
    box("Study Back", (-3.4, 5.2, 0.45), (0.5, 5.4, 3.2), m["Wallpaper"])
    box("Study Left", (-3.6, 2.2, 0.45), (-3.4, 5.4, 3.2), m["Wallpaper"])
    box("Study Right", (0.5, 2.2, 0.0), (0.7, 5.4, 3.2), m["Wallpaper"])
    box("Study Ceiling", (-3.4, 2.0, 3.2), (0.7, 5.4, 3.4), m["Ceiling"])
    box("Meadow", (-40, 2.3, -0.6), (60, 90, -0.5), m["Meadow"])


def build_brick_wall(m):
    """The wall between the rooms, and its two openings: the doorway on the left, the window on the right."""
    pieces = {
        "Left": ((-3.4, 0), (-2.2, 3.0)),
        "Lintel": ((-2.2, 2.35), (-0.6, 3.0)),
        "Middle": ((-0.6, 0), (1.05, 3.0)),
        "Sill": ((1.05, 0), (2.65, 0.95)),
        "Top": ((1.05, 2.35), (2.65, 3.0)),
        "Right": ((2.65, 0), (3.2, 3.0)),
    }
    for name, ((x0, z0), (x1, z1)) in pieces.items():
        box(f"Brick {name}", (x0, 2.0, z0), (x1, 2.2, z1), m["Brick"])
    for x in (-2.26, -0.66):
        box("Door Frame", (x, 1.95, 0.45), (x + 0.12, 2.25, 2.41), m["White Wood"])
    box("Door Head", (-2.30, 1.93, 2.33), (-0.50, 2.27, 2.47), m["White Wood"])
    for x in (1.02, 1.81, 2.60):
        box("Window Post", (x, 2.02, 0.92), (x + 0.08, 2.12, 2.38), m["White Wood"])
    for z in (0.90, 1.72, 2.30):
        box("Window Bar", (1.02, 2.02, z), (2.68, 2.12, z + 0.07), m["White Wood"])
    box("Window Board", (0.95, 1.80, 0.89), (2.75, 2.02, 0.95), m["Oak"])


def build_living_room(m):
    """Furniture that hides some of what lies behind it."""
    box("Rug", (-0.35, -1.75, 0), (2.25, 0.55, 0.015), m["Rug"])
    build_table(m)
    build_sofa(m)
    build_bookcase(m)
    cylinder("Column", 0.19, (-0.35, 0.15, 0.12), 2.88, m["Marble"])
    lathe("Column Foot", [(0.29, 0), (0.29, 0.09), (0.22, 0.16)], (-0.35, 0.15, 0), m["Stone"])
    box("Frame", (-0.02, 1.95, 1.25), (0.78, 2.0, 2.15), m["Walnut"])
    box("Sunset", (0.05, 1.94, 1.32), (0.71, 1.96, 2.08), m["Sunset"])
    box("Sideboard", (-3.35, -1.9, 0.12), (-2.85, 0.1, 0.82), m["Oak"])
    box("Sideboard Top", (-3.38, -1.95, 0.82), (-2.82, 0.15, 0.87), m["Walnut"])
    lathe("Tall Vase", VASE, (-3.08, -0.3, 0.87), m["Vase"])
    ball("Globe", 0.2, (-3.08, -1.1, 1.07), m["Sea"])
    box("Left Frame", (-3.05, 1.95, 1.25), (-2.45, 2.0, 2.05), m["Walnut"])
    box("Left Painting", (-2.98, 1.94, 1.32), (-2.52, 1.96, 1.98), m["Grove"])
    lathe("Floor Vase", [(1.7 * r, 1.7 * z) for r, z in VASE], (-2.72, 1.55, 0), m["Vase"])
    lathe("Planter", [(0.17, 0), (0.24, 0.38), (0.26, 0.40)], (2.75, 1.35, 0), m["Pot"])
    for offset, height, radius in (((0, 0), 0.72, 0.33), ((0.1, -0.1), 1.12, 0.27), ((-0.08, 0.06), 1.42, 0.19)):
        ball("Bush", radius, (2.75 + offset[0], 1.35 + offset[1], height), m["Leaves"])


VASE = [(0.06, 0), (0.10, 0.05), (0.15, 0.16), (0.15, 0.24), (0.08, 0.36), (0.05, 0.44), (0.075, 0.50)]


def build_table(m):
    """A low table, and what lies on it."""
    box("Table Top", (0.15, -1.15, 0.42), (1.55, -0.35, 0.48), m["Oak"])
    for x in (0.2, 1.42):
        for y in (-1.1, -0.48):
            box("Table Leg", (x, y, 0.015), (x + 0.08, y + 0.08, 0.42), m["Walnut"])
    lathe("Bowl", [(0.08, 0), (0.20, 0.09), (0.22, 0.12), (0.19, 0.11), (0.05, 0.03)], (0.45, -0.72, 0.48), m["Vase"])
    for x, y, z in ((0.38, -0.76, 0.60), (0.51, -0.70, 0.60), (0.43, -0.64, 0.60), (0.45, -0.71, 0.69)):
        ball("Orange", 0.075, (x, y, z), m["Orange"])
    for i, (turn, width) in enumerate(((8, 0.42), (-6, 0.36), (14, 0.30))):
        z = 0.48 + 0.05 * i
        box("Lying Book", (1.2 - width / 2, -0.85, z), (1.2 + width / 2, -0.58, z + 0.05), m[f"Book {i}"], turn)


def build_sofa(m):
    """A sofa in front of the brick wall, under the painting."""
    box("Sofa Seat", (0.05, 0.95, 0.14), (2.0, 1.75, 0.44), m["Mustard"])
    box("Sofa Back", (0.05, 1.58, 0.44), (2.0, 1.84, 0.88), m["Mustard"])
    for x in (-0.13, 1.98):
        box("Sofa Arm", (x, 0.93, 0.10), (x + 0.2, 1.82, 0.62), m["Mustard"])
    box("Cushion", (0.16, 1.36, 0.45), (0.62, 1.54, 0.85), m["Petrol"], 9)
    box("Cushion", (1.44, 1.38, 0.45), (1.88, 1.55, 0.83), m["Petrol"], -7)


def build_bookcase(m):
    """Shelves of books along the right wall: what the turn reveals."""
    dice = random.Random(SEED)
    x0, x1, y0, y1 = 2.84, 3.2, -2.2, 0.3
    box("Case Back", (x1 - 0.02, y0, 0), (x1, y1, 2.3), m["Walnut"])
    for y in (y0, (y0 + y1) / 2 - 0.02, y1 - 0.04):
        box("Case Side", (x0, y, 0), (x1, y + 0.04, 2.3), m["Oak"])
    for z in (0.06, 0.50, 0.94, 1.38, 1.82, 2.26):
        box("Shelf", (x0 + 0.01, y0, z), (x1, y1, z + 0.04), m["Oak"])
    for z in (0.10, 0.54, 0.98, 1.42, 1.86):
        for left in (y0 + 0.05, (y0 + y1) / 2 + 0.03):
            y, end = left, left + 1.14
            while True:
                width, height, depth = dice.uniform(0.045, 0.10), dice.uniform(0.24, 0.36), dice.uniform(0.18, 0.26)
                if y + width > end - dice.uniform(0, 0.25):
                    break
                box(
                    "Book",
                    (x1 - 0.03 - depth, y, z),
                    (x1 - 0.03, y + width, z + height),
                    m[f"Book {dice.randrange(8)}"],
                )
                y += width + 0.004


def build_study(m):
    """The room behind the doorway."""
    floor = 0.45
    box("Desk Top", (-2.3, 4.35, floor + 0.72), (-0.6, 5.1, floor + 0.78), m["Oak"])
    for x in (-2.25, -0.73):
        box("Desk Side", (x, 4.4, floor), (x + 0.08, 5.05, floor + 0.72), m["Walnut"])
    lathe("Lamp Foot", [(0.11, 0), (0.11, 0.02), (0.02, 0.04), (0.02, 0.36)], (-1.05, 4.75, floor + 0.78), m["Pot"])
    lathe("Lamp Shade", [(0.19, 0), (0.10, 0.24)], (-1.05, 4.75, floor + 1.12), m["Shade"])
    ball("Study Globe", 0.2, (-1.95, 4.7, floor + 0.98), m["Sea"])
    box("Study Frame", (-2.05, 5.15, 1.85), (-1.15, 5.2, 2.55), m["Oak"])
    box("Study Painting", (-1.98, 5.14, 1.92), (-1.22, 5.16, 2.48), m["Sunset"])
    box("Chest", (-0.45, 3.0, floor), (0.35, 3.7, floor + 0.6), m["Petrol"])
    lathe("Study Vase", VASE, (0.0, 3.35, floor + 0.6), m["Vase"])
    for i in range(3):
        box("Study Shelf", (0.22, 3.9, 1.3 + 0.45 * i), (0.5, 5.1, 1.34 + 0.45 * i), m["Oak"])


def build_lights(scene):
    """A low sun through the window, the sky, and soft light as from windows behind the camera."""
    sun = add_light("Sun", "SUN", (4, 6, 5), (-0.75, -2.4, -1.55), 13.0, (1.0, 0.82, 0.58))
    sun.data.angle = math.radians(1.0)
    window = add_light("Window Light", "AREA", (1.85, 2.5, 1.7), (0, -1, -0.12), 130, (0.80, 0.90, 1.0))
    window.data.shape, window.data.size, window.data.size_y = "RECTANGLE", 1.6, 1.4
    fill = add_light("Fill", "AREA", (-1.0, -5.6, 2.4), (0.35, 1, -0.25), 170, (1.0, 0.93, 0.84))
    fill.data.size = 2.4
    add_light("Study Light", "AREA", (-1.4, 3.6, 3.1), (0, 0, -1), 110, (1.0, 0.78, 0.52)).data.size = 1.4
    for light in scene.objects:
        if light.type == "LIGHT":
            light.visible_camera = False
    build_sky(scene)


def add_light(name, kind, location, direction, power, colour):
    """A light at ``location`` that shines along ``direction``."""
    data = bpy.data.lights.new(name, kind)
    data.energy, data.color = power, colour
    made = bpy.data.objects.new(name, data)
    made.location = location
    made.rotation_euler = Vector(direction).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(made)
    return made


def build_sky(scene):
    """A clear evening sky with a few clouds, by direction alone."""
    world = scene.world = bpy.data.worlds.new("Sky")
    world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    painter = Painter(tree)
    direction = tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"]
    parts = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(direction, parts.inputs[0])
    height = parts.outputs["Z"]
    blue = painter.ramp(height, (0.0, (0.80, 0.72, 0.60)), (0.12, (0.42, 0.60, 0.80)), (0.6, (0.12, 0.28, 0.62)))
    noise = painter.texture("Noise", painter.stretch(direction, (1, 1, 3.2)), Scale=5.0, Detail=5.0, Roughness=0.55)
    clouds = painter.blend("MIX", painter.ramp(noise, (0.5, grey(0)), (0.68, grey(1))), blue, painter.plain(grey(0.9)))
    background = tree.nodes.new("ShaderNodeBackground")
    background.inputs["Strength"].default_value = 1.5
    tree.links.new(clouds, background.inputs["Color"])
    output = tree.nodes.new("ShaderNodeOutputWorld")
    tree.links.new(background.outputs[0], output.inputs["Surface"])


def build_camera(scene):
    """The walk: in and to the right, a turn to the bookcase, and back towards the start."""
    data = bpy.data.cameras.new("Camera")
    data.lens, data.sensor_width, data.clip_end = 26.0, 36.0, 500.0
    camera = scene.camera = bpy.data.objects.new("Camera", data)
    scene.collection.objects.link(camera)
    for frame, (location, target) in WALK.items():
        camera.location = location
        camera.rotation_euler = (Vector(target) - Vector(location)).to_track_quat("-Z", "Y").to_euler()
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)


def configure_render(scene, size, frames):
    """Cycles on the CPU, small and repeatable, through Blender's default view transform."""
    scene.frame_start, scene.frame_end = 1, frames
    scene.frame_set(1)
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.fps = 24
    scene.render.dither_intensity = 0.0
    scene.render.use_persistent_data = True
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.seed = "CPU", SAMPLES, SEED
    cycles.use_adaptive_sampling = False
    cycles.max_bounces, cycles.diffuse_bounces = 3, 3
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    scene.view_settings.view_transform = "AgX"
    scene.view_layers[0].use_pass_z = True


if __name__ == "__main__":
    width, height, frames = map(int, sys.argv[2:] or (*SIZE, FRAMES))
    build((width, height), frames)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(sys.argv[1]).resolve()), compress=True)
