"""Questions for the worker whose askers wait: they come between two chunks, one after the other, worlds last.

Worlds take minutes, so they and chunks take turns, and each lets what waits pass once. First pictures take turns with
chunks, too: a large one takes minutes as well.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.messages import Imagine, MakeWorld

from ..engines.local import Worker
from ..engines.questions import Answer, Question
from .mailbox import Mailbox

DROP_SECONDS = 5.0
"""What was dropped ends between two steps; a step that takes longer than this is ended with its worker."""

TURN_SECONDS = 30.0
"""A world that has been in work for longer, while something else waits, ends between two steps and is begun again after
it: once, so that it comes to its end. What it has made whole is kept."""


@dataclass(eq=False)
class Errand:
    """A question for the worker."""

    key: str
    question: Question
    done: Callable[["Errand", Answer | WorldWarpError], None]
    """Called once, unless it is dropped."""
    progress: tuple[int, int] = (0, 0)
    """Step and steps."""
    sent: bool = False
    """Whether the worker has it."""
    dropped_at: float | None = None
    begun_at: float = 0.0
    gave_way: bool = False
    """Whether it was in work already and let others pass."""

    @property
    def patient(self) -> bool:
        """Whether it lets others pass: a world takes minutes."""
        return isinstance(self.question.task, MakeWorld)

    @property
    def turn(self) -> int:
        """What comes first: 0, and more of what takes turns with chunks."""
        return {Imagine: 1, MakeWorld: 2}.get(type(self.question.task), 0)


class Errands:
    """Those that wait, and the one in work. All methods are called by the loop."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._waiting: deque[Errand] = deque()
        self._turn_of_chunks = False
        self.in_work: Errand | None = None

    def add(self, errand: Errand) -> None:
        """Do this between chunks."""
        self._waiting.append(errand)

    def drop(self, errand: Errand, worker: Worker) -> None:
        """Nobody waits for it any more."""
        errand.dropped_at = time.monotonic()
        if errand in self._waiting:
            self._waiting.remove(errand)
        elif errand is self.in_work and errand.sent:
            worker.cancel()

    def begin(self, worker: Worker, chunk_waits: bool) -> bool:
        """Give the next one to the worker, which does nothing else now; False where it is a chunk's turn."""
        errand = min(self._waiting, key=lambda errand: errand.turn, default=None)  # the first of equals
        if errand is None or (errand.turn and chunk_waits and self._turn_of_chunks):
            self._turn_of_chunks = False
            return False
        self._turn_of_chunks |= errand.turn > 0
        self._waiting.remove(errand)
        self.in_work, errand.begun_at = errand, time.monotonic()
        work = partial(worker.answer, self.in_work.question)
        self._mailbox.aside(work, partial(self._sent, self.in_work, worker))
        return True

    def end(self, result: Answer | WorldWarpError) -> None:
        """The one in work is done."""
        errand, self.in_work = self.in_work, None
        if errand is not None and errand.dropped_at is None:
            errand.done(errand, result)

    def stopped(self) -> None:
        """The one in work ended between two steps: nobody waits for it, or others pass it."""
        errand, self.in_work = self.in_work, None
        if errand is not None and errand.dropped_at is None:
            errand.sent, errand.progress = False, (0, 0)
            self._waiting.append(errand)

    def give_way(self, worker: Worker, chunk_waits: bool) -> None:
        """End a world that was long in work while something else waits, if it never did so before."""
        errand = self.in_work
        if errand is None or not errand.patient or not errand.sent or errand.gave_way or errand.dropped_at is not None:
            return
        others = chunk_waits or any(not other.patient for other in self._waiting)
        if others and time.monotonic() - errand.begun_at > TURN_SECONDS:
            errand.gave_way = True
            worker.cancel()

    def end_overdue(self, worker: Worker) -> None:
        """Kill a worker that does not come to the end of a step for nobody."""
        dropped_at = self.in_work.dropped_at if self.in_work else None
        if dropped_at is not None and time.monotonic() - dropped_at > DROP_SECONDS:
            worker.kill()

    def _sent(self, errand: Errand, worker: Worker, result: Callable[[], None]) -> None:
        result()
        errand.sent = True
        if errand is self.in_work and errand.dropped_at is not None:
            worker.cancel()
