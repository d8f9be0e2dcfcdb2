"""What the part in work will look like, as an icon for the panel: no datablock, so nothing of it is saved or undone."""

import time
from dataclasses import dataclass

import bpy.utils.previews
import numpy as np

from .results import scene_of
from .state import Run

NAME = "WorldWarp Preview"

WIDTH = 320
"""Most pixels across: the sidebar is not much wider, and Blender takes long for larger icons."""

PAUSE_SECONDS = 0.25
"""Least time between two pictures."""


@dataclass
class Shown:
    """The picture that the panel shows."""

    frame: int
    source: object
    """The news it is from."""
    since: float
    icons: bpy.utils.previews.ImagePreviewCollection

    @property
    def picture(self):
        """Blender's ``ImagePreview``: its ``icon_id`` is what a layout draws."""
        return self.icons[NAME]


class _Now:
    shown: Shown | None = None


def shown() -> Shown | None:
    """What is to be drawn, if anything."""
    return _Now.shown


def follow(run: Run | None) -> bool:
    """Show the newest picture of ``run`` while it is under way, none otherwise; says whether anything changed."""
    before, now = _Now.shown, time.monotonic()
    if run is None or run.over or run.preview is None:
        remove()
        return before is not None
    scene, frames = scene_of(run), run.preview.frames
    index = nearest(frames, scene.frame_current if scene else None)
    if before and (now - before.since < PAUSE_SECONDS or (before.source, before.frame) == (run.preview, frames[index])):
        return False
    icons = before.icons if before else bpy.utils.previews.new()
    draw(icons.get(NAME) or icons.new(NAME), at_most(run.preview.pictures[index], WIDTH))
    _Now.shown = Shown(frames[index], run.preview, now, icons)
    return True


def nearest(frames: tuple[int, ...], current: int | None) -> int:
    """Which of ``frames`` is nearest to the current one; the middle one where that lies outside."""
    if current is None or not frames[0] <= current <= frames[-1]:
        return len(frames) // 2
    return min(range(len(frames)), key=lambda index: abs(frames[index] - current))


def at_most(rgb: np.ndarray, width: int) -> np.ndarray:
    """Every n-th pixel of a picture (h, w, 3), so that it is at most ``width`` wide."""
    apart = -(-rgb.shape[1] // width)
    return rgb[::apart, ::apart]


def draw(picture, rgb: np.ndarray) -> None:
    """Pixels (h, w, 3) uint8, first row on top, into an ``ImagePreview``, whose first row is at the bottom."""
    height, width = rgb.shape[:2]
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = rgb[::-1]
    picture.image_size = width, height
    picture.image_pixels.foreach_set(rgba.view(np.int32).ravel())


def remove() -> None:
    """Show nothing."""
    if _Now.shown is not None:
        bpy.utils.previews.remove(_Now.shown.icons)
        _Now.shown = None
