"""A result whose cameras were solved: one camera, two actions, exact at every frame, switched and undone."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera as cameras  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import solved  # noqa: E402

ops = bpy.ops.worldwarp
with np.load(folder / "result" / "cameras.npz") as data:
    truth = {
        solved.REQUESTED: solved.poses_of(data["R"], data["t"]),
        solved.SOLVED: solved.poses_of(data["R_solved"], data["t_solved"]),
    }
    K, frame = data["K"], data["frame"]
    raster = cameras.Raster(int(data["width"]), int(data["height"]))


def result():
    collection = next(c for c in bpy.data.collections if "worldwarp_run" in c)
    return collection, solved.camera_of(collection)


def worst(name: str) -> float:
    """Pixels by which 4 points at 3 units are off those of ``truth``, over all frames."""
    back = cameras.sample(bpy.context.scene, result()[1], frame.tolist(), bpy.context.evaluated_depsgraph_get(), raster)
    corners = np.array([[x, y, 1.0] for x in (0, raster.width) for y in (0, raster.height)])
    off = []
    for k, pose, k2, pose2 in zip(K, truth[name], back.K, back.camera_to_world, strict=True):
        points = 3 * corners @ np.linalg.inv(k).T @ pose[:3, :3].T + pose[:3, 3]
        seen = (points - pose2[:3, 3]) @ pose2[:3, :3] @ k2.T
        off.append(np.abs(seen[:, :2] / seen[:, 2:] - corners[:, :2]).max())
    return float(max(off))


def follows() -> str:
    return next(name for name in truth if solved.shown(result()[1], name))


def switch(name: str) -> None:
    assert ops.switch_camera("EXEC_DEFAULT", True, collection=result()[0].name, to=name) == {"FINISHED"}


found = {}
bpy.ops.ed.undo_push(message="Before")
assert ops.import_result("EXEC_DEFAULT", True, directory=str(folder / "result")) == {"FINISHED"}
found["cameras"] = sum(thing.type == "CAMERA" for thing in result()[0].objects)
found["first"] = [follows(), worst(solved.REQUESTED)]
switch(solved.SOLVED)
found["solved"] = [follows(), worst(solved.SOLVED), worst(solved.REQUESTED)]
bpy.ops.ed.undo()
found["undone"] = [follows(), worst(solved.REQUESTED)]
bpy.ops.ed.redo()
found["redone"] = [follows(), worst(solved.SOLVED)]
switch(solved.REQUESTED)
found["back"] = [follows(), worst(solved.REQUESTED)]
found["said"] = [solved.off(result()[1], name) for name in truth]
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "kept.blend"))
bpy.ops.wm.open_mainfile(filepath=str(folder / "kept.blend"))
switch(solved.SOLVED)
found["opened"] = [follows(), worst(solved.SOLVED)]
bpy.data.actions.remove(result()[1][solved.REQUESTED])
try:
    switch(solved.REQUESTED)
except RuntimeError as error:
    found["gone"] = str(error)
leave(**found)
