"""What is true of the demo's scene: Cycles' own pictures, the cameras, and where the surfaces are (by ray casting).

Run by a Python that holds Blender as the module ``bpy``:

    demo_truth.py SCENE.blend render FOLDER FRAME ...       0001.png, the picture; 0001.exr, with Cycles' depth pass
    demo_truth.py SCENE.blend cameras CAMERAS.npz           K and camera_to_world of every frame, OpenCV axes
    demo_truth.py SCENE.blend distances POINTS.npy OUT.npy  of points from what the first frame's camera sees there
"""

import sys
import time
from pathlib import Path

import bpy
import numpy as np
from demo_scene import FRAMES, SIZE
from mathutils import Vector


def render(scene, folder, frames):
    """Cycles' picture of each frame through the scene's view transform, 8 bits, and a multilayer EXR of its passes."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        start = time.perf_counter()
        scene.frame_set(frame)
        bpy.ops.render.render()
        save(scene, folder / f"{frame:04}.png", "PNG", "RGB", "8")
        save(scene, folder / f"{frame:04}.exr", "OPEN_EXR_MULTILAYER", "RGBA", "32")
        print(f"Cycles rendered frame {frame} in {time.perf_counter() - start:.1f} s", flush=True)


def save(scene, path, kind, channels, bits):
    """The last render as a file of this kind."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5.0
        settings.media_type = "MULTI_LAYER_IMAGE" if kind.endswith("MULTILAYER") else "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = kind, channels, bits
    bpy.data.images["Render Result"].save_render(str(path), scene=scene)


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


def surface_distances(scene, points):
    """(n, 2): how far ``points`` (n, 3) are from the surface that the first frame's camera sees in their direction,
    and how far that surface is from the camera; infinite where the camera sees none.
    """
    scene.frame_set(1)
    graph = bpy.context.evaluated_depsgraph_get()
    origin = scene.camera.matrix_world.translation
    distances = np.full((len(points), 2), np.inf)
    for i, point in enumerate(points):
        offset = Vector(point) - origin
        hit, where, *_ = scene.ray_cast(graph, origin, offset.normalized())
        if hit:
            seen = (where - origin).length
            distances[i] = abs(offset.length - seen), seen
    return distances


def main(arguments):
    """See the module's text."""
    path, command, *rest = arguments
    bpy.ops.wm.open_mainfile(filepath=str(Path(path).resolve()))
    scene = bpy.context.scene
    if command == "render":
        render(scene, Path(rest[0]), [int(frame) for frame in rest[1:]])
    elif command == "cameras":
        write_cameras(scene, rest[0])
    elif command == "distances":
        np.save(rest[1], surface_distances(scene, np.load(rest[0])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
