"""Which operators are undo steps, one for each, and that frames which come are none."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave, write_result

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera as cameras  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import streaming  # noqa: E402
from bl_ext.user_default.worldwarp.state import Run  # noqa: E402

ops = bpy.ops.worldwarp
kinds = {name: bpy.types.Operator.bl_rna_get_subclass_py(f"WORLDWARP_OT_{name}") for name in dir(ops)}
found: dict = {"no steps": sorted(name for name, kind in kinds.items() if "UNDO" not in kind.bl_options)}
found["not repeated"] = sorted(name for name, kind in kinds.items() if not kind.bl_options)
found["grouped"] = sorted(name for name, kind in kinds.items() if "UNDO_GROUPED" in kind.bl_options)


def shot():
    return bpy.context.scene.worldwarp  # undo replaces what was held


def pushed(name: str) -> None:
    shot().name = name
    bpy.ops.ed.undo_push(message=name)


def undone(operator, **keywords) -> list:
    """What the parts are after the operator, after one undo, and which name the shot has then."""
    pushed("before")
    pushed("now")
    assert operator("EXEC_DEFAULT", True, **keywords) == {"FINISHED"}
    after = [[part.frame, part.locked] for part in shot().parts]
    bpy.ops.ed.undo()
    return [after, len(shot().parts), shot().name]


scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y, scene.frame_end = 32, 16, 137
path = cameras.sample(scene, scene.camera, range(1, 4), bpy.context.evaluated_depsgraph_get())
write_result(folder / "Walk_v001", [np.zeros((16, 32, 3), np.uint8)] * 3, path, "sRGB")
found["lock"] = undone(ops.lock_range, frame=60)
found["own"] = undone(ops.part_add, frame=60)

# Frames that come leave no step behind them
pushed("before")
pushed("now")
bpy.context.window_manager.worldwarp_live.show_frames = True
run = Run(folder / "Walk_v001", bpy.context.scene.session_uid, id="x", frames=3, state="running")
shown = []
for number in (1, 2, 3):
    run.frames_done = number
    streaming.follow(run)
    shown.append(streaming._Now.frames)
found["shown"] = shown
bpy.ops.ed.undo()
found["streamed"] = shot().name
streaming.remove()

# A result that is imported is one
pushed("before")
pushed("now")
assert ops.import_result("EXEC_DEFAULT", True, directory=str(folder / "Walk_v001")) == {"FINISHED"}
count = len(bpy.context.scene.collection.children_recursive)
bpy.ops.ed.undo()
found["imported"] = [count - len(bpy.context.scene.collection.children_recursive), shot().name]

# A walk without frames has no ranges
shot().use_scene_range, shot().frame_start, shot().frame_end = False, 9, 1
try:
    ops.lock_range(frame=5)
except RuntimeError as error:
    found["no frames"] = str(error)
leave(**found)
