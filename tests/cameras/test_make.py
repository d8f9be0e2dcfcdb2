"""``worldwarp path make``: words in, cameras.npz out; and what the guide says about it."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras.formats import read_cameras, write_cameras
from worldwarp.cameras.make import command
from worldwarp.cli import main
from worldwarp.outputs.pictures import write_exr
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.presets import PRESETS

from tests.shots_for_tests import straight_path

SIZE = ["--width", "720", "--height", "480", "--lens", "35mm"]
GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_path_is_made_from_a_lens(capsys):
    words = "dolly_in 1.5m + pan_left 20deg ease, then orbit 45deg @target 3m"
    assert command([words, *SIZE, "--frames", "97", "--first-frame", "1001"]) == 0
    cameras = read_cameras(Path("cameras.npz"))
    assert (len(cameras), cameras.frame[0], cameras.frame[-1], cameras.fps) == (97, 1001, 1097, 24)
    np.testing.assert_allclose(cameras.K[0], [[700, 0, 360], [0, 700, 240], [0, 0, 1]])
    np.testing.assert_array_equal(cameras.centres[0], 0)
    np.testing.assert_array_equal(cameras.camera_to_world[0, :3, 2], [0, 1, 0])
    assert capsys.readouterr().out == "cameras.npz: 97 cameras, frames 1001 to 1097 at 24 a second, 4.00 s.\n"


def test_a_path_starts_at_a_frame_of_another():
    write_cameras(Path("start.npz"), straight_path(9))
    command(["truck_right 1m", "--start", "start.npz", "--at", "5", "--frames", "9", "--fps", "23.976"])
    cameras = read_cameras(Path("cameras.npz"))
    np.testing.assert_allclose(cameras.camera_to_world[0], straight_path(9).camera_to_world[4], atol=1e-15)
    np.testing.assert_allclose(cameras.centres[-1], [1, 0.08, 0], atol=1e-12)
    assert (cameras.frame[0], cameras.fps, cameras.width) == (5, 24000 / 1001, 64)


def test_a_pixel_is_orbited_at_its_depth():
    depth = np.full((480, 720), 9, np.float32)
    depth[240:, 360:] = 3
    write_exr(Path("depth.exr"), depth)
    command(["orbit 90deg @0.5,0.5", *SIZE, "--depth", "depth.exr"])
    np.testing.assert_allclose(read_cameras(Path("cameras.npz")).centres[-1], [3, 3, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--width", "720"], "path: needs its first camera"),
        ([*SIZE, "--width", "-720"], "width: x height is -720 x 480"),
        ([*SIZE, "--lens", "35"], "focal: is '35'; write it with its unit"),
        ([*SIZE, "--sensor", "huge"], "sensor: is 'huge'"),
        ([*SIZE, "--fps", "0"], "fps: is 0"),
        (["--start", "start.npz", "--at", "77"], "at: start.npz has no frame 77; it has 1 to 9"),
        (
            ["--start", "start.npz", "--lens", "50mm"],
            "lens: is that of --start, where the path begins; leave --lens out",
        ),
        (["--start", "start.npz", "--width", "100"], "width: is that of --start, .* 'worldwarp path convert'"),
        (["--start", "start.npz", "--sensor", "aps-c"], "sensor: is that of --start"),
        (["--start", "none.npz"], "cameras: there is no file none.npz"),
    ],
)
def test_what_is_missing_or_wrong_is_said(options, sentence):
    write_cameras(Path("start.npz"), straight_path(9))
    with pytest.raises(InvalidShot, match=sentence):
        command(["dolly_in 1m", *options])


def test_an_error_reaches_the_terminal_with_its_mark(capsys):
    assert main(["path", "make", "pann_left 2deg", *SIZE]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == ["  pann_left 2deg", "  ^^^^^^^^^"]


def section() -> str:
    return re.search(r"^## Paths\n(.*?)(?=^## )", GUIDE, re.S | re.M)[1]


def test_the_guides_examples_run():
    np.save("depth.npy", np.full((480, 720), 3, np.float32))
    examples = re.findall(r"^worldwarp (path (?:make|retime) .*)$", section(), re.M)
    assert len(examples) >= 4
    for example in examples:
        assert main(shlex.split(example, comments=True)) == 0


def test_the_guides_table_has_every_move():
    names = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*?\|", section(), re.M))))
    assert names == set(PRESETS)


@pytest.mark.parametrize("fps", ["nan", "inf", "0", "-24"])
def test_a_rate_that_is_none_is_said(fps):
    with pytest.raises(InvalidShot, match="frames per second"):
        command(["dolly_in 1m", *SIZE, f"--fps={fps}"])
