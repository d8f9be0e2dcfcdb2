"""Pictures of every kind through one view: as Cycles shows them, as they were sent, and as they come back."""

import struct
import sys
import zlib
from pathlib import Path

import bpy
import numpy as np
from shots import counts, leave, write_png

from blender_addon import colour, picture, points

view, working = sys.argv[1:]
scene = bpy.context.scene
found = {"working": ""}
if working and hasattr(bpy.data, "colorspace"):  # Blender 5.0
    bpy.ops.wm.set_working_color_space(working_space=working, convert_colors=True)
    found["working"] = bpy.data.colorspace.working_space
scene.view_settings.view_transform = view
WIDTH, HEIGHT = 24, 16
REC709 = np.array([[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]])
"""Of ACEScg, adapted from its white to that of D65."""

# Light from black to sixteen times white, in greys and in many hues; and some as in most scenes
rng = np.random.default_rng(3)
light = rng.uniform(0, 1, (HEIGHT, WIDTH, 3)) ** 2 * np.geomspace(0.05, 16, WIDTH)[None, :, None]
light[0] = np.geomspace(0.001, 16, WIDTH)[:, None]
usual = (rng.uniform(0.6, 1, (HEIGHT, WIDTH, 3)) * np.geomspace(0.02, 0.5, WIDTH)[None, :, None]).astype(np.float32)
light = light.astype(np.float32)


def stage() -> None:
    """A plane of light that fills the view of a camera, pixel on pixel."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    bpy.ops.mesh.primitive_plane_add(size=1)
    bpy.context.object.scale = WIDTH, HEIGHT, 1
    camera = bpy.data.cameras.new("Eye")
    camera.type, camera.ortho_scale = "ORTHO", WIDTH
    scene.camera = bpy.data.objects.new("Eye", camera)
    scene.camera.location.z = 5
    scene.collection.objects.link(scene.camera)
    material = bpy.data.materials.new("Light")
    material.use_nodes = True
    material.node_tree.nodes.clear()
    bpy.data.objects["Plane"].data.materials.append(material)
    render = scene.render
    render.engine, scene.cycles.samples, scene.cycles.filter_width = "CYCLES", 1, 0.01
    scene.cycles.use_denoising = False
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.dither_intensity = 0


def rendered(path: Path, space: str) -> np.ndarray:
    """What a picture file shows as light in the scene: through Cycles and the view."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name = space
    tree = bpy.data.materials["Light"].node_tree
    tree.nodes.clear()
    texture, emission = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeEmission")
    texture.image, texture.interpolation = image, "Closest"
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    target = Path("rendered.png").resolve()
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    scene.render.filepath = str(target)
    bpy.ops.render.render(write_still=True)
    bpy.data.images.remove(image)
    return picture.to_bytes(picture.read_pixels(target)[..., :3])


def write_exr(path: Path, values: np.ndarray, alpha: float = 1.0) -> None:
    """An OpenEXR file of floats, written without Blender, which leaves notes on colour in its own."""

    def note(name: str, kind: str, data: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(data)) + data

    channels = b"".join(f"{name}\0".encode() + struct.pack("<iiii", 2, 0, 1, 1) for name in "ABGR") + b"\0"
    window = struct.pack("<4i", 0, 0, WIDTH - 1, HEIGHT - 1)
    head = struct.pack("<2i", 20000630, 2) + note("channels", "chlist", channels)
    head += note("compression", "compression", b"\0") + note("lineOrder", "lineOrder", b"\0")
    head += note("dataWindow", "box2i", window) + note("displayWindow", "box2i", window)
    head += note("pixelAspectRatio", "float", struct.pack("<f", 1)) + note("screenWindowWidth", "float", b"\0\0\x80?")
    head += note("screenWindowCenter", "v2f", bytes(8)) + b"\0"
    rows = np.concatenate([np.full((HEIGHT, WIDTH, 1), alpha), values[..., ::-1]], axis=-1).astype("<f4")
    lines = [struct.pack("<2i", y, 16 * WIDTH) + row.T.tobytes() for y, row in enumerate(rows)]
    first = len(head) + 8 * HEIGHT
    offsets = b"".join(struct.pack("<Q", first + y * (8 + 16 * WIDTH)) for y in range(HEIGHT))
    path.write_bytes(head + offsets + b"".join(lines))


def write_png16(path: Path, values: np.ndarray) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.concatenate(
        [np.zeros((HEIGHT, 1), np.uint8), values.astype(">u2").view(np.uint8).reshape(HEIGHT, -1)], axis=1
    )
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def off(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def comes_back(taken: picture.Picture) -> int:
    """How far a frame that is returned as it was sent is off, where it shows as light in the scene."""
    write_png(Path("frame.png"), taken.rgb)
    return off(rendered(Path("frame.png"), taken.colour_space), taken.rgb)


def srgb(values: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    values = np.clip(values, 0, 1)
    return 255 * np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


stage()
write_exr(Path("light.exr"), light)
before = counts()
linear = picture.load_picture(Path("light.exr"), None, scene)
acescg = picture.load_picture(Path("light.exr"), None, scene, "ACEScg")
assert counts() == before, "something temporary stayed"
found["linear"] = off(linear.rgb, rendered(Path("light.exr"), "Linear Rec.709"))
found["acescg"] = off(acescg.rgb, rendered(Path("light.exr"), "ACEScg"))
found["differ"] = off(picture.load_picture(Path("light.exr"), None, scene, "Linear Rec.709").rgb, acescg.rgb)
for kind, space, values in (("linear", "Linear Rec.709", usual), ("acescg", "ACEScg", usual @ np.linalg.inv(REC709).T)):
    write_exr(Path("usual.exr"), values)
    taken = picture.load_picture(Path("usual.exr"), None, scene, space)
    found[f"{kind} back"], found[f"{kind} note"] = comes_back(taken), colour.lost_note(taken.rgb, scene)
if view == "Standard":  # against the formulas
    rgb = picture.load_picture(Path("light.exr"), None, scene, "Linear Rec.709").rgb
    found["linear formula"] = float(np.abs(srgb(light) - rgb).max())
    found["acescg formula"] = float(np.abs(srgb(light @ REC709.T) - acescg.rgb).max())

# Premultiplied, as OpenEXR has it: over black
write_exr(Path("veil.exr"), light / 4, 0.25)
write_exr(Path("dim.exr"), light / 4)
found["veil"] = off(*(picture.load_picture(Path(name), None, scene).rgb for name in ("veil.exr", "dim.exr")))

# Display-referred files are taken as they are, at 8 and 16 bits; these colours are some that the view can show
write_png(Path("photo.png"), taken.rgb)
photo = picture.load_picture(Path("photo.png"), None, scene)
found["photo"], found["photo back"] = off(photo.rgb, taken.rgb), comes_back(photo)
fine = (taken.rgb.astype(int) * 257 + rng.integers(-120, 121, taken.rgb.shape)).clip(0, 65535)
write_png16(Path("fine.png"), fine)
deep = picture.load_picture(Path("fine.png"), None, scene)
found["deep"], found["deep back"] = off(deep.rgb, np.rint(fine / 257)), comes_back(deep)
found["photo note"] = colour.lost_note(photo.rgb, scene)

# Colours that are as pure and bright as a screen's, some of which AgX and Filmic cannot show
write_png(Path("pure.png"), rng.choice(np.uint8([0, 255]), (HEIGHT, WIDTH, 3)))
pure = picture.load_picture(Path("pure.png"), None, scene)
found["pure back"], found["pure note"] = comes_back(pure), colour.lost_note(pure.rgb, scene)

# Points take the same colours as light
cloud = points.scene_linear(photo.rgb.reshape(-1, 3), photo.colour_space)
write_exr(Path("cloud.exr"), cloud.reshape(HEIGHT, WIDTH, 3))
working_space = found["working"] or "Linear Rec.709"
found["points"] = off(rendered(Path("cloud.exr"), working_space), photo.rgb)

try:
    picture.load_picture(Path("light.exr"), None, scene, "Nobody's RGB")
except picture.Problem as problem:
    found["unknown"] = str(problem)
leave(**found)
