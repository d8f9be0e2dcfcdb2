"""A first picture from words: what is asked of the server, and the file that its answer becomes."""

from pathlib import Path

import bpy
import numpy as np

from . import order, pump, takes, wheels
from .camera import scene_raster
from .colour import TEMPORARY
from .picture_file import take
from .problems import Problem
from .state import STATE, Inquiry

SOURCE = "words"
"""The server's name for the models that make pictures of words."""


def problems(scene) -> list[str]:
    """What has to be put right before a picture can be asked for, one sentence each."""
    words = "There are no words: say what the picture should show"
    found = [
        wheels.missing(),
        "" if scene.worldwarp.diffusion.prompt.strip() else words,
        STATE.pictures.get(SOURCE, ""),
    ]
    return [sentence for sentence in (*found, *order.folder_problems(scene)) if sentence]


def size(scene) -> tuple[int, int]:
    """Width and height of the picture: the render's proportions."""
    return order.generated_size(scene_raster(scene), scene.worldwarp.imagined_side)


def ask(context, server) -> None:
    """Ask for a picture of the scene's words.

    Raises:
        Problem: something stands in the way.
    """
    from . import link, questions

    scene = context.scene
    if found := problems(scene):
        raise Problem(found[0])
    shot = scene.worldwarp
    words = questions.Words(shot.diffusion.sent(), *size(scene), shot.imagined_seed)
    STATE.inquiry = Inquiry("words", scene.session_uid, fresh_file(scene), state="asking")
    pump.start(link.Link(server, link.imagine(words)), pump.INQUIRY)


def fresh_file(scene) -> Path:
    """The next free picture of the scene's name, beside its results; not made yet."""
    folder, number = order.output_base(scene) / "pictures", 1
    name = takes.safe(scene.worldwarp.name)
    while (path := folder / f"{name}_{number:03d}.png").exists():
        number += 1
    return path


def place(scene, path: Path, rgb: np.ndarray) -> Path:
    """Write the picture (H, W, 3) uint8 and let the walk of ``scene`` start from it.

    Raises:
        Problem: it cannot be written.
    """
    height, width = rgb.shape[:2]
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = rgb[::-1] / np.float32(255)
    image = bpy.data.images.new(TEMPORARY, width, height)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.pixels.foreach_set(pixels.ravel())
        image.file_format, image.filepath_raw = "PNG", str(path)
        image.save()
    except (OSError, RuntimeError) as error:
        raise Problem(f"{path} cannot be written ({error}): choose another results folder (Advanced)") from None
    finally:
        bpy.data.images.remove(image)
    take(scene, path)
    return path
