"""A worker process on this machine."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from . import pipe
from .jobs import Job
from .questions import Question

LOG_LINES = 12
"""Lines of a dead worker's log that go into its last event."""


class Worker:
    """One worker process.

    Args:
        deliver: called with every ``pipe.Event``, from a thread of the worker's own; the first is ``Ready``, the last
            ``Died``.
        log: the file that what it prints is appended to.
    """

    def __init__(self, deliver: Callable[["Worker", pipe.Event], None], log: Path) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._begins = errors.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "worldwarp.engines.worker"],  # no modules of the folder we are in
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._thread = threading.Thread(target=self._read, args=(deliver,), daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def compute(self, job: Job) -> None:
        """Begin a job; one at a time. A worker that is gone says so by ``Died``, not here."""
        self._send(pipe.Compute(job))

    def answer(self, question: Question) -> None:
        """Begin a question; as ``compute``."""
        self._send(pipe.Ask(question))

    def kill(self) -> None:
        """End the process in the middle of a step; ``Died`` follows."""
        self._process.kill()

    def cancel(self) -> None:
        """End what is in work between two of its steps: ``Stopped`` follows (or its result, if that was quicker)."""
        self._send(pipe.Cancel())

    def close(self) -> None:
        """End the process, whatever it does."""
        self.kill()
        self._thread.join()

    def _send(self, message: pipe.ToWorker) -> None:
        with contextlib.suppress(OSError, ValueError):  # it died, or its pipe is closed: the reader thread tells
            pipe.write(cast(BinaryIO, self._process.stdin), message)

    def _read(self, deliver: Callable[["Worker", pipe.Event], None]) -> None:
        stdout = cast(BinaryIO, self._process.stdout)
        while (event := pipe.read(stdout, pipe.FromWorker)) is not None:
            deliver(self, event)
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # bytes that a dead process will never read
                cast(BinaryIO, stream).close()
        deliver(self, pipe.Died(self._tail(), sys.platform != "win32" and code == -signal.SIGKILL))

    def _tail(self) -> str:
        own = self._log.read_bytes()[self._begins :].decode("utf-8", "replace")
        return "\n".join(own.splitlines()[-LOG_LINES:])
