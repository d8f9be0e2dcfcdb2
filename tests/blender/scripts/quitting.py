"""Blender quits in the middle of a run, and is started again: each its own process, by what is asked for."""

import sys
import time
from pathlib import Path

import bpy
from shots import leave

step, zip_file, address, folder = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
if step == "quit":
    assert bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
else:
    assert bpy.ops.preferences.addon_enable(module="bl_ext.user_default.worldwarp") == {"FINISHED"}

from bl_ext.user_default.worldwarp import operators, preferences, pump, results, resume, takes  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE  # noqa: E402

FILE = str(folder / "scene.blend")
preferences.get().address = address


def quit_in_the_middle() -> dict:
    scene = bpy.context.scene
    shot, camera = scene.worldwarp, scene.camera
    scene.render.engine, scene.cycles.samples = "CYCLES", 2
    scene.render.resolution_x, scene.render.resolution_y = 64, 48
    scene.frame_start, scene.frame_end = 1, 137
    shot.longest_side, shot.cache_steps = 64, 3
    camera.keyframe_insert("location", frame=1)
    camera.location.x -= 1
    camera.keyframe_insert("location", frame=137)
    bpy.ops.wm.save_as_mainfile(filepath=FILE)
    operators.WORLDWARP_OT_generate.start(None, bpy.context)
    deadline = time.monotonic() + 120
    while not STATE.run.frames_done:
        assert time.monotonic() < deadline
        pump.pump()
        time.sleep(0.01)
    bpy.ops.wm.save_mainfile()
    pump.stop()  # as when Blender exits
    return {"frames": STATE.run.frames_done, "run": shot.run}


def open_again() -> dict:
    bpy.ops.wm.open_mainfile(filepath=FILE)
    scene = bpy.context.scene
    found = {"known": [results.unfinished(scene), resume.next_scene() == scene], "run": scene.worldwarp.run}
    there = len(list((folder / "worldwarp" / "Walk_v001" / "frames").glob("*.png")))
    assert bpy.ops.worldwarp.attach() == {"FINISHED"}
    found["picked up"] = [STATE.run.state, STATE.run.id, STATE.run.frames_done]
    found["missed"] = STATE.run.frames_done - there
    found["takes"] = [[take.name for take in takes.all_of(scene)], STATE.run.warnings]
    found["over"] = [results.unfinished(scene), resume.next_scene() is None]
    return found


leave(**(quit_in_the_middle() if step == "quit" else open_again()))
