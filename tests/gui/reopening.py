"""The file that was closed in the middle of a run is opened: the result comes into it by itself."""

import bpy
import shot
from bl_ext.user_default.worldwarp import takes
from bl_ext.user_default.worldwarp.state import STATE
from driving import check, open_sidebar, picture, play, until


def script():
    bpy.ops.wm.open_mainfile(filepath=shot.file("quit"))
    run = bpy.context.scene.worldwarp.run
    check(run, "The file does not know of the run")
    yield 1
    yield from open_sidebar()
    yield from until(lambda: takes.all_of(bpy.context.scene), "The run was not picked up by itself", 180)
    check(takes.all_of(bpy.context.scene)[-1][takes.RUN] == run, "What came is of another run")
    check(STATE.run.frames_done == shot.FRAMES, f"Of {shot.FRAMES} frames, {STATE.run.frames_done} came")
    yield from picture("reopened")


play(script)
