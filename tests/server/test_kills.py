"""Processes that are really killed: what is committed stays, what is missing is computed, and it is the same."""

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from worldwarp_protocol import messages

from .peers import COMMAND, KILL, Caller, Stream, calling, serving, small_shot, wait_for

SHOT = small_shot(name="killed", seed=20, steps=200)
"""Three chunks, each of which takes a moment."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    with serving(tmp_path_factory.mktemp("uninterrupted")) as server, calling(server) as caller:
        yield caller.stream(caller.submit(SHOT).info.run)


def hear_progress(caller: Caller, run: str, chunk: int) -> None:
    """Wait until this chunk is in work, and leave."""
    caller.say(messages.Subscribe(run=run, credit=1))
    while True:
        progress = caller.hear(messages.Progress)
        if progress.chunk == chunk and progress.stage == "cache":
            break
    caller.say(messages.Unsubscribe(run))


def test_worker_killed_in_the_middle_of_a_chunk(tmp_path: Path, uninterrupted: Stream) -> None:
    with serving(tmp_path) as server, calling(server) as caller:
        run = caller.submit(SHOT).info.run
        hear_progress(caller, run, chunk=1)
        os.kill(server.workers[-1], KILL)
        stream = caller.stream(run)
        assert stream.content == uninterrupted.content
        assert [chunk.digest for chunk in stream.chunks] == [chunk.digest for chunk in uninterrupted.chunks]
        assert {progress.attempt for progress in stream.progress if progress.chunk == 1} >= {2}
        assert len(server.workers) == 2


SLOW_DISK = "import os, time; fsync = os.fsync; os.fsync = lambda handle: (time.sleep(0.02), fsync(handle))[1]; "


def test_worker_killed_while_its_chunk_is_on_the_way_to_the_store(tmp_path: Path, uninterrupted: Stream) -> None:
    with serving(tmp_path, command=SLOW_DISK + COMMAND) as server, calling(server) as caller:
        run = caller.submit(SHOT).info.run
        wait_for(lambda: list((server.store / "unfinished").iterdir()))
        os.kill(server.workers[0], KILL)
        stream = caller.stream(run)
        assert [chunk.digest for chunk in stream.chunks] == [chunk.digest for chunk in uninterrupted.chunks]
        assert {progress.attempt for progress in stream.progress} == {1}


def test_a_chunk_that_kills_its_worker_twice_fails_the_run(tmp_path: Path) -> None:
    with serving(tmp_path) as server, calling(server) as caller:
        run = caller.submit(SHOT).info.run
        hear_progress(caller, run, chunk=1)
        os.kill(server.workers[0], KILL)
        wait_for(lambda: len(server.workers) == 2)
        os.kill(server.workers[1], KILL)
        stream = caller.stream(run)
        assert stream.ended.state == "failed"
        assert "Chunk 2 of 3 failed 2 times" in stream.ended.text
        assert "often because memory ran out: choose a smaller size" in stream.ended.text
        assert len(stream.chunks) == 1
        assert caller.status(run).text
        # the next run has a worker again
        assert caller.stream(caller.submit(small_shot(frames=5, seed=21)).info.run).ended.state == "done"


def test_front_door_killed_and_started_again(tmp_path: Path, uninterrupted: Stream) -> None:
    request = secrets.token_hex(16)
    with serving(tmp_path) as server, calling(server) as caller:
        answer = caller.submit(SHOT, request)
        run = answer.info.run
        first = caller.stream(run, until=5)
        with calling(server) as watcher:
            hear_progress(watcher, run, chunk=1)
        worker = server.workers[0]
        server.kill()
    if sys.platform == "linux":
        wait_for(lambda: not Path(f"/proc/{worker}").exists() or zombie(worker), 30)
    with serving(tmp_path) as server, calling(server) as caller:
        assert caller.submit(SHOT, request) == answer
        assert caller.status(run).chunks_done >= 1
        rest = caller.stream(run, after=first.seqs[-1])
        assert first.content + rest.content == uninterrupted.content
        assert first.frames | rest.frames == uninterrupted.frames


def hear_progress_of_another(server, run: str) -> None:
    with calling(server) as watcher:
        hear_progress(watcher, run, chunk=1)


def zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_asked_to_end_it_ends_and_goes_on_later(tmp_path: Path, uninterrupted: Stream) -> None:
    with serving(tmp_path) as server:
        with calling(server) as caller:
            run = caller.submit(SHOT).info.run
            hear_progress(caller, run, chunk=0)
        assert server.end() == 0
    with serving(tmp_path) as server, calling(server) as caller:
        assert caller.stream(run).content == uninterrupted.content
        assert server.end(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)) == 0
