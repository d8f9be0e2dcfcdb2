"""The frames of a run while they come, behind what its camera sees and in the Image Editor, where the user wants them.

They are an image sequence in the result's folder, which grows; like the draft it is neither saved nor undone, and goes
when the run is over: the result takes its place.
"""

import bpy

from . import backdrop, importer, order, reading
from .colour import colour_space
from .problems import Problem
from .results import scene_of
from .state import Run

NAME = "WorldWarp Frames"


class _Now:
    run: str = ""
    frames: int = 0
    """That are shown."""


def wanted(run: Run | None) -> bool:
    """Whether there are frames to show, and the user wants to see them come."""
    if run is None or run.over or run.frames_done == 0:
        return False
    return bpy.context.window_manager.worldwarp_live.show_frames


def follow(run: Run | None) -> bool:
    """Show the frames of ``run`` that have come, none where they are not wanted; says whether anything changed."""
    if not wanted(run):
        return remove()
    image = _image()
    if image is not None and (_Now.run, _Now.frames) == (run.id, run.frames_done):
        return False
    if image is None or _Now.run != run.id:
        remove()
        image = _place(run)
    if image is None:
        return False
    _Now.run, _Now.frames = run.id, run.frames_done
    for user in _users(image):
        user.frame_duration = run.frames_done
    for space in _editors(image):
        space.image_user.frame_current = run.frames_done
    return True


def remove() -> bool:
    """Show nothing; says whether anything was shown."""
    shown, _Now.run, _Now.frames = bool(_Now.run), "", 0
    if shown:
        backdrop.remove(NAME)
    return shown


def _image():
    return next((image for image in bpy.data.images if image.get(backdrop.KIND) == NAME), None)


def _place(run: Run):
    """The sequence behind what the run's camera sees; None where that camera, or its file, is not here."""
    scene = scene_of(run)
    camera = order.camera_of(scene) if scene else None
    first = run.folder / "frames" / "0001.png"
    if camera is None or camera.data.library is not None or not first.is_file():
        return None
    try:
        cameras = reading.read_cameras(run.folder / "cameras.npz")
        space = colour_space(scene)
    except Problem:
        return None
    image = bpy.data.images.load(str(first), check_existing=False)
    image.name, image.source = NAME, "SEQUENCE"
    importer.set_colour_space(image, space)
    background = backdrop.lay(camera.data, image, NAME)
    background.alpha, background.display_depth, background.frame_method = 1.0, "BACK", "CROP"
    background.scale = 1 + scene.worldwarp.overscan
    for space in _empty_editors():
        space.image = image
        space.image_user.use_auto_refresh = False  # it shows the newest frame, whatever the current one
    for user in _users(image):
        user.frame_start, user.frame_offset, user.use_cyclic = int(cameras.frame[0]), 0, False
    background.image_user.use_auto_refresh = True
    for space in _editors(image):
        space.image_user.frame_start = 1
    return image


def _users(image) -> list:
    """What says which frames of ``image`` are shown, in cameras and in Image Editors."""
    found = [
        background.image_user
        for data in bpy.data.cameras
        for background in data.background_images
        if background.image == image
    ]
    return found + [space.image_user for space in _editors(image)]


def _editors(image) -> list:
    """The Image Editors that show ``image``."""
    screens = [window.screen for window in bpy.context.window_manager.windows]
    spaces = [area.spaces.active for screen in screens for area in screen.areas if area.type == "IMAGE_EDITOR"]
    return [space for space in spaces if space.image == image]


def _empty_editors() -> list:
    return _editors(None)
