"""Results, worlds and estimates become objects in bounded pieces, counted; given up at any piece, nothing is left."""

import sys
from pathlib import Path

import bpy
import numpy as np
from shots import counts, grid_faces, leave, write_result

from blender_addon import camera, geometry, importer, importing, points, properties, results, world
from blender_addon.pieces import READY
from blender_addon.state import Making, Run

folder = Path(sys.argv[1])
properties.register()
importing.register()
scene, cam = bpy.context.scene, bpy.context.scene.camera
cam.keyframe_insert("location", frame=1)
cam.location.x -= 1
cam.keyframe_insert("location", frame=60)
scene.render.resolution_x, scene.render.resolution_y = 48, 32
path = camera.sample(scene, cam, list(range(1, 61)), bpy.context.evaluated_depsgraph_get())
rng = np.random.default_rng(0)
frames = [np.full((32, 48, 3), 128, np.uint8)] * 60


def cloud(count: int):
    return rng.normal(size=(count, 3)), rng.integers(0, 256, (count, 3)), rng.integers(0, 3, count)


def write_mesh(path: Path, count: int) -> None:
    """Points, all in the picture, and as many triangles."""
    row = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("r", "u1"), ("g", "u1"), ("b", "u1"), ("s", "<f4"), ("t", "<f4")]
    rows, faces = np.zeros(count, row), np.zeros(count, [("n", "u1"), ("corners", "<i4", 3)])
    for axis in "xyz":
        rows[axis] = rng.normal(size=count)
    faces["n"], faces["corners"] = 3, (np.arange(count)[:, None] + np.arange(3)) % count
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"property uchar {name}" for name in ("red", "green", "blue")]
    lines += [f"property float {name}" for name in "st"]
    lines += [f"element face {count}", "property list uchar int vertex_indices", "end_header\n"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(lines).encode() + rows.tobytes() + faces.tobytes())


for name, count in (("small", 50), ("large", 150_000)):
    write_result(folder / name, frames, path, "sRGB", cloud=cloud(count))
    write_mesh(folder / name / "world" / "mesh.ply", count)
    (folder / name / "world" / "points.ply").write_bytes((folder / name / "points.ply").read_bytes())


def estimate(width: int, height: int) -> geometry.Estimate:
    v, u = np.mgrid[:height, :width] + 0.5
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    xyz = (np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(K).T * 4).reshape(-1, 3).astype(np.float32)
    rgb = rng.integers(0, 256, xyz.shape).astype(np.uint8)
    return geometry.Estimate("ttt3r", K, width, height, xyz, rgb, grid_faces(np.ones((height, width), bool)), np.eye(4))


def result_work(size: str):
    return importer.placing(scene, folder / size)


def world_work(size: str):
    return world.placing(scene, Making("0" * 32, folder / size, scene.session_uid, ("points", "mesh"), "answered"))


def estimate_work(size: str):
    made = estimate(*((8, 6) if size == "small" else (480, 320)))
    return geometry.placing(scene, "Room", made, made.K, np.eye(4), "sRGB")


WORKS = {"result": result_work, "world": world_work, "estimate": estimate_work}


# Counted in each piece: rows that are read or converted, and what Blender is given
rows = {"converted": 0, "read": 0, "measured": 0}


def counted(name: str, function, of):
    def call(*arguments):
        rows[name] += len(of(*arguments))
        return function(*arguments)

    return call


points._scene_linear = counted("converted", points._scene_linear, lambda rgb, *_: rgb)
points._spread = counted("read", points._spread, lambda table, *_: table)
points.radii = counted("measured", points.radii, lambda xyz, *_: xyz)


def there() -> dict[str, int]:
    """What Blender holds that counts as work."""
    return {
        "nodes": sum(len(group.nodes) for group in bpy.data.node_groups),
        "attributes": sum(len(mesh.attributes) for mesh in bpy.data.meshes),
        "images": len(bpy.data.images),
        "objects": len(bpy.data.objects),
    }


def most(work) -> dict[str, int]:
    """The most of everything in one piece, until the last is ready."""
    found, seen = {}, False
    while not seen:
        before = {**rows, **there()}
        seen = next(work) == READY
        for name, value in {**rows, **there()}.items():
            found[name] = max(found.get(name, 0), value - before[name])
    work.close()
    return found


def left_by_giving_up(begin) -> list[dict]:
    """What is left where the work is given up after each of its pieces, of all that was not there before."""
    found, pieces, over = [], 0, False
    before = counts()
    while not over:
        pieces += 1
        work = begin("small")
        for _ in range(pieces):
            over = next(work) == READY
        linked = [child.name for child in scene.collection.children_recursive if child.name != "Collection"]
        work.close()
        after = counts()
        found += [{kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]}] * (
            after != before
        )
        found += linked
    return [pieces, found]


found = {name: [most(begin("large")), *left_by_giving_up(begin)] for name, begin in WORKS.items()}

# By itself: undo and saving give it up, it begins again, and is one undo step
run = Run(folder / "small", scene.session_uid, state="done", frames_done=60)
bpy.ops.ed.undo_push(message="Before")
before = counts()


def some() -> bool:
    for _ in range(12):
        assert not results.ready(run)
    return counts() != before


found["begun"] = [some()]
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
found["saved"] = [counts() == before, importing._works == {}]
found["begun"].append(some())
cam.location.x += 1
bpy.ops.ed.undo_push(message="Moved")  # what is half made is in this step
bpy.ops.ed.undo()
scene = bpy.context.scene
found["undone"] = [counts() == before, importing._works == {}]
found["begun"].append(some())
half = (
    next(mesh for mesh in bpy.data.meshes if mesh.name == "Walk Points") if "Walk Points" in bpy.data.meshes else None
)
for thing in [thing for thing in bpy.data.objects if thing.name == "Walk Camera"]:
    bpy.data.objects.remove(thing)  # as when orphans are purged
while not results.ready(run):
    pass
bpy.ops.ed.undo_push(message="Made")
results.place(scene, run.folder)
found["placed"] = [
    "Walk" in scene.collection.children,
    len(bpy.data.collections["Walk"].objects),
    importing._works == {},
]
leave(**found)
