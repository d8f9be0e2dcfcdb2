"""One encrypted connection to a server: the only place of a client that knows ZeroMQ.

ZeroMQ does not reconnect by itself: a connection is one session, and who lost it makes a new one.
"""

import time
from collections.abc import Mapping
from typing import Any

import zmq
from numpy.typing import NDArray
from zmq.utils.monitor import parse_monitor_message

from . import codec, limits
from .codec import Arrays
from .errors import KeyRefused, Refused, ServerUnreachable, SessionEnded
from .keys import KeyPair
from .messages import ClientMessage, Error, Hello, Ping, ServerMessage, Welcome
from .session import ClientSession

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]

POLL_SECONDS = 0.5
"""How often heartbeats are looked after while nothing comes."""

BROKEN = (
    zmq.Event.CLOSED,
    zmq.Event.DISCONNECTED,
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL,
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL,
    zmq.Event.HANDSHAKE_FAILED_AUTH,
)


class Connection:
    """A connection that may say hello; ``welcome`` waits for the answer. Used from one thread at a time.

    Args:
        context: where the socket lives.
        address: ``tcp://HOST:PORT``.
        keys: our pair.
        server_public: the server's public key.
        timeout: seconds that connecting may take.

    Raises:
        ServerUnreachable: from every method: the connection cannot be made, or is lost.
    """

    def __init__(self, context: Context, address: str, keys: KeyPair, server_public: bytes, timeout: float) -> None:
        self.address = address
        self._public = keys.public.decode()
        self.session = ClientSession(time.monotonic())
        self._deadline = time.monotonic() + timeout
        self._seen: list[zmq.Event] = []
        self._socket = _dealer(context, address, keys, server_public, timeout)
        self._monitor = self._socket.get_monitor_socket()
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            raise ServerUnreachable(f"{address} is not an address: write tcp://HOST:PORT.") from error

    def welcome(self, client: str) -> Welcome:
        """Say hello as ``client`` and wait for the answer.

        Raises:
            KeyRefused: the server does not know our key.
            Refused: it speaks another version.
        """
        while zmq.Event.HANDSHAKE_SUCCEEDED not in self._seen:
            self._wait(self._deadline - time.monotonic())
            if time.monotonic() > self._deadline:
                raise ServerUnreachable(_why(self.address, self._seen))
        major, minor = limits.PROTOCOL_VERSION
        self.send(Hello(major, minor, client))
        while time.monotonic() < self._deadline:
            if answer := self.receive(self._deadline - time.monotonic()):
                match answer[0]:
                    case Welcome() as message:
                        return message
                    case Error() as message:
                        raise Refused(message.code, message.text, message.field)
        raise ServerUnreachable(f"The server at {self.address} does not answer: is it overloaded? Try again.")

    def send(self, message: ClientMessage, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Send ``message``.

        Raises:
            LocalProtocolError: the rules do not allow it now, or its fields or arrays.
        """
        frames = codec.encode(message, arrays)
        self.session.send(message, time.monotonic())
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            raise ServerUnreachable(f"The connection to {self.address} is lost.") from None

    def receive(self, timeout: float) -> tuple[ServerMessage, Arrays] | None:
        """The next message other than a ping, or None where none comes for ``timeout`` seconds.

        Raises:
            RemoteProtocolError: the server breaks the rules.
        """
        deadline = time.monotonic() + timeout
        while True:
            now = time.monotonic()
            if self.session.ping_due(now):
                self.send(Ping())
            frames = self._wait(deadline - now)
            if frames is not None:
                message, arrays = codec.decode_server(frames)
                if isinstance(message, Error) and message.code == "protocol":
                    raise SessionEnded(f"The server at {self.address} ended the connection: {message.text}")
                if self.session.receive(message, time.monotonic()) and not isinstance(message, Ping):
                    return message, arrays
            elif self.session.dead(time.monotonic()):
                raise ServerUnreachable(f"The server at {self.address} has gone silent.")
            if time.monotonic() >= deadline:
                return None

    def usable(self) -> bool:
        """Whether the server is still there, and still knows us."""
        try:
            while self.receive(0):
                pass
        except ServerUnreachable:
            return False
        return not self.session.dead(time.monotonic())

    def close(self) -> None:
        """Close the sockets at once; messages that did not leave yet are lost."""
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)

    def _wait(self, seconds: float) -> list[memoryview] | None:
        """Wait for a message, at most ``POLL_SECONDS``. What came before a connection broke is read first."""
        milliseconds = int(1000 * min(max(seconds, 0), POLL_SECONDS)) + 1
        ready = dict(self._poller.poll(milliseconds))
        if self._socket in ready:
            return [frame.buffer for frame in self._socket.recv_multipart(copy=False)]
        if self._monitor in ready:
            event = zmq.Event(parse_monitor_message(self._monitor.recv_multipart())["event"])
            self._seen.append(event)
            if event in BROKEN:
                raise _broken(self.address, self._seen, self._public)
        return None


def _dealer(context: Context, address: str, keys: KeyPair, server_public: bytes, timeout: float) -> Socket:
    socket = context.socket(zmq.DEALER)
    milliseconds = int(1000 * timeout)
    for option, value in (
        (zmq.CURVE_SERVERKEY, server_public),
        (zmq.CURVE_PUBLICKEY, keys.public),
        (zmq.CURVE_SECRETKEY, keys.secret),
        (zmq.RECONNECT_IVL, -1),
        (zmq.CONNECT_TIMEOUT, milliseconds),
        (zmq.HANDSHAKE_IVL, milliseconds),
        (zmq.IMMEDIATE, 1),
        (zmq.MAXMSGSIZE, limits.MAX_ARRAY_BYTES),
        (zmq.LINGER, 0),
        (zmq.IPV6, int("[" in address)),
    ):
        socket.setsockopt(option, value)
    return socket


def _broken(address: str, seen: list[zmq.Event], public: str) -> ServerUnreachable:
    if zmq.Event.HANDSHAKE_FAILED_AUTH in seen:
        return KeyRefused(
            f"The server at {address} does not know our key: have it enrolled on the server's machine "
            f"by `worldwarp keys enrol NAME '{public}'`."
        )
    return ServerUnreachable(_why(address, seen))


def _why(address: str, seen: list[zmq.Event]) -> str:
    if zmq.Event.HANDSHAKE_SUCCEEDED in seen:
        return f"The connection to {address} is lost."
    if zmq.Event.CONNECTED in seen:
        return (
            f"What answers at {address} is not the server that we have the key of: check the address, "
            "and the server's key as `worldwarp keys` prints it there."
        )
    return f"No WorldWarp server answers at {address}: start one with `worldwarp serve`, or check the address."
