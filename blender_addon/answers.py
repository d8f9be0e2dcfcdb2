"""What the server said of a picture or a clip becomes objects."""

import bpy

from . import draft, geometry, imagining, importing, video
from .pieces import READY, Pieces
from .problems import Problem
from .results import scene_of
from .state import Inquiry

KIND = "answer"
"""Of the work, for ``importing``."""


def wanted(inquiry: Inquiry | None) -> bool:
    """Whether an answer is there that is not in the scene yet."""
    return inquiry is not None and inquiry.state == "answered"


def bring_in(inquiry: Inquiry) -> None:
    """Place the answer, as one undo step; a draft is no more than shown."""
    if inquiry.what == "draft":
        draft.keep(inquiry)
        return
    scene = scene_of(inquiry)
    if scene is None:
        inquiry.state, inquiry.text = "failed", "The scene was closed meanwhile: open it and try again"
        return
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.worldwarp.place_estimate("EXEC_DEFAULT", True)
    except RuntimeError as error:
        inquiry.state, inquiry.text = "failed", str(error).removeprefix("Error: ").strip()


def ready(inquiry: Inquiry) -> bool:
    """Make a bounded piece more of what the answer becomes; True once it need only be linked to the scene."""
    scene = scene_of(inquiry)
    if scene is None or inquiry.what == "draft":
        return True
    return importing.ready(KIND, id(inquiry), lambda: placing(scene, inquiry))


def place(scene, inquiry: Inquiry):
    """What is left of that, or all of it: what ``placing`` returns. The answer is not kept, whatever comes of it."""
    try:
        return importing.finish(KIND, id(inquiry), lambda: placing(scene, inquiry))
    finally:
        inquiry.arrays = {}


def placing(scene, inquiry: Inquiry) -> Pieces:
    """What the answer of ``inquiry`` becomes in ``scene``: the geometry's collection, a camera, or a picture's file.

    Raises:
        Problem: it shows no surface, or cannot be written.
    """
    arrays, view = inquiry.arrays, inquiry.context
    if inquiry.what != "picture":
        yield READY
    if inquiry.what == "words":
        return imagining.place(scene, view, arrays["picture"][0])
    if inquiry.what == "path":
        K, poses = arrays["K"], arrays["camera_to_world"]
        return video.path_camera(scene, view.name, K, poses, view.raster, view.frame, view.start, view.scale)
    if len(arrays["xyz"]) == 0:
        raise Problem("The picture shows no surface at all, only sky: choose another one")
    estimate = geometry.Estimate(
        view.source,
        arrays["K"][0],
        view.width,
        view.height,
        *(arrays[name] for name in ("xyz", "rgb", "faces", "level")),
    )
    return (yield from geometry.placing(scene, view.name, estimate, view.K, view.camera_to_world, view.colour_space))
