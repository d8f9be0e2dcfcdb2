"""Runs in SQLite: what a front door that was killed needs in order to go on.

Every change is durable before anybody hears of it (WAL, ``synchronous=FULL``). The database is held exclusively:
one front door for a store.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.messages import RunInfo, RunState

VERSION = 1

DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

SCHEMA = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, client TEXT NOT NULL, request TEXT NOT NULL,
    asked TEXT NOT NULL, shot TEXT NOT NULL, answer BLOB NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, text TEXT NOT NULL, stopping INTEGER NOT NULL, chunks INTEGER NOT NULL,
    frames INTEGER NOT NULL, UNIQUE (client, request));
CREATE TABLE run_chunks (
    run TEXT NOT NULL REFERENCES runs (id), number INTEGER NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
    first INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (run, number)) WITHOUT ROWID;
"""

RUN_COLUMNS = "id, client, request, asked, shot, answer, name, state, created, text, stopping, chunks, frames"


MAX_SENTENCE = 1_000
"""Characters of a run's text beside its state; its last stream item has all of it."""


class JournalError(WorldWarpError):
    """The journal cannot be used; the sentence says why and what to do."""


class DiskFull(JournalError):
    """Nothing more fits on the disk of the store."""


@dataclass(frozen=True)
class Committed:
    """A chunk of a run, final: frames [first, first + count) of the path."""

    key: str
    digest: str
    first: int
    count: int


@dataclass(frozen=True)
class Run:
    """One run as the journal knows it."""

    id: str
    client: str
    """Public key of the client that asked for it, the only one that may see it."""
    request: str
    asked: str
    """Digest of what was asked for."""
    shot: str
    """Digest of what is generated: the name of its file (``kept.py``)."""
    answer: bytes
    """What was answered: the same again when the request is repeated."""
    name: str
    state: RunState
    created: float
    """Seconds since 1970."""
    text: str
    stopping: bool
    """Whether it ends when the chunk in work is committed."""
    chunks: int
    frames: int
    committed: tuple[Committed, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state not in ("queued", "running")

    @property
    def seq(self) -> int:
        """Newest stream item (``streams.py``): the start, ``count + 2`` for each chunk, the end."""
        return 1 + sum(chunk.count + 2 for chunk in self.committed) + self.ended

    @property
    def info(self) -> RunInfo:
        return RunInfo(
            run=self.id,
            name=self.name,
            state=self.state,
            chunks=self.chunks,
            chunks_done=len(self.committed),
            frames=self.frames,
            frames_done=sum(chunk.count for chunk in self.committed),
            seq=self.seq,
            created=self.created,
            text=self.text[:MAX_SENTENCE],
        )


class Journal:
    """The runs of one store.

    Raises:
        JournalError: another front door holds it, another version wrote it, or it cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "runs.sqlite"
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=0.5)
        except (OSError, sqlite3.OperationalError) as error:
            raise JournalError(f"The store {root} cannot be written ({error}); choose another with --store.") from error
        try:
            self._open(root)
        except BaseException:
            self._database.close()
            raise

    def _open(self, root: Path) -> None:
        try:
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute("BEGIN EXCLUSIVE")
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in SCHEMA.split(";")[:-1]:
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version={VERSION}")
            self._database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise JournalError(_why(error, root, self.path)) from error
        if version not in (0, VERSION):
            raise JournalError(
                f"{self.path} was written by another version of WorldWarp (format {version}, this one reads {VERSION});"
                " choose another store with --store."
            )

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        chunks: dict[str, list[Committed]] = {}
        for run, *chunk in self._database.execute(
            "SELECT run, key, digest, first, count FROM run_chunks ORDER BY run, number"
        ):
            chunks.setdefault(run, []).append(Committed(*chunk))
        rows = self._database.execute(f"SELECT {RUN_COLUMNS} FROM runs ORDER BY number")
        return [_run(row, tuple(chunks.get(row[0], ()))) for row in rows]

    def add(self, run: Run) -> None:
        """A new run, with the chunks that are in the store already."""
        values = [getattr(run, column) for column in RUN_COLUMNS.split(", ")]
        marks = ", ".join("?" * len(values))
        with self._transaction():
            self._database.execute(f"INSERT INTO runs ({RUN_COLUMNS}) VALUES ({marks})", values)
            for number, chunk in enumerate(run.committed):
                self._insert(run, number, chunk)

    def update(self, run: Run, *, state: RunState, text: str = "") -> Run:
        """The run in another state."""
        with self._transaction():
            self._database.execute("UPDATE runs SET state = ?, text = ? WHERE id = ?", (state, text, run.id))
        return replace(run, state=state, text=text)

    def stop_after_chunk(self, run: Run) -> Run:
        """The run, to end when the chunk in work is committed."""
        with self._transaction():
            self._database.execute("UPDATE runs SET stopping = 1 WHERE id = ?", (run.id,))
        return replace(run, stopping=True)

    def commit(self, run: Run, chunk: Committed) -> Run:
        """The run with its next chunk."""
        with self._transaction():
            self._insert(run, len(run.committed), chunk)
        return replace(run, committed=(*run.committed, chunk))

    def close(self) -> None:
        self._database.close()

    def _insert(self, run: Run, number: int, chunk: Committed) -> None:
        values = (run.id, number, chunk.key, chunk.digest, chunk.first, chunk.count)
        self._database.execute("INSERT INTO run_chunks VALUES (?, ?, ?, ?, ?, ?)", values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it durable, or nothing.

        Raises:
            DiskFull: nothing more fits.
            JournalError: the disk does not take it for another reason.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise DiskFull(disk_full(self.path.parent)) from error
            raise JournalError(f"{self.path} cannot be written ({error}).") from error


def disk_full(root: Path) -> str:
    """The sentence."""
    return (
        f"The disk of the store {root} is full; what is committed is kept. Free some space and submit the shot again."
    )


def why(error: OSError, root: Path) -> JournalError:
    """What it means when the store cannot be written."""
    if error.errno in DISK_FULL:
        return DiskFull(disk_full(root))
    return JournalError(f"The store {root} cannot be written ({error.strerror}); what is committed is kept.")


def _run(row: tuple[Any, ...], committed: tuple[Committed, ...]) -> Run:
    run = Run(*row)
    return replace(run, stopping=bool(run.stopping), committed=committed)


def _why(error: sqlite3.DatabaseError, root: Path, path: Path) -> str:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"The store {root} is in use by another server; stop that one or choose another store with --store."
    if isinstance(error, sqlite3.OperationalError):
        return f"The store {root} cannot be written ({error}); choose another with --store."
    return f"{path} is not a journal of WorldWarp ({error}); choose another store with --store."
