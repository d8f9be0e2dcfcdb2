"""One worker process and what it has in work: chunks, each prepared, computed and committed, and errands between them.

A chunk that fails, or whose worker dies, is tried once more; the second failure fails its run.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import codec
from worldwarp_protocol.errors import InvalidShot, LocalProtocolError, WorldWarpError
from worldwarp_protocol.limits import MAX_TEXT
from worldwarp_protocol.messages import Machine, Preview, Progress, Stage

from ..engines import jobs, pipe
from ..engines.jobs import Job
from ..engines.local import Worker
from ..engines.questions import NAMES
from ..store import Manifest, Store
from . import kept
from .errands import Errand, Errands
from .journal import Run, why
from .mailbox import Mailbox
from .runs import Runs

ATTEMPTS = 2
"""How often a chunk is tried."""

STILLBORN = 3
"""Workers in a row that may die before they are ready: then something is wrong with the installation."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoded:
    """A preview as it travels, encoded once for all who listen."""

    message: Preview
    frames: list[codec.Buffer]


@dataclass
class Task:
    """The chunk in work."""

    run: str
    job: Job | None = None
    """None while it is prepared."""
    sent: bool = False
    """Whether the worker has it."""
    computed: bool = False
    """Whether it is on its way to the store: the worker is done with it."""
    attempt: int = 1
    progress: Progress | None = None
    preview: Encoded | None = None
    """The newest of this attempt."""


class Workbench:
    """The worker, and what it works on. All methods are called by the loop."""

    def __init__(self, runs: Runs, store: Store, mailbox: Mailbox) -> None:
        self._runs = runs
        self._store = store
        self._mailbox = mailbox
        self._stillborn = 0
        self._waiting: list[Callable[[], None]] = []
        self.numerics = ""
        """What the worker computes with; "" until the first one is ready."""
        self.machine: Machine | None = None
        """What it computes on; None until then."""
        self.task: Task | None = None
        self._errands = Errands(mailbox)
        self._worker = self._start()

    def when_ready(self, call: Callable[[], None]) -> None:
        """Make this call when it is known what the worker computes with, which is part of every recipe."""
        if self.numerics:
            call()
        else:
            self._waiting.append(call)

    def do(self, errand: Errand) -> None:
        """Do this between chunks."""
        self._errands.add(errand)

    def drop(self, errand: Errand) -> None:
        """Nobody waits for this any more."""
        self._errands.drop(errand, self._worker)

    def turn(self) -> None:
        """Begin the next errand or chunk, if there is one and nothing is in work."""
        self._errands.end_overdue(self._worker)
        run = self._runs.next()
        self._errands.give_way(self._worker, run is not None)
        busy = self.task or self._errands.in_work or not self.numerics
        if busy or self._errands.begin(self._worker, run is not None):
            return
        if run is not None:
            self.task = Task(run.id)
            if self._guarded(partial(self._runs.begin, run)):
                self._mailbox.aside(partial(self._prepare, run, self.numerics), self._prepared)

    def works_on(self, run: str) -> bool:
        """Whether a chunk of this run is in work."""
        return self.task is not None and self.task.run == run

    def give_up(self, run: str) -> None:
        """The run is over: end its chunk in work between two steps."""
        if self.task is not None and self.task.run == run and self.task.sent:
            self._worker.cancel()

    def progress(self, run: Run) -> Progress | None:
        """How far its chunk in work has come."""
        return self.task.progress if self.task is not None and self.task.run == run.id and not run.ended else None

    def preview(self, run: Run) -> Encoded | None:
        """What its chunk in work looks like so far."""
        return self.task.preview if self.task is not None and self.task.run == run.id and not run.ended else None

    def close(self) -> None:
        """End the worker, whatever it does."""
        self._worker.close()

    def _start(self) -> Worker:
        return Worker(self._hear, self._store.root / "worker.log")

    def _hear(self, worker: Worker, event: pipe.Event) -> None:
        self._mailbox.put(lambda: self._happened(worker, event))

    def _happened(self, worker: Worker, event: pipe.Event) -> None:
        if worker is not self._worker:
            return
        match event:
            case pipe.Ready(numerics, machine):
                self.numerics, self.machine, self._stillborn = numerics, machine, 0
                waiting, self._waiting = self._waiting, []
                for call in waiting:
                    call()
                log.info("The worker, process %d, is ready (%s).", worker.pid, numerics)
            case pipe.Progressed():
                self._progressed(event)
            case pipe.Finished(computed):
                self._finished(computed)
            case pipe.Answered(answer):
                self._errands.end(answer)
            case pipe.Refused(field, text):
                self._errands.end(InvalidShot(field, text))
            case pipe.Failed(text):
                self._failed(text)
            case pipe.Stopped():
                self.task = None
                self._errands.stopped()
            case pipe.Died():
                self._died(event)

    def _prepare(self, run: Run, numerics: str) -> Job | Manifest | None:
        """On a helper thread: the run's next chunk as the store has it, or the work to be done."""
        shot = kept.read(self._store.root, run.shot)
        done = [self._store.manifest(chunk.key) for chunk in run.committed]
        job = jobs.make_job(shot, self._store, done, numerics)
        return self._store.manifest(job.key) if job and self._store.has(job.key) else job

    def _prepared(self, result: Callable[[], Job | Manifest | None]) -> None:
        found = self._guarded(result)
        if isinstance(found, Manifest):
            self._commit(found)
        elif isinstance(found, Job) and self.task:
            self.task.job = found
            self._compute(found)

    def _compute(self, job: Job) -> None:
        assert self.task
        self.task.sent = False
        self._mailbox.aside(partial(self._worker.compute, job), partial(self._sent, self.task, self.task.attempt))

    def _sent(self, task: Task, attempt: int, result: Callable[[], None]) -> None:
        result()
        if task.attempt != attempt:  # that was another worker
            return
        task.sent = True
        if task is self.task and self._runs[task.run].ended:
            self._worker.cancel()

    def _progressed(self, event: pipe.Progressed) -> None:
        if self._errands.in_work:
            self._errands.in_work.progress = event.step, event.steps
        elif self.task and self.task.job:
            task, chunk, every = self.task, self.task.job.chunk, self.task.job.settings.every
            stage = cast(Stage, event.stage)
            task.progress = Progress(task.run, chunk.index, task.attempt, stage, event.step, event.steps)
            if event.preview is not None:
                preview = Preview(
                    run=task.run,
                    chunk=chunk.index,
                    attempt=task.attempt,
                    step=event.step,
                    steps=event.steps,
                    first=every * chunk.start,
                    apart=4 * every,
                )
                task.preview = _encode(preview, event.preview)

    def _finished(self, computed: jobs.Computed) -> None:
        task = self.task
        if task is None or task.job is None or self._runs[task.run].ended:
            self.task = None
        elif task.job.recipe["numerics"] != self.numerics:
            log.warning("A worker that computes differently (%s) took over: its chunk is prepared anew.", self.numerics)
            self.task = None
        else:
            task.computed = True
            self._mailbox.aside(partial(jobs.commit, self._store, task.job, computed), self._stored)

    def _stored(self, result: Callable[[], Manifest]) -> None:
        found = self._guarded(result)
        if found is not None:
            self._commit(found)

    def _commit(self, found: Manifest) -> None:
        assert self.task
        run = self._runs[self.task.run]
        if not run.ended:
            self._guarded(lambda: self._runs.commit(run, found))
        self.task = None

    def _guarded(self, result: Callable[[], T]) -> T | None:
        """What a helper brought; the run fails with one sentence if it brought an error. None: nothing more to do."""
        assert self.task
        run = self._runs[self.task.run]
        found = None
        try:
            found = result()
        except WorldWarpError as error:
            self._runs.end(run, "failed", str(error))
        except OSError as error:
            self._runs.end(run, "failed", str(why(error, self._store.root)))
        except Exception as error:
            log.exception("Run %s failed by a fault of ours.", run.id)
            self._runs.end(
                run, "failed", f"The server has a fault ({type(error).__name__}: {error}); its log says more."
            )
        if found is None or self._runs[run.id].ended:
            self.task = None
            return None
        return found

    def _failed(self, text: str) -> None:
        if errand := self._errands.in_work:
            name = NAMES[type(errand.question.task)]
            self._errands.end(WorldWarpError(f"The {name} failed. {text}"[:MAX_TEXT]))
        else:
            self._again(text)

    def _again(self, text: str) -> None:
        """The chunk in work failed: once more, or that was it."""
        task = self.task
        if task is None or task.job is None or task.computed:
            return
        run, chunk = self._runs[task.run], task.job.chunk.index + 1
        if run.ended:
            self.task = None
        elif task.attempt == ATTEMPTS:
            sentence = f"Chunk {chunk} of {run.chunks} failed {ATTEMPTS} times. "
            self._runs.end(run, "failed", sentence + text[-(MAX_TEXT - len(sentence)) :])
            self.task = None
        else:
            log.warning("Chunk %d of run %s is tried again: %s", chunk, run.id, text)
            task.attempt += 1
            task.progress = task.preview = None
            self._compute(task.job)

    def _died(self, event: pipe.Died) -> None:
        self._stillborn += 1
        text = f"The worker died; the last lines of its log:\n{event.log}"
        if event.killed or not event.log:
            text = "The worker was killed, often because memory ran out: choose a smaller size."
        if self._stillborn == STILLBORN:
            raise WorldWarpError(f"The worker cannot start. {text}")
        log.warning("%s It is started again.", text)
        self._worker = self._start()
        self._failed(text)


def _encode(preview: Preview, picture: NDArray[np.uint8]) -> Encoded | None:
    """A preview as it travels; one that may not costs nobody the run."""
    try:
        return Encoded(preview, codec.encode(preview, {"preview": picture}))
    except LocalProtocolError as error:
        log.warning("A preview cannot be sent: %s", error)
        return None
