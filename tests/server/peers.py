"""Real servers and bare clients for tests: processes, sockets and signals, nothing in between."""

import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from worldwarp_protocol import codec, limits, messages
from worldwarp_protocol.keys import KeyPair, client_keys, server_keys
from worldwarp_protocol.session import ClientSession

from tests.shots_for_tests import straight_path

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # SIGTERM is TerminateProcess on Windows: as sudden

ASK_TO_END = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)

PATIENCE = 240.0
"""Seconds after which a test gives up: machines that run tests are slow."""

COMMAND = "import sys; from worldwarp.cli import main; sys.exit(main(['serve', *sys.argv[1:]]))"

Arrays = Mapping[str, np.ndarray]


def command_line(store: Path, port: int = 0, command: str = COMMAND) -> list[str]:
    return [sys.executable, "-c", command, "--port", str(port), "--store", str(store)]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "WORLDWARP_HOME": str(home)}


class Server:
    """``worldwarp serve`` as a process of its own."""

    def __init__(self, folder: Path, port: int = 0, command: str = COMMAND) -> None:
        self.home, self.store = folder / "home", folder / "store"
        self.errors: list[str] = []
        self._process = subprocess.Popen(
            command_line(self.store, port, command),
            env=environment(self.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        line = self._process.stdout.readline()
        found = re.search(r"tcp://\S+", line)
        if not found:
            self.close()
            raise AssertionError(line + "".join(self.errors))
        self.address = found.group()
        self.port = int(self.address.rsplit(":", 1)[1])

    def _read(self) -> None:
        for line in self._process.stderr:
            self.errors.append(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """Process ids of all workers that were ready, the newest last."""
        return [int(pid) for pid in re.findall(r"worker, process (\d+), is ready", "".join(self.errors))]

    def kill(self) -> None:
        os.kill(self._process.pid, KILL)
        self.wait()

    def end(self, number: int = ASK_TO_END) -> int:
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self._process.wait(30)
        self._reader.join(30)
        self._process.stdout.close()
        self._process.stderr.close()
        return status

    def close(self) -> None:
        if not self._process.stdout.closed:
            self._process.kill()
            self.wait()


class Caller:
    """A client without comfort: it says what it is told to, and checks that the server keeps the rules."""

    def __init__(
        self, server: Server, keys: KeyPair | None = None, hello: bool = True, options: Mapping[int, Any] | None = None
    ) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        keys = keys or client_keys(server.home)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
        self.socket.setsockopt(zmq.CURVE_SERVERKEY, server_keys(server.home).public)
        for option, value in (options or {}).items():
            self.socket.setsockopt(option, value)
        self.socket.connect(server.address)
        self.session = ClientSession(time.monotonic())
        if hello:
            self.say(messages.Hello(*limits.PROTOCOL_VERSION, "test"))
            self.hear(messages.Welcome)

    def say(self, message: messages.ClientMessage, arrays: Arrays | None = None) -> None:
        frames = codec.encode(message, arrays)
        self.session.send(message, time.monotonic())
        self.socket.send_multipart(frames)

    def hear(self, *kinds: type, seconds: float = PATIENCE) -> Any:
        """The next message of these kinds; others are dropped."""
        return self.hear_arrays(*kinds, seconds=seconds)[0]

    def hear_arrays(self, *kinds: type, seconds: float = PATIENCE) -> tuple[Any, dict[str, np.ndarray]]:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.session.ping_due(time.monotonic()):
                self.say(messages.Ping())
            if not self.socket.poll(min(1000.0, 1000 * left)):
                continue
            message, arrays = codec.decode_server(self.socket.recv_multipart())
            if self.session.receive(message, time.monotonic()) and isinstance(message, kinds):
                return message, arrays
        raise TimeoutError(f"no {kinds} in {seconds} s")

    def ask(self, question: messages.ClientMessage, *kinds: type) -> Any:
        self.say(question)
        return self.hear(*kinds, messages.Error)

    def submit(self, shot: tuple[messages.Shot, Arrays], request: str | None = None) -> Any:
        self.say(messages.Submit(request=request or secrets.token_hex(16), shot=shot[0]), shot[1])
        return self.hear(messages.Submitted, messages.Error)

    def status(self, run: str) -> messages.RunInfo:
        return self.ask(messages.Status(run), messages.RunStatus).info

    def stream(self, run: str, after: int = 0, have: tuple[str, ...] = (), until: int = 10**9) -> "Stream":
        """Everything of a run from ``after`` to its end, or to item ``until``."""
        self.say(messages.Subscribe(run=run, after=after, have=list(have), credit=4))
        found = Stream()
        while not found.ended and (not found.items or found.items[-1][0].seq < until):
            message, arrays = self.hear_arrays(
                messages.RunStarted,
                messages.ChunkCommitted,
                messages.Frame,
                messages.Points,
                messages.RunEnded,
                messages.Progress,
            )
            if isinstance(message, messages.Progress):
                found.progress.append(message)
                continue
            found.items.append((message, {name: array.copy() for name, array in arrays.items()}))
            if not found.ended:
                self.say(messages.Credit(run=run, more=1))
        return found

    def close(self) -> None:
        self._context.destroy(0)


class Stream:
    """What came of a run."""

    def __init__(self) -> None:
        self.items: list[tuple[Any, dict[str, np.ndarray]]] = []
        self.progress: list[messages.Progress] = []

    @property
    def ended(self) -> messages.RunEnded | None:
        last = self.items[-1][0] if self.items else None
        return last if isinstance(last, messages.RunEnded) else None

    @property
    def seqs(self) -> list[int]:
        return [message.seq for message, _ in self.items]

    @property
    def chunks(self) -> list[messages.ChunkCommitted]:
        return [message for message, _ in self.items if isinstance(message, messages.ChunkCommitted)]

    @property
    def frames(self) -> dict[int, tuple[bytes, bytes]]:
        return {
            message.index: (arrays["frame"].tobytes(), arrays["provenance"].tobytes())
            for message, arrays in self.items
            if isinstance(message, messages.Frame)
        }

    @property
    def content(self) -> list[tuple[Any, ...]]:
        """What must be the same whoever interrupts whom, and whatever the run is called."""
        return [
            (type(message).__name__, message.seq, {name: array.tobytes() for name, array in arrays.items()})
            for message, arrays in self.items
        ]


def small_shot(
    frames: int = 17, seed: int = 0, name: str = "hall", steps: int = 20
) -> tuple[messages.Shot, dict[str, np.ndarray]]:
    """A wall of noise with a box in front of it, 64 x 48; chunks of 9 frames."""
    cameras = straight_path(frames)
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (1, 48, 64, 3), np.uint8)
    depth = np.full((1, 48, 64), 4, np.float32)
    depth[:, 16:32, 20:40] = 2
    settings = messages.Settings(chunk_frames=9, context_frames=5, cache_steps=steps)
    arrays = {
        "picture": picture,
        "depth": depth,
        "K": cameras.K,
        "camera_to_world": cameras.camera_to_world,
        "frame": cameras.frame.astype(np.int32),
    }
    return messages.Shot(name=name, settings=settings), arrays


def wait_for(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The condition's value once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise TimeoutError(f"not in {seconds} s")


@contextlib.contextmanager
def serving(folder: Path, **options: Any) -> Iterator[Server]:
    server = Server(folder, **options)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def calling(server: Server, **options: Any) -> Iterator[Caller]:
    caller = Caller(server, **options)
    try:
        yield caller
    finally:
        caller.close()
