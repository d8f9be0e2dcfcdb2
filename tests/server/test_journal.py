"""The journal on a real disk: what was written is there after a reopening, and what cannot be written is told."""

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from worldwarp import shots
from worldwarp.server import kept
from worldwarp.server.journal import Committed, DiskFull, Journal, JournalError, Run
from worldwarp.server.runs import Runs
from worldwarp.store import Manifest
from worldwarp_protocol.errors import Refused

from .peers import small_shot


def new_run(client: str = "a", chunks: int = 3) -> Run:
    return Run(
        id=secrets.token_hex(16),
        client=client,
        request=secrets.token_hex(16),
        asked="asked",
        shot="shot",
        answer=b"answer",
        name="hall",
        state="queued",
        created=1.5,
        text="",
        stopping=False,
        chunks=chunks,
        frames=17,
    )


def chunk(number: int) -> Manifest:
    return Manifest(
        key=f"key{number}", digest=f"digest{number}", first=9 * number, count=9, files={}, meta={}, recipe={}
    )


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first, second = new_run(), replace(new_run(), committed=(Committed("k", "d", 0, 9),))
    journal.add(first)
    journal.add(second)
    first = journal.commit(journal.update(first, state="running"), Committed("key", "digest", 0, 9))
    first = journal.stop_after_chunk(first)
    second = journal.update(second, state="failed", text="why")
    journal.close()
    journal = Journal(tmp_path)
    assert journal.runs() == [first, second]
    journal.close()


def test_every_change_is_durable(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    journal.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    code = f"from pathlib import Path; from worldwarp.server.journal import Journal; Journal(Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "is in use by another server" in done.stderr
    journal.close()
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
    journal._database.execute(f"PRAGMA max_page_count={pages}")
    large = replace(new_run(), answer=bytes(1 << 16))
    with pytest.raises(DiskFull, match="is full"):
        journal.add(large)
    assert journal.runs() == []
    journal._database.execute("PRAGMA max_page_count=1000000")
    journal.add(large)
    assert journal.runs() == [large]
    journal.close()


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(JournalError, match="not a journal of WorldWarp"):
        Journal(tmp_path)


def test_a_kept_shot_is_the_same_shot(tmp_path: Path) -> None:
    shot, _ = shots.from_wire(*small_shot())
    again = kept.read(tmp_path, kept.write(tmp_path, shot))
    assert again.pictures.tobytes() == shot.pictures.tobytes()
    assert again.depth.tobytes() == shot.depth.tobytes()
    assert again.cameras.K.tobytes() == shot.cameras.K.tobytes()
    assert again.cameras.camera_to_world.tobytes() == shot.cameras.camera_to_world.tobytes()
    assert (again.settings, again.name, again.colour_space) == (shot.settings, shot.name, shot.colour_space)
    assert (again.cameras.width, again.cameras.height, again.cameras.fps) == (64, 48, 24.0)


def test_a_damaged_shot_is_told(tmp_path: Path) -> None:
    shot, _ = shots.from_wire(*small_shot())
    digest = kept.write(tmp_path, shot)
    path = tmp_path / "shots" / digest
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(kept.KeptError, match="damaged"):
        kept.read(tmp_path, digest)
    path.unlink()
    with pytest.raises(kept.KeptError, match="cannot be read"):
        kept.read(tmp_path, digest)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(tmp_path)) as opened:
        yield opened


def runs_of(journal: Journal, *clients: str) -> tuple[Runs, list[str]]:
    runs = Runs(journal)
    made = [new_run(client) for client in clients]
    for run in made:
        runs.add(run)
    return runs, [run.id for run in made]


def test_clients_take_turns_and_runs_of_one_client_wait_for_each_other(journal: Journal) -> None:
    runs, ids = runs_of(journal, "a", "a", "b")
    turns = []
    while (run := runs.next()) is not None:
        turns.append(ids.index(run.id))
        runs.begin(run)
        runs.commit(runs[run.id], chunk(len(run.committed)))
    assert turns == [0, 2, 0, 2, 0, 2, 1, 1, 1]


def test_stopping_with_nothing_in_work_ends_at_once(journal: Journal) -> None:
    runs, (run,) = runs_of(journal, "a")
    runs.stop_after_chunk(runs[run], in_work=False)
    assert runs[run].state == "stopped"


def test_stopping_waits_for_the_chunk_in_work_and_outlives_a_restart(journal: Journal) -> None:
    runs = Runs(journal)
    run = new_run()
    runs.add(run)
    runs.begin(run)
    runs.stop_after_chunk(runs[run.id], in_work=True)
    assert runs[run.id].state == "running"
    assert Runs(journal)[run.id].state == "stopped"


def test_a_run_killed_between_its_last_chunk_and_its_end_is_done(journal: Journal) -> None:
    run = new_run(chunks=1)
    journal.add(run)
    journal.commit(run, Committed("key", "digest", 0, 9))
    assert Runs(journal)[run.id].state == "done"


def test_ended_runs_stay_as_they_ended(journal: Journal) -> None:
    runs, (run,) = runs_of(journal, "a")
    runs.end(runs[run], "cancelled")
    runs.end(runs[run], "failed", "later")
    runs.stop_after_chunk(runs[run], in_work=False)
    assert (runs[run].state, runs[run].text) == ("cancelled", "")


def test_nobody_sees_the_run_of_another(journal: Journal) -> None:
    runs, (run,) = runs_of(journal, "a")
    with pytest.raises(Refused) as refused:
        runs.of("b", run)
    assert refused.value.code == "unknown_run"
    assert runs.all_of("b") == []
