"""Colours on their way in and out: what the artist sees is what is sent, and what comes back shows as it was sent.

Frames are display-referred: what the artist saw. Loaded with the colour space that undoes the scene's own view
transform, they come out of that view unchanged.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from .problems import Problem

COLOUR_SPACES = {
    "AgX": "AgX Base sRGB",
    "Filmic": "Filmic sRGB",
    "Standard": "sRGB",
    "ACES 1.3": "ACES 1.3 sRGB",
    "ACES 2.0": "ACES 2.0 sRGB",
}
"""Blender's colour space that each view transform maps back to itself on an sRGB display; ACES since 5.0."""

TEMPORARY = "WorldWarp Temporary"

PROBED = 1 << 16
"""Pixels of a picture that are looked at to tell whether the view can show it."""

LOST = 0.005
"""Share of a picture's pixels that come back changed which is worth a sentence."""


def colour_space(scene) -> str:
    """Blender's name of the colour space of what ``scene`` shows.

    Raises:
        Problem: the view cannot be undone by a colour space; names the setting to change.
    """
    view, display = scene.view_settings, scene.display_settings.display_device
    where = "in Render properties, Color Management"
    if display != "sRGB":
        raise Problem(f"The display device is {display!r}: set it to sRGB {where}")
    known = [name for name, space in COLOUR_SPACES.items() if space in spaces()]
    if view.view_transform not in known:
        named = ", ".join(known)
        raise Problem(f"The view transform {view.view_transform!r} cannot be undone: set it to one of {named} {where}")
    if view.look != "None":
        raise Problem(f"The look {view.look!r} cannot be undone: set Look to None {where}")
    if view.exposure != 0 or view.gamma != 1:
        raise Problem(f"Exposure and gamma of the view cannot be undone: set them to 0 and 1 {where}")
    if view.use_curve_mapping or getattr(view, "use_white_balance", False):
        raise Problem(f"View curves and white balance cannot be undone: switch them off {where}")
    return COLOUR_SPACES[view.view_transform]


def spaces() -> list[str]:
    """The colour spaces of files that this Blender's configuration knows."""
    known = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items
    return [item.identifier for item in known]


def check_space(name: str) -> None:
    """Raise ``Problem`` where this Blender knows no colour space of that name; "" is none."""
    if name and name not in spaces():
        raise Problem(f"The color space {name!r} is unknown to this Blender: choose another, or leave it empty")


def through_view(image, scene) -> np.ndarray:
    """What ``image`` shows through the view of ``scene``: (H, W, 3) uint8, from the top.

    Its colour space says what its numbers mean. The view is one that ``colour_space`` takes.
    """
    from .picture import read_pixels, to_bytes

    with _written(image, scene, "PNG", "8") as path:
        return to_bytes(read_pixels(path)[..., :3])


def share_lost(rgb: np.ndarray, scene) -> float:
    """The share of pixels (H, W, 3) uint8 that come back through the scene's view more than 1/255 off.

    AgX and Filmic show neither the brightest nor the purest colours of an sRGB picture, whatever light there is.
    """
    step = max(1, round((rgb.shape[0] * rgb.shape[1] / PROBED) ** 0.5))
    probe = np.ascontiguousarray(rgb[::step, ::step])
    image = bpy.data.images.new(TEMPORARY, probe.shape[1], probe.shape[0])
    try:
        image.colorspace_settings.name = colour_space(scene)  # before the pixels: it clears them
        pixels = np.ones((*probe.shape[:2], 4), np.float32)
        pixels[..., :3] = probe[::-1] / np.float32(255)
        image.pixels.foreach_set(pixels.ravel())
        # By way of light: Blender knows a shortcut from a colour space to the view of the same name.
        with _written(image, scene, "OPEN_EXR", "32") as path:
            light = bpy.data.images.load(str(path), check_existing=False)
            try:
                shown = through_view(light, scene)
            finally:
                bpy.data.images.remove(light)
    finally:
        bpy.data.images.remove(image)
    return float((np.abs(shown.astype(int) - probe) > 1).any(axis=-1).mean())


def lost_note(rgb: np.ndarray, scene) -> str:
    """What becomes of a picture's colours when they come back, "" where nothing is worth a sentence."""
    share, view = share_lost(rgb, scene), scene.view_settings.view_transform
    if share < LOST:
        return ""
    return (
        f"The brightest and purest colors, {share:.0%} of the picture, come back duller through the view {view}, which "
        "Blender cannot undo there: the view Standard keeps them"
    )


@contextmanager
def _written(image, scene, file_format: str, depth: str):
    """The path of ``image`` written as Blender writes a render of ``scene``; gone afterwards."""
    writer = bpy.data.scenes.new(TEMPORARY)
    try:
        writer.display_settings.display_device = scene.display_settings.display_device
        writer.view_settings.view_transform = scene.view_settings.view_transform
        writer.view_settings.look = "None"
        writer.render.dither_intensity = 0.0
        settings = writer.render.image_settings
        if hasattr(settings, "media_type"):  # Blender 5.0
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = file_format, "RGB", depth
        with tempfile.TemporaryDirectory(prefix="worldwarp-") as folder:
            path = Path(folder) / f"shown.{'png' if file_format == 'PNG' else 'exr'}"
            image.save_render(str(path), scene=writer)
            yield path
    finally:
        bpy.data.scenes.remove(writer)
