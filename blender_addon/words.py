"""The path in words, from the scene's camera, and without jitter: language and smoothing are the protocol package's."""

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from . import keys, order
from .camera import frame_kept, sample, scene_raster
from .geometry import of_scene
from .problems import Problem
from .scenery import scenery
from .sight import first_depth

try:
    from worldwarp_protocol.errors import InvalidShot
    from worldwarp_protocol.paths import grammar, presets, smoothing, walking
    from worldwarp_protocol.paths.cameras import Cameras
except ImportError:  # said in the panel by ``wheels.missing``; nothing here is called then
    presets = None

USUAL = {"m": 1.0, "deg": 20.0, "x": 1.5}
"""Amounts to begin with, by unit."""


def moves() -> dict:
    """The presets by name."""
    return presets.PRESETS if presets else {}


def move_text(name: str, amount: float, frames: int, easing: str, pace: str, target: str | None) -> str:
    """One move in the language of paths; what is empty or 0 is left unsaid."""
    words = [pace, name, f"{amount:.6g}{moves()[name].unit}", target, easing]
    if frames:
        words.append(f"over {frames} frames")
    return " ".join(word for word in words if word)


def metres(scene) -> float:
    """How many metres a unit of the scene is, by its unit settings; 1 where it names none."""
    units = scene.unit_settings
    return 1.0 if units.system == "NONE" else units.scale_length


def first_camera(context) -> "Cameras":
    """The followed camera at the walk's first frame, which sees the picture.

    Raises:
        Problem: there is none, or it is no pinhole.
    """
    return _cameras(context, order.frames_of(context.scene)[:1])


def smooth(context, window: int) -> "Cameras":
    """The followed camera as it goes now, smoothed over the walk's frames; from its first key to its last.

    Args:
        window: frames that count for each of them.

    Raises:
        Problem: there is none, it has no keys, or the walk is shorter than the window.
    """
    scene = context.scene
    first, last = keys.span(order.camera_of(scene))
    walk = order.frames_of(scene)
    if len(walk) < window:
        raise Problem(f"The range has {len(walk)} frames, fewer than the {window} that count for each: take fewer")
    frames = range(min(walk[0], math.floor(first)), max(walk[-1], math.ceil(last)) + 1)
    if len(frames) > order.MOST_FRAMES:
        raise Problem(f"The keys span {len(frames)} frames: smoothing takes at most {order.MOST_FRAMES}")
    cameras = _cameras(context, frames)
    part = slice(walk[0] - frames[0], walk[-1] - frames[0] + 1)
    try:
        found = smoothing.smoothed(cameras[part], window)
    except InvalidShot as error:
        raise Problem(str(error)) from None
    cameras.K[part], cameras.camera_to_world[part] = found.K, found.camera_to_world
    return cameras


def _cameras(context, frames: range) -> "Cameras":
    """The followed camera at those frames.

    Raises:
        Problem: there is none, or it is no pinhole.
    """
    scene, camera = context.scene, order.camera_of(context.scene)
    if camera is None:
        raise Problem("There is no camera: choose one here, or add one to the scene")
    raster = scene_raster(scene)
    seen = sample(scene, camera, frames, context.evaluated_depsgraph_get(), raster)
    frame = seen.frame.astype(np.int64)
    return Cameras(seen.K, seen.camera_to_world, raster.width, raster.height, frame, seen.fps)


def walk(context) -> "Cameras":
    """The path that the scene's words describe; their m are metres of the scene's unit settings.

    Raises:
        Problem: the words mean nothing, do not fit, or their targets are not there.
    """
    scene = context.scene
    if sentence := fault(scene):
        raise Problem(sentence)
    start = first_camera(context)
    seen = scenery(of_scene(scene))
    depth = first_depth(seen, start.K[0], start.camera_to_world[0], (start.width, start.height)) if seen else None
    try:
        described = grammar.parse(scene.worldwarp.words.text)
        return _walk_metres(
            described, start, _wanted(scene), depth, places(context, int(start.frame[0])), metres(scene)
        )
    except InvalidShot as error:
        raise Problem(_said(error)) from None


def _walk_metres(described, start, frames: int | None, depth, found: dict, metre: float) -> "Cameras":
    """``walking.walk`` in a world of metres, of which the scene's unit is ``metre``."""

    def depth_in_metres(u: float, v: float) -> float:
        return metre * depth(u, v)

    found = {name: metre * place for name, place in found.items()}
    walked = walking.walk(described, _scaled(start, metre), frames, depth and depth_in_metres, found)
    return _scaled(walked, 1 / metre)


def _scaled(cameras: "Cameras", factor: float) -> "Cameras":
    """The cameras in a world that is ``factor`` times as large."""
    poses = np.array(cameras.camera_to_world)
    poses[:, :3, 3] *= factor
    return replace(cameras, camera_to_world=poses)


def places(context, frame: int) -> dict:
    """What @cursor and @object mean: (3,) in the world; the object where it is at ``frame``."""
    scene, target = context.scene, context.scene.worldwarp.words.target
    found = {"cursor": np.array(scene.cursor.location, float)}
    if target is not None:
        with frame_kept(scene):
            scene.frame_set(frame)
            evaluated = target.evaluated_get(context.evaluated_depsgraph_get())
            found["object"] = np.array(evaluated.matrix_world.translation, float)
    return found


def fault(scene) -> str:
    """What is wrong with the words, "" where nothing is; quick enough for drawing a panel."""
    settings = scene.worldwarp.words
    return _fault(settings.text, scene.render.fps / scene.render.fps_base, _wanted(scene), settings.target is not None)


def _wanted(scene) -> int | None:
    return len(order.frames_of(scene)) if scene.worldwarp.words.fit else None


@lru_cache(64)
def _fault(text: str, fps: float, frames: int | None, has_object: bool) -> str:
    try:
        described = grammar.parse(text)
        walking.lengths(described, fps, frames)
    except InvalidShot as error:
        return _said(error)
    if "@object" in text.split() and not has_object:
        return "@object is not chosen: choose the object to look at below"
    return ""


def length(scene) -> int:
    """How many frames the words take, the first included."""
    rate = scene.render.fps / scene.render.fps_base
    return 1 + sum(walking.lengths(grammar.parse(scene.worldwarp.words.text), rate, _wanted(scene)))


def _said(error) -> str:
    """Its sentence without the line that points at the word: a panel's letters are not equally wide."""
    return str(error).splitlines()[0]
