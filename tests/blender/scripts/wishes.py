"""The built zip: masks and the settings of Advanced, from the panel's properties to what is sent."""

import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
from shots import leave, write_png

zip_file, folder = sys.argv[1], Path(sys.argv[2])
installed = bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
assert installed == {"FINISHED"}

from bl_ext.user_default.worldwarp import draft, geometry, link, order, shooting  # noqa: E402  (exists from here on)
from bl_ext.user_default.worldwarp.problems import Problem  # noqa: E402
from worldwarp_protocol.errors import Refused  # noqa: E402
from worldwarp_protocol.messages import Settings  # noqa: E402

scene = bpy.context.scene
shot = scene.worldwarp
scene.render.engine, scene.cycles.samples = "CYCLES", 1
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.frame_start, scene.frame_end = 1, 5
shot.longest_side, shot.output_folder = 64, str(folder / "results")
rng = np.random.default_rng(0)


def refused(ask) -> str:
    try:
        ask()
    except Problem as problem:
        return str(problem)
    return ""


found = {}
people = np.where(rng.random((48, 64)) < 0.3, 255, 0).astype(np.uint8)
write_png(folder / "people.png", people)
write_png(folder / "sky.png", np.repeat((255 - people)[..., None], 3, axis=2))
write_png(folder / "small.png", people[:24])
found["none"] = sorted(order.prepare(bpy.context)[0].arrays)

# Of a render
shot.mask_file, shot.sky_file = str(folder / "people.png"), str(folder / "sky.png")
arrays = order.prepare(bpy.context)[0].arrays
found["exact"] = [
    arrays["mask"].dtype.name,
    bool((arrays["mask"][0] == people).all()),
    bool((arrays["sky"][0] == 255 - people).all()),
]
shot.sky_file = str(folder / "small.png")
found["render"] = refused(lambda: order.prepare(bpy.context))
found["before the render"] = refused(lambda: shooting.begin(bpy.context, None))
shot.sky_file = str(folder / "nowhere.png")
found["file"] = order.problems(scene)
shot.sky_file = ""

# Of a file
write_png(folder / "picture.png", rng.integers(0, 256, (24, 64, 3), dtype=np.uint8))
shot.source, shot.depth_source, shot.picture_file = "FILE", "depth-anything", str(folder / "picture.png")
found["picture"] = refused(lambda: order.prepare(bpy.context))
shot.mask_file = str(folder / "small.png")
found["fits"] = sorted(order.prepare(bpy.context)[0].arrays)

# A draft of the path is asked for with the same masks, at the scale that the shot will have
u, v = np.meshgrid(np.linspace(-0.9, 0.9, 5), np.linspace(-0.3, 0.3, 5))
wall = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3).astype(np.float32)
K = np.array([[32.0, 0, 32], [0, 32, 12], [0, 0, 1]])
estimate = geometry.Estimate(
    "depth-anything", K, 64, 24, wall, np.zeros((25, 3), np.uint8), np.array([[0, 1, 5]]), np.eye(4)
)
geometry.place(scene, "Wall", estimate, K, np.eye(4), "sRGB")
shot.anchor_distance, shot.sky_file = 7, str(folder / "small.png")
_, question = draft.inquire(bpy.context, order.take_picture(scene, 1, []))
found["draft"] = sorted(question.arrays)


class Asked:
    """A client that tells what it was asked for."""

    def check_path(self, *_, **options):
        found["at scale"] = list(options["anchor"] or ()) == list(order.prepare(bpy.context)[0].settings["anchor"])
        found["anchor"] = options["anchor"]
        raise Refused("cancelled", "")


link.check_path(question)(SimpleNamespace(take_wish=None), Asked())
shot.geometry, shot.sky_file = None, ""

# Of a picture that is larger than the server takes
wide = np.zeros((16, 8192), np.uint8)
wide[:, 4096:] = 255
write_png(folder / "wide.png", np.repeat(wide[..., None], 3, axis=2))
shot.picture_file = shot.mask_file = str(folder / "wide.png")
arrays = order.prepare(bpy.context)[0].arrays
found["wide"] = [arrays["mask"].shape, arrays["picture"].shape, bool((arrays["mask"][0, :, 2048:] == 255).all())]

# Untouched, the settings are the protocol's; changed, they are sent
plain = order.prepare(bpy.context)[0].shot().settings
fields = [name for name in ("memory_frames", "overscan", "every", "ease_frames") if name in shot.bl_rna.properties]
found["fields"] = fields
found["untouched"] = all(getattr(plain, name) == getattr(Settings(), name) for name in fields)
shot.memory_frames, shot.every, shot.overscan, shot.ease_frames = 3, "4", 0.1, 7
sent = order.prepare(bpy.context)[0].shot().settings
found["sent"] = [sent.memory_frames, sent.every, sent.overscan, sent.ease_frames]
found["choices"] = list(shot.bl_rna.properties["every"].enum_items.keys())
leave(**found)
