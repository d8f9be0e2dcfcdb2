"""Starting, and what stands in the way of it; a full disk; a reader that does not read; no torch."""

import os
import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zmq
from worldwarp import shots
from worldwarp.engines import jobs
from worldwarp.server import journal
from worldwarp.store import Store
from worldwarp_protocol import messages

from .peers import COMMAND, Server, calling, command_line, environment, serving, small_shot, wait_for

FULL = """
import errno, os, sys
left, fsync = [{after}], os.fsync
def full(handle):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fsync(handle)
os.fsync = full
"""
"""A disk on which only so many files and folders find room; the keys are the first three."""


def refused(store: Path, home: Path, port: int = 0) -> str:
    """What ``worldwarp serve`` says when it does not start."""
    done = subprocess.run(
        command_line(store, port), env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_front_door_imports_no_torch() -> None:
    code = "import sys, worldwarp.server.frontdoor, worldwarp.server.command; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_the_port_is_taken(server: Server, tmp_path: Path) -> None:
    said = refused(tmp_path / "store", tmp_path / "home", server.port)
    assert said.startswith(f"worldwarp: Something else listens on port {server.port}:")
    assert "--port" in said


def test_it_serves_already(server: Server) -> None:
    said = refused(server.store, server.home, server.port)
    assert said.startswith(f"worldwarp: A WorldWarp server runs at tcp://127.0.0.1:{server.port} already and can be")


def test_who_removes_the_sign_ends_the_server_and_that_of_the_next_one_stays(tmp_path: Path) -> None:
    sign = tmp_path / "a sign"
    command = COMMAND.replace("*sys.argv", f"'--sign', {str(sign)!r}, *sys.argv")
    with serving(tmp_path, command=command) as server:
        assert int(wait_for(sign.is_file) and sign.read_text()) == server.pid
        sign.unlink()
        assert server.wait() == 0
    with serving(tmp_path, command=command) as server:
        assert server.end() == 0
        assert not sign.exists()
    with serving(tmp_path, command=command) as server:
        sign.write_text("another's")
        assert server.end() == 0
        assert sign.read_text() == "another's"


def test_the_store_is_in_use(server: Server) -> None:
    said = refused(server.store, server.home)
    assert "in use by another server" in said
    assert "--store" in said


def test_the_store_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a folder should be")
    said = refused(tmp_path / "store", tmp_path / "home")
    assert "cannot be written" in said
    assert "--store" in said


def test_the_journal_is_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    database = sqlite3.connect(tmp_path / "store" / "runs.sqlite")
    database.execute(f"PRAGMA user_version={journal.VERSION + 1}")
    database.close()
    said = refused(tmp_path / "store", tmp_path / "home")
    assert "another version" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows protects files by other means")
def test_the_key_can_be_read_by_others(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        pass
    (server.home / "server.key").chmod(0o644)
    assert "chmod 600" in refused(server.store, server.home)


@pytest.mark.skipif(os.name == "nt", reason="there is no `false`")
def test_the_worker_cannot_start(tmp_path: Path) -> None:
    with serving(tmp_path, command="import sys; sys.executable = 'false'; " + COMMAND) as server:
        assert server.wait() == 1
    assert "The worker cannot start" in "".join(server.errors)


@pytest.mark.slow
def test_the_disk_is_full_in_the_middle_of_a_commit(tmp_path: Path) -> None:
    shot = small_shot(name="full", seed=40)
    with serving(tmp_path, command=FULL.format(after=75) + COMMAND) as server, calling(server) as caller:
        stream = caller.stream(caller.submit(shot).info.run)
    assert stream.ended.state == "failed"
    assert "disk" in stream.ended.text
    assert "full" in stream.ended.text
    assert len(stream.chunks) == 1
    assert list((server.store / "unfinished").iterdir()) == []
    assert len(list((server.store / "chunks").glob("*/*"))) == 1
    with serving(tmp_path) as server, calling(server) as caller:
        again = caller.submit(shot)
        assert again.kept == 1
        assert caller.stream(again.info.run).ended.state == "done"


@pytest.mark.slow
def test_the_disk_is_full_when_a_shot_comes_in(tmp_path: Path) -> None:
    with serving(tmp_path, command=FULL.format(after=3) + COMMAND) as server, calling(server) as caller:
        answer = caller.submit(small_shot(name="full"))
        assert answer.code == "disk_full"
        assert caller.ask(messages.List(), messages.Runs).runs == []
    assert not list((server.store / "shots").glob("*"))


FULL_JOURNAL = """
from worldwarp.server import journal
update = journal.Journal.update
def full(self, run, *, state, text=""):
    if state == "running":
        raise journal.DiskFull(journal.disk_full(self.path.parent))
    return update(self, run, state=state, text=text)
journal.Journal.update = full
"""


def test_the_disk_is_full_when_a_run_begins(tmp_path: Path) -> None:
    with serving(tmp_path, command=FULL_JOURNAL + COMMAND) as server, calling(server) as caller:
        stream = caller.stream(caller.submit(small_shot(name="full", frames=5)).info.run)
        assert stream.ended.state == "failed"
        assert "is full" in stream.ended.text
        assert caller.ask(messages.List(), messages.Runs).runs


def large_run(store: Store, frames: int, size: int) -> tuple[messages.Shot, dict[str, np.ndarray]]:
    """A shot whose only chunk is in the store, with frames of ``size`` bytes that nothing can compress."""
    wire, arrays = small_shot(frames=frames, name="large", seed=41)
    wire = messages.Shot(name=wire.name, settings=messages.Settings(chunk_frames=49, cache_steps=0))
    shot, _ = shots.from_wire(wire, arrays)
    job = jobs.make_job(shot, store, [], "cpu-float32")
    rng = np.random.default_rng(0)
    files = {f"frames/{i + 1:04d}.png": rng.bytes(size) for i in range(frames)}
    files |= {f"provenance/{i + 1:04d}.png": b"p" for i in range(frames)}
    store.commit(job.key, job.recipe, 0, frames, files, {})
    return wire, arrays


def resident_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_client_that_does_not_read_costs_no_memory(tmp_path: Path) -> None:
    """It grants all the credit it may and reads nothing; later everything comes, in order and intact."""
    size, frames = 4 << 20, 49
    with serving(tmp_path) as server:
        shot = large_run(Store(server.store), frames, size)
        options = {zmq.RCVHWM: 1, zmq.RCVBUF: 1 << 16}
        with calling(server, options=options) as slow, calling(server) as other:
            submitted = slow.submit(shot)
            assert submitted.info.state == "done"
            before = resident_megabytes(server.pid)
            slow.say(messages.Subscribe(run=submitted.info.run, credit=256))
            for _ in range(20):  # others are served meanwhile
                other.ask(messages.List(), messages.Runs)
                assert not other.socket.poll(100)
            assert resident_megabytes(server.pid) - before < 64
            store = Store(server.store)
            chunk = slow.hear(messages.ChunkCommitted)
            for index in range(frames):
                message, arrays = slow.hear_arrays(messages.Frame)
                assert message.index == index
                assert arrays["frame"].tobytes() == store.read(chunk.key, f"frames/{index + 1:04d}.png")


def test_no_more_is_sent_than_was_granted(server: Server) -> None:
    with calling(server) as caller:
        run = caller.submit(small_shot(name="credit", seed=42)).info.run
        caller.stream(run)
        caller.say(messages.Subscribe(run=run, credit=3))
        for _ in range(3):
            caller.hear(messages.RunStarted, messages.ChunkCommitted, messages.Frame)
        with pytest.raises(TimeoutError):
            caller.hear(object, seconds=0.5)
        caller.say(messages.Credit(run=run, more=2))
        for _ in range(2):
            caller.hear(messages.Frame)
        with pytest.raises(TimeoutError):
            caller.hear(object, seconds=0.5)


def test_answers_outlive_the_server(tmp_path: Path) -> None:
    request, shot = secrets.token_hex(16), small_shot(name="answers", frames=5, seed=43)
    with serving(tmp_path) as server, calling(server) as caller:
        answer = caller.submit(shot, request)
        whole = caller.stream(answer.info.run)
    with serving(tmp_path) as server, calling(server) as caller:
        assert caller.submit(shot, request) == answer
        assert caller.stream(answer.info.run).content == whole.content
