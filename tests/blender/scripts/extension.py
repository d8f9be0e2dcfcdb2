"""The built zip, installed as a user does, against a real server: every operator as scripts use it."""

import os
import sys
import time
from pathlib import Path

import bpy
from shots import report

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import operators, order, preferences, pump, ranges_forecast, results  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp.news import Progress  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE, Run  # noqa: E402

scene, ops = bpy.context.scene, bpy.ops.worldwarp
settings, shot = preferences.get(), scene.worldwarp


def refused(operator, *arguments, **keywords) -> str:
    try:
        operator(*arguments, **keywords)
    except RuntimeError as error:
        return str(error)
    return ""


def pump_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, STATE
        assert pump.pump() <= pump.MOST_NEWS
        time.sleep(0.005)


# A small moving scene
scene.render.engine, scene.cycles.samples = "CYCLES", 2
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.frame_start, scene.frame_end = 101, 105
camera = scene.camera
camera.keyframe_insert("location", frame=101)
camera.location.x -= 1
camera.keyframe_insert("location", frame=240)
scene.frame_set(103)
shot.longest_side, shot.cache_steps, shot.output_folder = 96, 5, str(folder / "results")

# The dry check: each problem in one sentence, said by the button as well
dry = {}


def problem(case: str) -> None:
    dry[case] = order.problems(scene)[0]
    assert dry[case] in refused(ops.generate), case


scene.camera = None
problem("camera")
scene.camera = camera
camera.data.type = "ORTHO"
problem("orthographic")
camera.data.type = "PERSP"
scene.frame_end = 101
problem("one frame")
scene.frame_end = 20_000
problem("many frames")
scene.frame_end = 105
scene.view_settings.exposure = 1
problem("exposure")
scene.view_settings.exposure = 0
shot.source = "FILE"
problem("no file")
shot.picture_file = str(folder / "nowhere.png")
problem("file")
shot.source = "RENDER"
shot.output_folder = "//results"
problem("unsaved")
shot.output_folder = ""
assert order.problems(scene) == [dry["unsaved"]]
shot.output_folder = str(folder / "results")
shot.name = " "
problem("name")
shot.name = "Walk"
assert order.problems(scene) == []
assert order.STILL not in order.notes(scene)
shot.use_scene_range, shot.frame_start, shot.frame_end = False, 1, 101  # before the first key
assert order.notes(scene) == [order.STILL]
shot.use_scene_range = True
assert order.detail_note(scene) == ""
shot.longest_side = 64
assert "96 x 64 pixels become 64 x 48" in order.detail_note(scene)
shot.longest_side = 96

# No server, no access, another key: sentences, not silence
settings.address = "tcp://127.0.0.1:9"
dry["no server"] = refused(ops.generate)
assert STATE.connected is False
assert "worldwarp serve" in STATE.connection
settings.address = "tcp://192.0.2.1:7654"
dry["remote"] = refused(ops.test_connection)
settings.address = address
home = os.environ["WORLDWARP_HOME"]
os.environ["WORLDWARP_HOME"] = str(folder / "stranger")
from worldwarp_protocol import keys  # noqa: E402

keys.server_keys(folder / "stranger")
keys.client_keys(folder / "stranger")
dry["wrong key"] = refused(ops.test_connection)
os.environ["WORLDWARP_HOME"] = home
# What is enrolled elsewhere stays the same, whatever servers run here
assert preferences.public_key() == preferences.public_key() != keys.client_keys(Path(home)).public.decode()

# Generate, blocking
assert ops.test_connection() == {"FINISHED"}
assert STATE.connection.endswith(address.removeprefix("tcp://")), STATE.connection
shot.profile = "wan"
problem("profile")
shot.profile = "draft"
assert ops.generate() == {"FINISHED"}
assert STATE.run.state == "done", STATE.run
first = STATE.run.folder
assert [c.name for c in bpy.data.collections if "worldwarp_run" in c] == ["Walk_v001"]
walk = bpy.data.collections["Walk_v001"]
assert walk["worldwarp_run"] == shot.run != ""
assert sorted(thing.type for thing in walk.objects) == ["CAMERA", "MESH"]
assert len(list((first / "frames").glob("*.png"))) == 5
assert (scene.camera, scene.frame_current) == (camera, 103)
assert not walk.objects[0].select_get()

assert not results.unfinished(scene)

# Looked through: only when asked, and one undo step takes it back
bpy.ops.ed.undo_push(message="Before")
assert ops.look_through("EXEC_DEFAULT", True, collection="Walk_v001") == {"FINISHED"}
looked = [scene.camera.name, [thing.hide_viewport for thing in walk.objects if thing.type == "MESH"]]
assert looked == ["Walk_v001 Camera", [True]], looked
assert order.camera_of(scene).name == "Camera"
bpy.ops.ed.undo()
scene, walk = bpy.context.scene, bpy.data.collections["Walk_v001"]
camera, shot, settings = scene.camera, scene.worldwarp, preferences.get()
assert camera.name != "Walk_v001 Camera"
assert not any(thing.hide_viewport for thing in walk.objects)
assert "gone" in refused(ops.look_through, collection="Nowhere")

# Again: all is kept, the result is the same, in a folder and a collection of its own
assert ops.generate() == {"FINISHED"}
assert STATE.run.folder != first
same = [
    (first / "frames" / f"{i:04d}.png").read_bytes() == (STATE.run.folder / "frames" / f"{i:04d}.png").read_bytes()
    for i in range(1, 6)
]
assert all(same), same
assert "Walk_v002" in bpy.data.collections

# Picked up: what is here does not come again, and the result is imported anew
assert ops.attach() == {"FINISHED"}
assert STATE.run.frames_done == 5
assert STATE.run.imported == "Walk_v002.001"

# As a file that was saved during the run knows it, until its result is in the scene
shot.run_over = False
assert not results.unfinished(scene)
for name in ("Walk_v001", "Walk_v002", "Walk_v002.001"):
    bpy.data.collections[name]["worldwarp_run"] = ""
assert results.unfinished(scene)
assert ops.attach() == {"FINISHED"}
assert not results.unfinished(scene)
assert shot.run_over

# Results go beside the .blend file, and stay when the extension goes
shot.output_folder = ""
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
assert order.problems(scene) == []
assert order.output_base(scene) == folder / "worldwarp"
shot.output_folder = str(folder / "results")

# A picture and its depth from files
import numpy as np  # noqa: E402
from shots import write_png  # noqa: E402

write_png(folder / "plate.png", np.full((64, 96, 3), 90, np.uint8))
image = bpy.data.images.new("depth", 96, 64, float_buffer=True)
image.pixels.foreach_set(np.full(96 * 64 * 4, 6.0, np.float32))
image.file_format, image.filepath_raw = "OPEN_EXR", str(folder / "depth.exr")
image.save()
bpy.data.images.remove(image)
shot.source, shot.picture_file, shot.depth_file = "FILE", str(folder / "plate.png"), str(folder / "depth.exr")
assert ops.generate() == {"FINISHED"}
write_png(folder / "plate.png", np.full((64, 95, 3), 90, np.uint8))
dry["depth size"] = refused(ops.generate)
shot.source = "RENDER"

# From the panel: nothing blocks; cancel, and stop after a part
scene.frame_end, shot.cache_steps, shot.seed = 240, 60, 1
operators.WORLDWARP_OT_generate.start(None, bpy.context)  # what invoke does; without a window Blender would execute
assert "busy" in refused(ops.generate)
pump_until(lambda: STATE.run.progress is not None)
assert ops.cancel() == {"FINISHED"}
pump_until(lambda: not pump.busy())
assert STATE.run.state == "cancelled", STATE.run

shot.seed = 2
operators.WORLDWARP_OT_generate.start(None, bpy.context)
pump_until(lambda: STATE.run.progress is not None)
assert ops.stop_after_chunk() == {"FINISHED"}
pump_until(lambda: not pump.busy())
assert STATE.run.state == "stopped", STATE.run
assert 0 < STATE.run.frames_done < 140
kept = STATE.run.frames_done

# The pump never does much at once
from queue import SimpleQueue  # noqa: E402


class Flood:
    """A link that has told more than a tick may take."""

    alive = True
    inbox = SimpleQueue()

    def leave(self) -> None:
        self.alive = False


STATE.run = Run(folder, 0)
for step in range(1000):
    Flood.inbox.put(Progress(0, "cache", step, 1000))
pump.start(Flood())
counts = [pump.pump(budget=10.0) for _ in range(3)]
pump.stop()
assert not pump.busy()

# One undo step takes an import away, and nothing else
bpy.ops.ed.undo_push(message="Before")
names = sorted(thing.name for thing in bpy.data.objects)
assert ops.import_result("EXEC_DEFAULT", True, directory=str(first)) == {"FINISHED"}
assert sorted(thing.name for thing in bpy.data.objects) != names
bpy.ops.ed.undo()
assert sorted(thing.name for thing in bpy.data.objects) == names
bpy.ops.ed.redo()
assert sorted(thing.name for thing in bpy.data.objects) != names

# Switched off and on again: nothing is left behind
assert not bpy.app.timers.is_registered(pump.tick)
answer = ranges_forecast._answer
bpy.app.timers.register(answer, first_interval=100)  # as where the panel was drawn a moment ago
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.worldwarp")
assert not hasattr(bpy.types.Scene, "worldwarp")
assert not bpy.app.timers.is_registered(answer)
bpy.ops.preferences.addon_enable(module="bl_ext.user_default.worldwarp")
report(dry=dry, kept=kept, counts=counts, version=bpy.app.version_string)
