"""What is true of the demo's scene: Cycles' own pictures, the cameras, and where the surfaces are (by ray casting).

Run by a Python that holds Blender as the module ``bpy``:

    demo_truth.py SCENE.blend render FOLDER FRAME ...       0001.png, the picture; 0001.exr, with Cycles' depth pass
    demo_truth.py SCENE.blend cameras CAMERAS.npz           K and camera_to_world of every frame, OpenCV axes
    demo_truth.py SCENE.blend points POINTS.npy OUT.npy     where the first frame's camera sees them, and what there
    demo_truth.py SCENE.blend show IMAGE COLOURSPACE PNG    an image as it looks in the scene's view
"""

import sys
import time
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from demo_scene import FRAMES, SIZE
from mathutils import Vector


def render(scene, folder, frames):
    """Cycles' picture of each frame through the scene's view transform, 8 bits, and a multilayer EXR of its passes."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        start = time.perf_counter()
        scene.frame_set(frame)
        bpy.ops.render.render()
        result = bpy.data.images["Render Result"]
        save(scene, result, folder / f"{frame:04}.png", "PNG", "RGB", "8")
        save(scene, result, folder / f"{frame:04}.exr", "OPEN_EXR_MULTILAYER", "RGBA", "32")
        print(f"  Cycles rendered frame {frame} in {time.perf_counter() - start:.1f} s", flush=True)


def save(scene, image, path, kind, channels, bits):
    """An image through the scene's view as a file of this kind; a multilayer EXR is not changed by the view."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5.0
        settings.media_type = "MULTI_LAYER_IMAGE" if kind.endswith("MULTILAYER") else "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = kind, channels, bits
    image.save_render(str(path), scene=scene)


def write_cameras(scene, path):
    """Every frame's ``K`` (n, 3, 3) and ``camera_to_world`` (n, 4, 4), float64; a pixel's corner is at 0."""
    width, height = SIZE
    lens = scene.camera.data
    focal = lens.lens / lens.sensor_width * width
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    poses = []
    for frame in range(1, FRAMES + 1):
        scene.frame_set(frame)
        poses.append(np.array(scene.camera.matrix_world, np.float64) @ np.diag([1.0, -1.0, -1.0, 1.0]))
    np.savez(path, K=np.tile(K, (FRAMES, 1, 1)), camera_to_world=poses, frame=np.arange(1, FRAMES + 1))


def look_at_points(scene, points):
    """What the first frame's camera says of ``points`` (n, 3), as (n, 4).

    Columns: the pixel they fall on (u, v; a pixel's corner is at 0), how far they are from the surface that is seen
    in their direction, and how far that surface is from the camera; infinite where none is seen.
    """
    scene.frame_set(1)
    graph = bpy.context.evaluated_depsgraph_get()
    origin = scene.camera.matrix_world.translation
    seen = np.full((len(points), 4), np.inf)
    for row, point in zip(seen, map(Vector, points), strict=True):
        view = world_to_camera_view(scene, scene.camera, point)
        row[:2] = view.x * SIZE[0], (1 - view.y) * SIZE[1]
        hit, where, *_ = scene.ray_cast(graph, origin, (point - origin).normalized())
        if hit:
            row[2:] = abs((point - origin).length - (where - origin).length), (where - origin).length
    return seen


def show(scene, path, colour_space, shown):
    """What an image file in ``colour_space`` looks like in the scene's view, saved as the PNG ``shown``."""
    image = bpy.data.images.load(str(Path(path).resolve()))
    image.colorspace_settings.name = colour_space
    save(scene, image, shown, "PNG", "RGB", "8")


def main(arguments):
    """See the module's text."""
    path, command, *rest = arguments
    bpy.ops.wm.open_mainfile(filepath=str(Path(path).resolve()))
    scene = bpy.context.scene
    if command == "render":
        render(scene, Path(rest[0]), [int(frame) for frame in rest[1:]])
    elif command == "cameras":
        write_cameras(scene, rest[0])
    elif command == "points":
        np.save(rest[1], look_at_points(scene, np.load(rest[0])))
    elif command == "show":
        show(scene, *rest)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
