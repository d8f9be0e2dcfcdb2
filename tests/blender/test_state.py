"""What the panel shows, from the news alone; Blender is not needed for it."""

from pathlib import Path

import pytest

from blender_addon import news
from blender_addon.state import STAGES, Inquiry, Run, State

DETAIL = "The picture is 4 x 3, the frames are generated at 2 x 1: finer detail of the picture is lost."
"""Said by the panel before Generate."""


def running() -> State:
    state = State(run=Run(Path("x"), 0))
    state.hear(news.Connected("worldwarp", (("draft", ""), ("wan", "no GPU"))))
    state.hear(news.Accepted("a" * 32, chunks=2, kept=0, frames=93, warnings=("small", DETAIL)))
    return state


def test_a_run_from_first_to_last():
    state, seen = running(), []
    for chunk, frames in enumerate((49, 93)):
        for stage in STAGES:
            for step in (0, 5, 10):
                state.hear(news.Progress(chunk, stage, step, 10))
                seen.append(state.run.fraction)
        state.hear(news.Committed(chunk + 1))
        state.hear(news.Arrived(frames))
    state.hear(news.Ended("done", ""))
    assert seen == sorted(seen)
    assert 0 <= seen[0] < 0.01
    assert seen[len(STAGES) * 3 - 1] == pytest.approx(0.5)
    assert state.run.fraction == 1
    assert (state.run.frames_done, state.run.over, state.run.warnings) == (93, True, ["small"])
    assert state.profiles == {"draft": "", "wan": "no GPU"}


def test_what_a_chunk_warns_of_is_shown_once():
    state = running()
    for chunk in (1, 2):
        state.hear(news.Committed(chunk, "The estimated cameras turn otherwise."))
    assert state.run.warnings == ["small", "The estimated cameras turn otherwise."]


def test_a_lost_connection_is_shown_until_the_next_sign_of_life():
    state = running()
    state.hear(news.Lost("gone; again in 2 s"))
    assert state.run.lost
    state.hear(news.Progress(0, "cache", 1, 2))
    assert not state.run.lost
    assert not state.run.over


def test_failures_go_where_they_belong():
    state = running()
    state.hear(news.Failed("the folder is full"))
    assert (state.run.state, state.run.text) == ("failed", "the folder is full")
    assert state.connected  # the server is not to blame
    state = State()
    state.hear(news.Failed("nobody answers"))
    assert (state.connected, state.connection) == (False, "nobody answers")


def test_progress_of_an_old_chunk_does_not_count_twice():
    state = running()
    state.hear(news.Progress(0, "save", 1, 1))
    state.hear(news.Committed(1))
    assert state.run.fraction == 0.5


def test_an_estimate_from_question_to_answer():
    state = State(inquiry=Inquiry("picture", 0, None, state="asking"))
    state.hear(news.Connected("worldwarp", (), (("given", ""), ("ttt3r", "no weights"))))
    state.hear(news.Estimating(1, 3))
    assert (state.inquiry.step, state.inquiry.steps) == (1, 3)
    state.hear(news.Estimated({"xyz": "points"}, ("rough",)))
    assert (state.inquiry.state, state.inquiry.arrays, state.inquiry.warnings) == (
        "answered",
        {"xyz": "points"},
        ["rough"],
    )
    assert state.sources == {"given": "", "ttt3r": "no weights"}


def test_an_estimate_fails_or_is_cancelled_without_blaming_others():
    state = State(connected=True, run=Run(Path("x"), 0, state="done"))
    state.inquiry = Inquiry("path", 0, None, state="asking")
    state.hear(news.Failed("too dark"))
    assert (state.inquiry.state, state.inquiry.text, state.run.state) == ("failed", "too dark", "done")
    assert state.connected
    state.inquiry = Inquiry("path", 0, None, state="cancelled")
    state.hear(news.Estimated({}, ()))  # it was on its way
    assert state.inquiry.state == "cancelled"


def test_time_left_goes_by_what_the_work_took_and_not_by_what_was_kept(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("blender_addon.state.time.monotonic", lambda: clock[0])
    state = State(run=Run(Path("x"), 0))
    state.hear(news.Accepted("a" * 32, chunks=4, kept=2, frames=181, warnings=()))
    assert state.run.fraction == 0.5
    state.hear(news.Progress(2, "history", 0, 1))
    assert state.run.seconds_left(1000.0) is None  # too early to say
    state.hear(news.Committed(3))
    assert state.run.seconds_left(1060.0) == pytest.approx(60)
    state.run.stop_after = 2
    assert state.run.seconds_left(1060.0) == 0
    state.hear(news.Ended("done", ""))
    assert state.run.seconds_left(1060.0) is None


def test_the_next_range_only_is_the_first_that_was_not_there():
    state = State(run=Run(Path("x"), 0, only_next=True))
    state.hear(news.Accepted("a" * 32, chunks=4, kept=2, frames=181, warnings=()))
    assert state.run.stop_after == 2
