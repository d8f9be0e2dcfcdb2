"""The command line as a user meets it: one sentence where files are wrong, a folder where they are right."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import plyfile
import pytest
from PIL import Image
from worldwarp.alone import alone
from worldwarp.cameras import Cameras
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import COMMANDS, main
from worldwarp.geometry import sources
from worldwarp.nouns import Estimate
from worldwarp.terminal import in_options

from .shots_for_tests import seen_from, straight_path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    cameras = straight_path(6, width=64, height=48, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    np.save(tmp_path / "depth.npy", depth)
    write_cameras(tmp_path / "cameras.npz", cameras)
    return {
        "--image": str(tmp_path / "picture.png"),
        "--depth": str(tmp_path / "depth.npy"),
        "--cameras": str(tmp_path / "cameras.npz"),
        "--out": str(tmp_path / "out"),
        "--store": str(tmp_path / "store"),
        "--chunk-frames": "5",
        "--context-frames": "1",
        "--cache-steps": "2",
    }


def generate(files: dict[str, str]) -> int:
    return main(["generate", *(word for pair in files.items() for word in pair)])


def refused(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the user reads; nothing may have been computed."""
    assert generate(files) == 1
    said = capsys.readouterr().err.strip()
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1
    assert not list(Path(files["--store"]).glob("chunks/*/*"))
    return said


@pytest.mark.slow
def test_a_shot_becomes_a_folder_others_can_read(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(files) == 0
    out = Path(files["--out"])
    assert sorted(p.name for p in (out / "frames").iterdir()) == [f"{i:04d}.png" for i in range(1, 7)]
    np.testing.assert_array_equal(np.asarray(Image.open(out / "frames/0001.png")), Image.open(files["--image"]))
    with np.load(out / "cameras.npz") as saved:
        cameras = straight_path(6, width=64, height=48, step=0.05)
        np.testing.assert_allclose(saved["R"], cameras.world_to_camera[:, :3, :3], atol=1e-15)
        np.testing.assert_allclose(saved["t"], cameras.world_to_camera[:, :3, 3], atol=1e-15)
    points = plyfile.PlyData.read(out / "points.ply")["vertex"]
    on_wall, on_column = np.abs(points["y"] - 4) < 0.04, np.abs(points["y"] - 2) < 0.02
    assert (on_wall | on_column)[points["provenance"] == 0].mean() > 0.95
    with av.open(out / "video.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) == 6
    assert "computed" in capsys.readouterr().out
    assert generate(files) == 0
    assert "computed" not in capsys.readouterr().out


def changed(cameras: Cameras, **arrays: np.ndarray) -> Cameras:
    return dataclasses.replace(cameras, **arrays)


def test_files_that_are_not_there_or_not_what_they_should_be(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    np.save(tmp_path / "small.npy", np.ones((10, 10), np.float32))
    bad = np.ones((48, 64), np.float32)
    bad[3, 4] = np.nan
    np.save(tmp_path / "nan.npy", bad)
    for option, name, field in [
        ("--image", "absent.png", "image"),
        ("--image", "text.png", "image"),
        ("--depth", "absent.exr", "depth"),
        ("--depth", "small.npy", "depth"),
        ("--depth", "nan.npy", "depth"),
        ("--cameras", "absent.npz", "cameras"),
        ("--cameras", "text.png", "cameras"),
    ]:
        said = refused({**files, option: str(tmp_path / name)}, capsys)
        assert field in said or "picture" in said, (name, said)


def test_paths_that_no_camera_can_follow(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    good = straight_path(6, width=64, height=48)
    sheared, unknown = good.camera_to_world.copy(), good.camera_to_world.copy()
    sheared[2, 0, 0] = 1.2
    unknown[3, 1, 3] = np.nan
    lensless = good.K.copy()
    lensless[1, 0, 0] = 0
    for wrong in (
        changed(good, camera_to_world=sheared),
        changed(good, camera_to_world=unknown),
        changed(good, K=lensless),
        good[:1],
        straight_path(100_000, width=64, height=48),
    ):
        write_cameras(Path(files["--cameras"]), wrong)
        assert "cameras" in refused(files, capsys)


def test_settings_that_cannot_be(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for option, value, part in [
        ("--profile", "wan", "wan"),
        ("--profile", "best", "draft"),
        ("--chunk-frames", "12", "4k + 1"),
        ("--context-frames", "5", "context"),
        ("--width", "100", "16"),
        ("--seed", "-1", "seed"),
    ]:
        assert part in refused({**files, option: value}, capsys), option


def test_an_estimate_is_asked_for_without_weights(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for pair in files.items() if pair[0] != "--depth" for word in pair]
    assert main(["generate", *words, "--geometry", "ttt3r", "--anchor", "0.5,0.5,4"]) == 1
    assert "cut3r_512_dpt_4_64.pth (3.2 GB" in capsys.readouterr().err
    assert main(["generate", *words, "--geometry", "ttt3r", "--anchor", "0.5,2,4"]) == 1
    assert "--anchor" in capsys.readouterr().err


def test_what_the_user_should_know_of_an_estimate_is_printed(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = np.load(files.pop("--depth"))[None].astype(np.float32)

    def source(frames: np.ndarray, K: np.ndarray) -> Estimate:
        one = np.ones((len(frames), *depth.shape[1:]), np.float32)
        return Estimate(one * depth, one, focal=1.5 * K[:, 0, 0])

    monkeypatch.setattr(sources, "check", lambda name: None)  # noqa: ARG005
    monkeypatch.setattr(sources, "load", lambda name: source)  # noqa: ARG005
    assert generate({**files, "--geometry": "ttt3r"}) == 0
    assert "Note: The picture looks as if taken with 1.50 times the camera's focal length." in capsys.readouterr().err


def test_first_frames_differ_in_size(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "other.png")
    words = [word for pair in files.items() if pair[0] != "--image" for word in pair]
    assert main(["generate", *words, "--image", files["--image"], str(tmp_path / "other.png")]) == 1
    assert "files differ in size" in capsys.readouterr().err


@pytest.mark.slow
def test_a_full_disk_is_said_and_nothing_half_written_is_kept(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("worldwarp.store.write_file", full)
        assert generate(files) == 1
    said = capsys.readouterr().err
    assert "No space left on device; make room" in said
    assert "Traceback" not in said
    assert not list(Path(files["--store"]).glob("*/*"))
    assert generate(files) == 0


def test_the_depth_is_asked_for(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "depth file" in refused({k: v for k, v in files.items() if k != "--depth"}, capsys)


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    for command in COMMANDS:
        assert command in listed
    assert main(["dance"]) == 2
    assert "dance" in capsys.readouterr().err


def test_keys_are_shown_enrolled_and_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    public = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    assert main(["keys", "enrol", "studio", public]) == 0
    assert main(["keys"]) == 0
    assert public in capsys.readouterr().out
    assert main(["keys", "revoke", "studio"]) == 0
    capsys.readouterr()
    assert main(["keys"]) == 0
    assert public not in capsys.readouterr().out
    assert main(["keys", "revoke", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err


def test_progress_is_for_terminals_and_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from worldwarp.terminal import show

    monkeypatch.setattr("worldwarp.terminal._next_line", time.monotonic() + 30)
    show("cache", 39, 100)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("worldwarp.terminal._next_line", time.monotonic())
    show("cache", 40, 100)
    show("cache", 41, 100)
    assert capsys.readouterr().err == "building the 3D cache 41 of at most 100 ...\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show("cache", 39, 100)
    assert capsys.readouterr().err.strip() == "building the 3D cache 40 of at most 100"
    show("save", 0, 1)
    assert capsys.readouterr().err.strip() == "saving"


def test_a_benchmark_whose_numbers_cannot_be_kept_is_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "cache", "--json", str(tmp_path / "absent" / "numbers.json")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "numbers.json cannot be written" in said.err


def test_a_text_file_is_no_path(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.npz").write_text("K = 1")
    said = refused({**files, "--cameras": str(tmp_path / "notes.npz")}, capsys)
    assert "is not a NumPy archive (.npz)" in said
    assert "pickle" not in said


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"--path": "dolly_in 1m", "--cameras": ""}, "give --lens"),
        ({"--path": "dolly_in 1m", "--lens": "35mm"}, "lens: is that of --cameras"),
        ({"--path": "dolly_in 1m", "--fps": "nan"}, "frames per second"),
        ({"--lens": "35mm"}, "lens: goes with --path"),
        ({"--sensor": "aps-c"}, "sensor: goes with --path"),
        ({"--mask": "nope.png"}, "mask: there is no file nope.png"),
        ({"--sky": "nope.png"}, "sky: there is no file nope.png"),
        ({"--frames": "0"}, "frames: goes with --path"),
        ({"--fps": "0"}, "fps: is 0"),
        ({"--distortion": "-3"}, "distortion: "),
    ],
)
def test_options_that_would_be_left_aside_are_refused(
    files: dict[str, str], changed: dict[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {name: value for name, value in {**files, **changed}.items() if value}
    assert main(["generate", *(f"{name}={value}" for name, value in words.items())]) == 1
    assert sentence in capsys.readouterr().err
    assert not Path(files["--out"]).exists()


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("settings.diffusion.guidance_valid: is above guidance", "--guidance-valid: is above guidance"),
        ("depth: have it estimated (settings.geometry).", "depth: have it estimated (--geometry)."),
        ("overrides[3]: is for chunk 9", "--chunk-prompt: is for chunk 9"),
        ("The settings. Then more", "The settings. Then more"),
    ],
)
def test_sentences_name_options_not_fields(sentence: str, said: str) -> None:
    assert in_options(sentence) == said


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such lock")
def test_who_waits_for_another_command_in_a_folder_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def second() -> None:
        with alone(tmp_path):
            entered.set()

    entered = threading.Event()
    waiting = threading.Thread(target=second)
    with alone(tmp_path):
        waiting.start()
        assert not entered.wait(0.3)
        assert f"another command works in {tmp_path}; waiting for it" in capsys.readouterr().err
    waiting.join(10)
    assert entered.is_set()
    with alone(tmp_path / "new"):
        assert capsys.readouterr().err == ""


SLOW = """
import signal, sys, time, types
from worldwarp import cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
def command(_):
    print("at work", flush=True)
    try:
        time.sleep(60)
    finally:
        time.sleep(1)
sys.modules["slow"] = types.SimpleNamespace(command=command)
cli.COMMANDS["slow"] = ("slow:command", "")
sys.exit(cli.main(["slow"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_control_c_is_answered_before_the_work_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=-1, stderr=-1, text=True) as child:
        assert child.stdout
        assert child.stderr
        assert child.stdout.readline() == "at work\n"
        os.kill(child.pid, signal.SIGINT)
        child.stderr.readline()
        assert child.stderr.readline() == "Stopping ...\n"
        assert child.poll() is None
        assert child.wait(20) == 130
        assert child.stderr.read() == "Stopped; what was computed is kept.\n"
