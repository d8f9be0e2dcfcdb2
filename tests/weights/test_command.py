"""``worldwarp weights`` and ``worldwarp bench``: what is there, under which licence, and converting it."""

import sys

import pytest
import torch
from worldwarp.cli import main
from worldwarp.geometry import bench
from worldwarp.geometry import weights as conversion
from worldwarp.geometry.checkpoint import FILE, LICENCE, default_path

from ..geometry.goldens import tiny_config, tiny_weights


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """A checkpoint of a tiny network, which stands for the full-size one here."""
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(conversion, "TTT3RConfig", tiny_config)
    torch.save({"model": tiny_weights()}, tmp_path / FILE)
    return tmp_path / FILE


def test_the_list_names_file_size_licence_source_and_state(checkpoint, capsys):
    for words in (["weights"], ["weights", "list"]):
        assert main(words) == 0
        shown = capsys.readouterr().out
        for text in (FILE, "3.2 GB", LICENCE, "NON-COMMERCIAL", "not here", "Depth-Anything-V2-Small", "Apache-2.0"):
            assert text in shown
    assert main(["weights", "convert", str(checkpoint), "--accept-licence"]) == 0
    capsys.readouterr()
    assert main(["weights"]) == 0
    assert "here, at" in capsys.readouterr().out


def test_nothing_is_converted_before_the_licence_is_accepted(checkpoint, capsys, monkeypatch):
    assert main(["weights", "convert", str(checkpoint)]) == 1
    shown = capsys.readouterr()
    assert LICENCE in shown.out
    assert "--accept-licence" in shown.err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)

    def ended(text):  # noqa: ARG001
        raise EOFError

    for answer in (lambda text: "no", ended):  # noqa: ARG005
        monkeypatch.setattr("builtins.input", answer)
        assert main(["weights", "convert", str(checkpoint)]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not default_path().exists()
    monkeypatch.setattr("builtins.input", lambda text: " Accept ")  # noqa: ARG005
    assert main(["weights", "convert", str(checkpoint)]) == 0
    assert default_path().is_file()


def test_what_is_here_is_checked(checkpoint, capsys):
    assert main(["weights", "check"]) == 0
    assert "not here" in capsys.readouterr().out
    assert main(["weights", "convert", str(checkpoint), "--accept-licence"]) == 0
    assert main(["weights", "check"]) == 0
    assert "sound" in capsys.readouterr().out
    content = bytearray(default_path().read_bytes())
    content[-1] ^= 1
    default_path().write_bytes(content)
    assert main(["weights", "check"]) == 1
    assert "damaged" in capsys.readouterr().err


def test_a_file_that_is_something_else_is_named(checkpoint, capsys):
    checkpoint.write_bytes(b"hello")
    assert main(["weights", "convert", str(checkpoint), "--accept-licence"]) == 1
    assert FILE in capsys.readouterr().err


def test_benchmarks_are_chosen_by_their_first_word(checkpoint, capsys, monkeypatch):  # noqa: ARG001 - an empty home
    monkeypatch.setattr(bench, "TTT3RConfig", tiny_config)
    options = ["--frames", "2", "--width", "64", "--height", "48", "--device", "cpu", "--fp32-only"]
    assert main(["bench", "geometry", *options]) == 0
    assert "frames/s" in capsys.readouterr().out
    assert main(["bench"]) == 0
    assert "geometry" in capsys.readouterr().out
    assert main(["bench", "poetry"]) == 1
    assert "poetry" in capsys.readouterr().err
