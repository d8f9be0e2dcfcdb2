"""A draft of the whole path, drawn by the server: shown frame by frame until camera or picture change."""

from dataclasses import dataclass

import numpy as np

from . import masks, order, pump, waiting
from .camera import Raster, sample
from .picture import Picture, scaled
from .problems import Problem
from .rendering import JobRender
from .state import STATE, Inquiry

WIDTH = 240
"""Longest side of its pictures, in pixels."""

MOST_PICTURES = 250
"""Of longer paths every so many frames are drawn."""

SAME = 1e-5
"""Relative difference of cameras that are the same: Blender's transforms are float32."""


@dataclass(frozen=True, eq=False)
class Path:
    """The camera as it was asked about, at all frames of the walk.

    Args:
        first: number of its first frame; every: frames from one picture to the next.
        K: (n, 3, 3) pixels of the scene's raster; camera_to_world: (n, 4, 4).
    """

    camera: str
    first: int
    every: int
    K: np.ndarray
    camera_to_world: np.ndarray


class _Last:
    scene: int = 0
    path: Path | None = None
    pictures: np.ndarray | None = None
    holes: np.ndarray | None = None


def begin(context, server) -> None:
    """Render the picture while Blender stays alive, then ask for the draft.

    Raises:
        Problem: something stands in the way.
    """
    scene = context.scene
    _check(scene)
    waiting.check_free()
    render = JobRender(scene, order.camera_of(scene), order.frames_of(scene)[0])
    STATE.inquiry = Inquiry("draft", scene.session_uid, None)
    waiting.follow(render, STATE.inquiry, render.picture, lambda context, picture: ask(context, server, picture))


def ask(context, server, picture: Picture | None = None) -> None:
    """Ask for the draft of the path; the picture is rendered or read here unless it is given.

    Raises:
        Problem: something stands in the way.
    """
    from . import link

    scene = context.scene
    _check(scene)
    path, question = inquire(context, picture or order.take_picture(scene, order.frames_of(scene)[0], []))
    STATE.inquiry = Inquiry("draft", scene.session_uid, path, state="asking")
    pump.start(link.Link(server, link.check_path(question)), pump.INQUIRY)


def _check(scene) -> None:
    if found := order.problems(scene):
        raise Problem(found[0])
    masks.check(scene)


def inquire(context, picture: Picture):
    """The path as it is now, and the question to the server."""
    from .questions import PathQuestion

    scene, source = context.scene, order.depth_source(context.scene.worldwarp)
    height, width = picture.rgb.shape[:2]
    small = scaled(picture, int(WIDTH**2 * min(width, height) / max(width, height)))
    height, width = small.rgb.shape[:2]
    camera, frames = order.camera_of(scene), order.frames_of(scene)
    every = -(-len(frames) // MOST_PICTURES)
    depsgraph, render = context.evaluated_depsgraph_get(), scene.render
    whole = sample(scene, camera, frames, depsgraph)
    raster = Raster(width, height, render.pixel_aspect_x, render.pixel_aspect_y)
    seen = sample(scene, camera, frames[::every], depsgraph, raster)
    arrays = {"picture": small.rgb[None], "K": seen.K, "camera_to_world": seen.camera_to_world, "frame": seen.frame}
    if source == "given":
        arrays["depth"] = small.depth[None]
    arrays |= masks.arrays(scene, height, width)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    path = Path(camera.name, frames[0], every, whole.K, whole.camera_to_world)
    return path, PathQuestion(source, scene.worldwarp.far, width, arrays, order.anchor_of(scene))


def keep(inquiry: Inquiry) -> None:
    """Show what was answered from now on."""
    arrays, inquiry.arrays = inquiry.arrays, {}
    _Last.scene, _Last.path = inquiry.scene, inquiry.context
    _Last.pictures, _Last.holes = arrays["preview"], arrays["holes"] > 0
    inquiry.state = "done"


def last() -> Path | None:
    """The path that a draft is there of; another draft, another object."""
    return _Last.path


def forget() -> None:
    _Last.path = _Last.pictures = _Last.holes = None


def at(scene, camera, frame: int, K: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Colours (h, w, 3) uint8 and what is known (h, w) at ``frame``; None where the draft is of another camera."""
    path = _Last.path
    if path is None or (scene.session_uid, camera.name) != (_Last.scene, path.camera):
        return None
    place = frame - path.first
    if not 0 <= place < len(path.K):
        return None
    then = path.camera_to_world[place]
    size = SAME * (1 + np.abs(then[:3, 3]).max())
    if np.abs(pose - then).max() > size or not np.allclose(K, path.K[place], rtol=SAME):
        return None
    drawn = min(round(place / path.every), len(_Last.pictures) - 1)
    return _Last.pictures[drawn].copy(), ~_Last.holes[drawn]
