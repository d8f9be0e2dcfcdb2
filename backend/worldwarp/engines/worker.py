"""The worker process: reads jobs from stdin, writes events to stdout, keeps nothing.

Started by ``engines.local``; ends when its stdin does.
"""

import os
import signal
import sys
import threading
import traceback
from queue import Queue
from typing import BinaryIO

from ..nouns import Cancelled
from . import pipe
from .jobs import Job


def main() -> None:
    """Serve jobs until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal is for the server
    jobs: Queue[Job] = Queue()
    cancelled = threading.Event()
    incoming = sys.stdin.buffer
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints belongs in the log
    threading.Thread(target=_listen, args=(incoming, jobs, cancelled), daemon=True).start()

    from .compute import numerics  # torch takes seconds to import: listen first

    pipe.write(outgoing, pipe.Ready(numerics()))
    while True:
        job = jobs.get()
        pipe.write(outgoing, _answer(job, cancelled, outgoing))


def _listen(incoming: BinaryIO, jobs: "Queue[Job]", cancelled: threading.Event) -> None:
    while (message := pipe.read(incoming, pipe.ToWorker)) is not None:
        if isinstance(message, pipe.Compute):
            cancelled.clear()
            jobs.put(message.job)
        else:
            cancelled.set()
    os._exit(0)  # the front door is gone: whatever is in work would be lost anyway


def _answer(job: Job, cancelled: threading.Event, outgoing: BinaryIO) -> pipe.FromWorker:
    from .compute import compute

    def report(stage: str, step: int, steps: int) -> None:
        if cancelled.is_set():
            raise Cancelled
        pipe.write(outgoing, pipe.Progressed(stage, step, steps))

    try:
        return pipe.Finished(compute(job, report))
    except Cancelled:
        return pipe.Stopped()
    except Exception as error:
        traceback.print_exc()
        return pipe.Failed(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
