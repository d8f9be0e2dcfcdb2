"""One peer: who it is, what it may say, and what waits for it. Sending never blocks."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import zmq
from numpy.typing import NDArray
from worldwarp_protocol import codec
from worldwarp_protocol.messages import Error, ServerMessage
from worldwarp_protocol.session import ServerSession

MAX_WAITING = 64
"""Messages that wait here for a peer that does not read; one more and it is forgotten."""

PROGRESS_SECONDS = 0.1
"""Progress is sent this often at most: the newest wins."""

PREVIEW_SECONDS = 0.5
"""And previews, each of which is some hundred kilobytes."""


@dataclass
class Newest:
    """What was sent of something of which only the newest matters, at most once in ``seconds``."""

    seconds: float
    sent: ServerMessage | None = None
    sent_at: float = 0.0

    def fresh(self, message: ServerMessage, now: float) -> bool:
        """Whether this is worth sending now; it counts as sent then."""
        if message == self.sent or now - self.sent_at < self.seconds:
            return False
        self.sent, self.sent_at = message, now
        return True


@dataclass
class Listener:
    """How far a subscription of a peer has come."""

    after: int
    have: frozenset[str]
    progress: Newest = field(default_factory=partial(Newest, PROGRESS_SECONDS))
    preview: Newest = field(default_factory=partial(Newest, PREVIEW_SECONDS))


class Peer:
    """One connection.

    Args:
        user: the public key that ZeroMQ found at the handshake: what everything is authorised by.
    """

    def __init__(self, router: "zmq.Socket[bytes]", routing_id: bytes, user: str) -> None:
        self.user = user
        self.session = ServerSession(time.monotonic())
        self.listeners: dict[str, Listener] = {}
        self.gone = False
        self._router = router
        self._routing_id = routing_id
        self._waiting: deque[list[codec.Buffer]] = deque()

    @property
    def blocked(self) -> bool:
        """Whether something waits because the peer does not read."""
        return bool(self._waiting)

    def say(self, message: ServerMessage, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Send a message, now or when the peer reads again.

        Raises:
            LocalProtocolError: the rules do not allow it.
        """
        self.send(message, codec.encode(message, arrays))

    def send(self, message: ServerMessage, frames: list[codec.Buffer]) -> None:
        """As ``say``, for a message that is encoded already."""
        self.session.send(message, time.monotonic())
        self._post(frames)

    def offer(self, message: ServerMessage, frames: list[codec.Buffer]) -> None:
        """As ``send``, now or not at all: by the time the peer reads again there is a newer one."""
        self.send(message, frames)
        if self._waiting and self._waiting[-1] is frames:
            self._waiting.pop()

    def dismiss(self, text: str) -> None:
        """End the session with one sentence, whatever its state."""
        if not self.gone:
            self._post(codec.encode(Error("protocol", text[:1000])))
        self.gone = True

    def flush(self) -> None:
        """Send what waits, as far as the peer reads."""
        while self._waiting and not self.gone:
            try:
                self._router.send_multipart([self._routing_id, *self._waiting[0]], zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                self.gone = True
            else:
                self._waiting.popleft()

    def _post(self, frames: list[codec.Buffer]) -> None:
        self._waiting.append(frames)
        self.flush()
        self.gone = self.gone or len(self._waiting) > MAX_WAITING
