"""Who may connect. CURVE always, and ZeroMQ asks this thread about every handshake (RFC 27, ZAP).

It fails closed: sockets are bound only by ``bind_router``, after the thread runs, and ``ZAP_ENFORCE_DOMAIN`` turns
every handshake away when nobody answers. Enrolled keys are looked up at each handshake, so that enrolling and revoking
need no restart.
"""

import contextlib
import logging
import threading
from pathlib import Path

import zmq
from worldwarp_protocol import limits
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.keys import KeyPair, enrolled
from zmq.utils import z85

DOMAIN = b"worldwarp"
ENDPOINT = "inproc://zeromq.zap.01"

SEND_HWM = 4
"""Messages that ZeroMQ holds for a peer that reads slowly; the rest waits in the store."""
RECEIVE_HWM = 4
"""Messages that ZeroMQ reads ahead from one peer."""
HANDSHAKE_MILLISECONDS = 10_000
"""A peer that does not finish its handshake in this time is cut off."""

log = logging.getLogger(__name__)


class Doorkeeper:
    """The thread that answers ZeroMQ's question whether a key may connect.

    Args:
        home: where the enrolled keys are, looked up at each handshake. When they cannot be read, the answer is no.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", home: Path) -> None:
        self._home = home
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(ENDPOINT)
        self._end = context.socket(zmq.PAIR)
        self._end.bind("inproc://doorkeeper-end")
        self._thread = threading.Thread(target=self._serve, args=(context,), name="doorkeeper", daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        with contextlib.suppress(zmq.Again):  # it has ended already
            self._end.send(b"", zmq.NOBLOCK)
        self._thread.join()
        self._end.close(0)
        self._socket.close(0)

    def _serve(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        end = context.socket(zmq.PAIR)
        end.connect("inproc://doorkeeper-end")
        poller = zmq.Poller()
        poller.register(end, zmq.POLLIN)
        poller.register(self._socket, zmq.POLLIN)
        while end not in dict(poller.poll()):
            try:
                self._answer(self._socket.recv_multipart())
            except Exception:  # whatever happens here, the door stays guarded
                log.exception("A handshake could not be answered; it is refused.")
        end.close(0)

    def _answer(self, frames: list[bytes]) -> None:
        # address, "", then the request: version, id, domain, address of the peer, routing id, mechanism, credentials
        envelope, (version, request) = frames[:2], frames[2:4]
        user = self._admit(frames[4:])
        status = [b"200", b"OK", user.encode(), b""] if user else [b"400", b"not enrolled", b"", b""]
        self._socket.send_multipart([*envelope, version, request, *status])

    def _admit(self, request: list[bytes]) -> str:
        """The user that connects, which is its public key; "" if it may not."""
        domain, address, _, mechanism, *credentials = request
        if domain != DOMAIN or mechanism != b"CURVE" or len(credentials) != 1:
            return ""
        public = z85.encode(credentials[0]).decode("ascii")
        try:
            if public in enrolled(self._home):
                return public
            log.warning("%s tried to connect with a key that is not enrolled: %s", address.decode(), public)
        except Exception:
            log.exception("The enrolled keys cannot be read; %s is refused.", address.decode(errors="replace"))
        return ""


def bind_router(
    context: "zmq.Context[zmq.Socket[bytes]]", doorkeeper: Doorkeeper, keys: KeyPair, host: str, port: int
) -> "zmq.Socket[bytes]":
    """The one place where a socket of the server is bound to the network.

    Args:
        port: 0 takes any free one.

    Raises:
        WorldWarpError: the port is taken, or the address is not one of this machine's.
    """
    if not doorkeeper.runs:
        raise WorldWarpError("Nobody guards the door: the authentication thread is not running.")
    socket = context.socket(zmq.ROUTER)
    for option, value in (
        (zmq.CURVE_SERVER, 1),
        (zmq.CURVE_SECRETKEY, keys.secret),
        (zmq.CURVE_PUBLICKEY, keys.public),
        (zmq.ZAP_DOMAIN, DOMAIN),
        (zmq.ZAP_ENFORCE_DOMAIN, 1),
        (zmq.ROUTER_MANDATORY, 1),
        (zmq.SNDHWM, SEND_HWM),
        (zmq.RCVHWM, RECEIVE_HWM),
        (zmq.MAXMSGSIZE, limits.MAX_ARRAY_BYTES),
        (zmq.HANDSHAKE_IVL, HANDSHAKE_MILLISECONDS),
        (zmq.LINGER, 0),
        (zmq.IPV6, int(":" in host)),
    ):
        socket.setsockopt(option, value)
    try:
        socket.bind(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")
    except zmq.ZMQError as error:
        socket.close(0)
        raise WorldWarpError(_why(error, host, port)) from error
    return socket


def _why(error: zmq.ZMQError, host: str, port: int) -> str:
    if error.errno == zmq.EADDRINUSE:
        return f"Something else listens on port {port}: end it, or choose another port with --port."
    return f"{host}:{port} cannot be opened ({error.strerror}); choose another address with --host and --port."
