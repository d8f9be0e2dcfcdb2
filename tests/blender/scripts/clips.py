"""Clips as Blender reads them, and the camera that comes of a path."""

import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler
from shots import counts, leave, write_png

from blender_addon import camera, properties, video
from blender_addon.problems import Problem

folder = Path(sys.argv[1])
properties.register()
scene = bpy.context.scene
FRAMES, WIDTH, HEIGHT = 12, 640, 352


def refused(path: Path, step: int = 1) -> str:
    try:
        video.open_clip(path, 24, step)
    except Problem as problem:
        return str(problem)
    return ""


# A sequence whose frames can be told apart by their colours, and the same as a movie at 30 frames a second
colours = np.stack([np.linspace(20, 230, FRAMES), np.full(FRAMES, 120), np.linspace(200, 40, FRAMES)], 1).astype(int)
for index, colour in enumerate(colours):
    write_png(folder / f"clip_{index + 8:03d}.png", np.tile(colour, (HEIGHT, WIDTH, 1)).astype(np.uint8))
write_png(folder / "single.png", np.zeros((32, 32, 3), np.uint8))
maker = bpy.data.scenes.new("Maker")
editor = maker.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strip = strips.new_image("s", str(folder / "clip_008.png"), 1, 1)
for index in range(1, FRAMES):
    strip.elements.append(f"clip_{index + 8:03d}.png")
maker.frame_end, maker.render.fps = FRAMES, 30
maker.view_settings.view_transform = "Standard"
render = maker.render
render.resolution_x, render.resolution_y = WIDTH, HEIGHT
if hasattr(render.image_settings, "media_type"):
    render.image_settings.media_type = "VIDEO"
render.image_settings.file_format = "FFMPEG"
render.ffmpeg.format, render.ffmpeg.codec, render.ffmpeg.constant_rate_factor = "MPEG4", "H264", "LOSSLESS"
render.filepath, render.use_file_extension = str(folder / "clip.mp4"), False
with bpy.context.temp_override(scene=maker, view_layer=maker.view_layers[0]):
    bpy.ops.render.render(animation=True)
bpy.data.scenes.remove(maker)

scene.frame_set(7)
blocks = counts()


def read(path: Path, step: int) -> dict:
    clip = video.open_clip(path, 24, step)
    frames = video.ClipReader(clip, step, job=False).frames()
    mean = frames.reshape(len(frames), -1, 3).mean(1)
    return {
        "count": clip.frames,
        "fps": clip.fps,
        "shape": list(frames.shape),
        "off": float(np.abs(mean - colours[::step][: len(mean)]).max()),
    }


found = {
    "sequence": read(folder / "clip_008.png", 1),
    "sequence by 3": read(folder / "clip_008.png", 3),
    "from the middle": len(video.sequence(folder / "clip_012.png")),
    "movie": read(folder / "clip.mp4", 1),
    "movie by 5": read(folder / "clip.mp4", 5),
    "same": blocks == counts() and scene.frame_current == 7,
}
(folder / "text.mp4").write_text("no movie")
found["refused"] = {
    "nowhere": refused(folder / "nowhere.mp4"),
    "text": refused(folder / "text.mp4"),
    "single": refused(folder / "single.png"),
    "too rare": refused(folder / "clip.mp4", 20),
}
video.MOST_FRAMES = 10
found["refused"]["long"] = refused(folder / "clip.mp4")

# A path that was filmed elsewhere, from where the scene's camera stands; twice as large, half as fast
scene.render.fps = 24
rng = np.random.default_rng(0)
poses = np.stack([
    camera.camera_to_world(np.array(Euler((0.1 * i, -0.05 * i, 0.02 * i)).to_matrix().to_4x4())) for i in range(4)
])  # fmt: skip
poses[:, :3, 3] = rng.normal(size=(4, 3))
raster = camera.Raster(512, 288)
K = np.tile([[400.0, 0, 256], [0, 400, 144], [0, 0, 1]], (4, 1, 1))
frame = video.filmed_frames(scene, 4, 12.0, 2, 101, 0.5)
start = camera.sample(scene, scene.camera, [1], bpy.context.evaluated_depsgraph_get()).camera_to_world[0]
user = (scene.camera, scene.frame_current, list(bpy.context.selected_objects))
made = video.path_camera(scene, "clip", K, poses, raster, frame, start, 2.0)
found["user"] = user == (scene.camera, scene.frame_current, list(bpy.context.selected_objects))
found["frames"] = frame.tolist()
bpy.context.view_layer.update()
seen = camera.sample(scene, made, frame.astype(int), bpy.context.evaluated_depsgraph_get(), raster)
relative = np.linalg.inv(poses[0]) @ poses
relative[:, :3, 3] *= 2
found["K"] = float(np.abs(seen.K - K).max())
found["pose"] = float(np.abs(seen.camera_to_world - start @ relative).max())
made.parent.scale = [1, 1, 1]
bpy.context.view_layer.update()
seen = camera.sample(scene, made, frame.astype(int), bpy.context.evaluated_depsgraph_get(), raster)
relative[:, :3, 3] /= 2
found["rescaled"] = float(np.abs(seen.camera_to_world - start @ relative).max())
leave(**found)
