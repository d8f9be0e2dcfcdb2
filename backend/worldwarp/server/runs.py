"""What happens to runs: every change goes through the journal first. Knows no socket, no thread and no worker."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from worldwarp_protocol.errors import Refused
from worldwarp_protocol.limits import MAX_TEXT
from worldwarp_protocol.messages import RunState

from ..store import Manifest
from .journal import Committed, Journal, JournalError, Run

log = logging.getLogger(__name__)


class Runs:
    """All runs of the store, oldest first."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._runs = {run.id: run for run in journal.runs()}
        self._requests = {(run.client, run.request): run.id for run in self._runs.values()}
        self._turns: dict[str, int] = {}
        for run in list(self._runs.values()):
            if not run.ended:
                self._settle(run)

    def __getitem__(self, run: str) -> Run:
        return self._runs[run]

    def of(self, client: str, run: str) -> Run:
        """A client's own run.

        Raises:
            Refused: there is none; whether somebody else has one of this name is not told.
        """
        found = self._runs.get(run)
        if found is None or found.client != client:
            raise Refused("unknown_run", f"There is no run {run} of yours here; list the runs to see which there are.")
        return found

    def all_of(self, client: str) -> list[Run]:
        """A client's runs, newest first."""
        return [run for run in reversed(self._runs.values()) if run.client == client]

    def asked(self, client: str, request: str) -> Run | None:
        """The run that this request of this client began, if it came before."""
        run = self._requests.get((client, request))
        return None if run is None else self._runs[run]

    def add(self, run: Run) -> None:
        """A new run."""
        self._journal.add(run)
        self._requests[run.client, run.request] = run.id
        self._runs[run.id] = run

    def next(self) -> Run | None:
        """Whose chunk is computed next: clients take turns chunk by chunk, the runs of one client go one by one."""
        first: dict[str, Run] = {}
        for run in self._runs.values():
            if not run.ended:
                first.setdefault(run.client, run)
        return min(first.values(), key=lambda run: self._turns.get(run.client, 0), default=None)

    def begin(self, run: Run) -> Run:
        """The run, with a chunk in work.

        Raises:
            JournalError: it cannot be written down.
        """
        self._turns[run.client] = max(self._turns.values(), default=0) + 1
        if run.state == "queued":
            self._runs[run.id] = self._journal.update(run, state="running")
        return self._runs[run.id]

    def commit(self, run: Run, found: Manifest) -> None:
        """Its next chunk is in the store."""
        chunk = Committed(found.key, found.digest, found.first, found.count)
        self._runs[run.id] = self._journal.commit(run, chunk)
        self._settle(self._runs[run.id])

    def stop_after_chunk(self, run: Run, in_work: bool) -> None:
        """End it when its chunk in work is committed; now, if there is none."""
        if run.ended:
            return
        self._runs[run.id] = self._journal.stop_after_chunk(run)
        if not in_work:
            self._settle(self._runs[run.id])

    def end(self, run: Run, state: RunState, text: str = "") -> None:
        """It is over."""
        if run.ended:
            return
        text = text[:MAX_TEXT]
        try:
            self._runs[run.id] = self._journal.update(run, state=state, text=text)
        except JournalError:
            log.exception("The end of run %s could not be written down; a restarted server will go on with it.", run.id)
            self._runs[run.id] = replace(run, state=state, text=text)

    def _settle(self, run: Run) -> None:
        """End it if nothing is left to do."""
        if len(run.committed) == run.chunks:
            self.end(run, "done")
        elif run.stopping:
            self.end(run, "stopped")


def committed(manifests: Iterable[Manifest]) -> tuple[Committed, ...]:
    """Chunks of the store as a run names them."""
    return tuple(Committed(found.key, found.digest, found.first, found.count) for found in manifests)
