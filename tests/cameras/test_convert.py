"""``worldwarp path convert``: every format to every other, worlds, and files that are garbage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worldwarp.cameras.convert import FORMATS, WORLDS, command, likely_world, read, recognise, turned
from worldwarp.cameras.foreign import Given, in_order
from worldwarp.cameras.formats import read_cameras, write_cameras
from worldwarp.cli import main
from worldwarp_protocol.errors import InvalidShot

from tests.cameras.paths_for_tests import looking, pixels

LENS = ["--width", "640", "--height", "360", "--lens", "600px"]
DOCS = Path(__file__).parents[2] / "docs" / "formats.md"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plain(n: int = 7):
    """A path that every format can hold: one lens, its principal point in the middle."""
    cameras = looking(n)
    cameras.K[:] = [[600, 0, 320], [0, 600, 180], [0, 0, 1]]
    return cameras


def options_of(name: str) -> list[str]:
    return {"tum": LENS, "realestate10k": LENS[:4]}.get(name, [])


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_a_point_stays_at_its_pixel_from_every_format_to_every_other(first, second):
    wanted = plain()
    FORMATS[first].write(Path("a"), wanted)
    command(["a", "--to", second, "--out", "b", *options_of(first)])
    command(["b", "--out", "c.npz", *options_of(second)])
    got = read_cameras(Path("c.npz"))
    np.testing.assert_allclose(pixels(got), pixels(wanted), atol=1e-9)
    assert got.frame.tolist() == wanted.frame.tolist()
    assert got.fps == 24


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised_by_its_content(name):
    FORMATS[name].write(Path("odd.name"), plain())
    assert recognise(Path("odd.name")) == name.removesuffix("-binary")


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_is_turned_to_z_up(world, capsys):
    """The point above the camera is above it in Blender, and pictures stay as they are."""
    up = {"z-up": [0, 0, 1], "y-up": [0, 1, 0], "y-down": [0, -1, 0]}[world]
    np.testing.assert_array_equal(WORLDS[world] @ up, [0, 0, 1])
    np.testing.assert_allclose(np.linalg.det(WORLDS[world]), 1)
    theirs = turned_back(plain(), world)
    assert likely_world(theirs) == world
    FORMATS["npz"].write(Path("a.npz"), theirs)
    command(["a.npz", "--world", world])
    np.testing.assert_allclose(
        read_cameras(Path("cameras.npz")).camera_to_world, plain().camera_to_world, rtol=0, atol=1e-12
    )
    assert "--world" not in capsys.readouterr().err
    command(["a.npz"])
    assert (f"add --world {world} if it is" in capsys.readouterr().err) == (world != "z-up")


def turned_back(cameras, world):
    turn = np.eye(4)
    turn[:3, :3] = WORLDS[world].T
    return replace(cameras, camera_to_world=turn @ cameras.camera_to_world)


def test_a_first_camera_of_opencvs_axes_looks_along_y_with_z_up():
    cameras = replace(plain(2), camera_to_world=np.tile(np.eye(4), (2, 1, 1)))
    np.testing.assert_array_equal(turned(cameras, "y-down").camera_to_world[0, :3, 2], [0, 1, 0])


def test_what_is_lost_is_said(capsys):
    write_cameras(Path("a.npz"), plain())
    assert main(["path", "convert", "a.npz", "--to", "tum", "--out", "path.txt"]) == 0
    out, err = capsys.readouterr()
    assert out == "path.txt: 7 cameras, frames 1 to 7 at 24 a second, 0.25 s.\n"
    assert err == "tum does not keep the lens, the picture's size and first frame.\n"


def test_a_rate_is_given_or_the_files():
    FORMATS["npz"].write(Path("a.npz"), replace(plain(), fps=30.0))
    command(["a.npz"])
    assert read_cameras(Path("cameras.npz")).fps == 30
    command(["a.npz", "--fps", "23.976"])
    assert read_cameras(Path("cameras.npz")).fps == 24000 / 1001


@pytest.mark.parametrize("name", ["cameras", "npz", "transforms", "colmap"])
def test_a_path_is_brought_to_another_size_of_its_proportions(name):
    FORMATS[name].write(Path("a"), plain())
    for size in (["--width", "320", "--height", "180"], ["--width", "320"], ["--height", "180"]):
        command(["a", *size, "--out", "b.npz"])
        got = read_cameras(Path("b.npz"))
        assert (got.width, got.height) == (320, 180)
        np.testing.assert_allclose(pixels(got), pixels(plain()) / 2, atol=1e-9)
    command(["a", "--width", "321", "--out", "b.npz"])  # 180.56 pixels are 181: what is more is shown evenly
    np.testing.assert_allclose(read_cameras(Path("b.npz")).K[0, :2, 2], [160.5, 90.5], atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.npz", "--width", "320", "--height", "240"], "cameras: are for 640 x 360 .*: 320 x 180 would do"),
        (["a.npz", "--width", "0", "--height", "0"], "cameras: are for 640 x 360"),
        (["binary.ply"], "path: binary.ply: is not text, and no other file of cameras"),
        (["none"], r"path: none: is not there"),
        (["."], r"path: .: is a folder without a COLMAP model"),
        (["odd.txt"], r"path: odd.txt: is not recognised; if it is one of cameras, colmap"),
        (["a.npz", *LENS], r"lens: is for files without one; cameras says it itself"),
        (["a.npz", "--fps", "0"], r"fps: is 0; give frames per second"),
        (["a.txt", "--lens", "35mm"], r"lens: needs the picture's size beside it"),
        (["a.txt", *LENS, "--sensor", "huge"], r"sensor: is 'huge'"),
        (["a.npz", "--from", "transforms"], r"path: a.npz: cannot be read as transforms.json"),
        (["one.npz"], r"cameras: has 1 frame; a path needs at least 2"),
        (["scaled.npz"], r"cameras.camera_to_world: at frame 1 is scaled or sheared"),
    ],
)
def test_what_is_missing_or_wrong_is_said(arguments, sentence):
    write_cameras(Path("a.npz"), plain())
    FORMATS["tum"].write(Path("a.txt"), plain())
    FORMATS["npz"].write(Path("one.npz"), plain(1))
    np.savez("scaled.npz", c2w=plain().camera_to_world[:, :3] * 1.01, K=plain().K, width=640, height=360)
    Path("odd.txt").write_text("some words\n")
    Path("binary.ply").write_bytes(b"ply\n\xf3\xff")
    with pytest.raises(InvalidShot, match=sentence):
        command(arguments)
    assert not Path("cameras.npz").exists()


@pytest.mark.parametrize(
    ("names", "order", "frames"),
    [
        (["f10.png", "f9.png"], [1, 0], [9, 10]),
        (["a/0002.png", "a/0001.png", "b/0001.png"], [1, 0, 2], [1, 2, 3]),
        (["left.png", "a.png"], [1, 0], [1, 2]),
        (["clip2/1001.exr", "clip2/1003.exr"], [0, 1], [1001, 1003]),
        (["1" * 5000 + ".png", "2.png"], [1, 0], [1, 2]),
        (["9999999999.png", "2.png"], [1, 0], [1, 2]),
    ],
)
def test_names_count_frames(names, order, frames):
    got = in_order(names)
    assert (got[0], got[1].tolist()) == (order, frames)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory) -> list[tuple[str, dict[str, bytes]]]:
    """Each format's files of a small path."""
    found = []
    for name in FORMATS:
        path = tmp_path_factory.mktemp("seeds") / name
        FORMATS[name].write(path, plain(2))
        files = [path] if path.is_file() else sorted(path.iterdir())
        found.append((name, {file.name: file.read_bytes() for file in files}))
    return found


ANY = Given(640, 360)
QUIET = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def attempt(name: str | None, path: Path) -> None:
    """Read a file that may be anything: a path comes out of it, or ``InvalidShot``."""
    try:
        cameras = read(path, name, replace(ANY, focal=600.0) if name == "tum" else ANY)
    except InvalidShot:
        return
    assert np.isfinite(cameras.camera_to_world).all()


@QUIET
@given(data=st.data())
def test_damaged_files_are_refused_in_a_sentence(seeds, data):
    name, files = data.draw(st.sampled_from(seeds))
    victim = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[victim])
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, max(len(content) - 1, 0)))
        length = data.draw(st.integers(0, 9))
        content[start : start + length] = data.draw(st.binary(max_size=9))
    root = Path("fuzz")
    root.mkdir(exist_ok=True)
    for file, whole in files.items():
        (root / file).write_bytes(content if file == victim else whole)
    path = root if name.startswith("colmap") else root / victim
    for stale in root.iterdir():
        if stale.name not in files:
            stale.unlink()
    attempt(name, path)


@QUIET
@given(content=st.binary(max_size=300), name=st.sampled_from([None, *FORMATS]))
def test_garbage_is_refused_in_a_sentence(content, name):
    Path("garbage").write_bytes(content)
    attempt(name, Path("garbage"))


@QUIET
@given(
    st.lists(st.lists(st.sampled_from(["0", "1", "-1", "1e308", "nan", "1_0", "x", "#"]), max_size=20), max_size=4),
    st.sampled_from(["tum", "realestate10k"]),
)
def test_odd_lines_are_refused_in_a_sentence(lines, name):
    Path("lines").write_text("\n".join(map(" ".join, lines)))
    attempt(name, Path("lines"))


def test_the_documentation_names_every_format():
    section = DOCS.read_text("utf-8").split("### Paths of other tools")[1].split("\n##")[0]
    assert all(f"`{name}`" in section for name in FORMATS)
