"""Estimated depth is brought to the shot's scale before a path through it is judged."""

import json
import secrets
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras.formats import write_cameras
from worldwarp.engines import path_check
from worldwarp.geometry import sources
from worldwarp.nouns import Estimate
from worldwarp.outputs.pictures import encode_png
from worldwarp.path import command
from worldwarp_protocol.messages import CheckPath

from .shots_for_tests import seen_from, straight_path

PATH = straight_path(6, step=0.1)
PICTURE, DEPTH = seen_from(PATH, 0)
ANCHOR = (0.1, 0.5, 4.0)
"""On the wall."""

SCALED = pytest.mark.parametrize("said", [{"depth_scale": 5.0}, {"anchor": ANCHOR}], ids=["scale", "anchor"])


@pytest.fixture(autouse=True)
def _a_fifth_of_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source without weights: it sees the true shape at a fifth of its size."""
    estimate = Estimate(DEPTH[None] / 5, np.ones((1, *DEPTH.shape), np.float32))
    monkeypatch.setattr(sources, "load", lambda _name: lambda _frames, _K: estimate)


@SCALED
def test_a_client_gets_the_parallax_of_the_shot(said: dict) -> None:
    arrays = {"picture": PICTURE[None], "K": PATH.K, "camera_to_world": PATH.camera_to_world, "frame": PATH.frame}
    true, found = (
        path_check.walk(CheckPath(request=secrets.token_hex(16), **task), given, lambda *_, **__: None).arrays
        for task, given in (({}, {**arrays, "depth": DEPTH[None]}), ({"source": "ttt3r", **said}, arrays))
    )
    np.testing.assert_allclose(found["parallax_most"], true["parallax_most"], rtol=1e-3)
    keys = [path_check.key(CheckPath(request="0" * 32, **task), "") for task in ({}, said)]
    assert keys[0] != keys[1]


@SCALED
def test_and_so_does_the_command_line(said: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "picture.png").write_bytes(encode_png(PICTURE))
    np.save(tmp_path / "depth.npy", DEPTH)
    write_cameras(tmp_path / "path.npz", PATH)
    words = ["check", "--json", "--image", str(tmp_path / "picture.png"), "--cameras", str(tmp_path / "path.npz")]
    values = [",".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in said.values()]
    scale = [f"--{name.replace('_', '-')}={value}" for name, value in zip(said, values, strict=True)]
    parallax = []
    for depth in (["--depth", str(tmp_path / "depth.npy")], ["--geometry", "ttt3r", *scale]):
        assert command([*words, *depth]) == 0
        parallax.append(json.loads(capsys.readouterr().out)["parallax_most"])
    np.testing.assert_allclose(parallax[1], parallax[0], rtol=1e-3)
