"""Questions that take work: checked on a helper thread, answered from the disk or by the worker, for who still waits.

Equal questions are answered by one piece of work; it ends when nobody waits for it any more.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from numpy.typing import NDArray
from worldwarp_protocol.codec import Buffer
from worldwarp_protocol.errors import InvalidShot, Refused, WorldWarpError
from worldwarp_protocol.messages import CheckPath, EstimateGeometry, Estimating, Imagine, MakePasses, MakeWorld
from worldwarp_protocol.results import ChunkRecord
from worldwarp_protocol.session import Connection, Task
from worldwarp_protocol.tasks import check_task

from .. import imagine
from ..engines import passes, tasks, worlds
from ..engines.questions import Answer, Past, Question
from ..geometry import sources
from ..store import Store
from . import answers, kept
from .errands import Errand
from .intake import refusal
from .journal import Run
from .mailbox import Mailbox
from .peers import PROGRESS_SECONDS, Peer
from .runs import Runs
from .workbench import Workbench

MAX_BYTES = 1 << 30
"""Pictures of all questions that wait."""

MAX_CLIENT_BYTES = 512 << 20
"""Pictures of one client's questions that wait; a single question may have 384 MiB."""

MAX_CLIENT_QUESTIONS = 8
"""Questions of one client that wait."""

SIGN_SECONDS = 1.0
"""Who waits is told this often where the work stands, if nothing else: so a lost connection is noticed."""

Found = tuple[Question, str, list[Buffer] | None]
"""A question, its key, and the frames of its answer where that is known."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Asker:
    """Who waits for an answer, and what it was told last."""

    peer: Peer
    request: str
    size: int
    """Bytes of its arrays."""
    errand: Errand | None = None
    """The work that it waits for; None while the question is checked."""
    told: tuple[int, int] | None = None
    told_at: float = 0.0

    @property
    def waits(self) -> bool:
        return not self.peer.gone and self.peer.session.state is Connection.READY

    def tell(self, now: float) -> None:
        """Say where the work stands, if that is new or was not said for long."""
        stands = self.errand.progress if self.errand else (0, 0)
        pause = SIGN_SECONDS if stands == self.told else PROGRESS_SECONDS
        if now - self.told_at >= pause and not self.peer.blocked:
            self.told, self.told_at = stands, now
            self.peer.say(Estimating(self.request, *stands))


class Tasks:
    """Everybody who waits for an answer that takes work. All methods are called by the loop."""

    def __init__(self, runs: Runs, bench: Workbench, store: Store, mailbox: Mailbox) -> None:
        self._runs = runs
        self._bench = bench
        self._store = store
        self._mailbox = mailbox
        self._askers: list[Asker] = []
        self._looked_up: list[Asker] = []
        """Whose questions the helpers still have, also where they wait no more."""
        self._errands: dict[str, Errand] = {}

    def ask(self, peer: Peer, message: Task, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Answer the question, now or later.

        Raises:
            InvalidShot, Refused: for what can be said at once.
        """
        check_task(message, arrays)
        run = self._run(peer.user, message) if isinstance(message, MakeWorld | MakePasses) else None
        asker = Asker(peer, message.request, sum(array.nbytes for array in arrays.values()))
        self._check_room(asker)
        self._askers.append(asker)
        self._looked_up.append(asker)
        look = partial(self._look_up, Question(message, dict(arrays)), run)
        found = partial(self._found, asker)
        self._bench.when_ready(lambda: self._mailbox.aside(look, found))

    def cancel(self, user: str, request: str) -> bool:
        """Answer this client's question with ``cancelled``; False if it has no such question."""
        found = [asker for asker in self._askers if (asker.peer.user, asker.request) == (user, request)]
        for asker in found:
            self._leave(asker)
            if asker.waits:
                asker.peer.say(refusal(cancelled(), request))
        return bool(found)

    def pump(self) -> None:
        """Tell those who wait where the work stands; end what nobody waits for."""
        now = time.monotonic()
        for asker in list(self._askers):
            if asker.waits:
                asker.tell(now)
            else:
                self._leave(asker)

    def _check_room(self, asker: Asker) -> None:
        """Memory is bounded, for all and for each."""
        held = {*self._askers, *self._looked_up}
        mine = [other for other in held if other.peer.user == asker.peer.user]
        full = (
            asker.peer.blocked
            or len(mine) >= MAX_CLIENT_QUESTIONS
            or sum(other.size for other in mine) + asker.size > MAX_CLIENT_BYTES
            or sum(other.size for other in held) + asker.size > MAX_BYTES
        )
        if full:
            raise Refused("busy", "As many questions wait as the server can hold; ask again when one is answered.")

    def _run(self, user: str, task: MakeWorld | MakePasses) -> Run:
        """This client's own run, with something to make files of."""
        run = self._runs.of(user, task.run)
        if isinstance(task, MakePasses) and not run.ended:
            raise Refused("busy", "This run goes on; ask for its depth when it is over.", "run")
        if not run.committed:
            raise Refused("busy", "No chunk of this run is committed yet; ask again when one is.", "run")
        return run

    def _look_up(self, question: Question, run: Run | None) -> Found:
        """On a helper thread: the question, its key, and its answer if it was asked before."""
        task = question.task
        if isinstance(task, MakePasses):
            return question, "", answers.encode(self._passes(task, run))
        if isinstance(task, MakeWorld):
            past = self._past(run)
            known = worlds.find(task, past)
            return replace(question, past=past), worlds.key(task, past), answers.encode(known) if known else None
        _check_able(task)
        key = tasks.key(question, self._bench.numerics)
        frames = answers.read(self._store.root, key)
        if frames is None:
            tasks.check(question)
        return question, key, frames

    def _past(self, run: Run | None) -> Past:
        assert run
        return Past(str(self._store.root.resolve()), _chunks(run), kept.read(self._store.root, run.shot).settings.seed)

    def _passes(self, task: MakePasses, run: Run | None) -> Answer:
        """Made here: all of it is in the store, and nobody has to wait for the worker."""
        assert run
        return passes.make(task, self._store, _chunks(run), kept.read(self._store.root, run.shot))

    def _found(self, asker: Asker, result: Callable[[], Found]) -> None:
        self._looked_up.remove(asker)
        if asker not in self._askers:
            return
        try:
            question, key, frames = result()
        except Exception as error:
            self._refuse([asker], error)
            return
        if frames is not None:
            self._answer([asker], frames)
            return
        if key not in self._errands:
            self._errands[key] = Errand(key, question, self._done)
            self._bench.do(self._errands[key])
        asker.errand = self._errands[key]

    def _done(self, errand: Errand, result: Answer | WorldWarpError) -> None:
        """The worker has answered."""
        if isinstance(result, WorldWarpError):
            self._forget(errand)
            self._refuse(self._waiting(errand), result)
        else:
            self._mailbox.aside(partial(self._keep, errand, result), partial(self._kept, errand))

    def _keep(self, errand: Errand, answer: Answer) -> list[Buffer]:
        """On a helper thread. Files of a world are kept where they were made."""
        frames = answers.encode(answer)
        if not errand.patient:
            answers.keep(self._store.root, errand.key, frames)
        return frames

    def _kept(self, errand: Errand, result: Callable[[], list[Buffer]]) -> None:
        self._forget(errand)
        try:
            frames = result()
        except Exception as error:
            self._refuse(self._waiting(errand), error)
        else:
            self._answer(self._waiting(errand), frames)

    def _answer(self, askers: Sequence[Asker], frames: Sequence[Buffer]) -> None:
        for asker in askers:
            self._askers.remove(asker)
            if asker.waits:
                asker.peer.send(*answers.addressed(frames, asker.request))

    def _refuse(self, askers: Sequence[Asker], error: Exception) -> None:
        if not isinstance(error, WorldWarpError):
            log.error("A question could not be answered by a fault of ours.", exc_info=error)
            error = WorldWarpError(f"The server has a fault ({type(error).__name__}: {error}); its log says more.")
        for asker in askers:
            self._askers.remove(asker)
            if asker.waits:
                asker.peer.say(refusal(error, asker.request))

    def _leave(self, asker: Asker) -> None:
        """It waits no more; work that nobody waits for ends."""
        self._askers.remove(asker)
        if asker.errand and not self._waiting(asker.errand):
            self._forget(asker.errand)
            self._bench.drop(asker.errand)

    def _waiting(self, errand: Errand) -> list[Asker]:
        return [asker for asker in self._askers if asker.errand is errand]

    def _forget(self, errand: Errand) -> None:
        """Who asks the same from now on is not answered by this work."""
        if self._errands.get(errand.key) is errand:
            del self._errands[errand.key]


def _chunks(run: Run) -> list[ChunkRecord]:
    return [ChunkRecord(chunk.key, chunk.digest, chunk.first, chunk.count) for chunk in run.committed]


def _check_able(task: EstimateGeometry | CheckPath | Imagine) -> None:
    """Raise ``Refused`` where models are not here."""
    if isinstance(task, Imagine):
        if absent := imagine.missing():
            raise Refused("missing_weights", absent, "prompt")
        return
    try:
        sources.check(task.source)
    except InvalidShot as error:
        raise Refused("missing_weights", error.text, "source") from error


def cancelled() -> Refused:
    """What is said of a question that was cancelled, and to who cancelled it."""
    return Refused("cancelled", "It was cancelled.")
