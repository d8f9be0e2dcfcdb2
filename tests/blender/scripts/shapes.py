"""Results whose proportions, pixels, speed or completeness differ from the scene's."""

import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from shots import counts, report, write_result

from blender_addon import camera, importer
from blender_addon.problems import Problem

folder = Path(sys.argv[1])
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
depsgraph = bpy.context.evaluated_depsgraph_get()
scene.camera.data.shift_x, scene.camera.data.shift_y = 0.1, -0.05


def shot(name: str, raster: camera.Raster, **changes):
    """A result of three frames at ``raster``, imported; and the worst pixel error of its camera at that raster."""
    path = replace(camera.sample(scene, scene.camera, (1, 2, 3), depsgraph, raster), **changes)
    frames = [np.zeros((raster.height, raster.width, 3), np.uint8)] * 3
    write_result(folder / name, frames, path, "sRGB", name)
    imported = importer.import_result(scene, folder / name)
    bpy.context.view_layer.update()
    back = camera.sample(scene, imported.camera, (1, 2, 3), bpy.context.evaluated_depsgraph_get(), raster)
    points = np.array([[x, y, 1.0] for x in (0, raster.width) for y in (0, raster.height)])
    worst = max(np.abs(points @ (K2 @ np.linalg.inv(K)).T - points).max() for K, K2 in zip(path.K, back.K, strict=True))
    return imported, float(worst)


def drawn_width(imported, raster: camera.Raster) -> float:
    """How wide the background is drawn, as a share of the camera's view: it has to be 1."""
    background, render = imported.camera.data.background_images[0], scene.render
    aspect = background.image.display_aspect
    ratio = raster.width * aspect[0] / (raster.height * aspect[1])
    view = render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)
    share = ratio / view
    return min(share, 1.0) if background.frame_method == "FIT" else max(share, 1.0)


RASTERS = {
    "Wide": camera.Raster(320, 128),
    "Tall": camera.Raster(128, 320),
    "Pixels": camera.Raster(320, 160, 1.0, 1.5),
}
made = {name: shot(name, raster) for name, raster in RASTERS.items()}
for name, raster in RASTERS.items():
    assert abs(drawn_width(made[name][0], raster) - 1) < 1e-6, name
slow, _ = shot("Slow", camera.Raster(160, 96), fps=12.0)
short, _ = shot("Short", camera.Raster(160, 96))
(folder / "Short" / "frames" / "0003.png").unlink()
short = importer.import_result(scene, folder / "Short")
assert short.camera.data.background_images[0].image_user.frame_duration == 2


gap, _ = shot("Gap", camera.Raster(160, 96))
(folder / "Gap" / "frames" / "0001.png").unlink()
gap = importer.import_result(scene, folder / "Gap")
assert gap.camera.data.background_images[0].image_user.frame_duration == 3

(folder / "Wide" / "frames" / "0004.png").write_bytes(b"a file too many")
assert importer.import_result(scene, folder / "Wide").camera.data.background_images[0].image_user.frame_duration == 3


def refusal(path: Path) -> str:
    try:
        importer.import_result(scene, path)
    except Problem as problem:
        return str(problem)
    return ""


for file in (folder / "Slow" / "frames").glob("*.png"):
    file.unlink()
before = counts()
empty, foreign = refusal(folder / "Slow"), refusal(folder)
described = (folder / "Tall" / "shot.json").read_text()
(folder / "Tall" / "shot.json").write_text(described.replace('"sRGB"', '"Nobody\'s RGB"'))
unknown = refusal(folder / "Tall")
whole = (folder / "Tall" / "cameras.npz").read_bytes()
with np.load(folder / "Tall" / "cameras.npz") as opened:
    arrays = dict(opened)
(folder / "Tall" / "cameras.npz").write_bytes(b"PK, and no more")
damaged = refusal(folder / "Tall")
ways = {
    "no archive": b"",
    "an array": np.lib.format.magic(1, 0) + b"\x10\x00" + b"x" * 16,
    "cut short": whole[: len(whole) // 2],
    "flipped": bytes([*whole[:60], *(255 - byte for byte in whole[60:400]), *whole[400:]]),
}
cut = []
for content in ways.values():
    (folder / "Tall" / "cameras.npz").write_bytes(content)
    cut.append(refusal(folder / "Tall"))
np.savez(folder / "Tall" / "cameras.npz", **{**arrays, "R": arrays["R"][:2]})
cut.append(refusal(folder / "Tall"))
(folder / "Tall" / "cameras.npz").write_bytes(whole)
(folder / "Tall" / "shot.json").write_text("{")
cut.append(refusal(folder / "Tall"))
assert counts() == before
report(
    **{name.lower(): error for name, (_, error) in made.items()},
    pixel_warnings=made["Pixels"][0].warnings,
    fps_warnings=slow.warnings,
    short_warnings=short.warnings,
    empty=empty,
    foreign=foreign,
    unknown=unknown,
    damaged=damaged,
    cut=cut,
    gap_warnings=gap.warnings,
)
