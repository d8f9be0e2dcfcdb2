"""As ``blender -b FILE --python scripts/render_unattended.py -- OPTIONS`` where the extension is installed.

Arguments: the extension's zip, "" for none; the .blend, made where it is not there; a server; then "--" and options.
"""

import runpy
import sys
from pathlib import Path

import bpy

zip_file, blend, address = sys.argv[1:4]
if zip_file:
    bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
    bpy.context.preferences.addons["bl_ext.user_default.worldwarp"].preferences.address = address
if zip_file and not Path(blend).exists():
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = 96, 64
    scene.frame_start, scene.frame_end = 1, 5
    scene.camera.keyframe_insert("location", frame=1)
    scene.camera.location.x -= 1
    scene.camera.keyframe_insert("location", frame=200)
    scene.worldwarp.longest_side, scene.worldwarp.cache_steps = 96, 5
    bpy.ops.wm.save_as_mainfile(filepath=blend)
elif zip_file:
    bpy.ops.wm.open_mainfile(filepath=blend)
runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "render_unattended.py"), run_name="__main__")
