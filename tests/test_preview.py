"""What a preview draws, against the ray-cast scene, and the commands that check and draw a path."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras.formats import write_cameras
from worldwarp.cameras.health import health
from worldwarp.cameras.sizes import scale_cameras
from worldwarp.outputs.pictures import encode_png, read_picture
from worldwarp.outputs.plot import LEFT, LIMIT, PANELS, RIGHT, SHADES, STRIP, plot
from worldwarp.path import command
from worldwarp.preview import CHECKER, pattern, preview
from worldwarp_protocol.errors import InvalidShot

from .cache import scene
from .cameras.test_health import seen_by_the_picture, turning, wall

CAMERAS = scene.path(5, 240, 160, 1.5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("path")
    view = scene.view(CAMERAS, 0)
    (folder / "picture.png").write_bytes(encode_png(view.rgb))
    np.save(folder / "depth.npy", view.depth)
    write_cameras(folder / "cameras.npz", CAMERAS)
    return folder


def run(name: str, folder: Path, *more: str) -> int:
    return command([name, "--cameras", str(folder / "cameras.npz"), *more])


def test_frames_look_as_the_scene_does_where_the_picture_knows_it():
    view = scene.view(CAMERAS, 0)
    frames, holes = preview(view.rgb, view.depth, CAMERAS)
    np.testing.assert_array_equal(frames[0], view.rgb)
    for i in (2, 4):
        seen = seen_by_the_picture(CAMERAS, i)
        assert scene.psnr(frames[i] / 255, scene.picture(CAMERAS, i).rgb, seen & ~holes[i]) > 26
        assert (holes[i] == seen).mean() < 0.012


def test_holes_are_a_checker_or_black():
    view = scene.view(CAMERAS, 0)
    frames, holes = preview(view.rgb, view.depth, CAMERAS)
    np.testing.assert_array_equal(frames[4][holes[4]], pattern(240, 160)[holes[4]])
    assert {tuple(colour) for colour in frames[4][holes[4]]} == {tuple(colour) for colour in CHECKER}
    plain, _ = preview(view.rgb, view.depth, CAMERAS, checker=False)
    assert not plain[holes].any()
    np.testing.assert_array_equal(plain[~holes], frames[~holes])


def test_a_preview_is_as_small_as_is_asked_and_no_larger_than_the_picture():
    view = scene.view(CAMERAS, 0)
    assert preview(view.rgb, view.depth, CAMERAS, 120)[0].shape == (5, 80, 120, 3)
    assert preview(view.rgb, view.depth, CAMERAS, 1000)[0].shape == (5, 160, 240, 3)


def test_the_same_path_gives_the_same_preview():
    view = scene.view(CAMERAS, 0)
    first, second = (preview(view.rgb, view.depth, CAMERAS)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_check_says_what_is_known_as_a_table_or_as_json(files, capsys):
    assert run("check", files, "--depth", str(files / "depth.npy")) == 0
    lines = capsys.readouterr().out.splitlines()
    known = health(scene.view(CAMERAS, 0).depth, CAMERAS).known
    assert lines[1].split()[:2] == ["1", "100%"]
    assert lines[5].split()[:2] == ["5", f"{known[4]:.0%}"]
    assert lines[5].endswith("worst")
    assert run("check", files, "--depth", str(files / "depth.npy"), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(said["known"], known)
    assert said["frame"] == [1, 2, 3, 4, 5]
    turns, moves = said["sentences"]
    assert turns.startswith("Frames 2 to 5: the camera turns by up to 5.4 degrees")
    assert moves.startswith(f"Frames 2 to 5: what is near moves by up to {max(said['parallax_most']):.0f} pixels")


def test_preview_writes_pictures_by_frame_number_or_a_video(files, capsys):
    given = "--depth", str(files / "depth.npy"), "--image", str(files / "picture.png"), "--width", "120"
    assert run("preview", files, *given, "--out", str(files / "frames")) == 0
    assert sorted(path.name for path in (files / "frames").iterdir()) == [f"{i:06d}.png" for i in range(1, 6)]
    assert read_picture(files / "frames" / "000005.png").shape == (80, 120, 3)
    assert run("preview", files, *given, "--out", str(files / "preview.mp4")) == 0
    assert (files / "preview.mp4").stat().st_size > 1000
    assert "5 frames" in capsys.readouterr().out


def test_pictures_are_numbered_as_the_timeline_is(files):
    write_cameras(files / "later.npz", replace(CAMERAS, frame=np.arange(1001, 1006)))
    given = "--depth", str(files / "depth.npy"), "--image", str(files / "picture.png"), "--width", "60"
    words = ["path", "preview", "--cameras", str(files / "later.npz"), *given, "--out", str(files / "later")]
    assert command(words[1:]) == 0
    assert sorted(path.name for path in (files / "later").iterdir()) == [f"{i:06d}.png" for i in range(1001, 1006)]


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("preview", ["--depth", "{}/depth.npy", "--out", "x.avi"], "out: is x.avi; it is written as .mp4 or .mov"),
        ("check", ["--depth", "{}/depth.npy", "--plot", "x.svg"], "plot: is x.svg; it is written as .png"),
        ("check", [], "depth: is missing; give --depth"),
        ("preview", ["--depth", "{}/depth.npy", "--out", "x"], "image: is missing"),
        ("preview", ["--depth", "{}/depth.npy", "--width", "3", "--out", "x"], "width: is 3; give at least 16"),
        ("check", ["--depth", "{}/small.npy"], "cameras: are for 240 x 160 pixels; 64 x 48 has other proportions"),
        ("check", ["--depth", "{}/depth.npy", "--far", "0.1"], "depth: is sky everywhere"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_said(files, name, arguments, sentence):
    np.save(files / "small.npy", wall())
    with pytest.raises(InvalidShot, match=sentence):
        run(name, files, *(argument.format(files) for argument in arguments))


def test_a_path_for_the_picture_at_another_size_is_as_well_known(files, capsys):
    write_cameras(files / "large.npz", scale_cameras(CAMERAS, (480, 320)))
    given = "--depth", str(files / "depth.npy")
    assert command(["check", "--cameras", str(files / "large.npz"), *given, "--json"]) == 0
    large = json.loads(capsys.readouterr().out)
    assert run("check", files, *given, "--json") == 0
    assert json.loads(capsys.readouterr().out) == large


def test_the_plot_shows_each_frame_in_the_strip_and_dashes_what_is_warned_of():
    found = health(wall(), turning(10.0, frames=4))
    drawn = plot(found)
    middle = (STRIP[0] + STRIP[1]) // 2
    np.testing.assert_array_equal(drawn[middle, LEFT + 2], SHADES[-1])  # all of the first frame is known
    column = LEFT + (RIGHT - LEFT) * 7 // 8
    assert drawn[middle, column].astype(int).sum() < drawn[middle, LEFT + 2].astype(int).sum()
    top, bottom = PANELS[1]
    assert (drawn[top:bottom, LEFT:RIGHT] == LIMIT).all(axis=-1).sum() > 100  # the turn is fast, and so its limit shows
    quiet = plot(health(wall(), turning(0.1, frames=4)))
    assert not (quiet[top:bottom, LEFT:RIGHT] == LIMIT).all(axis=-1).any()


def test_a_finished_shot_is_checked_along_its_path_or_another(tmp_path, files, capsys):
    from worldwarp.generate import command as generate

    store, out = tmp_path / "store", tmp_path / "shot"
    picture, depth = str(files / "picture.png"), str(files / "depth.npy")
    cameras = str(files / "cameras.npz")
    generate(["--image", picture, "--depth", depth, "--cameras", cameras, "--out", str(out), "--store", str(store),
              "--cache-steps", "1"])  # fmt: skip
    capsys.readouterr()
    assert command(["check", "--result", str(out), "--store", str(store), "--json"]) == 0
    known = health(scene.view(CAMERAS, 0).depth, CAMERAS).known
    np.testing.assert_allclose(json.loads(capsys.readouterr().out)["known"], known, atol=0.005)


def test_the_path_that_a_shot_was_made_from_is_checked_as_the_shot_was_framed(tmp_path, files, capsys):
    from worldwarp.generate import command as generate

    common = ["--store", str(tmp_path / "store")]
    given = ["--image", str(files / "picture.png"), "--depth", str(files / "depth.npy")]
    cameras = ["--cameras", str(files / "cameras.npz")]
    size = ["--width", "128", "--height", "64", "--overscan", "0.1"]  # cut, and shown more of
    generate([*given, *cameras, *common, *size, "--out", str(tmp_path / "shot"), "--cache-steps", "1"])
    capsys.readouterr()
    result = ["check", "--result", str(tmp_path / "shot"), *common, "--json"]
    assert command(result) == 0
    own = json.loads(capsys.readouterr().out)
    assert command([*result, *cameras]) == 0
    assert json.loads(capsys.readouterr().out)["known"] == own["known"]
