"""The world of a run: files that the server makes become objects, in place, anew as it grows, undone in one step."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import news, pump, world  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp.parts import part  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE, Making  # noqa: E402

ops = bpy.ops.worldwarp
RUN = "0" * 32


class Told:
    """A link that has told all already."""

    def __init__(self, *items) -> None:
        from queue import SimpleQueue

        self.inbox, self.alive = SimpleQueue(), False
        for item in items:
            self.inbox.put(item)

    def wait(self, seconds: float) -> None:
        pass

    ask = wait


def made(*products: str, at: str = "first") -> None:
    """As when the server has answered."""
    STATE.making = Making(RUN, folder / at, bpy.context.scene.session_uid, products)
    pump.start_beside(Told(news.Estimating(1, 2), news.WorldMade(2, {"points.count": 3.0, "mesh.faces": 1.0})))
    pump.made()


def co(name: str) -> np.ndarray:
    mesh = part(home(), name).data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)


def home():
    return world.collection_of(bpy.context.scene, RUN)


def names(parent) -> list[str]:
    return [child.name for child in parent.children]


found = {}
bpy.ops.ed.undo_push(message="Before")
made("points", "mesh", "gaussians")
found["answered"] = [STATE.making.state, STATE.making.step, STATE.making.chunks]
assert ops.place_world("EXEC_DEFAULT", True) == {"FINISHED"}
found["alone"] = [names(bpy.context.scene.collection), sorted(thing.name for thing in home().objects)]
expected = np.load(folder / "expected.npz")
found["places"] = [bool((co("points") == expected["xyz"]).all()), bool((co("mesh") == expected["xyz"]).all())]
mesh = part(home(), "mesh").data
found["faces"] = [list(polygon.vertices) for polygon in mesh.polygons]
colours = np.empty(4 * len(mesh.vertices), np.float32)
mesh.attributes["Col"].data.foreach_get("color", colours)
linear = ((expected["rgb"] / 255 + 0.055) / 1.055) ** 2.4
found["colours"] = float(np.abs(colours.reshape(-1, 4)[:, :3] - linear).max())
found["provenance"] = [value.value for value in part(home(), "points").data.attributes["provenance"].data]
bpy.ops.ed.undo()
found["undone"] = [home() is None, "Walk World Points" in bpy.data.objects, "Walk Proxy Mesh" in bpy.data.meshes]

# It lies in the result's collection, whichever comes first
made("mesh")
assert ops.place_world() == {"FINISHED"}
assert ops.import_result(directory=str(folder / "first")) == {"FINISHED"}
take = bpy.data.collections["Walk"]
cloud = part(take, "streamed")
found["streamed"] = [[cloud.hide_viewport, cloud.hide_render]]
found["adopted"] = [names(take), "Walk World" in names(bpy.context.scene.collection)]

# Grown: the same object, with what the user set of it
thing = part(home(), "mesh")
thing.hide_viewport, thing.location.x = True, 3
before = len(bpy.data.meshes)
made("mesh", at="second")
assert ops.place_world() == {"FINISHED"}
found["grown"] = [
    len(co("mesh")),
    thing.hide_viewport,
    thing.location.x,
    len(bpy.data.meshes) - before,
    len(home().objects),
]
made("points")
assert ops.place_world() == {"FINISHED"}
found["streamed"].append([cloud.hide_viewport, cloud.hide_render])
cloud.hide_viewport = False
made("points")
assert ops.place_world() == {"FINISHED"}
found["streamed"].append([cloud.hide_viewport, part(home(), "points").hide_viewport])
made("points", at="second")
try:
    ops.place_world()
except RuntimeError as error:
    found["damaged"] = str(error)
found["refused"] = [STATE.making.state, len(home().objects)]

# No such result
bpy.data.images.remove(bpy.data.images["Walk"])  # the frames, which would say where they are
for collection, case in (("Nowhere", "no run"), ("Walk", "gone")):
    take["worldwarp_folder"] = str(folder / "gone")
    try:
        ops.make_world(collection=collection, product="mesh")
    except RuntimeError as error:
        found[case] = str(error)
leave(**found)
