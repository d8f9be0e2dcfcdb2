"""``worldwarp train`` as its user meets it: one sentence where something is wrong, before any work."""

from pathlib import Path

import pytest
from worldwarp.cli import main


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["train", *words]) == 1
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("option", ["--steps", "--batch", "--lr", "--minutes"])
def test_nothing_is_trained_for_nothing(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert option[2:] in refused(capsys, "vae", "--out", str(tmp_path / "out"), option, "0")
    assert not (tmp_path / "out").exists()


def test_an_unknown_config_is_answered_with_the_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "smoke, mini, wan" in refused(capsys, "vae", "--out", str(tmp_path), "--config", "huge")


def test_there_must_be_something_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no checkpoint" in refused(capsys, "vae", "--out", str(tmp_path), "--resume")


def test_a_training_is_not_taken_up_by_accident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "checkpoints").mkdir()
    assert "--resume" in refused(capsys, "vae", "--out", str(tmp_path))
