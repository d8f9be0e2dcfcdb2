"""A take's frames for other editors: a movie clip, a strip in the sequencer; and its ranges as markers."""

import bpy
import numpy as np

from . import reading, takes
from .paths_of_blend import kept
from .problems import Problem

PREFIX = "WW range"
"""Begins the names of our markers."""


def clip(take) -> bpy.types.MovieClip:
    """The frames as a movie clip, at their frame numbers and in their colours.

    Raises:
        Problem: they are gone.
    """
    image, user, files = _frames(take)
    made = bpy.data.movieclips.load(str(files[0]))
    made.name, made.use_fake_user, made.filepath = take.name, True, kept(files[0])
    made.frame_start = user.frame_start
    made.colorspace_settings.name = image.colorspace_settings.name
    return made


def strip(scene, take):
    """The frames as an image strip above all others; what the scene renders stays the same.

    Raises:
        Problem: they are gone.
    """
    image, user, files = _frames(take)
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # Blender 4.4
    if not strips:
        scene.render.use_sequencer = False  # else Blender renders the strip in place of the scene
    channel = max((found.channel for found in strips), default=0) + 1
    made = strips.new_image(name=take.name, filepath=str(files[0]), channel=channel, frame_start=user.frame_start)
    made.directory = kept(files[0].parent)
    for path in files[1:]:
        made.elements.append(path.name)
    made.frame_final_duration = len(files)
    made.colorspace_settings.name = image.colorspace_settings.name
    return made


def _frames(take):
    """The image sequence, how it is played, and its files in their order."""
    image, folder = takes.frames_of(take), takes.folder_of(take) / "frames"
    files = sorted(folder.glob("*.png"))
    if image is None or not files:
        raise Problem(f"The frames of {take.name} are not in {folder}: relink the result, or import it again")
    return image, takes.user_of(take), files


def mark(scene, take) -> int:
    """Markers where the ranges of ``take`` begin, in place of those of another; says how many.

    Raises:
        Problem: its folder does not say.
    """
    folder = takes.folder_of(take)
    cameras = reading.read_cameras(folder / "cameras.npz")
    chunks = reading.read_shot(folder).get("chunks", [])
    if not chunks:
        raise Problem(f"shot.json in {folder} names no ranges: it was not written by this version of WorldWarp")
    unmark(scene)
    for chunk in chunks:
        first, last = _shown(take, cameras.frame, chunk)
        scene.timeline_markers.new(f"{PREFIX} {first}\u2013{last}", frame=first)
    return len(chunks)


def _shown(take, taken, chunk: dict) -> tuple[int, int]:
    """First and last frame of the timeline at which a range is shown; ``taken``: where its frames were, at first."""
    ends = chunk["first"], chunk["first"] + chunk["count"] - 1
    if takes.OFFSETS not in take:
        return int(taken[ends[0]]), int(taken[ends[1]])
    start = takes.user_of(take).frame_start
    index = np.arange(len(take[takes.OFFSETS])) + take[takes.OFFSETS]
    first, after = int(np.searchsorted(index, ends[0])), int(np.searchsorted(index, ends[1], side="right"))
    return start + first, start + max(first, after - 1)


def unmark(scene) -> None:
    """Remove our markers."""
    for marker in [marker for marker in scene.timeline_markers if marker.name.startswith(PREFIX)]:
        scene.timeline_markers.remove(marker)
