"""The file is saved and Blender quit, by their keys, in the middle of a run."""

import bpy
import shot
from driving import PASSED, check, click_button, open_sidebar, open_steps, play, press


def script():
    bpy.context.scene.worldwarp.seed += 3
    shot.save("quit")
    yield from open_sidebar()
    yield from open_steps("generate")
    yield from click_button("generate")
    yield from shot.in_the_middle()
    check(not shot.over(), "The run was over before Blender was quit")
    yield from press("ctrl+s")
    check(bpy.context.scene.worldwarp.run, "The file does not know of the run")
    print(PASSED, flush=True)
    yield from press("ctrl+q")
    yield 60
    check(False, "Ctrl Q did not quit Blender")


play(script)
