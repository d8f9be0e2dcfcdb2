"""Answers on disk: found again, and no more of them than there is room for."""

import os
from pathlib import Path

import numpy as np
import pytest
from worldwarp.engines.questions import NOBODY, Answer
from worldwarp.server import answers
from worldwarp_protocol.messages import PathChecked


def checked(frames: int) -> Answer:
    numbers = {name: np.zeros(frames) for name in ("known", "rotation", "parallax", "parallax_most")}
    return Answer(
        PathChecked(request=NOBODY), numbers | {n: np.zeros(frames, np.uint8) for n in ("outside", "through")}
    )


def test_the_oldest_answers_go_where_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = answers.encode(checked(50))
    monkeypatch.setattr(answers, "MOST", 4 * sum(len(frame) + 8 for frame in frames))
    for i, key in enumerate("abcdef"):
        answers.keep(tmp_path, key, frames)
        os.utime(tmp_path / "derived" / key / "answer", (i, i))
    assert sorted(folder.name for folder in (tmp_path / "derived").iterdir()) == list("cdef")
    assert [bytes(part) for part in answers.read(tmp_path, "f") or ()] == [bytes(frame) for frame in frames]


def test_what_else_is_derived_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST", 0)
    points = tmp_path / "derived" / "a" / "points.npz"
    points.parent.mkdir(parents=True)
    points.write_bytes(b"points")
    answers.keep(tmp_path, "b", answers.encode(checked(2)))
    assert [path.name for path in tmp_path.glob("derived/*/*")] == ["points.npz"]
