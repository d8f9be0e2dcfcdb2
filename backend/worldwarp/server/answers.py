"""Answers on disk, beside what else is derived: a question that comes again costs no work.

A file holds the answer's frames as they travel, each behind its length; the protocol's own digests guard them. Who
drags a camera asks all the time, so there is an end to what is kept.
"""

import contextlib
import logging
import struct
from collections.abc import Sequence
from pathlib import Path

import msgspec
from worldwarp_protocol import codec
from worldwarp_protocol.codec import Buffer
from worldwarp_protocol.errors import RemoteProtocolError
from worldwarp_protocol.messages import Estimated, Imagined, PassesMade, PathChecked, WorldMade

from ..engines.questions import Answer
from .kept import write_atomically

Message = Estimated | PathChecked | WorldMade | PassesMade | Imagined

MOST = 1 << 30
"""Bytes of all answers that are kept; the oldest go."""

_LENGTH = struct.Struct("<Q")

log = logging.getLogger(__name__)


def encode(answer: Answer) -> list[Buffer]:
    """The frames of an answer, to nobody yet.

    Raises:
        LocalProtocolError: the answer is not as it may travel.
    """
    return codec.encode(answer.message, answer.arrays)


def addressed(frames: Sequence[Buffer], request: str) -> tuple[Message, list[Buffer]]:
    """The message and its frames, to this request."""
    kept: Message = msgspec.msgpack.decode(frames[0], type=Message)
    message = msgspec.structs.replace(kept, request=request)
    return message, [msgspec.msgpack.encode(message), *frames[1:]]


def read(root: Path, key: str) -> list[Buffer] | None:
    """The frames that were kept under this key; None where there are none, or the file is damaged."""
    try:
        content = memoryview(_path(root, key).read_bytes())
        frames = _split(content)
        codec.decode_server(frames)
    except FileNotFoundError:
        return None
    except (OSError, struct.error, RemoteProtocolError):
        log.warning("%s is damaged; the answer is made again.", _path(root, key))
        return None
    return frames


def keep(root: Path, key: str, frames: Sequence[Buffer]) -> None:
    """Keep frames under this key; where the disk is full they are not, and the log says so."""
    parts = [part for frame in frames for part in (_LENGTH.pack(len(frame)), frame)]
    try:
        write_atomically(_path(root, key), b"".join(parts))
        _forget(root)
    except OSError as error:
        log.warning("An answer cannot be kept (%s); it is made again when it is asked for.", error)


def _forget(root: Path) -> None:
    """Remove the oldest answers where there are too many."""
    found = [(path, path.stat()) for path in root.glob("derived/*/answer")]
    size = sum(about.st_size for _, about in found)
    for path, about in sorted(found, key=lambda one: one[1].st_mtime_ns):
        if size <= MOST:
            break
        path.unlink(missing_ok=True)
        size -= about.st_size
        with contextlib.suppress(OSError):  # something else of the same name stays
            path.parent.rmdir()


def _split(content: memoryview) -> list[Buffer]:
    frames: list[Buffer] = []
    while content:
        (length,) = _LENGTH.unpack(content[: _LENGTH.size])
        frames.append(content[_LENGTH.size : _LENGTH.size + length])
        content = content[_LENGTH.size + length :]
    return frames


def _path(root: Path, key: str) -> Path:
    return root / "derived" / key / "answer"
