"""What is foretold of a walk from a picture file, without a server: its content counts; captions become prompts."""

import os
import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_png

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera as cameras  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import file_notes, generate_step, ranges_forecast  # noqa: E402
from bl_ext.user_default.worldwarp.camera import Raster  # noqa: E402
from worldwarp_protocol import inputs, messages  # noqa: E402
from worldwarp_protocol.results import ResultFolder  # noqa: E402

SIZE = 32, 16
CAPTION = "a mill by a stream"
scene, shot = bpy.context.scene, bpy.context.scene.worldwarp
scene.render.resolution_x, scene.render.resolution_y = SIZE
shot.use_scene_range, shot.frame_start, shot.frame_end = False, 101, 193
picture = folder / "picture.png"
write_png(picture, np.full((16, 32, 3), 90, np.uint8))
shot.source, shot.picture_file, shot.profile = "FILE", str(picture), "wan"
shot.output_folder = str(folder / "results")
path = cameras.sample(
    scene, scene.camera, range(101, 194), bpy.context.evaluated_depsgraph_get(), Raster(*SIZE, 1.0, 1.0)
)


def make(where: Path) -> None:
    """What Generate would have made of the scene as it is."""
    wish = ranges_forecast._wish(scene, path)
    sent = messages.Shot(name="Walk", settings=wish.settings, overrides=list(wish.overrides))
    walk = {"K": path.K, "camera_to_world": path.camera_to_world, "frame": path.frame}
    result = ResultFolder(where)
    result.begin(sent, *SIZE, **walk)
    arrays = {"picture": np.full((1, 16, 32, 3), 90, np.uint8), **walk}
    result.keep_inputs(*inputs.pack(sent, arrays, file_notes.of(scene)))
    for index, one in enumerate(wish.ranges):
        result.commit_chunk(index, "0" * 64, "0" * 64, one.first, one.count, {"prompt": CAPTION})
        result.record.chunks[-1].complete = True
        write_png(result.frame_path(one.first), np.full((16, 32, 3), 90, np.uint8))
    result.save()


def said() -> str:
    return generate_step.kept_line(ranges_forecast.forecast(scene))


make(folder / "results" / "Walk_v001")
found = {"same": said()}
content = picture.read_bytes()
os.utime(picture, (0, 0))
found["touched"] = said()
picture.write_bytes(content + b"more")
found["changed"] = said()
picture.write_bytes(content)
found["put back"] = said()
shot.picture_space = "Non-Color"
found["read otherwise"] = said()
shot.picture_space = ""
shot.source = "RENDER"
shot.depth_source = "given"
found["rendered"] = said()
shot.source = "FILE"


# For the panel it is told in pieces, with the same result; who changes the walk meanwhile gets that of the new one
def answered() -> list:
    """How many calls of the timer it took, and what was told."""
    ranges_forecast.ask(scene)
    calls = 1
    while ranges_forecast._answer() == ranges_forecast.PIECE_SECONDS:
        calls += 1
    return [calls, ranges_forecast.of(scene) == ranges_forecast.forecast(scene), len(ranges_forecast.of(scene).rows)]


found["pieces"] = answered()
ranges_forecast.ask(scene)
assert ranges_forecast._answer() == ranges_forecast.PIECE_SECONDS
shot.frame_end = 110
ranges_forecast.ask(scene)
found["shorter"] = [ranges_forecast._answer() == ranges_forecast.PAUSE_SECONDS, len(ranges_forecast.of(scene).rows)]
shot.frame_end = 193
found["again"] = answered()

# Panels of two scenes ask at once: both are told, the list has room for either, and then it is quiet
other = scene.copy()
other.worldwarp.frame_end = 110
ranges_forecast.ask(other)
ranges_forecast.ask(scene)
ranges_forecast.ask(other)
while ranges_forecast._answer() is not None:
    pass
rows = [len(ranges_forecast.of(one).rows) for one in (scene, other)]
items = len(bpy.context.window_manager.worldwarp_ranges.shown)
found["two scenes"] = [rows, items, [ranges_forecast.tell(one) for one in (scene, other, scene)]]
bpy.data.scenes.remove(other)

# First frames are the thumbnails; the captioner's words become the range's own prompt, which makes it anew
now = ranges_forecast.forecast(scene)
found["thumbnails"] = [row.picture.relative_to(folder).as_posix() for row in now.rows]
assert bpy.ops.worldwarp.use_caption(frame=160) == {"FINISHED"}
(entry,) = shot.parts
found["caption"] = [entry.frame, entry.use_prompt, entry.prompt]
found["of its own"] = said()
leave(**found)
