"""Runs and files: one opened anew in the middle of a run, another one, undo before saving, several runs and servers."""

import sys
from pathlib import Path
from queue import SimpleQueue

import bpy
import numpy as np
from shots import leave, write_result

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera as cameras  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import news, preferences, pump, results, resume, takes  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE, Run  # noqa: E402

file = str(folder / "scene.blend")
found = {}


class Told:
    """A link that tells what it is told to."""

    def __init__(self) -> None:
        self.inbox, self.alive = SimpleQueue(), True

    def wait(self, seconds: float) -> None:
        pass

    def leave(self) -> None:
        self.alive = False


def begin(name: str) -> Told:
    """As when a server has accepted the shot of this scene."""
    link = Told()
    STATE.run = Run(results_folder / name, bpy.context.scene.session_uid)
    pump.start(link)
    link.inbox.put(news.Accepted(name, 1, 0, 2, ()))
    assert pump.pump() == 1
    return link


def end(link: Told) -> None:
    """As when it is over, and its result is brought in."""
    for item in (news.Arrived(2), news.Ended("done", "")):
        link.inbox.put(item)
    link.alive = False
    pump.to_the_end()
    assert results.wanted(STATE.run)
    results.bring_in(STATE.run)


# Who waits for an answer does not wait for the run; nor for what comes before a run in the window
running, asked = Told(), Told()
pump.start(running)
pump.start_after(lambda: False)
pump.start(asked, pump.INQUIRY)
asked.alive = False
pump.to_the_end(pump.INQUIRY)
found["run goes on"] = [pump.busy(pump.INQUIRY), pump.busy(pump.RUN)]
pump.stop()


def open_file(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path)


def names() -> list[str]:
    return [take.name for take in takes.all_of(bpy.context.scene)]


def shot():
    return bpy.context.scene.worldwarp


scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 32, 16
results_folder = folder / "worldwarp"
path = cameras.sample(scene, scene.camera, range(1, 3), bpy.context.evaluated_depsgraph_get())
pixels = np.zeros((path.raster.height, path.raster.width, 3), np.uint8)
for name in ("Walk_v001", "Walk_v002", "Walk_v003"):
    write_result(results_folder / name, [pixels] * 2, path, "sRGB", "Walk", run=name)
bpy.ops.wm.save_as_mainfile(filepath=file)

# Undone and saved in the middle of a run: the file knows of it all the same
bpy.ops.ed.undo_push(message="Before")
bpy.context.scene.frame_end = 77
bpy.ops.ed.undo_push(message="Change")
link = begin("Walk_v003")
bpy.ops.ed.undo()
found["undone"] = shot().run
shot().run = ""
bpy.ops.wm.save_mainfile()
link.leave()
pump.to_the_end()
STATE.run = None
open_file(file)
found["saved"] = [shot().run, results.unfinished(bpy.context.scene)]
shot().run_over = True

# The file is opened anew between two ticks: the run goes on, and ends in what is open now
link = begin("Walk_v001")
found["noted"] = [shot().run, shot().run_folder, shot().run_server == preferences.get().address]
bpy.ops.wm.save_mainfile()
link.inbox.put(news.Arrived(1))
open_file(file)
assert pump.pump() == 1
assert pump.busy()
end(link)
found["opened anew"] = [names(), STATE.run.imported, shot().run_over]

# Another file is opened: nothing comes into it; the first one, opened again, is known to lack its result
link = begin("Walk_v002")
bpy.ops.wm.save_mainfile()
bpy.ops.wm.read_homefile()
end(link)
found["other file"] = [names(), STATE.run.warnings[-1]]
open_file(file)
found["missed"] = [results.unfinished(bpy.context.scene), resume.next_scene() == bpy.context.scene]
bpy.ops.worldwarp.import_result(directory=str(results_folder / "Walk_v002"))
found["caught up"] = [names()[-1:], results.unfinished(bpy.context.scene)]

# Several scenes with runs: one after the other, each once; those of another server are left alone
shot().run = "y"
other = bpy.data.scenes.new("Other")
other.worldwarp.run, other.worldwarp.run_folder = "x", "//worldwarp/Walk_v009"
order = []
while (scene := resume.next_scene()) is not None:
    assert len(order) < 3
    order.append(scene.name)
    resume.tick()  # no server runs: it is not tried again
found["order"] = order
found["said"] = STATE.connection
resume.after_load()
found["again"] = resume.next_scene() is not None
preferences.get().address = "tcp://192.0.2.1:7654"
found["other server"] = resume.next_scene() is None
other.worldwarp.run_server = "tcp://192.0.2.1:7654"
found["its server"] = resume.next_scene() == other
leave(**found)
