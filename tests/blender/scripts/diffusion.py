"""The built zip: from the properties to the shot on the wire, parts, and the preview from the news to its pixels."""

import dataclasses
import sys
import time
from pathlib import Path
from queue import SimpleQueue

import bpy
import numpy as np
from shots import counts, leave

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

import msgspec  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp import bounds, link, news, order, overrides, preview, pump  # noqa: E402
from bl_ext.user_default.worldwarp.state import STATE, Run  # noqa: E402
from worldwarp_protocol import messages  # noqa: E402

ops = bpy.ops.worldwarp
scene = bpy.context.scene
shot = scene.worldwarp
scene.render.engine, scene.cycles.samples = "CYCLES", 1
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.frame_start, scene.frame_end = 101, 250
shot.longest_side, shot.output_folder = 64, str(folder / "results")


def travelled() -> messages.Shot:
    """The shot as the server gets it: encoded, decoded and checked against every bound."""
    sent = order.prepare(bpy.context)[0].shot()
    return msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=messages.Shot)


def problem() -> str:
    return (order.problems(scene) or [""])[0]


# Every bound, default and choice is the protocol's
found = {"choices": {}}
for owner, struct in ((shot.diffusion, "Diffusion"), (shot, "Settings")):
    for name in ("solver", "noise", "tokens", "memory", "cache"):
        if rna := owner.bl_rna.properties.get(name):
            found["choices"][name] = set(rna.enum_items.keys()) == bounds.choices(struct, name)
rna = shot.diffusion.bl_rna.properties
found["steps"] = [rna["steps"].hard_min, rna["steps"].hard_max, rna["steps"].default]
found["guidance_valid"] = [rna["guidance_valid"].hard_min, rna["guidance_valid"].hard_max]
found["far"] = [shot.bl_rna.properties["far"].default, shot.far]

# Draft needs none of it; untouched, the others get the protocol's defaults to the last bit
shot.diffusion.prompt = "a mill"
assert travelled().settings.diffusion == messages.Diffusion()
shot.diffusion.prompt = ""
shot.profile = "wan"
found["untouched"] = travelled().settings.diffusion == messages.Diffusion()
found["plain"] = (travelled().settings.cache, travelled().overrides) == (messages.Settings().cache, [])

# All of it, changed
wished = messages.Diffusion(
    prompt="a mill \u00e0 l'eau",
    style="Van Gogh style",
    negative_prompt="people",
    sigma=0.37,
    steps=12,
    shift=3.3,
    guidance=4.1,
    guidance_valid=1.7,
    solver="dpm++",
    noise="spatial",
    tokens="sampled",
    erosion=3,
    age_noise=0.21,
    confidence_noise=0.13,
    colour_correction=True,
    memory="low",
)
for name, value in msgspec.structs.asdict(wished).items():
    assert value != getattr(messages.Diffusion(), name), name
    setattr(shot.diffusion, name, value)
shot.diffusion.use_guidance_valid = True
shot.cache, shot.cache_steps, shot.seed = "points", 7, 11

# Parts, by a frame of the scene
scene.frame_set(150)
assert ops.part_add() == {"FINISHED"}
entry = shot.parts[0]
assert (entry.frame, round(entry.sigma, 6)) == (150, 0.37)
found["changes nothing"] = travelled().overrides
entry.use_seed, entry.seed, entry.use_prompt = True, 5, True
scene.frame_set(101)
assert ops.part_add() == {"FINISHED"}
shot.parts[1].use_sigma, shot.parts[1].sigma = True, 0.9
shot.parts[1].use_style, shot.parts[1].style = True, "Film noir"
sent = travelled()
found["sent"] = sent.settings.diffusion == wished
found["settings"] = [sent.settings.cache, sent.settings.cache_steps, sent.settings.seed, sent.settings.profile]
found["overrides"] = sent.overrides == [
    messages.Override(chunk=0, sigma=0.9, style="Film noir"),
    messages.Override(chunk=1, seed=5, prompt=""),
]
shot.parts[1].frame = 149
found["same part"] = sent.overrides[0].chunk == travelled().overrides[0].chunk  # 101 to 149 are the first part
shot.parts[1].frame = 193
found["twice"] = problem()
shot.parts[1].frame = 251
found["outside"] = [problem(), len(travelled().overrides)]
scene.frame_end = 300
found["inside again"] = len(travelled().overrides)
scene.frame_end = 250
shot.parts[1].frame = 101
assert ops.part_remove() == {"FINISHED"}  # of the current frame's range
assert (len(shot.parts), shot.parts[0].frame, problem()) == (1, 150, "")
walk = order.frames_of(scene)
found["panels"] = [overrides.ranges_of(shot, walk)[index].among(walk) for index in (0, 1, 3)]
shot.every = "2"
found["every 2nd"] = overrides.ranges_of(shot, walk)[0].among(walk)
shot.every = "1"
shot.profile = "draft"
found["draft"] = travelled().overrides == [messages.Override(chunk=1, seed=5)]
shot.profile = "wan"

# Frames of a preview: those of the walk, every fourth
(folder / "run").mkdir()
pictures = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 3), np.uint8)
found["too early"] = link.preview_of(folder / "run", pictures, 0, 4) is None
np.savez(folder / "run" / "cameras.npz", frame=np.arange(101, 110))
found["frames"] = [
    link.preview_of(folder / "run", pictures, first, apart).frames for first, apart in ((0, 4), (4, 4), (0, 3), (0, 5))
]
found["beyond"] = link.preview_of(folder / "run", pictures, 12, 4) is None


# The preview: from the news to its pixels, no faster than it should, and gone with the part or the run
class Told:
    """A link that tells what it is told to tell."""

    alive = True
    inbox = SimpleQueue()

    def leave(self) -> None:
        self.alive = False


def pixels() -> list:
    picture = preview.shown().picture
    width, height = picture.image_size
    packed = np.empty(width * height, np.int32)
    picture.image_pixels.foreach_get(packed)
    return packed.view(np.uint8).reshape(height, width, 4)[::-1, :, :3]


def tell(item) -> None:
    """Hear it once the last picture was shown long enough."""
    time.sleep(preview.PAUSE_SECONDS)
    Told.inbox.put(item)
    pump.tick()


shown, before = [], counts()
STATE.run = Run(folder, scene.session_uid, state="running", chunks=2)
pump.start(Told())
first = link.preview_of(folder / "run", pictures, 0, 4)
scene.frame_set(1)
tell(first)
shown.append([preview.shown().frame, bool((pixels() == pictures[1]).all())])  # none is near: the middle one of three
scene.frame_set(102)
pump.tick()
found["not at once"] = preview.shown().frame == 105
time.sleep(preview.PAUSE_SECONDS)
pump.tick()
shown.append([preview.shown().frame, bool((pixels() == pictures[0]).all())])  # the nearest to 102
scene.frame_set(108)
tell(dataclasses.replace(first, pictures=pictures[:, :2]))  # of another size
shown.append([preview.shown().frame, bool((pixels() == pictures[2, :2]).all())])
preview.draw(preview.shown().picture, np.zeros((90, 160, 3), np.uint8))
found["nothing in the file"] = counts() == before
found["wide"] = []
for width, height in ((512, 288), (320, 180), (640, 360)):  # of frames eight times as wide
    tell(dataclasses.replace(first, pictures=np.zeros((4, height, width, 3), np.uint8)))
    found["wide"].append(list(preview.shown().picture.image_size))
tell(news.Committed(1))
found["gone with the part"] = preview.shown() is None
tell(first)
assert preview.shown() is not None
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
tell(news.Ended("cancelled", ""))
found["gone with the run"] = preview.shown() is None
STATE.run = Run(folder, scene.session_uid, state="running", chunks=2)
tell(first)
assert preview.shown() is not None
pump.stop()
found["gone with the extension"] = preview.shown() is None
found["shown"] = shown

# Kept in the .blend, the preview is not
bpy.ops.wm.open_mainfile(filepath=str(folder / "scene.blend"))
again = bpy.context.scene.worldwarp
again.diffusion.use_guidance_valid = True
found["kept"] = messages.Diffusion(**again.diffusion.sent()) == wished
found["parts kept"] = [(entry.frame, entry.seed) for entry in again.parts]
found["images"] = [name for name in bpy.data.images.keys() if "review" in name]  # noqa: SIM118 (it is no dict)

bpy.ops.preferences.addon_disable(module="bl_ext.user_default.worldwarp")
leave(**found)
