"""The draft of a whole path and the world of a run, asked of a real server: until the camera moves, and in place."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, address, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import draft, look, preferences, pump, world, world_steps  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp.parts import part  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE  # noqa: E402

ops, scene = bpy.ops.worldwarp, bpy.context.scene
shot, cam = scene.worldwarp, scene.camera
preferences.get().address = address
scene.render.engine, scene.cycles.samples = "CYCLES", 2
scene.render.resolution_x, scene.render.resolution_y = 96, 64
scene.frame_start, scene.frame_end = 101, 105
shot.longest_side, shot.cache_steps, shot.output_folder = 96, 5, str(folder / "results")
cam.keyframe_insert("location", frame=101)
cam.location.x -= 1.5
cam.keyframe_insert("location", frame=105)

found = {}
assert ops.draft_path() == {"FINISHED"}
found["state"] = [STATE.inquiry.what, STATE.inquiry.state]
shares = []
for frame in range(101, 106):
    scene.frame_set(frame)
    picture, share = look.render(bpy.context)
    shares.append([share, bool((picture == look.HOLE).all(axis=-1).any())])
found["size"] = list(picture.shape)
found["shares"] = shares
scene.frame_set(103)
cam.location.x += 0.5
bpy.context.view_layer.update()
found["moved"] = look.render(bpy.context) is None  # nothing else is known of this scene
draft.forget()

# Points and mesh of the run's world, asked of the server
assert ops.generate() == {"FINISHED"}
for product in ("points", "mesh"):
    assert ops.make_world(collection="Walk_v001", product=product) == {"FINISHED"}
home = world.collection_of(scene, shot.run)
take = bpy.data.collections["Walk_v001"]
found["in the take"] = [child.name for child in take.children] == [home.name]


def box(thing) -> np.ndarray:
    co = np.empty(3 * len(thing.data.vertices), np.float32)
    thing.data.vertices.foreach_get("co", co)
    return co.reshape(-1, 3)


cloud = next(thing for thing in take.objects if thing.type == "MESH")
for name in ("points", "mesh"):
    there = box(part(home, name))
    # nearest point of the streamed cloud, for some of them
    away = [np.linalg.norm(box(cloud) - one, axis=1).min() for one in there[:: max(1, len(there) // 50)]]
    found[name] = [len(there), float(np.median(away))]
found["triangles"] = len(part(home, "mesh").data.polygons)

# As a run grows, its world is asked for anew, once for each part
STATE.making, STATE.run.state = None, "running"
bpy.context.window_manager.worldwarp.world_refresh = True
world_steps.refresh()
found["asked"] = [pump.making(), sorted(STATE.making.products)]
pump.made()
world_steps.bring_in()
world_steps.refresh()
found["again"] = [STATE.making.state, pump.making()]
STATE.run.chunks_done += 1
world_steps.refresh()
found["grown"] = pump.making()
pump.made()
pump.stop()
leave(**found)
