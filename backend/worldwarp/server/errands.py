"""Questions for the worker whose askers wait: they come between two chunks, one after the other, worlds last."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.messages import MakeWorld

from ..engines.local import Worker
from ..engines.questions import Answer, Question
from .mailbox import Mailbox

DROP_SECONDS = 5.0
"""What was dropped ends between two steps; a step that takes longer than this is ended with its worker."""


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

    @property
    def patient(self) -> bool:
        """Whether it lets others pass: a world takes minutes."""
        return isinstance(self.question.task, MakeWorld)


class Errands:
    """Those that wait, and the one in work. All methods are called by the loop."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._waiting: deque[Errand] = deque()
        self.in_work: Errand | None = None

    def add(self, errand: Errand) -> None:
        """Do this before the next chunk."""
        self._waiting.append(errand)

    def drop(self, errand: Errand, worker: Worker) -> None:
        """Nobody waits for it any more."""
        errand.dropped_at = time.monotonic()
        if errand in self._waiting:
            self._waiting.remove(errand)
        elif errand is self.in_work and errand.sent:
            worker.cancel()

    def begin(self, worker: Worker) -> bool:
        """Give the next one to the worker, which does nothing else now; False where none waits."""
        if not self._waiting:
            return False
        self.in_work = min(self._waiting, key=lambda errand: errand.patient)  # the first of equals
        self._waiting.remove(self.in_work)
        work = partial(worker.answer, self.in_work.question)
        self._mailbox.aside(work, partial(self._sent, self.in_work, worker))
        return True

    def end(self, result: Answer | WorldWarpError) -> None:
        """The one in work is done."""
        errand, self.in_work = self.in_work, None
        if errand is not None and errand.dropped_at is None:
            errand.done(errand, result)

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
