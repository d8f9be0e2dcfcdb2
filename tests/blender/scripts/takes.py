"""Takes: named, shown, moved with their project, found again, collected, deleted; what is not ours stays."""

import json
import os
import shutil
import sys
from pathlib import Path

import bpy
import numpy as np
from shots import leave

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import camera as cameras  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import (  # noqa: E402
    clips_and_strips,
    earlier,
    order,
    result_files,
    takes,
    takes_operators,
    takes_panel,
    takes_relink,
    wipe,
    wipe_drawing,
)
from bl_ext.user_default.worldwarp.state import STATE, Making  # noqa: E402
from shots import write_result  # noqa: E402

ops = bpy.ops.worldwarp
found = {}


def refused(operator, **keywords) -> str:
    try:
        operator(**keywords)
    except RuntimeError as error:
        return str(error)
    return ""


def make(where: Path, run: str, grey: int) -> None:
    """A result of two frames of one grey."""
    scene = bpy.context.scene
    path = cameras.sample(scene, scene.camera, range(1, 3), bpy.context.evaluated_depsgraph_get())
    pixels = np.full((path.raster.height, path.raster.width, 3), grey, np.uint8)
    cloud = np.array([[0, 0, 1.0]]), np.array([[9, 9, 9]]), np.array([0])
    write_result(where, [pixels] * 2, path, "sRGB", "Walk", cloud, run=run * 32)


def grey_of(take) -> int:
    """The first of the frames that the take's camera shows, as Blender finds it; -1 where it does not."""
    sequence = takes.frames_of(take)
    try:
        image = bpy.data.images.load(bpy.path.abspath(sequence.filepath), check_existing=False)
    except RuntimeError:
        return -1
    grey = round(image.pixels[0] * 255)
    bpy.data.images.remove(image)
    return grey


def names() -> list[str]:
    return [take.name for take in takes.all_of(bpy.context.scene)]


def visible() -> list[str]:
    return [take.name for take in takes.all_of(bpy.context.scene) if not take.hide_viewport and not take.hide_render]


scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 32, 16
project = folder / "project"
project.mkdir()
bpy.ops.wm.save_as_mainfile(filepath=str(project / "scene.blend"))
base = order.output_base(scene)
for number, run in enumerate("ab", 1):
    assert takes.fresh_folder(base, "Walk").name == f"Walk_v{number:03d}"
    make(base / f"Walk_v{number:03d}", run, 50 * number)
shutil.copytree(base / "Walk_v002", base / "Walk_v004")
found["next"] = takes.fresh_folder(base, "Walk").name
shutil.rmtree(base / "Walk_v004")

# Both, from the menu's list; the newest is shown, and one undo step takes all away
found["earlier"] = sorted((result.folder.name, result.unfinished) for result in earlier.found(scene, base))
bpy.ops.ed.undo_push(message="Before")
assert ops.import_result("EXEC_DEFAULT", True, directory=str(base)) == {"FINISHED"}
found["imported"] = [names(), visible(), bpy.context.scene.worldwarp_takes.active.name]
bpy.ops.ed.undo()
found["undone"] = names()
bpy.ops.ed.redo()
found["redone"] = names()
found["none left"] = earlier.found(bpy.context.scene, base)
make(base / "other", "c", 10)
os.utime(base / "other" / "shot.json", (0, 0))
described = json.loads((base / "other" / "shot.json").read_text())
chunks = [{"complete": True, "count": 2, "meta": {"seconds_fill": 61.0, "prompt": "a mill"}}, {"complete": False}]
(base / "other" / "shot.json").write_text(json.dumps(described | {"state": "failed", "frames": 5, "chunks": chunks}))
os.utime(base / "other" / "shot.json", (0, 0))
runs = earlier.history(bpy.context.scene, base)
found["history"] = sorted([run.folder.name, run.state, take] for run, take in runs)
found["oldest"] = [runs[-1][0].folder.name, takes_panel.history_line(runs[-1][0]).split(", ", 1)[1]]

# A damaged description is passed over in the lists, and said when it is imported
found["damaged descriptions"] = []
for text in ("{", "[" * 100_000, *(json.dumps(described | {name: None}) for name in ("chunks", "frames", "settings"))):
    (base / "other" / "shot.json").write_text(text)
    assert "other" not in [run.folder.name for run, _ in earlier.history(bpy.context.scene, base)]
    assert earlier.found(bpy.context.scene, base) == []
    found["damaged descriptions"].append(refused(ops.import_result, directory=str(base / "other")))
(base / "other" / "shot.json").write_text(json.dumps(described | {"chunks": [{"complete": True, "meta": None}]}))
assert earlier.found(bpy.context.scene, base) == []
shutil.rmtree(base / "other")

# Another one is shown: a view through a take's camera goes along, the user's own camera stays
user = bpy.context.scene.camera.name
assert ops.show_take("EXEC_DEFAULT", True, take="Walk_v001") == {"FINISHED"}
found["shown"] = [visible(), bpy.context.scene.camera.name == user]
assert ops.look_through("EXEC_DEFAULT", True, collection="Walk_v002") == {"FINISHED"}
looked = bpy.context.scene.camera.name
shown = bpy.context.scene.worldwarp_takes
shown.index = bpy.data.collections.find("Walk_v001")
assert ops.look_through() == {"FINISHED"}  # through the one that is shown
found["asked"] = takes_operators.question(takes.of_name(bpy.context.scene, "Walk_v001"))
found["looked"] = [looked, bpy.context.scene.camera.name, visible()]
takes.of_name(bpy.context.scene, "Walk_v001").worldwarp_take.note = "too fast"

# Compared by a wipe: the one that is shown, and another one
found["not itself"] = refused(ops.wipe, take="Walk_v001")
assert ops.wipe(take="Walk_v002") == {"FINISHED"}
found["at once"] = [side.key[0].name for side in wipe._Drawn.sides]  # before any tick of the timer
bpy.context.scene.frame_set(99)  # the last one stays
assert wipe.follow(bpy.context)
assert not wipe.follow(bpy.context)
found["wipe"] = [[float(side.pixels[0, 0, 0]) * 255, side.key[0].name] for side in wipe._Drawn.sides]
found["none missing"] = wipe.missing(bpy.context)
gone = base / "Walk_v002" / "frames" / "0002.png"
gone.rename(gone.with_suffix(".away"))
assert wipe.follow(bpy.context)
found["missing"] = wipe.missing(bpy.context)
gone.write_bytes(b"half a picture")
assert wipe.follow(bpy.context)
found["damaged"] = wipe.missing(bpy.context)
gone.with_suffix(".away").rename(gone)
assert wipe.follow(bpy.context)
found["there again"] = wipe.missing(bpy.context)
takes.show(bpy.context.scene, takes.of_name(bpy.context.scene, "Walk_v002"))
found["itself"] = wipe.pair(bpy.context)  # the one on the right is shown now: nothing is compared
takes.show(bpy.context.scene, takes.of_name(bpy.context.scene, "Walk_v001"))
assert ops.wipe() == {"FINISHED"}
found["wiped"] = wipe.pair(bpy.context)
halves = wipe_drawing.halves(wipe_drawing.box_of((10, 20, 110, 70), (32, 16), (1, 1)), 0.25)
found["halves"] = [[places.min(0).tolist(), places.max(0).tolist(), float(np.ptp(uv[:, 0]))] for places, uv in halves]
found["letterbox"] = wipe_drawing.box_of((10, 20, 110, 70), (40, 10), (1, 1))

# As a movie clip and as a strip, too
assert clips_and_strips.clip(takes.of_name(bpy.context.scene, "Walk_v001"))
assert clips_and_strips.strip(bpy.context.scene, takes.of_name(bpy.context.scene, "Walk_v001"))

# The project is moved whole: everything is found, by the paths alone
first = takes.of_name(bpy.context.scene, "Walk_v001")
found["paths"] = [first[takes.FOLDER], takes.frames_of(first).filepath]
bpy.ops.wm.save_mainfile()
moved = folder / "moved"
project.rename(moved)
bpy.ops.wm.open_mainfile(filepath=str(moved / "scene.blend"))
ops = bpy.ops.worldwarp
opened = {take.name: take for take in takes.all_of(bpy.context.scene)}
found["moved"] = [[grey_of(take), str(takes.folder_of(take).relative_to(moved))] for take in opened.values()]
found["note"] = opened["Walk_v001"].worldwarp_take.note

# Saved elsewhere: Blender takes the images along, and we follow
(folder / "else" / "where").mkdir(parents=True)
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "else" / "where" / "scene.blend"))
bpy.ops.wm.open_mainfile(filepath=str(folder / "else" / "where" / "scene.blend"))
opened = takes.all_of(bpy.context.scene)
found["elsewhere"] = [[grey_of(take), str(takes.folder_of(take).resolve().relative_to(moved))] for take in opened]

# Folders that were moved and renamed are found by the run they are of
results = folder / "archive" / "2026"
results.mkdir(parents=True)
(moved / "worldwarp" / "Walk_v001").rename(results / "second try")
(moved / "worldwarp" / "Walk_v002").rename(results / "Walk_v002")
found["lost"] = [takes.is_result(takes.folder_of(take)) for take in opened]
found["nowhere"] = refused(ops.relink_takes, directory=str(moved))
bpy.ops.ed.undo_push(message="Before")
assert ops.relink_takes("EXEC_DEFAULT", True, directory=str(folder / "archive")) == {"FINISHED"}
opened = takes.all_of(bpy.context.scene)
strip = takes._image_strips()[0]
found["clips"] = [Path(bpy.path.abspath(path)).exists() for path in (bpy.data.movieclips[0].filepath, strip.directory)]
found["relinked"] = [[grey_of(take), takes.folder_of(take).resolve().name] for take in opened]
bpy.ops.ed.undo()
found["relink undone"] = [takes.is_result(takes.folder_of(take)) for take in takes.all_of(bpy.context.scene)]
bpy.ops.ed.redo()

# One folder is looked into at a time, and what is in a result is not
looked = list(takes_relink.finding([results.parent]))
found["pieces"] = sorted(str(Path(place).relative_to(results.parent)) for place in looked)
assert ops.relink_takes("EXEC_DEFAULT", True) == {"FINISHED"}  # none is lost

# A folder of too many folders is said to be one
most, takes_relink.MOST_FOLDERS = takes_relink.MOST_FOLDERS, 1
there = takes.folder_of(takes.all_of(bpy.context.scene)[0])
there.rename(there.with_name("away"))
found["capped"] = refused(ops.relink_takes, directory=str(results.parent))
there.with_name("away").rename(there)
takes_relink.MOST_FOLDERS = most

# Collected into the project: in bounded pieces, taken back where it is interrupted
result_files.PIECE = 40
copied = folder / "copied"
work = result_files.copying(there, copied)
shares = [next(work) for _ in range(8)]
sizes = [path.stat().st_size for path in folder.rglob("copied.part/**/*.*")]
work.close()
found["interrupted"] = [
    shares == sorted(shares),
    shares[-1] < 1,
    sum(sizes) <= 8 * 40,
    len(list(folder.glob("copied*"))),
]
found["copied"] = [max(result_files.copying(there, copied)), result_files.ours(copied) == result_files.ours(there)]
shutil.rmtree(copied)
result_files.PIECE = 4 * 2**20

# Copied, and shown from there
assert ops.collect_takes("EXEC_DEFAULT", True) == {"FINISHED"}
opened = takes.all_of(bpy.context.scene)
found["collected"] = [[grey_of(take), takes.frames_of(take).filepath, take[takes.FOLDER]] for take in opened]
found["kept there"] = sorted(path.name for path in results.iterdir())
assert ops.collect_takes("EXEC_DEFAULT", True) == {"FINISHED"}
found["once"] = sorted(path.name for path in (folder / "else" / "where" / "worldwarp").iterdir())

# Results of one name that no server made, as those of the command: neither is taken for the other
for name, grey in (("by command", 150), ("once more", 200)):
    there = folder / name / "Other"
    make(there, "", grey)
    described = json.loads((there / "shot.json").read_text())
    (there / "shot.json").write_text(json.dumps(described | {"chunks": [{"digest": f"{grey:064x}"}]}))
    assert ops.import_result(directory=str(there)) == {"FINISHED"}
assert ops.collect_takes("EXEC_DEFAULT", True) == {"FINISHED"}
others = takes.all_of(bpy.context.scene)[2:]
found["without a run"] = [[grey_of(take), takes.folder_of(take).name] for take in others]
for take in [take.name for take in others]:
    assert ops.delete_take(take=take, files=True) == {"FINISHED"}

# Deleted: pinned ones are not; without files they stay
first, second = takes.all_of(bpy.context.scene)
first.worldwarp_take.pinned = True
found["pinned"] = refused(ops.delete_take, take=first.name, files=True)
first.worldwarp_take.pinned = False
lights = bpy.data.scenes.new("Other Lights")
lights.collection.children.link(first)
found["in two scenes"] = refused(ops.delete_take, take=first.name)
bpy.data.scenes.remove(lights)
here = takes.folder_of(first)
STATE.making = Making(first[takes.RUN], here, bpy.context.scene.session_uid, ("mesh",))
found["world coming"] = refused(ops.delete_take, take=first.name, files=True)
STATE.making = None
mine = bpy.data.objects.new("Mine", None)
first.objects.link(mine)
mine.parent = takes.camera_of(first)
bpy.context.view_layer.update()
place = np.array(mine.matrix_world)
counts = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "cameras", "actions", "images", "meshes")}
bpy.context.scene.camera = takes.camera_of(first)
bpy.ops.ed.undo_push(message="Before")
assert ops.delete_take("EXEC_DEFAULT", True, take=first.name) == {"FINISHED"}
after = {kind: counts[kind] - len(getattr(bpy.data, kind)) for kind in counts}
mine = bpy.data.objects["Mine"]
bpy.context.view_layer.update()
found["deleted"] = [names(), after, here.is_dir(), mine.name in bpy.context.scene.collection.objects]
found["mine stays"] = float(np.abs(np.array(mine.matrix_world) - place).max())
found["camera"] = bpy.context.scene.camera.name == user
bpy.ops.ed.undo()
found["delete undone"] = [names(), grey_of(takes.all_of(bpy.context.scene)[0])]

# With files: those that WorldWarp wrote, and nothing else
first = takes.of_name(bpy.context.scene, names()[0])
here = takes.folder_of(first)
(here / "frames" / "notes.txt").write_text("the user's")
(here / "frames" / "0003.png").symlink_to(folder / "outside.png")
(folder / "outside.png").write_bytes(b"somebody's")
(folder / "outside").mkdir()
(folder / "outside" / "0001.png").write_bytes(b"somebody's")
(here / "provenance").symlink_to(folder / "outside")
assert ops.import_result(directory=str(here)) == {"FINISHED"}
again = bpy.context.scene.worldwarp_takes.active.name
found["again"] = again
found["shared"] = refused(ops.delete_take, take=first.name, files=True)
assert ops.delete_take(take=again) == {"FINISHED"}
assert ops.delete_take("EXEC_DEFAULT", True, take=first.name, files=True) == {"FINISHED"}
found["left"] = sorted(str(path.relative_to(here)) for path in here.rglob("*") if "0001" not in path.name)
found["outside"] = [(folder / "outside.png").is_file(), (folder / "outside" / "0001.png").is_file()]
second = takes.all_of(bpy.context.scene)[0]
there = takes.folder_of(second)
link = there.with_name("link")
there.rename(folder / "real")
link.symlink_to(folder / "real")
takes.move(second, link)
found["link"] = [refused(ops.delete_take, take=second.name, files=True), (folder / "real" / "shot.json").is_file()]
link.unlink()
(folder / "real").rename(there)
takes.move(second, there)
assert ops.delete_take(files=True, take=second.name) == {"FINISHED"}
found["gone"] = [there.exists(), names(), there.parent.is_dir()]
found["no take"] = refused(ops.delete_take)
leave(**found)
