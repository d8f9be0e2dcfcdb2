"""Previews of the chunk in work: from a real worker process, through the front door, to real sockets."""

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from worldwarp.engines import compute, pipe, worker
from worldwarp.nouns import Bytes, Report
from worldwarp.server.peers import PREVIEW_SECONDS
from worldwarp_protocol import limits, messages
from worldwarp_protocol.messages import Cancel, Hello, Preview, Progress, Subscribe
from worldwarp_protocol.results import ResultFolder

from .peers import Caller, Server, calling, serving, small_shot
from .previews import STEPS, denoising
from .test_client import client_of

OLD_STAGES = {"history", "geometry", "cache", "priors", "fill", "save"}


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("denoiser"), command=denoising()) as running:
        yield running


def watch(caller: Caller, run: str) -> list[tuple[float, Any, Any]]:
    """Everything that comes of a run, with the time and the arrays."""
    caller.say(Subscribe(run=run, credit=limits.MAX_CREDIT))
    seen: list[tuple[float, Any, Any]] = []
    while not seen or not isinstance(seen[-1][1], messages.RunEnded):
        message, arrays = caller.hear_arrays(object)
        seen.append((time.monotonic(), message, {name: array.copy() for name, array in arrays.items()}))
    return seen


@pytest.fixture(scope="module")
def seen(denoiser: Server) -> list[tuple[float, Any, Any]]:
    """All of a run of three chunks."""
    with calling(denoiser) as caller:
        return watch(caller, caller.submit(small_shot(name="seen", seed=70)).info.run)


def test_previews_come_while_a_chunk_is_denoised(seen: list[tuple[float, Any, Any]]) -> None:
    previews = [(message, arrays["preview"]) for _, message, arrays in seen if isinstance(message, Preview)]
    assert {message.chunk for message, _ in previews} == {0, 1, 2}
    for message, picture in previews:
        assert (message.attempt, message.steps) == (1, STEPS)
        assert message.first == {0: 0, 1: 4, 2: 8}[message.chunk]
        np.testing.assert_array_equal(picture, np.full((3, 6, 8, 3), message.step, np.uint8))
    assert "denoise" in {message.stage for _, message, _ in seen if isinstance(message, Progress)}


def test_previews_are_few_and_the_newest(seen: list[tuple[float, Any, Any]]) -> None:
    previews = [(at, message) for at, message, _ in seen if isinstance(message, Preview)]
    took = seen[-1][0] - seen[0][0]
    assert 3 <= len(previews) <= took / PREVIEW_SECONDS + 1
    places = [(message.chunk, message.step) for _, message in previews]
    assert places == sorted(set(places))
    assert len(places) < 3 * STEPS / 2


def test_no_preview_of_a_chunk_comes_after_it_is_committed(seen: list[tuple[float, Any, Any]]) -> None:
    done = -1
    for _, message, _ in seen:
        if isinstance(message, messages.ChunkCommitted):
            done = message.chunk
        assert not isinstance(message, Preview) or message.chunk > done


def test_a_client_of_before_hears_only_what_it_knows(denoiser: Server) -> None:
    with calling(denoiser, hello=False) as old, calling(denoiser) as new:
        old.say(Hello(1, 1, "yesterday's"))
        assert old.hear(messages.Welcome).minor == limits.PROTOCOL_VERSION[1]
        run = old.submit(small_shot(name="old", seed=73)).info.run
        new.say(Subscribe(run=run, credit=1))
        seen = watch(old, run)
        new.hear(Preview)
    assert not [message for _, message, _ in seen if isinstance(message, Preview)]
    stages = [message.stage for _, message, _ in seen if isinstance(message, Progress)]
    assert "fill" in stages
    assert set(stages) <= OLD_STAGES
    assert seen[-1][1].state == "done"


def test_who_listens_to_nothing_gets_no_previews(denoiser: Server) -> None:
    with calling(denoiser) as caller, calling(denoiser) as other:
        run = caller.submit(small_shot(name="quiet", frames=5, seed=74)).info.run
        watch(caller, run)
        assert not other.socket.poll(0)


def test_previews_reach_the_caller_of_a_client(denoiser: Server, tmp_path: Path) -> None:
    seen: list[tuple[Preview, Bytes]] = []

    def on_event(message: messages.ServerMessage, arrays: Any) -> None:
        if isinstance(message, Preview):
            seen.append((message, arrays["preview"].copy()))

    with client_of(denoiser) as client:
        run = client.submit(*small_shot(name="client", seed=75)).info.run
        ended = client.receive(run, ResultFolder(tmp_path), on_event)
    assert ended is not None
    assert ended.state == "done"
    assert seen
    assert all((picture == message.step).all() for message, picture in seen)
    assert not [path for path in tmp_path.rglob("*") if "preview" in path.name]


def test_cancel_ends_denoising_between_two_steps(denoiser: Server) -> None:
    with calling(denoiser) as caller:
        run = caller.submit(small_shot(name="cancelled", seed=76)).info.run
        caller.say(Subscribe(run=run, credit=1))
        while (progress := caller.hear(Progress)).stage != "denoise":
            pass
        assert progress.step < STEPS - 5
        assert caller.ask(Cancel(run), messages.RunStatus).info.state == "cancelled"
        # its worker is free at once and alive: the next run's first steps come, and no more of this one
        following = caller.submit(small_shot(name="next", frames=5, seed=77)).info.run
        asked = time.monotonic()
        caller.say(Subscribe(run=following, credit=1))
        assert caller.hear(Progress).run == following
        assert time.monotonic() - asked < STEPS * 0.05
        assert len(denoiser.workers) == 1


DIES_ONCE = """
import os, pathlib
import numpy as np
from worldwarp.engines import compute, worker

draft, mark = compute.compute, pathlib.Path({mark!r})

def denoise(job, report):
    first = not mark.exists()
    mark.touch()
    for step in range({{steps}}):
        report("denoise", step, {{steps}}, np.full({{shape}}, first, np.uint8))
        if first and step == 20:
            os._exit(3)
        import time; time.sleep({{pause}})
    return draft(job, report)

compute.compute = denoise
worker.main()
"""


@pytest.mark.slow
def test_a_preview_is_of_its_attempt(tmp_path: Path) -> None:
    command = denoising(patch=DIES_ONCE.format(mark=str(tmp_path / "mark")))
    with serving(tmp_path, command=command) as server, calling(server) as caller:
        seen = watch(caller, caller.submit(small_shot(name="attempts", frames=5, seed=78)).info.run)
    previews = [(message.attempt, arrays["preview"]) for _, message, arrays in seen if isinstance(message, Preview)]
    assert [attempt for attempt, _ in previews] == sorted(attempt for attempt, _ in previews)
    assert {attempt for attempt, _ in previews} == {1, 2}
    assert all((picture == (attempt == 1)).all() for attempt, picture in previews)
    assert seen[-1][1].state == "done"


@pytest.mark.slow
def test_a_preview_that_cannot_travel_costs_nobody_the_run(tmp_path: Path) -> None:
    with serving(tmp_path, command=denoising(shape=(6, 8))) as server, calling(server) as caller:
        seen = watch(caller, caller.submit(small_shot(name="odd", frames=5, seed=79)).info.run)
    assert seen[-1][1].state == "done"
    assert not [message for _, message, _ in seen if isinstance(message, Preview)]
    assert "A preview cannot be sent" in "".join(server.errors)


@pytest.mark.slow
def test_previews_do_not_queue_for_a_client_that_does_not_read(tmp_path: Path) -> None:
    """What waits in the sockets' buffers is bounded; when it reads again it is soon with the newest."""
    big = (3, 1000, 1000, 3)
    options = {zmq.RCVHWM: 1, zmq.RCVBUF: 1 << 16}
    with serving(tmp_path, command=denoising(shape=big, pause=0.4)) as server, calling(server, options=options) as slow:
        run = slow.submit(small_shot(name="slow", frames=5, seed=80)).info.run
        slow.say(Subscribe(run=run, credit=1))
        slow.hear(Preview)
        time.sleep(0.4 * STEPS)
        late = []
        try:
            while True:
                late.append(slow.hear(Preview, seconds=2).step)
        except TimeoutError:
            pass
    assert len(late) <= 10
    assert late == sorted(set(late))


# The worker, and its pipe


def test_a_preview_goes_through_the_pipe(tmp_path: Path) -> None:
    picture = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    with (tmp_path / "pipe").open("wb") as stream:
        pipe.write(stream, pipe.Progressed("denoise", 1, 2, picture[:, ::-1]))
        pipe.write(stream, pipe.Progressed("denoise", 1, 2))
    with (tmp_path / "pipe").open("rb") as stream:
        first, second = pipe.read(stream, pipe.FromWorker), pipe.read(stream, pipe.FromWorker)
    np.testing.assert_array_equal(first.preview, picture[:, ::-1])
    assert second == pipe.Progressed("denoise", 1, 2, None)


def test_two_threads_that_report_do_not_mix_their_words() -> None:
    """The captioner reports beside the geometry."""
    reading, writing = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    say = partial(worker._say, writing, threading.Lock())

    def report(stage: str) -> None:
        for step in range(100):
            say(pipe.Progressed(stage, step, 100, np.full((1, 100, 100, 3), step, np.uint8)))

    threads = [threading.Thread(target=report, args=(stage,)) for stage in ("caption", "geometry")]
    with reading:
        for thread in threads:
            thread.start()
        heard = [pipe.read(reading, pipe.FromWorker) for _ in range(200)]
        for thread in threads:
            thread.join()
        writing.close()
    for stage in ("caption", "geometry"):
        assert [event.step for event in heard if event.stage == stage] == list(range(100))
    assert all((event.preview == event.step).all() for event in heard)


def test_a_cancel_ends_the_worker_between_two_steps_of_denoising(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled, steps = threading.Event(), []

    def denoise(_job: Any, report: Report) -> None:
        for step in range(50):
            report("denoise", step, 50, np.zeros((1, 2, 2, 3), np.uint8))
            steps.append(step)

    def say(event: pipe.FromWorker) -> None:
        if isinstance(event, pipe.Progressed) and event.step == 3:
            cancelled.set()  # comes while step 3 is computed

    monkeypatch.setattr(compute, "compute", denoise)
    job: Any = None
    assert worker._do(pipe.Compute(job), cancelled, say) == pipe.Stopped()
    assert steps == [0, 1, 2, 3]
