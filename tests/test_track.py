"""``worldwarp cameras from-video``: a path from a clip, estimated once."""

from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras.checks import check_cameras
from worldwarp.cameras.formats import read_cameras
from worldwarp.cli import main
from worldwarp.geometry import checkpoint, lens, sources
from worldwarp.geometry import weights as conversion
from worldwarp.geometry.floor import UPRIGHT
from worldwarp.nouns import Estimate
from worldwarp.outputs.video import write_video

from .cache import scene
from .geometry.goldens import tiny_config, tiny_weights


@pytest.fixture
def clip(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    frames = np.random.default_rng(0).integers(0, 256, (7, 64, 96, 3), np.uint8)
    write_video(tmp_path / "clip.mp4", frames, 25)
    return tmp_path / "clip.mp4"


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """How many frames an oracle was shown, each time it was asked."""
    calls: list[int] = []

    def oracle(frames, K):  # noqa: ARG001 - a source's signature
        calls.append(len(frames))
        poses = scene.path(7).camera_to_world[:: 6 // (len(frames) - 1)]
        depth = np.ones(frames.shape[:3], np.float32)
        return Estimate(depth, depth, poses, np.full(len(frames), 80.0))

    monkeypatch.setattr(sources, "check", lambda name: None)  # noqa: ARG005
    monkeypatch.setattr(sources, "recipe", lambda name: [name, "1", "digest"])
    monkeypatch.setattr(sources, "load", lambda name: oracle)  # noqa: ARG005
    return calls


def track(clip: Path, *options: str) -> int:
    return main(["cameras", "from-video", str(clip), "--out", str(clip.with_name("cameras.npz")), *options])


def test_a_path_that_generate_reads(clip, asked, capsys):
    assert track(clip) == 0
    cameras = read_cameras(clip.with_name("cameras.npz"))
    check_cameras(cameras)
    truth = scene.path(7).camera_to_world
    assert np.allclose(cameras.camera_to_world, UPRIGHT @ np.linalg.inv(truth[0]) @ truth)
    assert (cameras.width, cameras.height, cameras.fps) == (96, 64, 25)
    assert cameras.K[0].tolist() == [[80, 0, 48], [0, 80, 32], [0, 0, 1]]
    with np.load(clip.with_name("cameras.npz")) as file:
        assert file["confidence"].tolist() == [1] * 7
    assert "7 cameras" in capsys.readouterr().out
    assert asked == [7]


def test_the_same_clip_is_looked_at_once_whatever_speed_and_scale(clip, asked):
    assert track(clip) == 0
    once = read_cameras(clip.with_name("cameras.npz"))
    clip = clip.rename(clip.with_name("renamed.mp4"))
    assert track(clip, "--speed", "2", "--scale", "3") == 0
    again = read_cameras(clip.with_name("cameras.npz"))
    assert asked == [7]
    assert np.allclose(again.centres, 3 * once.centres[::2], atol=1e-12)
    assert np.allclose(again.camera_to_world[:, :3, :3], once.camera_to_world[::2, :3, :3])


def test_other_frames_weights_and_damaged_files_are_looked_at_anew(clip, asked, monkeypatch, capsys):
    assert track(clip) == 0
    monkeypatch.setattr(sources, "recipe", lambda name: [name, "1", "others"])
    assert track(clip) == 0
    assert asked == [7, 7]
    for path in (clip.parent / "home" / "store" / "derived").glob("*/path.npz"):
        path.write_bytes(b"damaged")
    capsys.readouterr()
    assert track(clip) == 0
    assert "damaged" in capsys.readouterr().err
    assert asked == [7, 7, 7]
    write_video(clip, np.zeros((7, 64, 96, 3), np.uint8), 25)
    assert track(clip) == 0
    assert asked == [7, 7, 7, 7]


def test_frames_that_were_left_out_come_back_between(clip, asked):
    assert track(clip, "--every", "3") == 0
    cameras = read_cameras(clip.with_name("cameras.npz"))
    assert asked == [3]
    assert len(cameras) == 7
    truth = UPRIGHT @ np.linalg.inv(scene.path(7).camera_to_world[0]) @ scene.path(7).camera_to_world
    assert np.allclose(cameras.camera_to_world[::3], truth[::3])


def test_the_network_itself(clip, monkeypatch):
    """Random weights at a tiny size, converted and found as the trained ones would be."""
    monkeypatch.setattr(conversion, "TTT3RConfig", tiny_config)
    convert_tiny()
    monkeypatch.setattr(lens, "POSSIBLE", (0, np.inf))  # what random weights see fits no lens
    sources._loaded.cache_clear()
    try:
        done = track(clip)
    finally:
        sources._loaded.cache_clear()
    assert done == 0
    path = read_cameras(clip.with_name("cameras.npz")).camera_to_world
    assert np.allclose(path[0], UPRIGHT)
    assert np.allclose(path[:, :3, :3] @ path[:, :3, :3].transpose(0, 2, 1), np.eye(3))
    assert np.abs(np.diff(path, axis=0)).max() > 1e-3


def convert_tiny() -> None:
    from safetensors.torch import save_file

    path = checkpoint.default_path()
    path.parent.mkdir(parents=True)
    save_file(tiny_weights(), path, {"licence": "none", "source": "random", "digest": "0" * 64})


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--speed", "0"], "speed"),
        (["--scale", "-1"], "scale"),
        (["--every", "0"], "every"),
        (["--every", "7"], "at least 2"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(clip, asked, capsys, options, part):
    assert track(clip, *options) == 1
    said = capsys.readouterr().err.strip()
    assert part in said
    assert len(said.splitlines()) == 1
    assert asked == []


def test_missing_weights_are_named(clip, capsys):
    assert track(clip) == 1
    assert "3.2 GB" in capsys.readouterr().err


def test_a_file_that_is_no_video_is_named(clip, asked, capsys):
    assert track(clip.with_name("absent.mp4")) == 1
    assert "absent.mp4" in capsys.readouterr().err
    assert asked == []


def test_the_clip_is_looked_at_before_weights_are_asked_for(clip, tmp_path, capsys):
    assert main(["cameras", "from-video", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "path.npz")]) == 1
    assert "none.mp4" in capsys.readouterr().err
    assert main(["cameras", "from-video", str(clip), "--out", str(tmp_path / "path.json")]) == 1
    assert "written as .npz" in capsys.readouterr().err
    assert main(["cameras", "from-video", str(clip), "--out", str(tmp_path / "path.npz")]) == 1
    assert "weights" in capsys.readouterr().err
