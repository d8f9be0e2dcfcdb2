"""The shot that the scripts make: a short walk into the example's rooms, at the quality that any machine has."""

import bpy
from bl_ext.user_default.worldwarp import streaming
from bl_ext.user_default.worldwarp.state import STATE
from driving import SHARED, until

FRAMES = 269
"""Six ranges: time enough to do something in the middle."""


def move_camera() -> None:
    """Keys at both ends of the range, the picture's proportions, small frames."""
    scene, camera = bpy.context.scene, bpy.context.scene.camera
    scene.render.resolution_x, scene.render.resolution_y = 480, 320
    scene.frame_start, scene.frame_end = 1, FRAMES
    camera.keyframe_insert("location", frame=1)
    camera.location.x += 0.5
    camera.keyframe_insert("location", frame=FRAMES)
    scene.frame_set(1)
    scene.worldwarp.longest_side, scene.worldwarp.cache_steps = 160, 5


def save(name: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=file(name))


def file(name: str) -> str:
    return str(SHARED / f"{name}.blend")


def in_the_middle():
    """Wait until some frames have come while others are still to be made."""
    yield from until(lambda: STATE.run is not None, "Generate began no run", 20)
    yield from until(lambda: STATE.run.frames_done > 0 or STATE.run.over, "No frame came", 120)


def over() -> bool:
    return STATE.run is not None and STATE.run.over


def shown() -> int:
    """How many of the frames that come are shown behind what the camera sees."""
    for background in bpy.context.scene.camera.data.background_images:
        if background.image is not None and background.image == streaming._image():
            return background.image_user.frame_duration
    return 0
