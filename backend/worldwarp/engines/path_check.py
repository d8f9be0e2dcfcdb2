"""What a picture shows along a path: ``worldwarp path check`` and ``worldwarp path preview``, as an answer."""

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import CheckPath, PathChecked

from ..cameras import Cameras
from ..cameras.checks import check_cameras
from ..geometry import sources
from ..geometry.picture import describe, within
from ..masks import NOTHING_STAYS, SET, as_sky, cut_out
from ..nouns import Floats, Report
from .questions import NOBODY, Answer, Arrays, content, digest

VERSION = "1"
"""Raised when the same question gets another answer."""

STEPS = 3

NUMBERS = ("known", "rotation", "parallax", "parallax_most")
FLAGS = ("outside", "through")


def check(task: CheckPath, arrays: Arrays) -> None:
    """Refuse what the shapes of the arrays do not show.

    Raises:
        InvalidShot: the source cannot be used here, or a value of an array makes no sense.
    """
    check_cameras(_cameras(arrays))
    for name, text in NOTHING_STAYS.items():
        if name in arrays and (arrays[name] > SET).all():
            raise InvalidShot(name, text)
    if "depth" in arrays:
        within(_with_sky(arrays["depth"][0], arrays), task.far)
    sources.check(task.source)


def key(task: CheckPath, numerics: str) -> str:
    """64 hex digits that are the same exactly where the answer is."""
    how = (VERSION, sources.recipe(task.source), numerics)
    return digest("path", task.far, task.depth_scale, task.anchor, task.preview, content(task.arrays), how)


def walk(task: CheckPath, arrays: Arrays, report: Report) -> Answer:
    """Answer a question that ``check`` has passed.

    Raises:
        InvalidShot: the picture shows nothing that the source can tell the shape of.
        Cancelled: ``report`` raised it.
    """
    from ..cameras.health import health, sentences  # numba: only where something is computed

    cameras = _cameras(arrays)
    report("geometry", 0, STEPS)
    depth = _depth(task, arrays, cameras)
    report("priors", 1, STEPS)
    found = health(depth, cameras)
    answer: Arrays = {name: getattr(found, name) for name in NUMBERS}
    answer |= {name: getattr(found, name).astype(np.uint8) for name in FLAGS}
    report("priors", 2, STEPS)
    if task.preview:
        from ..preview import longest_side, preview

        longest = longest_side(cameras, task.preview)
        frames, holes = preview(arrays["picture"][0], depth, cameras, longest, checker=False)
        answer |= {"preview": frames, "holes": holes.astype(np.uint8)}
    return Answer(PathChecked(request=NOBODY, warnings=sentences(found)), answer)


def _cameras(arrays: Arrays) -> Cameras:
    height, width = arrays["picture"].shape[1:3]
    return Cameras(arrays["K"], arrays["camera_to_world"], width, height, arrays["frame"].astype(np.int64))


def _depth(task: CheckPath, arrays: Arrays, cameras: Cameras) -> Floats:
    """(H, W), planar; inf is sky, NaN is left out."""
    picture = arrays["picture"][0]
    if "depth" in arrays:
        depth = within(_with_sky(arrays["depth"][0], arrays), task.far)
    else:
        found = describe(picture, sources.load(task.source), cameras.K[0], task.depth_scale, task.anchor)
        depth = _with_sky(found.depth, arrays)
    return cut_out(depth, arrays["mask"][0] > SET) if "mask" in arrays else depth


def _with_sky(depth: Floats, arrays: Arrays) -> Floats:
    return as_sky(depth, arrays["sky"][0] > SET) if "sky" in arrays else depth
