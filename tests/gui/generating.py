"""Generate is clicked, frames are seen while they come, the result is imported, and undone and redone in one step."""

import bpy
import shot
from bl_ext.user_default.worldwarp.state import STATE
from driving import check, click, click_button, find, open_sidebar, open_steps, picture, play, press, until, view


def collections() -> set[str]:
    return set(bpy.data.collections.keys())


def through_camera() -> bool:
    return view().spaces.active.region_3d.view_perspective == "CAMERA"


def frames_come():
    """Show Frames is ticked: the camera's view shows frames while others are still to be made."""
    yield from click(*(yield from find("show_frames", "data_path")))
    check(bpy.context.window_manager.worldwarp_live.show_frames, "The click on Show Frames did not tick it")
    yield from until(lambda: shot.shown() > 0 or shot.over(), "No frame is shown while the run goes on", 120)
    check(not shot.over(), "The run was over before a frame was shown")
    check(shot.shown() == STATE.run.frames_done, "Not all frames that came are shown")
    yield from picture("frames_come")


def script():
    before = collections()
    yield from open_sidebar()
    yield from open_steps("generate")
    yield from press("KP_0")
    yield from until(through_camera, "Numpad 0 did not look through the camera", 5)
    yield from click_button("generate")
    yield from until(lambda: STATE.run is not None, "The click on Generate began no run", 20)
    yield from frames_come()
    yield from until(shot.over, "The run did not end", 180)
    check(STATE.run.state == "done", f"The run ended as {STATE.run.state}: {STATE.run.text}")
    yield from until(lambda: STATE.run.imported, "The result was not imported", 60)
    check(shot.shown() == 0, "The frames of the run still lie before those of its result")
    new = collections() - before
    check(len(new) > 0 and STATE.run.imported in new, f"The import made {new or 'no collection'}")
    yield from open_steps("result")
    yield from picture("result_step")
    yield from press("ctrl+z")
    yield from until(lambda: collections() == before, "One undo did not take the import back", 20)
    check(bpy.context.scene.worldwarp.picture_file, "The undo took back more than the import")
    yield from press("ctrl+shift+z")
    yield from until(lambda: collections() - before == new, "Redo did not bring the import back", 20)
    yield from click_button("look_through", across=0.25)
    yield from picture("look_through")


play(script)
