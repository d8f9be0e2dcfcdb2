"""The worker process: reads jobs and questions from stdin, writes events to stdout, keeps nothing.

Started by ``engines.local``; ends when its stdin does.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from queue import Queue
from typing import BinaryIO

from worldwarp_protocol.errors import InvalidShot, WorldWarpError

from .. import machine
from ..nouns import Bytes, Cancelled, Report
from . import pipe, tasks

Work = pipe.Compute | pipe.Ask
Say = Callable[[pipe.FromWorker], None]


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal is for the server
    work: Queue[Work] = Queue()
    cancelled = threading.Event()
    incoming = sys.stdin.buffer
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints belongs in the log
    threading.Thread(target=_listen, args=(incoming, work, cancelled), daemon=True).start()

    from .compute import numerics  # torch takes seconds to import: listen first

    say = partial(_say, outgoing, threading.Lock())
    say(pipe.Ready(numerics(), machine.here()))
    while True:
        say(_do(work.get(), cancelled, say))


def _say(outgoing: BinaryIO, lock: threading.Lock, message: pipe.FromWorker) -> None:
    with lock:  # the captioner reports beside the geometry
        pipe.write(outgoing, message)


def _listen(incoming: BinaryIO, work: "Queue[Work]", cancelled: threading.Event) -> None:
    while (message := pipe.read(incoming, pipe.ToWorker)) is not None:
        if isinstance(message, pipe.Cancel):
            cancelled.set()
        else:
            cancelled.clear()
            work.put(message)
    os._exit(0)  # the front door is gone: whatever is in work would be lost anyway


def _do(work: Work, cancelled: threading.Event, say: Say) -> pipe.FromWorker:
    def report(stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:
        if cancelled.is_set():
            raise Cancelled
        say(pipe.Progressed(stage, step, steps, preview))

    try:
        return _compute(work, report) if isinstance(work, pipe.Compute) else _answer(work, report)
    except Cancelled:
        return pipe.Stopped()
    except WorldWarpError as error:
        return pipe.Failed(str(error))
    except Exception as error:
        traceback.print_exc()
        return pipe.Failed(f"{type(error).__name__}: {error}")


def _compute(work: pipe.Compute, report: Report) -> pipe.Finished:
    from .compute import compute

    return pipe.Finished(compute(work.job, report))


def _answer(work: pipe.Ask, report: Report) -> pipe.Answered | pipe.Refused:
    try:
        return pipe.Answered(tasks.answer(work.question, report))
    except InvalidShot as error:
        return pipe.Refused(error.field, error.text)


if __name__ == "__main__":
    main()
