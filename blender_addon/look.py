"""A draft of the current frame: what of the picture the camera sees from where it is now, in panel and camera."""

import atexit

import bpy
import bpy.utils.previews
import numpy as np

from . import backdrop, draft, geometry, order, preview, pump, sight
from .camera import camera_to_world, check_type, intrinsics, lens_at, scene_raster
from .problems import Problem
from .scenery import scenery

NAME = "WorldWarp Look"

WIDTH = 160
"""Of the draft, in pixels."""

TICK_SECONDS = 0.1
"""Least time between two drafts."""

MOST_POINTS = 110_000
"""Of the picture's points that are drawn."""

HOLE = np.array([220, 40, 150], np.uint8)
"""Where nothing is known: a colour that pictures seldom have."""


class _Now:
    icons = None
    key: tuple = ()
    """What the draft was made of: it is made anew where that changes."""
    seen: tuple = ((), None)
    """The geometry's key and scenery: gathered anew only where the geometry changes."""
    known: float = 0.0
    frame: int = 0


def shown():
    """``ImagePreview``, frame and the share known, or None where nothing is shown."""
    if _Now.icons is None or NAME not in _Now.icons:
        return None
    return _Now.icons[NAME], _Now.frame, _Now.known


def render(context) -> tuple[np.ndarray, float] | None:
    """Colours (h, w, 3) uint8 of what the camera sees now, and the share that is known; None: nothing to see."""
    scene, camera = context.scene, order.camera_of(context.scene)
    seen = _scenery(scene)
    if camera is None:
        return None
    evaluated = camera.evaluated_get(context.evaluated_depsgraph_get())
    try:
        check_type(evaluated)
        pose = camera_to_world(np.array(evaluated.matrix_world))
    except Problem:
        return None
    raster = scene_raster(scene)
    K = intrinsics(lens_at(evaluated.data), raster)
    made = draft.at(scene, camera, scene.frame_current, K, pose) or _seen(seen, K, pose, raster)
    if made is None:
        return None
    rgb, known = made
    rgb[~known] = HOLE
    return rgb, float(known.mean())


def _seen(seen, K: np.ndarray, pose: np.ndarray, raster):
    """What is seen of the points that are known here, and where."""
    if seen is None:
        return None
    size = sight.raster_of(len(seen.points), (raster.width, raster.height), WIDTH)
    full = (raster.width, raster.height)
    return sight.view(seen, K, pose, full, size)


def _scenery(scene):
    collection = geometry.of_scene(scene)
    key = _geometry_key(collection) if collection else ()
    if _Now.seen[0] != key:
        _Now.seen = key, scenery(collection, MOST_POINTS)
    return _Now.seen[1]


def _geometry_key(collection) -> tuple:
    surface = geometry.part(collection, "surface")
    K = tuple(geometry.recall(collection, "K").ravel())
    return surface.data.session_uid, len(surface.data.vertices), *map(tuple, surface.matrix_world), K


def _key(context) -> tuple:
    """What the draft depends on, cheap to ask for at every tick."""
    scene, camera = context.scene, order.camera_of(context.scene)
    collection = geometry.of_scene(scene)
    if camera is None:
        return ()
    evaluated = camera.evaluated_get(context.evaluated_depsgraph_get())
    lens = lens_at(evaluated.data)
    view = (scene.frame_current, *map(tuple, evaluated.matrix_world), lens, scene_raster(scene))
    in_camera = _in_camera(context), backdrop.there(camera.data)
    shape = _geometry_key(collection) if collection else ()
    return camera.name, *in_camera, *view, shape, draft.last()


def _in_camera(context) -> bool:
    return context.window_manager.worldwarp.look_in_camera


def follow(context) -> bool:
    """Draw the draft anew where anything that it shows has changed; says whether it has."""
    if _key(context) == _Now.key and _Now.icons is not None:
        return False
    made = render(context)
    if made is None:
        _clear()
        return True
    if _in_camera(context):
        backdrop.show(order.camera_of(context.scene).data, made[0])
    else:
        backdrop.remove()
    _Now.key = _key(context)
    _Now.icons = _Now.icons or bpy.utils.previews.new()
    preview.draw(_Now.icons.get(NAME) or _Now.icons.new(NAME), made[0])
    _Now.known, _Now.frame = made[1], context.scene.frame_current
    return True


def tick() -> float | None:
    """The timer, while the draft is wanted: another file that was opened may not want it."""
    context = bpy.context
    if not context.window_manager.worldwarp.look:
        _clear()
        return None
    playing = context.screen is not None and context.screen.is_animation_playing
    if not playing and not bpy.app.is_job_running("RENDER") and follow(context):
        pump.redraw()
    return TICK_SECONDS


def start() -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)


def stop() -> None:
    """Show nothing."""
    backdrop.remove()
    _end()


def _end() -> None:
    """Blender crashes or hangs where it exits with a timer; its data are gone by then."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _forget()
    _Now.seen = (), None


def _clear() -> None:
    backdrop.remove()
    _forget()


def _forget() -> None:
    if _Now.icons is not None:
        bpy.utils.previews.remove(_Now.icons)
    _Now.icons, _Now.key = None, ()


def register() -> None:
    atexit.register(_end)
    backdrop.register()


def unregister() -> None:
    atexit.unregister(_end)
    stop()
    draft.forget()
    backdrop.unregister()
