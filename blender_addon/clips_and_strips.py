"""A take's frames for other editors: a movie clip, a strip in the sequencer; and its ranges as markers."""

import bpy

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
    camera = takes.camera_of(take)
    user = next(found.image_user for found in camera.data.background_images if found.image == image)
    return image, user, files


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
        first, last = (int(cameras.frame[chunk["first"] + i]) for i in (0, chunk["count"] - 1))
        scene.timeline_markers.new(f"{PREFIX} {first}\u2013{last}", frame=first)
    return len(chunks)


def unmark(scene) -> None:
    """Remove our markers."""
    for marker in [marker for marker in scene.timeline_markers if marker.name.startswith(PREFIX)]:
        scene.timeline_markers.remove(marker)
