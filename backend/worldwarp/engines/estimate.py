"""The second kind of work: the geometry of a picture, or the path of a clip's camera, for a user who waits for it.

Torch-free until a network is asked.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import ArrayHeader, EstimateGeometry, Estimation, GeometrySource

from ..geometry import sources, video
from ..geometry.floor import UPRIGHT
from ..geometry.picture import describe, given
from ..nouns import Bytes, Floats, Report, Source
from ..world import mesh

VERSION = "1"
"""Raised when the same question gets another answer."""

STEPS = 3

LARGEST = 1e6
"""Focal lengths and principal points beyond this many pixels are mistakes."""


@dataclass(frozen=True)
class Question:
    """What is asked; ``messages.EstimateGeometry`` says which arrays are there."""

    what: Estimation
    source: GeometrySource
    fps: float
    picture: Bytes
    """(n, H, W, 3)."""
    depth: Floats | None
    """(n, H, W), planar; inf is sky."""
    K: NDArray[np.float64] | None
    """(n, 3, 3), pixels of the picture."""


@dataclass(frozen=True)
class Answer:
    """What is answered; ``messages.Estimated`` says which arrays are there."""

    focal: float
    focal_given: bool
    warnings: list[str]
    meta: dict[str, float | str]
    arrays: dict[str, NDArray[Any]]


def check(question: Question) -> None:
    """Refuse what the shapes of the arrays do not show.

    Raises:
        InvalidShot: the source cannot be used here, or a value of an array makes no sense.
    """
    if question.depth is not None:
        given(question.depth[0])
        if np.isinf(question.depth).all():
            raise InvalidShot("depth", "is sky everywhere: there is nothing to see the shape of; check the file.")
    if question.K is not None:
        _check_intrinsics(question.K)
    sources.check(question.source)


def key(question: EstimateGeometry, headers: Sequence[ArrayHeader], numerics: str) -> str:
    """64 hex digits that are the same exactly where the answer is.

    Args:
        headers: of the question's arrays, whose digests stand for them.
    """
    content = sorted((header.name, header.dtype, header.shape, header.sha256) for header in headers)
    how = (VERSION, mesh.VERSION, video.VERSION, sources.recipe(question.source), numerics)
    return hashlib.sha256(msgspec.msgpack.encode((question.what, content, how))).hexdigest()


def estimate(question: Question, report: Report) -> Answer:
    """Answer a question.

    Raises:
        InvalidShot: the picture shows nothing that the source can tell the shape of.
        Cancelled: ``report`` raised it.
    """
    began = time.perf_counter()
    report("geometry", 0, STEPS)
    source = given(question.depth[0]) if question.depth is not None else sources.load(question.source)
    report("geometry", 1, STEPS)
    answer = _path(question, source) if question.what == "path" else _picture(question, source, report)
    answer.meta["seconds"] = time.perf_counter() - began
    return answer


def _picture(question: Question, source: Source, report: Report) -> Answer:
    picture = question.picture[0]
    found = describe(picture, source, None if question.K is None else question.K[0])
    report("geometry", 2, STEPS)
    proxy = mesh.depth_mesh(found.depth, picture, found.K)
    arrays: dict[str, NDArray[Any]] = {
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
    return Answer(float(found.K[0, 0]), found.focal_given, found.warnings, meta, arrays)


def _path(question: Question, source: Source) -> Answer:
    """In the first camera's axes, as a picture's answer is."""
    cameras, confidence = video.path_from_frames(question.picture, source, question.fps, K=question.K)
    arrays: dict[str, NDArray[Any]] = {
        "confidence": confidence[:, None, None],
        "K": cameras.K,
        "camera_to_world": UPRIGHT.T @ cameras.camera_to_world,
        "level": UPRIGHT,
        "xyz": np.zeros((0, 3), np.float32),
        "rgb": np.zeros((0, 3), np.uint8),
        "faces": np.zeros((0, 3), np.int32),
    }
    return Answer(float(cameras.K[0, 0, 0]), question.K is not None, [], {}, arrays)


def _check_intrinsics(K: NDArray[np.float64]) -> None:
    focal = K[:, [0, 1], [0, 1]]
    if not ((np.abs(K) <= LARGEST).all() and (focal > 0).all()):
        text = "holds a value that is not a number, beyond 1e6 pixels, or a focal length of 0; check the lens."
        raise InvalidShot("K", text)
    plain = np.zeros((3, 3), bool)
    plain[[0, 1, 0, 1], [0, 1, 2, 2]] = True
    if np.abs(np.where(plain, 0, K - np.diag([0, 0, 1]))).max() > 1e-9:
        raise InvalidShot("K", "has skew or another last row than 0 0 1; give [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].")
