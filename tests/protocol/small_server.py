"""A server of a page: real sockets, real encryption, the real rules; its runs are lists of items made beforehand."""

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import zmq
from worldwarp_protocol import codec, keys, limits
from worldwarp_protocol import messages as m
from worldwarp_protocol.errors import RemoteProtocolError
from worldwarp_protocol.session import ServerSession, Subscription, greet
from zmq.auth.thread import ThreadAuthenticator

from .samples import estimated_arrays, info


class Enrolled:
    """The authenticator's question, answered from the key files each time."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def callback(self, _domain: str, key: bytes) -> bool:
        return key.decode() in keys.enrolled(self.home)


class Lawless(ServerSession):
    """Lets a server send items in whatever order, without credit."""

    def send(self, message: m.Message, now: float) -> None:
        if not isinstance(message, m.StreamItem):
            super().send(message, now)

    def credit(self, _run: str) -> int:
        return 1


class SmallServer:
    """Serves ``runs`` on a thread of its own until it is closed.

    Args:
        runs: items by the id of their run.
        most: items that it sends over one connection before it dies, as if it were killed; None for no end.
    """

    def __init__(
        self,
        home: Path,
        runs: dict[str, list[Any]],
        port: int = 0,
        most: int | None = None,
        session: type[ServerSession] = ServerSession,
    ) -> None:
        self.runs = runs
        self.heard: list[Any] = []
        """Every message of every client."""
        self.sent: list[int] = []
        """Numbers of all items that left."""
        self.requests: dict[str, m.Submitted] = {}
        self.hold = 10**9
        """Items beyond this number do not exist yet."""
        self.silent = False
        self.major = 1
        self.minor = limits.PROTOCOL_VERSION[1]
        self.estimate = estimated_arrays()
        self.previews: list[Any] = []
        """What it shows of the chunk in work before it streams."""
        self.deaf = 0
        """Estimates that it answers by ending the session."""
        self.forgets = 0
        """Subscriptions that it answers by ending the session."""
        self._most = most
        self._session = session
        self._end = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._authenticator = ThreadAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback("*", credentials_provider=Enrolled(home))
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.curve_secretkey, self._socket.curve_publickey = (
            (pair := keys.server_keys(home)).secret,
            pair.public,
        )
        self._socket.curve_server, self._socket.linger, self._socket.router_mandatory = True, 0, True
        self.port = _bind(self._socket, port)
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> "SmallServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._authenticator.stop()
        self._context.term()

    def count(self, kind: type) -> int:
        return sum(isinstance(message, kind) for message in self.heard)

    def _serve(self) -> None:
        self._sessions: dict[bytes, ServerSession] = {}
        self._left: dict[tuple[bytes, str], list[Any]] = {}
        with self._socket:
            while not self._end.is_set() and self._most != 0:
                if self._socket.poll(5):
                    peer, *frames = self._socket.recv_multipart()
                    self._hear(peer, frames)
                for peer, run in list(self._left):
                    self._stream(peer, run)

    def _hear(self, peer: bytes, frames: list[bytes]) -> None:
        session = self._sessions.setdefault(peer, self._session(time.monotonic()))
        try:
            message, _ = codec.decode_client(frames)
            session.receive(message, time.monotonic())
        except RemoteProtocolError as error:
            self._socket.send_multipart([peer, *codec.encode(m.Error("protocol", str(error)))])
            del self._sessions[peer]
            return
        self.heard.append(message)
        if self.silent:
            return
        if isinstance(message, m.Subscribe) and self.forgets:
            self.forgets -= 1
            self._say(peer, m.Error("protocol", "Who are you?"))
            return
        match message:
            case m.Hello():
                answer = greet(
                    m.Hello(message.major + 1 - self.major, 0, ""), "small", [m.ProfileStatus("draft", True)]
                )
                if isinstance(answer, m.Welcome):
                    answer = msgspec.structs.replace(answer, minor=self.minor)
                self._say(peer, answer)
            case m.EstimateGeometry() if self.deaf:
                self.deaf -= 1
                self._say(peer, m.Error("protocol", "Who are you?"))
            case m.EstimateGeometry():
                self._say(peer, m.Estimating(message.request, 0, 0))
                answer = m.Estimated(request=message.request, focal=30.0, focal_given=True)
                self._say(peer, answer, self.estimate)
            case m.Submit():
                run = next(iter(self.runs))
                new = m.Submitted(message.request, info("queued", run), 0)
                self._say(peer, self.requests.setdefault(message.request, new))
            case m.List():
                self._say(peer, m.Runs([info(run=run) for run in self.runs]))
            case m.Subscribe() | m.Status() | m.Cancel() | m.StopAfterChunk():
                self._about_run(peer, message)
            case m.Unsubscribe():
                self._left.pop((peer, message.run), None)

    def _about_run(self, peer: bytes, message: Any) -> None:
        if message.run not in self.runs:
            self._say(
                peer,
                m.Error("unknown_run", "There is no such run: look for it with `worldwarp runs`.", about=message.run),
            )
            return
        if isinstance(message, m.Cancel):
            *items, (end, _) = self.runs[message.run]
            done = [item for item in items if item[0].seq <= self.hold]
            self.runs[message.run] = [*done, (m.RunEnded(message.run, end.seq, "cancelled"), {})]
            for (_, run), left in self._left.items():
                if run == message.run:
                    left[:] = [item for item in left if item in done] + self.runs[run][-1:]
            self.hold = 10**9
        self._say(peer, m.RunStatus(info(run=message.run)))
        if isinstance(message, m.Subscribe):
            for picture in self.previews:
                preview = m.Preview(run=message.run, chunk=0, attempt=1, step=1, steps=2, first=44)
                self._say(peer, preview, picture)
            self._left[peer, message.run] = self._lacking(message)

    def _lacking(self, asked: m.Subscribe) -> list[Any]:
        items = self.runs[asked.run]
        have = {i.chunk for i, _ in items if isinstance(i, m.ChunkCommitted) and i.digest in asked.have}
        return [
            (item, arrays)
            for item, arrays in items
            if item.seq > asked.after and not (isinstance(item, m.Frame | m.Points) and item.chunk in have)
        ]

    def _stream(self, peer: bytes, run: str) -> None:
        left, session = self._left[peer, run], self._sessions[peer]
        while left and left[0][0].seq <= self.hold and session.credit(run) and self._most != 0:
            item, arrays = left.pop(0)
            if not self._say(peer, item, arrays):
                del self._left[peer, run]
                return
            self.sent.append(item.seq)
            self._most = None if self._most is None else self._most - 1
        if session.subscription(run) is not Subscription.OPEN:
            del self._left[peer, run]

    def _say(self, peer: bytes, message: Any, arrays: Any = None) -> bool:
        self._sessions[peer].send(message, time.monotonic())
        try:
            self._socket.send_multipart([peer, *codec.encode(message, arrays)])
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return False
        return True


def _bind(socket: "zmq.Socket[bytes]", port: int) -> int:
    """Bind; a port that was closed a moment ago may need a few tries."""
    if not port:
        return socket.bind_to_random_port("tcp://127.0.0.1")
    for _ in range(100):
        try:
            socket.bind(f"tcp://127.0.0.1:{port}")
        except zmq.ZMQError:
            time.sleep(0.05)
        else:
            return port
    raise AssertionError(f"port {port} stays taken")
