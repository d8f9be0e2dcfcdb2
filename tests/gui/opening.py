"""Another file is opened in the middle of a run: nothing comes into it, and the first file gets its result."""

import bpy
import shot
from bl_ext.user_default.worldwarp import pump, takes
from bl_ext.user_default.worldwarp.state import STATE
from driving import check, click_button, open_sidebar, open_steps, picture, play, press, until


def take_names() -> list[str]:
    return [take.name for take in takes.all_of(bpy.context.scene)]


def other_file() -> None:
    """A file that has nothing to do with the shot."""
    bpy.ops.wm.read_homefile(app_template="")
    shot.save("other")
    bpy.ops.wm.open_mainfile(filepath=shot.file("scene"))


def script():
    other_file()
    yield 2
    bpy.context.scene.worldwarp.seed += 2
    before = take_names()
    yield from open_sidebar()
    yield from open_steps("generate")
    yield from click_button("generate")
    yield from shot.in_the_middle()
    shot.save("opened")
    bpy.context.window_manager.worldwarp_live.show_frames = True
    yield from until(lambda: shot.shown() > 0 or shot.over(), "No frame is shown while the run goes on")
    check(not shot.over(), "The run was over before another file was opened")
    bpy.ops.wm.open_mainfile(filepath=shot.file("other"))
    yield 2
    yield from press("Home")
    check(pump.busy() or shot.over(), "The run was lost when another file was opened")
    yield from until(shot.over, "The run did not end while another file was open", 180)
    yield from until(lambda: STATE.run.imported == "-", "The end of the run was not noticed", 20)
    check(take_names() == [], f"The other file got {take_names()}")
    check(not shot.shown(), "The other file shows frames of the run")
    yield from open_sidebar()
    yield from open_steps("result")
    yield from picture("other_file")
    bpy.ops.wm.open_mainfile(filepath=shot.file("opened"))
    yield from until(lambda: len(take_names()) == len(before) + 1, "The first file, opened again, got no result", 60)


play(script)
