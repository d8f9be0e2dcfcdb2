"""From Estimate and Camera from Video to the server; ``answers`` brings into the scene what it says."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import exif, order, pump, video, waiting
from .camera import Raster, sample
from .parts import LENS_SOURCES
from .picture import Picture, scaled
from .problems import Problem
from .rendering import JobRender
from .state import STATE, Inquiry

MOST_PIXELS = 4 << 20
"""Of a picture whose geometry is estimated; the server takes no larger one."""


@dataclass(frozen=True)
class View:
    """The camera as it was when its picture was taken: ``K`` in the picture's pixels, pose, its picture's size."""

    name: str
    source: str
    K: np.ndarray
    camera_to_world: np.ndarray
    width: int
    height: int
    colour_space: str


@dataclass(frozen=True)
class Filmed:
    """A clip's time and place: frames of the timeline, the pose of its first camera, the scale of its path."""

    name: str
    raster: Raster
    frame: np.ndarray
    start: np.ndarray
    scale: float


# The geometry of the picture


def begin_picture(context, server) -> None:
    """Render the picture while Blender stays alive, then ask for its geometry.

    Raises:
        Problem: something stands in the way.
    """
    scene = context.scene
    _check(scene)
    waiting.check_free()
    render = JobRender(scene, order.camera_of(scene), order.frames_of(scene)[0])
    STATE.inquiry = Inquiry("picture", scene.session_uid, None)
    waiting.follow(
        render, STATE.inquiry, render.picture, lambda context, picture: ask_picture(context, server, picture)
    )


def ask_picture(context, server, picture: Picture | None = None) -> None:
    """Ask for the geometry of the picture, which is rendered or read here unless it is given.

    Raises:
        Problem: something stands in the way.
    """
    from . import link

    scene = context.scene
    _check(scene)
    view, question = inquire(context, picture or order.take_picture(scene, order.frames_of(scene)[0], []))
    STATE.inquiry = Inquiry("picture", scene.session_uid, view, state="asking")
    pump.start(link.Link(server, link.estimate(question)), pump.INQUIRY)


def _check(scene) -> None:
    if found := order.geometry_problems(scene):
        raise Problem(found[0])


def inquire(context, picture: Picture):
    """The view of the picture's camera, and the question to the server.

    The scene's camera is told only where it took the picture itself, or where nothing else can be known: a file's
    lens is its own, from EXIF or estimated.
    """
    from .questions import Question

    scene, shot = context.scene, context.scene.worldwarp
    picture = scaled(picture, MOST_PIXELS)
    height, width = picture.rgb.shape[:2]
    render, source = scene.render, order.depth_source(shot)
    raster = Raster(width, height, render.pixel_aspect_x, render.pixel_aspect_y)
    first = order.frames_of(scene)[0]
    path = sample(scene, order.camera_of(scene), [first], context.evaluated_depsgraph_get(), raster)
    view = View(shot.name.strip(), source, path.K[0], path.camera_to_world[0], width, height, picture.colour_space)
    K = None if source in LENS_SOURCES else path.K
    if shot.source == "FILE":
        written = exif.read(Path(bpy.path.abspath(shot.picture_file))).pixels(width, height)
        if written > 0:
            K = np.array([[[written, 0, width / 2], [0, written, height / 2], [0, 0, 1.0]]])
    depth = np.ascontiguousarray(picture.depth[None]) if source == "given" else None
    return view, Question("picture", source, np.ascontiguousarray(picture.rgb[None]), depth, K)


# The path of a clip's camera


def begin_path(context, server) -> None:
    """Read the clip while Blender stays alive, then ask for the path of its camera."""
    _read_and_ask(context, server, job=True)


def ask_path(context, server) -> None:
    """Read the clip here, which blocks, then ask."""
    _read_and_ask(context, server, job=False)


def _read_and_ask(context, server, *, job: bool) -> None:
    from . import link, questions

    scene, shot = context.scene, context.scene.worldwarp
    if found := order.clip_problems(scene):
        raise Problem(found[0])
    waiting.check_free()
    rate = scene.render.fps / scene.render.fps_base
    clip = video.open_clip(Path(bpy.path.abspath(shot.clip_file)), rate, shot.clip_step)
    first = order.frames_of(scene)[0]
    frame = video.filmed_frames(scene, clip.frames, clip.fps, shot.clip_step, first, shot.clip_speed)
    camera = order.camera_of(scene)
    start = np.diag([1.0, -1.0, -1.0, 1.0])
    start[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # level, along Y, where there is no camera to start from
    if camera is not None:
        start = sample(scene, camera, [first], context.evaluated_depsgraph_get()).camera_to_world[0]
    filmed = Filmed(clip.files[0].stem, Raster(*clip.size), frame, start, shot.clip_scale)
    STATE.inquiry = Inquiry("path", scene.session_uid, filmed)
    reader = video.ClipReader(clip, shot.clip_step, job=job)

    def send(_, frames) -> None:
        STATE.inquiry.state = "asking"
        question = questions.Question("path", "ttt3r", frames, fps=clip.fps / shot.clip_step)
        pump.start(link.Link(server, link.estimate(question)), pump.INQUIRY)

    if job:
        waiting.follow(reader, STATE.inquiry, reader.frames, send)
    else:
        send(context, reader.frames())
