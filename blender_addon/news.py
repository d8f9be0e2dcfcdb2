"""What the network thread tells the main thread: plain data, nothing of Blender's."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Connected:
    """The server of that name and address answered.

    ``profiles`` and ``sources``: name and, where it cannot run there, a sentence why. ``machine``: what it computes on,
    "" where it does not say. ``versions``: of both sides, in words. ``pictures``: as ``sources``, of first pictures.
    """

    server: str
    profiles: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...] = ()
    machine: str = ""
    versions: str = ""
    pictures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Accepted:
    """The shot was planned: ``kept`` of its ``chunks`` are in the store already."""

    run: str
    chunks: int
    kept: int
    frames: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """Where the work on a chunk stands."""

    chunk: int
    stage: str
    step: int
    steps: int


@dataclass(frozen=True, eq=False)
class Preview:
    """What the chunk in work will look like: ``pictures`` (t, h, w, 3) uint8 of these ``frames`` of the timeline."""

    pictures: np.ndarray
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Arrived:
    """So many frames are in the folder, counted from the first."""

    frames: int


@dataclass(frozen=True)
class Committed:
    """So many chunks are final; ``warning``: what the last of them wants the user to know, or ""."""

    chunks: int
    warning: str = ""


@dataclass(frozen=True)
class Lost:
    """The connection broke; the sentence says when it is tried again."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The run is over: done, failed, cancelled or stopped."""

    state: str
    text: str


@dataclass(frozen=True)
class Estimating:
    """Where the work on an estimate stands; 0 of 0: others are before it."""

    step: int
    steps: int


@dataclass(frozen=True)
class Estimated:
    """The estimate that was asked for; ``arrays`` as ``messages.Estimated`` or ``PathChecked`` names them."""

    arrays: dict[str, np.ndarray]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class WorldMade:
    """Files of a run's world are in its folder, made of so many chunks; ``meta`` as ``messages.WorldMade`` has it."""

    chunks: int
    meta: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """Nothing more will come: one sentence that says why."""

    text: str


News = (
    Connected
    | Accepted
    | Progress
    | Preview
    | Arrived
    | Committed
    | Lost
    | Ended
    | Estimating
    | Estimated
    | WorldMade
    | Failed
)
