"""The demo's part in Blender: install the extension, press Generate, wait for the result.

Run by a Python that holds Blender as the module ``bpy``, with BLENDER_USER_RESOURCES set to a folder of the demo's:

    demo_generate.py SCENE.blend EXTENSION.zip ADDRESS FOLDER FAR PROFILE ...

A result's folder becomes FOLDER/PROFILE/Demo_v001, or the next number that is free.
"""

import importlib
import sys
import threading
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.worldwarp"
LOOKS_PER_SECOND = 4
MINI_STEPS = 20


def main(scene_file, extension, address, folder, far, *profiles):
    """Everything a user does, by the operators that the buttons call."""
    bpy.ops.extensions.package_install_files(
        filepath=str(Path(extension).resolve()), repo="user_default", enable_on_install=True
    )
    bpy.context.preferences.addons[MODULE].preferences.address = address
    for profile in profiles:
        bpy.ops.wm.open_mainfile(filepath=str(Path(scene_file).resolve()))
        describe(bpy.context.scene, profile, Path(folder).resolve() / profile, float(far))
        generate()


def describe(scene, profile, folder, far):
    """Fill in the panel."""
    shot = scene.worldwarp
    shot.name, shot.source, shot.profile = "Demo", "RENDER", profile
    shot.output_folder, shot.far = str(folder), far
    shot.longest_side = max(scene.render.resolution_x, scene.render.resolution_y)
    if profile == "mini":
        print(f"  mini takes {MINI_STEPS} denoising steps here, of {shot.diffusion.steps} by default.", flush=True)
        shot.diffusion.steps = MINI_STEPS


def generate():
    """Press the button, and tell how far it is until it is done."""
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(importlib.import_module(f"{MODULE}.state").STATE, done))
    watcher.start()
    try:
        bpy.ops.worldwarp.generate()
    except RuntimeError as error:  # how an operator that was refused tells why
        sys.exit(str(error).strip())
    finally:
        done.set()
        watcher.join()


def watch(state, done):
    """Print where the run stands, on one line; reads plain data only, never Blender's."""
    shown = ""
    while not done.wait(1 / LOOKS_PER_SECOND):
        line = told(state.run)
        if line != shown:
            print(f"\r  {line:70}", end="", file=sys.stderr, flush=True)
            shown = line
    print(f"\r{'':72}\r", end="", file=sys.stderr)


def told(run):
    """Where the run stands, in words."""
    if not run or not run.progress:
        return "rendering"
    stage = run.stage.format(step=run.progress.step, steps=run.progress.steps)
    return f"{run.fraction:4.0%}  {stage}, {run.frames_done} of {run.frames} frames here"


if __name__ == "__main__":
    main(*sys.argv[1:])
