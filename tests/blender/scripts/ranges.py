"""The built zip against a real server: what is foretold of each range, and what becomes of it."""

import sys
import time
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import (  # noqa: E402  (exists from here on)
    generate_step,
    motion,
    operators,
    order,
    preferences,
    presets,
    pump,
    ranges_forecast,
    ranges_panel,
    takes,
)
from bl_ext.user_default.worldwarp.camera import sample  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE  # noqa: E402

ops, scene = bpy.ops.worldwarp, bpy.context.scene
shot, camera = scene.worldwarp, scene.camera
preferences.get().address = address
scene.render.engine, scene.cycles.samples = "CYCLES", 2
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.frame_start, scene.frame_end = 101, 237
shot.longest_side, shot.cache_steps, shot.output_folder = 64, 3, str(folder / "results")
start = camera.location.x
for frame in (101, 125, 149, 175, 200, 212, 225, 237):  # Blender's default keys: each moves all frames, a little
    camera.location.x = start - 1.5 * (frame - 101) / 136
    camera.keyframe_insert("location", frame=frame)


def move_last(x: float) -> None:
    """The last key, of frame 237: what is before frame 194 moves by less than anybody sees."""
    curve = next(c for c in motion.curves(camera.animation_data) if (c.data_path, c.array_index) == ("location", 0))
    curve.keyframe_points[-1].co.y = start + x
    curve.update()


def states() -> list:
    return [row.state for row in ranges_forecast.forecast(scene).rows]


def foretold() -> list:
    now = ranges_forecast.forecast(scene)
    return [now.kept, now.new, now.differs]


def frames(where: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((where / "frames").glob("*.png"))]


def asked() -> np.ndarray:
    """The poses that the scene's camera has now."""
    frames = range(scene.frame_start, scene.frame_end + 1)
    return sample(scene, camera, frames, bpy.context.evaluated_depsgraph_get()).camera_to_world


def sent(where: Path) -> np.ndarray:
    """The poses that a take was made with."""
    return np.load(where / "cameras.npz")["camera_to_world"]


def refused(operator, **keywords) -> str:
    try:
        operator(**keywords)
    except RuntimeError as error:
        return str(error)
    return ""


# Nothing is there: all is new, and nobody knows how long it takes
found = {"at first": [*foretold(), states()], "unmeasured": ranges_forecast.forecast(scene).seconds is None}
assert ops.generate() == {"FINISHED"}
first = STATE.run.folder
found["made"] = [STATE.run.kept, STATE.run.frames_done]
found["then"] = [*foretold(), states()]
row = ranges_forecast.forecast(scene).rows[1]
found["row"] = [row.first, row.last, row.chosen["seed"], 0 < row.meta["coverage"] <= 1, row.picture.name]
found["lines"] = [ranges_panel.made_with(row), ranges_panel.came_out(row), ranges_panel.made_from(row)]
found["thumbnail"] = row.picture.read_bytes() == frames(first)[49]

# The last key moved: what follows it is made anew, all before is the same to the byte
move_last(-1.9)
now = ranges_forecast.forecast(scene)
found["moved"] = [*foretold(), states()]
found["beside"] = now.reached
found["measured"] = [now.seconds > 0, now.memory.bytes > 1e7, now.memory.gpu]
found["plan"] = [generate_step.kept_line(now), generate_step.took_line(now, 64, 48)]
assert ops.generate() == {"FINISHED"}
before, after = frames(first), frames(STATE.run.folder)
found["kept"] = [STATE.run.kept, before[:93] == after[:93], before[93:] == after[93:]]
second = STATE.run.folder
now, poses = sent(second), asked()
found["cameras"] = [bool((now[:93] == sent(first)[:93]).all()), bool((now[93:] == poses[93:]).all())]
found["nudged"] = np.abs(poses - sent(first)).max(axis=(1, 2))[[2, 40, 92]].tolist()
found["takes"] = [take.name for take in takes.all_of(scene)]
assert ops.show_take(take=first.name) == {"FINISHED"}
frame = takes.frame_file(scene.worldwarp_takes.active, 237)
found["earlier"] = [scene.worldwarp_takes.active.name, frame.read_bytes() == before[-1] != after[-1]]
move_last(-1.5)
found["moved back"] = foretold()  # the first take has it all
move_last(-1.9)

# A locked range refuses what would change it, and nothing else
assert ops.lock_range(frame=230) == {"FINISHED"}
found["locked"] = ranges_forecast.forecast(scene).locked
move_last(-2.5)
found["refused"] = [ranges_forecast.forecast(scene).locked, refused(ops.generate)]
move_last(-1.9)
assert ops.lock_range(frame=230) == {"FINISHED"}

# Once more from a range on: another seed for it, in one step
assert ops.regenerate(frame=200) == {"FINISHED"}
found["regenerated"] = [STATE.run.kept, [(entry.frame, entry.seed) for entry in shot.parts], STATE.run.state]
found["another"] = frames(STATE.run.folder)[93:] != after[93:]
assert ops.part_remove(frame=237) == {"FINISHED"}
found["entries"] = len(shot.parts)
found["as before"] = foretold()

# Frames that no take has
scene_range, shot.use_scene_range = shot.use_scene_range, False
shot.frame_start, shot.frame_end = 101, 400
found["nothing there"] = [refused(lambda: ops.roll_back(frame=390)), refused(lambda: ops.regenerate(frame=390))]
found["nothing there"] += [shot.frame_end, len(shot.parts)]
shot.use_scene_range = scene_range

# Back to a range: a take that ends with it, all of it kept; the folders of before stay
assert ops.roll_back(frame=160) == {"FINISHED"}
found["rolled back"] = [list(order.frames_of(scene))[::92], STATE.run.kept, STATE.run.frames_done]
found["still there"] = [len(frames(first)), len(frames(second))]

# The next range only
shot.use_scene_range, shot.frame_start, shot.frame_end, shot.seed = False, 101, 193, 77
assert ops.generate_next() == {"FINISHED"}
found["next"] = [STATE.run.state, STATE.run.kept, STATE.run.frames_done]
assert ops.generate_next() == {"FINISHED"}
found["and next"] = [STATE.run.state, STATE.run.kept, STATE.run.frames_done]

# From the panel: a range is chosen to be the last while the run goes on
shot.frame_end, shot.seed = 237, 78
operators.WORLDWARP_OT_generate.start(None, bpy.context)
deadline = time.monotonic() + 120
while not (STATE.run.progress and (STATE.run.folder / "cameras.npz").is_file()):
    assert time.monotonic() < deadline
    pump.pump()
    time.sleep(0.01)
ranges_forecast.tell(scene)
found["in work"] = [[row.state for row in ranges_forecast.of(scene).rows], generate_step.stage_line(scene, STATE.run)]
found["items"] = len(bpy.context.window_manager.worldwarp_ranges.shown)
assert ops.stop_after_range(frame=170) == {"FINISHED"}
while pump.busy():
    assert time.monotonic() < deadline
    pump.pump()
    time.sleep(0.01)
found["stopped"] = [STATE.run.state, STATE.run.frames_done]

# A path that curves do not tell is looked at when asked
shot.seed = 0
camera.constraints.new("COPY_ROTATION").target = bpy.data.objects["Cube"]
now = ranges_forecast.forecast(scene)
found["unseen"] = [now.seen, now.kept]
scene.frame_set(150)
assert ops.look_ahead() == {"FINISHED"}
now = ranges_forecast.of(scene)
found["looked"] = [now.kept, now.differs, scene.frame_current]

# Speed is one choice of several settings; a preset is the user's own
found["speeds"] = [shot.speed]
for speed in ("FAST", "BALANCED", "BEST"):
    shot.speed = speed
    found["speeds"].append([shot.speed, shot.every, shot.cache_steps, shot.diffusion.steps, shot.diffusion.solver])
shot.diffusion.steps, shot.diffusion.sigma, shot.diffusion.prompt = 33, 0.5, "a mill"
found["speeds"].append(shot.speed)
assert ops.preset_add(name="Mine") == {"FINISHED"}
shot.speed, shot.diffusion.sigma, shot.diffusion.prompt = "FAST", 0.9, "a barn"
(preset,) = bpy.utils.preset_paths(presets.SUBDIR)
chosen = str(next(Path(preset).glob("*.py")))
assert bpy.ops.script.execute_preset(filepath=chosen, menu_idname="WORLDWARP_PT_presets") == {"FINISHED"}
found["preset"] = [shot.diffusion.steps, round(shot.diffusion.sigma, 6), shot.every, shot.diffusion.prompt]

scene.frame_step = 2
shot.use_scene_range = True
found["step"] = [note for note in order.notes(scene) if "step" in note]
pump.stop()
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.worldwarp")
leave(**found)
