"""The server started from Blender, a run while it goes, and what one tick of the timer does of it, by counting."""

import sys
import time
from pathlib import Path

import bpy
from shots import leave

zip_file, worldwarp, port, folder = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])
assert bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)

from bl_ext.user_default.worldwarp import (  # noqa: E402  (exists from here on)
    backdrop,
    backend_operators,
    backend_panel,
    backend_process,
    geometry,
    geometry_operators,
    importing,
    operators,
    preferences,
    preview,
    pump,
    result_step,
    status_bar,
    streaming,
    takes,
)
from bl_ext.user_default.worldwarp.state import STATE  # noqa: E402

found: dict = {}
scene, ops = bpy.context.scene, bpy.ops.worldwarp
settings, shot = preferences.get(), scene.worldwarp
home = backend_operators.home()


def refused(operator, **keywords) -> str:
    try:
        operator(**keywords)
    except RuntimeError as error:
        return str(error)
    return ""


# The server: started, asked, kept in a list, left and taken again
settings.address, settings.backend_command = f"tcp://127.0.0.1:{port}", worldwarp
backend_operators._look()
found["none yet"] = [STATE.connected, STATE.connection]
STATE.forget_server()
found["not yet"] = [refused(ops.stop_server), refused(ops.test_connection)]
assert ops.start_server() == {"FINISHED"}
found["twice"] = refused(ops.start_server)
deadline = time.monotonic() + 60
while not STATE.machine and time.monotonic() < deadline:  # told once its worker knows it
    time.sleep(0.5)
    assert ops.test_connection() == {"FINISHED"}
found["told"] = [STATE.connection, STATE.machine, STATE.versions]
found["log"] = any("serves at" in line for line in backend_process.last_words(home))
assert ops.server_log() == {"FINISHED"}
address = settings.address
assert ops.keep_server(name="Mine") == {"FINISHED"}
assert ops.use_server(server="") == {"FINISHED"}
found["this machine"] = [settings.address, backend_panel.choice(settings), STATE.connected]
assert ops.use_server(server="Mine") == {"FINISHED"}
found["mine"] = [settings.address == address, backend_panel.choice(settings)]
found["nobody"] = refused(ops.use_server, server="Nobody")
assert ops.forget_server(name="Mine") == {"FINISHED"}
found["forgotten"] = len(settings.servers)
found["enrol"] = backend_operators.enrol_command()
assert ops.copy_key() == {"FINISHED"}

# A run while it goes: counted at each tick
scene.render.engine, scene.cycles.samples = "CYCLES", 1
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.frame_start, scene.frame_end = 101, 193
camera = scene.camera
camera.keyframe_insert("location", frame=101)
camera.location.x -= 1
camera.keyframe_insert("location", frame=240)
scene.frame_set(150)
shot.longest_side, shot.cache_steps, shot.output_folder = 96, 5, str(folder / "results")
images = len(bpy.data.images)
heard, pieces, shown, lines = [], [], [], []
hear, ready = STATE.hear, importing.ready


def counted_hear(item, of: str = "") -> None:
    heard[-1] += 1
    hear(item, of)


def counted_ready(*work) -> bool:
    pieces[-1] += 1
    return ready(*work)


def tick() -> float | None:
    heard.append(0)
    pieces.append(0)
    pause = pump.tick()
    image = streaming._image()
    if image is not None:
        user = next(b.image_user for b in camera.data.background_images if b.image == image)
        shown.append([user.frame_duration, STATE.run.frames_done, user.frame_start, image.source])
    lines.append(status_bar._Now.text)
    return pause


STATE.hear, importing.ready = counted_hear, counted_ready
bpy.context.window_manager.worldwarp_live.show_frames = True
operators.WORLDWARP_OT_generate.start(None, bpy.context)
follow = preview.follow
while STATE.run.progress is None:
    tick()
    time.sleep(0.01)


def broken(_):
    raise ValueError("of ours")


preview.follow = broken
found["goes on"] = tick() is not None
found["fault"] = STATE.fault
preview.follow = follow

# An estimate beside it: the server does it in its turn
found["beside"] = [ops.estimate.poll(), ops.generate.poll()]
geometry_operators.WORLDWARP_OT_estimate.start(None, bpy.context)
found["beside"] += [ops.estimate.poll(), STATE.run.over, STATE.inquiry.over]
deadline = time.monotonic() + 200
while tick() is not None:
    assert time.monotonic() < deadline, STATE
    time.sleep(0.01)
walk = bpy.data.collections.get(STATE.run.imported)
found["run"] = [STATE.run.state, STATE.run.frames_done, walk is not None, STATE.run.warnings]
found["most heard"], found["most pieces"], found["pieces"] = max(heard), max(pieces), sum(pieces)
found["shown"] = [shown[0][2:], shown[-1][0], all(one[0] == one[1] for one in shown), len({one[0] for one in shown})]
found["gone"] = [len(bpy.data.images) - images, [b.image.name for b in camera.data.background_images]]
found["lines"] = [any("of 93 frames" in line for line in lines), lines[-1]]
found["untouched"] = [scene.frame_current, scene.camera == camera, camera.data.show_background_images]

found["estimated"] = [STATE.inquiry.state, geometry.of_scene(scene) is not None]

# Esc ends the next one, once its first frames are there; a question beside it goes on
shot.seed += 1
operators.WORLDWARP_OT_generate.start(None, bpy.context)
while not STATE.run.frames_done:
    tick()
    time.sleep(0.01)
geometry_operators.WORLDWARP_OT_estimate.start(None, bpy.context)
run, said = STATE.run, status_bar._Now.text
found["told below"] = said.startswith("WorldWarp: ") and f" of {run.frames} frames" in said
assert ops.cancel("INVOKE_DEFAULT", by_key=True, what="run") == {"FINISHED"}
while tick() is not None:
    assert time.monotonic() < deadline, STATE
    time.sleep(0.01)
found["escaped"] = [run.state, run.imported, status_bar._Now.text, STATE.inquiry.state]
found["offered"] = [result_step.importable(run), result_step.result_line(run)]
assert ops.import_result(directory=str(run.folder)) == {"FINISHED"}
found["offered"] += [result_step.importable(run), len(takes.of_name(scene, run.imported).objects) > 0]
STATE.run.imported = "-"
found["offered"].append(result_step.result_line(run))

# Ours goes before a file is saved, and comes back while it is wanted
STATE.run.state = "running"
assert streaming.follow(STATE.run)
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
found["saved"] = [streaming._image() is None, streaming.follow(STATE.run), backdrop.there(camera.data, streaming.NAME)]
streaming.remove()
STATE.run.state = "done"

assert ops.stop_server() == {"FINISHED"}
deadline = time.monotonic() + 20
while not any("has ended" in line for line in backend_process.last_words(home)) and time.monotonic() < deadline:
    time.sleep(0.1)
found["stopped"] = not backend_process.answers(address) and time.monotonic() < deadline
leave(**found)
