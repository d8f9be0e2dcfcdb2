"""``worldwarp geometry``: a folder that other programs read, and one sentence where something is wrong."""

import json
from pathlib import Path

import numpy as np
import OpenEXR
import plyfile
import pytest
from PIL import ExifTags, Image
from worldwarp.cli import main
from worldwarp.geometry import sources
from worldwarp.nouns import Estimate
from worldwarp.outputs.pictures import read_depth

from .cache import scene
from .world.test_mesh import off_surfaces


@pytest.fixture
def room(tmp_path: Path):
    """The room of the cache's tests as files, its camera pitched down by 0.12."""
    cameras = scene.path(1, 240, 160)
    shot = scene.picture(cameras, 0)
    Image.fromarray(np.rint(shot.rgb * 255).astype(np.uint8)).save(tmp_path / "photo.png")
    np.save(tmp_path / "depth.npy", shot.depth.astype(np.float32))
    return cameras, shot, tmp_path


def describe(folder: Path, *options: str, depth: bool = True) -> int:
    given = ["--depth", str(folder / "depth.npy")] if depth else []
    return main(["geometry", "--image", str(folder / "photo.png"), "--out", str(folder / "out"), *given, *options])


def about(folder: Path) -> dict:
    return json.loads((folder / "out" / "geometry.json").read_text())


def test_a_folder_that_others_read(room, capsys):
    cameras, shot, folder = room
    assert describe(folder, "--focal", "216px") == 0
    said = about(folder)
    assert said["warnings"] == []
    assert said["camera_height"] == pytest.approx(1.4, rel=0.005)
    assert said["pitch_degrees"] == pytest.approx(np.degrees(-0.12), abs=0.1)
    assert said["roll_degrees"] == pytest.approx(0, abs=0.1)
    assert said["lens_mm"] == pytest.approx(0.9 * 36)
    assert np.array_equal(said["K"], cameras.K[0])
    with OpenEXR.File(str(folder / "out" / "depth.exr")) as file:
        (name, channel), *more = file.channels().items()
        assert (name, more) == ("V", [])
        assert channel.pixels.dtype == np.float32
        assert np.array_equal(channel.pixels, shot.depth.astype(np.float32))
    assert np.array_equal(read_depth(folder / "out" / "confidence.exr"), np.ones((160, 240), np.float32))
    mesh = plyfile.PlyData.read(folder / "out" / "mesh.ply")
    points = plyfile.PlyData.read(folder / "out" / "points.ply")
    # the camera stands above the origin and looks along y: the levelled world is the room itself
    for vertex in (mesh["vertex"], points["vertex"]):
        xyz = np.stack([vertex[axis] for axis in "xyz"], 1).astype(np.float64)
        assert off_surfaces(xyz).max() < 0.02
        assert {"red", "green", "blue"} <= set(vertex.data.dtype.names)
    faces = np.stack(mesh["face"]["vertex_indices"])
    assert faces.max() < len(mesh["vertex"])
    assert len(faces) > len(mesh["vertex"])
    assert "32.4 mm" in capsys.readouterr().out


def test_the_camera_s_own_note_of_its_lens_counts(room):
    _, _, folder = room
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 32
    Image.open(folder / "photo.png").save(folder / "photo.png", exif=exif)
    assert describe(folder) == 0
    diagonal = np.hypot(240, 160)
    assert about(folder)["focal_px"] == pytest.approx(32 * diagonal / np.hypot(36, 24))
    assert "EXIF" in about(folder)["lens_from"]


def test_scale_and_sensor_are_the_user_s(room):
    _, shot, folder = room
    assert describe(folder, "--focal", "20mm", "--sensor", "aps-c", "--anchor", "0.5,0.9,14") == 0
    said = about(folder)
    assert said["focal_px"] == pytest.approx(20 * 240 / 23.5)
    assert said["scale"] == pytest.approx(14 / shot.depth[144, 120], rel=0.02)
    assert describe(folder, "--focal", "216px", "--depth-scale", "0.5", "--sensor", "10") == 0
    assert about(folder)["lens_mm"] == pytest.approx(9)
    assert about(folder)["camera_height"] == pytest.approx(0.7, rel=0.005)


def test_an_estimated_picture_and_a_lens_that_does_not_fit(room, monkeypatch, capsys):
    _, shot, folder = room
    depth = shot.depth.astype(np.float32)[None]
    oracle = lambda frames, K: Estimate(depth, 2 * np.ones_like(depth), focal=np.array([216.0]))  # noqa: ARG005, E731
    monkeypatch.setattr(sources, "load", lambda name: {"ttt3r": oracle}[name])
    assert describe(folder, depth=False) == 0
    assert about(folder)["lens_from"] == "estimated"
    assert about(folder)["focal_px"] == 216
    assert describe(folder, "--focal", "150px", depth=False) == 0
    assert "lens" in capsys.readouterr().err
    assert len(about(folder)["warnings"]) == 1


def test_a_large_picture_is_described_as_a_small_one_is(tmp_path):
    """A picture of twelve megapixels."""
    rows = np.arange(3000, dtype=np.float32)[:, None] + 0.5
    depth = np.broadcast_to(np.where(rows > 1200, 4000 / np.maximum(rows - 1200, 1), np.inf), (3000, 4000))
    np.save(tmp_path / "depth.npy", depth.astype(np.float32))
    Image.fromarray(np.zeros((3000, 4000, 3), np.uint8)).save(tmp_path / "photo.png")
    assert describe(tmp_path, "--focal", "3000px") == 0
    assert about(tmp_path)["camera_height"] > 0
    assert (tmp_path / "out" / "mesh.ply").stat().st_size < 16 << 20


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--image", "absent.png"], "absent.png"),
        (["--depth", "absent.exr"], "absent.exr"),
        (["--focal", "35"], "35mm"),
        (["--focal", "35mm", "--sensor", "huge"], "full-frame"),
        (["--focal", "35mm", "--anchor", "0.5,0.5"], "u,v,distance"),
        (["--focal", "35mm", "--anchor", "0.5,0.01,3"], "sky"),
        (["--focal", "35mm", "--depth-scale", "-1"], "above 0"),
        (["--focal", "35mm", "--far", "nan"], "far: is nan"),
        (["--focal", "35mm", "--geometry", "ttt3r"], "ttt3r would not look at it"),
        ([], "35mm"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(room, capsys, options, part):
    _, _, folder = room
    assert describe(folder, *options) == 1
    said = capsys.readouterr().err.strip()
    assert part in said
    assert len(said.splitlines()) == 1
    assert not (folder / "out").exists()


def test_depth_that_is_missing_or_of_another_picture(room, capsys, monkeypatch):
    _, _, folder = room
    monkeypatch.setenv("WORLDWARP_HOME", str(folder / "home"))
    assert describe(folder, "--geometry", "given", depth=False) == 1
    assert "--depth" in capsys.readouterr().err
    assert describe(folder, depth=False) == 1
    assert "worldwarp weights convert" in capsys.readouterr().err
    np.save(folder / "depth.npy", np.ones((10, 10), np.float32))
    assert describe(folder, "--focal", "35mm") == 1
    assert "10 x 10" in capsys.readouterr().err
