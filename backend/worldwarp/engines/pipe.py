"""What the front door and a worker process say to each other, over the worker's stdin and stdout.

Length-prefixed MessagePack between two processes of ours on one machine. When either side dies the pipe ends, and
the other side knows.
"""

import struct
from typing import Any, BinaryIO

import msgspec
import numpy as np
from worldwarp_protocol.messages import Machine

from .jobs import Computed, Job
from .questions import Answer, Question

_LENGTH = struct.Struct("<Q")


class Compute(msgspec.Struct, frozen=True, tag="compute"):
    """To the worker: compute this."""

    job: Job


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """To the worker: answer this."""

    question: Question


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """To the worker: end the job or question in work between two steps."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker has started; what it computes with (``compute.numerics``), and on."""

    numerics: str
    machine: Machine


class Progressed(msgspec.Struct, frozen=True, tag="progressed"):
    """The job or question in work has come this far."""

    stage: str
    step: int
    steps: int
    preview: np.ndarray | None = None
    """(t, h, w, 3) uint8: what every fourth frame of the chunk looks like so far."""


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The job is done; the store may commit it."""

    computed: Computed


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """The question is answered."""

    answer: Answer


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The question cannot be answered, for a reason that lies in ``field`` of it; one sentence."""

    field: str
    text: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job or question failed; one sentence. The worker is ready for another."""

    text: str


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """The job or question was cancelled."""


class Died(msgspec.Struct, frozen=True, tag="died"):
    """The worker process is gone (said by its reader thread, never on the pipe); the last lines of its log."""

    log: str
    killed: bool = False
    """Whether the system, or somebody, ended it at once (SIGKILL); Windows does not tell."""


ToWorker = Compute | Ask | Cancel
FromWorker = Ready | Progressed | Finished | Answered | Refused | Failed | Stopped
Event = FromWorker | Died


def write(stream: BinaryIO, message: ToWorker | FromWorker) -> None:
    """Write one message and flush.

    Raises:
        OSError: the other side is gone.
    """
    data = msgspec.msgpack.encode(message, enc_hook=_encode)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def read(stream: BinaryIO, kind: Any) -> Any:
    """Read one message of the union ``kind``; None when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_decode) if len(data) == length else None


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).data
    raise NotImplementedError(f"{type(value)} does not go through the pipe")


def _decode(_kind: Any, value: Any) -> np.ndarray:
    dtype, shape, data = value
    return np.frombuffer(data, dtype).reshape(shape)
