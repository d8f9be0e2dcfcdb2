"""The example picture of the extension, and its depth: the demo's scene as its camera sees it at the first frame.

Run by a Python that holds Blender as the module ``bpy``, with the repository on its path; takes a minute:

    PYTHONPATH=. scripts/make_example.py

Both files are ours and in the public domain (CC0).
"""

import math
import struct
from pathlib import Path

import bpy
import demo_scene
import numpy as np

from blender_addon import picture, rendering

FOLDER = Path(__file__).parents[1] / "blender_addon" / "examples"
SIZE = (480, 320)
SAMPLES = 24
FOCAL_35 = 0xA405
"""EXIF: the focal length, as that of a camera for 35 mm film."""


def main() -> None:
    demo_scene.build(size=SIZE)
    scene = bpy.context.scene
    scene.cycles.samples = SAMPLES
    taken = rendering.render_picture(scene, scene.camera, 1)
    data = scene.camera.data
    across = data.sensor_width * math.hypot(1, SIZE[1] / SIZE[0])  # of what the camera sees, in mm of its sensor
    focal = round(data.lens / across * math.hypot(36, 24))
    print(f"{data.lens:g} mm on {data.sensor_width:g} mm, {data.sensor_fit}: {focal} mm")
    save(taken.rgb / np.float32(255), FOLDER / "rooms.jpg", "JPEG")
    jpeg = (FOLDER / "rooms.jpg").read_bytes()
    (FOLDER / "rooms.jpg").write_bytes(jpeg[:2] + exif(focal) + jpeg[2:])
    depth = np.where(np.isfinite(taken.depth), taken.depth, picture.SKY_DEPTH)
    save(np.repeat(np.minimum(depth, 65000)[..., None], 3, axis=-1), FOLDER / "rooms_depth.exr", "OPEN_EXR")


def save(values: np.ndarray, path: Path, kind: str) -> None:
    """An image file of (H, W, 3) numbers as they are, half floats in OpenEXR."""
    scene = bpy.data.scenes.new("Writer")
    image = bpy.data.images.new("Values", *SIZE, float_buffer=kind == "OPEN_EXR", is_data=True)
    pixels = np.ones((SIZE[1], SIZE[0], 4), np.float32)
    pixels[..., :3] = values[::-1]
    image.pixels.foreach_set(pixels.ravel())
    settings = scene.render.image_settings
    scene.view_settings.view_transform = "Raw"
    settings.file_format, settings.quality = kind, 92
    if kind == "OPEN_EXR":
        settings.color_mode, settings.color_depth, settings.exr_codec = "BW", "16", "PIZ"
    path.parent.mkdir(exist_ok=True)
    image.save_render(str(path), scene=scene)


def exif(focal: int) -> bytes:
    """A JPEG segment that says the focal length in 35 mm film, whole millimetres."""
    inner = struct.pack("<HHHIIHHI", 1, FOCAL_35, 3, 1, focal, 0, 0, 0)[:18]
    outer = struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)
    tiff = b"Exif\0\0II*\0" + struct.pack("<I", 8) + outer + inner
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 2) + tiff


if __name__ == "__main__":
    main()
