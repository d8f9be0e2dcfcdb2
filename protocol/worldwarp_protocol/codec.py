"""Messages to frames and back: one MessagePack header, then each array as a raw frame.

Whatever bytes come in, only ``RemoteProtocolError`` comes out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from . import limits
from .arrays import BadArray, array_bytes, check_arrays, check_headers, check_lengths
from .errors import LocalProtocolError, RemoteProtocolError
from .messages import ArrayHeader, CheckPath, ClientMessage, Dtype, EstimateGeometry, Message, ServerMessage, Submit

Buffer = bytes | memoryview
Arrays = dict[str, NDArray[Any]]
M = TypeVar("M")

JUDGED = Submit, EstimateGeometry, CheckPath
"""Questions with pictures and cameras of a user's: that these do not fit each other is answered, no breach."""

_ENCODER = msgspec.msgpack.Encoder()
_CLIENT: msgspec.msgpack.Decoder[ClientMessage] = msgspec.msgpack.Decoder(ClientMessage)
_SERVER: msgspec.msgpack.Decoder[ServerMessage] = msgspec.msgpack.Decoder(ServerMessage)
_ANY: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message, arrays: Mapping[str, NDArray[Any]] | None = None) -> list[Buffer]:
    """The frames of ``message`` and its ``arrays``; array frames are views, nothing is copied.

    The message is given without array headers (``arrays=[]``): they are made here. Do not change the arrays before
    the frames are sent.

    Raises:
        LocalProtocolError: a field is out of bounds, or the arrays are not those that this message carries.
    """
    arrays = arrays or {}
    try:
        check_arrays(type(message), arrays)
    except BadArray as error:
        raise LocalProtocolError(str(error)) from error
    packed = {name: _pack(array) for name, array in arrays.items()}
    frames = [array.reshape(-1).view(np.uint8).data for array in packed.values()]
    headers = [_describe(name, array, frame) for (name, array), frame in zip(packed.items(), frames, strict=True)]
    if headers:
        message = msgspec.structs.replace(message, arrays=headers)
    try:
        header = _ENCODER.encode(message)
        _check(_header(_ANY, header), frames)
    except RemoteProtocolError as error:
        raise LocalProtocolError(str(error)) from error
    return [header, *frames]


def decode_client(frames: Sequence[Buffer]) -> tuple[ClientMessage, Arrays]:
    """What a client sent: the message and its arrays, read-only views of ``frames``, by name.

    Raises:
        RemoteProtocolError: anything about the frames is not as ``SPEC.md`` says.
    """
    return _decode(_CLIENT, frames)


def decode_server(frames: Sequence[Buffer]) -> tuple[ServerMessage, Arrays]:
    """What a server sent; as ``decode_client``."""
    return _decode(_SERVER, frames)


def _pack(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _describe(name: str, array: NDArray[Any], frame: memoryview) -> ArrayHeader:
    dtype = cast(Dtype, array.dtype.name)
    return ArrayHeader(name, dtype, list(array.shape), hashlib.sha256(frame).hexdigest())


def _decode(decoder: msgspec.msgpack.Decoder[M], frames: Sequence[Buffer]) -> tuple[M, Arrays]:
    if not frames:
        raise RemoteProtocolError("a message without a header")
    views = [memoryview(frame).cast("B") for frame in frames]
    message = _header(decoder, views[0])
    headers = _check(message, views[1:])
    arrays = {}
    for header, view in zip(headers, views[1:], strict=True):
        if hashlib.sha256(view).hexdigest() != header.sha256:
            raise RemoteProtocolError(f"{header.name}: these are not the bytes that its digest names")
        array = np.frombuffer(view, dtype=np.dtype(header.dtype).newbyteorder("<")).reshape(header.shape)
        array.flags.writeable = False
        arrays[header.name] = array
    return message, arrays


def _header(decoder: msgspec.msgpack.Decoder[M], header: Buffer) -> M:
    """The one place where bytes of a peer are parsed; msgspec raises more than its own error."""
    if len(header) > limits.MAX_HEADER_BYTES:
        raise RemoteProtocolError(f"a header of {len(header)} bytes; at most {limits.MAX_HEADER_BYTES} are possible")
    try:
        return decoder.decode(header)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        raise RemoteProtocolError(f"a header that does not parse: {error}") from error


def _check(message: object, frames: Sequence[Buffer]) -> Sequence[ArrayHeader]:
    """The message's array headers, once they agree with its kind and with the frames behind it."""
    headers: Sequence[ArrayHeader] = getattr(message, "arrays", [])
    if len(headers) != len(frames):
        raise RemoteProtocolError(f"the header announces {len(headers)} arrays, {len(frames)} came")
    try:
        check_headers(type(message), headers)
        if not isinstance(message, JUDGED):
            check_lengths(type(message), headers)
    except BadArray as error:
        raise RemoteProtocolError(str(error)) from error
    for header, frame in zip(headers, frames, strict=True):
        expected = array_bytes(header.dtype, header.shape)
        if len(frame) != expected:
            raise RemoteProtocolError(f"{header.name}: {len(frame)} bytes came, its shape says {expected}")
    return headers
