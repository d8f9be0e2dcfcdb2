"""The geometry of a picture, or the path of a clip's camera, as an answer. Torch-free until a network is asked."""

import time

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Estimated, EstimateGeometry

from ..geometry import sources, video
from ..geometry.floor import UPRIGHT
from ..geometry.picture import describe, given
from ..nouns import Bytes, Report, Source
from ..world import mesh
from .questions import NOBODY, Answer, Arrays, content, digest

VERSION = "1"
"""Raised when the same question gets another answer."""

STEPS = 3

LARGEST = 1e6
"""Focal lengths and principal points beyond this many pixels are mistakes."""


def check(task: EstimateGeometry, arrays: Arrays) -> None:
    """Refuse what the shapes of the arrays do not show.

    Raises:
        InvalidShot: the source cannot be used here, or a value of an array makes no sense.
    """
    if "depth" in arrays:
        given(arrays["depth"][0])
        if np.isinf(arrays["depth"]).all():
            raise InvalidShot("depth", "is sky everywhere: there is nothing to see the shape of; check the file.")
    if "K" in arrays:
        _check_intrinsics(arrays["K"])
    sources.check(task.source)


def key(task: EstimateGeometry, numerics: str) -> str:
    """64 hex digits that are the same exactly where the answer is."""
    how = (VERSION, mesh.VERSION, video.VERSION, sources.recipe(task.source), numerics)
    return digest(task.what, content(task.arrays), how)


def estimate(task: EstimateGeometry, arrays: Arrays, report: Report) -> Answer:
    """Answer a question.

    Raises:
        InvalidShot: the picture shows nothing that the source can tell the shape of.
        Cancelled: ``report`` raised it.
    """
    began = time.perf_counter()
    report("geometry", 0, STEPS)
    source = given(arrays["depth"][0]) if "depth" in arrays else sources.load(task.source)
    report("geometry", 1, STEPS)
    picture, K = arrays["picture"], arrays.get("K")
    message, found = (
        _path(picture, K, task.fps, source) if task.what == "path" else _picture(picture, K, source, report)
    )
    meta = {**message.meta, "seconds": time.perf_counter() - began}
    return Answer(structs.replace(message, meta=meta), found)


def _picture(picture: Bytes, K: NDArray[np.float64] | None, source: Source, report: Report) -> tuple[Estimated, Arrays]:
    found = describe(picture[0], source, None if K is None else K[0])
    report("geometry", 2, STEPS)
    proxy = mesh.depth_mesh(found.depth, picture[0], found.K)
    arrays: Arrays = {
        "depth": found.depth[None],
        "confidence": found.confidence[None],
        "K": found.K[None],
        "camera_to_world": np.eye(4)[None],
        "level": found.level,
        "xyz": proxy.xyz,
        "rgb": proxy.rgb,
        "faces": proxy.faces,
    }
    meta: dict[str, float | str] = {"floor_confidence": found.floor_confidence}
    if found.focal_estimated is not None:
        meta["focal_estimated"] = found.focal_estimated
    message = Estimated(
        request=NOBODY,
        focal=float(found.K[0, 0]),
        focal_given=found.focal_given,
        warnings=found.warnings,
        meta=meta,
    )
    return message, arrays


def _path(picture: Bytes, K: NDArray[np.float64] | None, fps: float, source: Source) -> tuple[Estimated, Arrays]:
    """In the first camera's axes, as a picture's answer is."""
    cameras, confidence = video.path_from_frames(picture, source, fps, K=K)
    arrays: Arrays = {
        "confidence": confidence[:, None, None],
        "K": cameras.K,
        "camera_to_world": UPRIGHT.T @ cameras.camera_to_world,
        "level": UPRIGHT,
        "xyz": np.zeros((0, 3), np.float32),
        "rgb": np.zeros((0, 3), np.uint8),
        "faces": np.zeros((0, 3), np.int32),
    }
    message = Estimated(request=NOBODY, focal=float(cameras.K[0, 0, 0]), focal_given=K is not None)
    return message, arrays


def _check_intrinsics(K: NDArray[np.float64]) -> None:
    focal = K[:, [0, 1], [0, 1]]
    if not ((np.abs(K) <= LARGEST).all() and (focal > 0).all()):
        text = "holds a value that is not a number, beyond 1e6 pixels, or a focal length of 0; check the lens."
        raise InvalidShot("K", text)
    plain = np.zeros((3, 3), bool)
    plain[[0, 1, 0, 1], [0, 1, 2, 2]] = True
    if np.abs(np.where(plain, 0, K - np.diag([0, 0, 1]))).max() > 1e-9:
        raise InvalidShot("K", "has skew or another last row than 0 0 1; give [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].")
