"""Whose turn it is on the one worker: nobody waits for long behind worlds, and worlds come to their end."""

from collections.abc import Callable
from typing import Any

import pytest
from worldwarp.engines.questions import NOBODY, Question
from worldwarp.server import errands
from worldwarp.server.errands import Errand, Errands
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import CheckPath, Diffusion, Imagine, MakeWorld
from worldwarp_protocol.tasks import check_task


class AtOnce:
    """A mailbox whose helpers take no time, and a worker that only counts."""

    cancelled = 0

    def aside(self, work: Callable[[], Any], then: Callable[[Callable[[], Any]], None]) -> None:
        found = work()
        then(lambda: found)

    def answer(self, question: Question) -> None:
        """Begin."""

    def cancel(self) -> None:
        self.cancelled += 1


def world() -> Errand:
    return Errand("w", Question(MakeWorld(request=NOBODY, run=NOBODY, products=["points"]), {}), lambda *_: None)


def picture() -> Errand:
    task = Imagine(request=NOBODY, diffusion=Diffusion(prompt="a hall"), width=2048, height=2048)
    return Errand("p", Question(task, {}), lambda *_: None)


def check() -> Errand:
    return Errand("c", Question(CheckPath(request=NOBODY, source="given"), {}), lambda *_: None)


def test_a_chunk_that_waits_is_computed_between_two_worlds_or_pictures() -> None:
    desk = AtOnce()
    queue = Errands(desk)  # type: ignore[arg-type]
    for errand in (world(), world(), picture(), picture(), check()):
        queue.add(errand)
    turns = []
    for _ in range(8):
        begun = queue.begin(desk, chunk_waits=True)  # type: ignore[arg-type]
        turns.append(type(queue.in_work.question.task).__name__ if begun and queue.in_work else "chunk")
        queue.end(InvalidShot("", ""))
    assert turns == ["CheckPath", *["Imagine", "chunk"] * 2, "MakeWorld", "chunk", "MakeWorld"]


def test_a_long_world_gives_way_once_and_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "TURN_SECONDS", -1.0)
    desk: Any = AtOnce()
    queue, mine = Errands(desk), world()
    queue.add(mine)
    assert queue.begin(desk, chunk_waits=False)
    queue.give_way(desk, chunk_waits=False)
    assert desk.cancelled == 0  # nothing else waits
    queue.add(check())
    queue.give_way(desk, chunk_waits=False)
    queue.give_way(desk, chunk_waits=True)
    assert desk.cancelled == 1
    queue.stopped()
    assert queue.begin(desk, chunk_waits=True)
    assert queue.in_work is not mine
    queue.end(InvalidShot("", ""))
    assert not queue.begin(desk, chunk_waits=True)
    assert queue.begin(desk, chunk_waits=True)
    assert queue.in_work is mine
    queue.give_way(desk, chunk_waits=True)
    assert desk.cancelled == 1


def test_what_was_dropped_as_it_gave_way_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "TURN_SECONDS", -1.0)
    desk: Any = AtOnce()
    queue, mine = Errands(desk), world()
    queue.add(mine)
    queue.begin(desk, chunk_waits=True)
    queue.give_way(desk, chunk_waits=True)
    queue.drop(mine, desk)
    queue.stopped()
    assert not queue.begin(desk, chunk_waits=False)


def test_steps_that_would_keep_others_waiting_are_refused_in_one_sentence() -> None:
    task = MakeWorld(request=NOBODY, run=NOBODY, products=["gaussians"], steps=30_000)
    with pytest.raises(InvalidShot, match=r"steps.*3000"):
        check_task(task, {})
