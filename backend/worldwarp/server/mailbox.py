"""How other threads reach the loop: they leave calls, which the loop makes when it comes round."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TypeVar

import zmq

T = TypeVar("T")
Call = Callable[[], None]

HELPERS = 2
"""Threads beside the loop: one reads, writes and checks chunks while the other derives points."""


class Mailbox:
    """Calls that wait for the loop, and a socket that it polls beside the network's. Nothing is copied or encoded."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._lock = threading.RLock()  # a signal's handler may interrupt a put
        self._helpers = ThreadPoolExecutor(HELPERS, "helper")
        address = f"inproc://mailbox-{id(self)}"
        self.socket = context.socket(zmq.PULL)
        self.socket.bind(address)
        self._bell = context.socket(zmq.PUSH)
        self._bell.setsockopt(zmq.LINGER, 0)
        self._bell.connect(address)

    def put(self, call: Call) -> None:
        """From any thread; never blocks. After ``close`` calls are dropped."""
        self._calls.put(call)
        with self._lock:
            if self._bell.closed:
                return
            with contextlib.suppress(zmq.Again):  # the bell rings already
                self._bell.send(b"", zmq.NOBLOCK)

    def aside(self, work: Callable[[], T], then: Callable[[Callable[[], T]], None]) -> None:
        """Do ``work`` on a helper thread; then the loop calls ``then(result)``: ``result()`` returns or raises."""
        self._helpers.submit(work).add_done_callback(lambda future: self.put(lambda: then(future.result)))

    def take(self) -> Iterator[Call]:
        """Everything that lies in the box, oldest first."""
        while self.socket.poll(0):
            self.socket.recv()
        while True:
            try:
                yield self._calls.get_nowait()
            except Empty:
                return

    def close(self) -> None:
        """Drop what is queued; a helper in the middle of a commit ends it before the process does."""
        self._helpers.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._bell.close()
            self.socket.close(0)
