"""Asking for what somebody works on (estimate, path check, world, picture): what may be asked, waiting, what comes."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from . import limits
from .arrays import BadArray, check_arrays
from .codec import Arrays
from .connection import Connection
from .errors import InvalidShot, Refused, RemoteProtocolError
from .messages import (
    SEES_CAMERAS,
    Cancel,
    CheckPath,
    Error,
    Estimated,
    EstimateGeometry,
    Estimating,
    GeometrySource,
    Imagine,
    Imagined,
    MakeWorld,
    PassesMade,
    PathChecked,
    WorldMade,
)
from .session import Task
from .words import in_words

ASK_SECONDS = 0.1
"""How often ``should_stop`` is asked while nothing comes."""

SMALLEST = 16
"""Pixels of a side that shows anything."""

A = TypeVar("A", Estimated, PathChecked, WorldMade, PassesMade, Imagined)

OnProgress = Callable[[int, int], None]
"""``on_progress(step, steps)``; 0 of 0: it waits for its turn."""


def check_task(task: Task, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a task that cannot be done, by its fields and the shapes of its arrays; both sides call it.

    Raises:
        InvalidShot: names the field or the array and the remedy.
    """
    try:
        msgspec.convert(msgspec.to_builtins(task), type(task))
        check_arrays(type(task), arrays)
    except BadArray as error:
        raise InvalidShot(error.field, error.text) from None
    except msgspec.ValidationError as error:
        field, text = in_words(error)
        raise InvalidShot(field or "task", f"{text}.") from None
    match task:
        case EstimateGeometry():
            _check_estimate(task, arrays)
        case CheckPath():
            _check_walk(task, arrays)
        case MakeWorld() if len(set(task.products)) < len(task.products):
            raise InvalidShot("products", "name one of them twice; name each once.")
        case Imagine() if not task.diffusion.prompt.strip():
            raise InvalidShot("prompt", "is empty; say what the picture should show.")


def _check_estimate(question: EstimateGeometry, arrays: Mapping[str, NDArray[Any]]) -> None:
    frames = _check_size(arrays["picture"])
    if question.what == "path":
        _check_path(question, frames, arrays)
    else:
        _check_picture(question, frames, arrays)


def _check_walk(task: CheckPath, arrays: Mapping[str, NDArray[Any]]) -> None:
    _check_size(arrays["picture"])
    _check_depth(task.source, arrays)
    _, height, width, _ = arrays["picture"].shape
    count, across = len(arrays["K"]), min(task.preview, width)
    if 4 * count * across * across * height / width > limits.MAX_CHECK_BYTES:
        text = f"of {task.preview} pixels for {count} frames is more than {limits.MAX_CHECK_BYTES >> 20} MiB; "
        raise InvalidShot("preview", f"{text}ask for smaller pictures, or for fewer frames.")


def _check_size(picture: NDArray[Any]) -> int:
    """How many frames there are, of a size that can be worked on."""
    frames, height, width, _ = picture.shape
    if min(width, height) < SMALLEST or width * height > limits.MAX_ESTIMATE_PIXELS:
        raise InvalidShot(
            "picture",
            f"is {width} x {height}; scale it to sides of {SMALLEST} pixels at least and 4096 x 2304 pixels at most.",
        )
    return int(frames)


def ask(
    connection: Connection,
    task: Task,
    arrays: Mapping[str, NDArray[Any]],
    kind: type[A],
    on_progress: OnProgress,
    should_stop: Callable[[], object],
) -> tuple[A, Arrays]:
    """Ask and wait, for as long as the server gives signs of life.

    Raises:
        Refused: also with the code ``cancelled``, after ``should_stop`` said something true.
        ServerUnreachable: the connection is lost.
        RemoteProtocolError: the answer is not a mesh.
    """
    connection.send(task, arrays)
    due, cancelled = 1, False
    answer: tuple[A | Error, Arrays] | None = None
    while due:
        if not cancelled and answer is None and should_stop():
            connection.send(Cancel(task.request))
            due, cancelled = due + 1, True
        event = connection.receive(ASK_SECONDS)
        message, received = event or (None, {})
        if isinstance(message, Estimating):
            on_progress(message.step, message.steps)
        elif isinstance(message, (kind, Error)):
            answer = answer or (message, received)
            due -= 1
    assert answer
    message, received = answer
    if isinstance(message, Error):
        raise Refused(message.code, message.text, message.field)
    if isinstance(message, Estimated):
        _check_mesh(received)
    return message, received


def _check_picture(question: EstimateGeometry, frames: int, arrays: Mapping[str, NDArray[Any]]) -> None:
    source = question.source
    if frames != 1:
        raise InvalidShot("picture", f"has {frames} frames; send one, or ask for a path.")
    _check_depth(source, arrays)
    if source not in SEES_CAMERAS and "K" not in arrays:
        raise InvalidShot("K", f"is missing and '{source}' does not estimate the lens; send it, or choose 'ttt3r'.")


def _check_depth(source: GeometrySource, arrays: Mapping[str, NDArray[Any]]) -> None:
    if source == "given" and "depth" not in arrays:
        raise InvalidShot("depth", "is missing; send it, or choose a source that estimates it.")
    if source != "given" and "depth" in arrays:
        raise InvalidShot("depth", f"is not used by '{source}'; leave it out, or choose the source 'given'.")


def _check_path(question: EstimateGeometry, frames: int, arrays: Mapping[str, NDArray[Any]]) -> None:
    if question.source not in SEES_CAMERAS:
        raise InvalidShot("source", f"'{question.source}' knows nothing of cameras; a path needs 'ttt3r'.")
    if frames < 2:
        raise InvalidShot("picture", "has 1 frame; a path needs two at least.")
    if "depth" in arrays:
        raise InvalidShot("depth", "is not used for a path, which is estimated from its frames; leave it out.")


def _check_mesh(arrays: Arrays) -> None:
    """Blender does not survive a corner that is not there."""
    faces, points = arrays["faces"], arrays["xyz"]
    if faces.size and (faces.min() < 0 or faces.max() >= len(points)):
        raise RemoteProtocolError(f"faces: has corners that are none of the {len(points)} points")
    if not np.isfinite(points).all():
        raise RemoteProtocolError("xyz: has points that are not finite")
