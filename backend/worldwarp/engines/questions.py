"""The second kind of work: questions of a user who waits, and their answers, as values that go through the pipe.

Torch-free until one is answered.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from numpy.typing import NDArray
from worldwarp_protocol.messages import (
    ArrayHeader,
    CheckPath,
    Estimated,
    EstimateGeometry,
    Imagine,
    Imagined,
    MakePasses,
    MakeWorld,
    PassesMade,
    PathChecked,
    WorldMade,
)
from worldwarp_protocol.results import ChunkRecord
from worldwarp_protocol.session import Task

NOBODY = "0" * 32
"""The request that answers are to, until it is known who asked."""

Arrays = dict[str, NDArray[Any]]

NAMES: dict[type[Task], str] = {
    EstimateGeometry: "estimate",
    CheckPath: "path check",
    MakeWorld: "world",
    MakePasses: "frame's passes",
    Imagine: "first picture",
}
"""What is asked for, in words."""


@dataclass(frozen=True)
class Past:
    """What a world is made of: chunks in the store at ``root``, and the seed of their run."""

    root: str
    chunks: list[ChunkRecord]
    seed: int


@dataclass(frozen=True)
class Question:
    """What is asked; the message's class in ``messages`` says which arrays are there."""

    task: Task
    arrays: Arrays
    past: Past | None = None
    """Of a world."""


@dataclass(frozen=True)
class Answer:
    """What is answered, to nobody yet; the message's class in ``messages`` says which arrays are there."""

    message: Estimated | PathChecked | WorldMade | PassesMade | Imagined
    arrays: Arrays


def digest(*parts: object) -> str:
    """64 hex digits of what MessagePack can say."""
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()


def content(headers: Sequence[ArrayHeader]) -> list[tuple[object, ...]]:
    """What arrays are, whatever their order: their digests stand for them."""
    return sorted((header.name, header.dtype, tuple(header.shape), header.sha256) for header in headers)
