"""``worldwarp world`` on a result folder: files, numbers, and nothing computed twice."""

import json
import shutil

import numpy as np
import plyfile
import pytest
from worldwarp.cli import main
from worldwarp.world import command
from worldwarp_protocol.messages import Settings, Shot
from worldwarp_protocol.results import ResultFolder

from .worlds import world


@pytest.fixture
def shot(tmp_path):
    """A half-finished shot of two chunks; more frames were asked for."""
    frames, records = world(tmp_path / "store", frames=8, width=64, height=48, each=4)
    folder, cameras = ResultFolder(tmp_path / "result"), frames.cameras
    folder.begin(
        Shot(name="test", settings=Settings(), fps=24.0),
        64,
        48,
        np.repeat(cameras.K[:1], 12, 0),
        np.repeat(cameras.camera_to_world[:1], 12, 0),
        np.arange(12),
    )
    for number, record in enumerate(records):
        folder.commit_chunk(number, record.key, record.digest, record.first, record.count)
    return tmp_path


def make(folder, *more):
    store = ["--store", str(folder / "store")]
    return main(["world", str(folder / "result"), "--out", str(folder / "world"), *store, *more])


def test_files_and_numbers_agree(shot):
    assert make(shot, "--cap", "2000", "--steps", "10") == 0
    out = shot / "world"
    names = {"points.ply", "mesh.ply", "mesh.glb", "gaussians.ply", "world.json"}
    assert {path.name for path in out.iterdir()} == names
    about = json.loads((out / "world.json").read_text())
    assert (about["frames"], about["of"]) == (8, 12)
    for name, file in (("points", "points.ply"), ("gaussians", "gaussians.ply")):
        vertex = plyfile.PlyData.read(str(out / file))["vertex"]
        assert len(vertex) == about[name]["count"] > 500
    mesh = plyfile.PlyData.read(str(out / "mesh.ply"))
    assert len(mesh["face"]) == about["mesh"]["faces"] > 100
    assert np.allclose([mesh["vertex"][axis].min() for axis in "xyz"], about["mesh"]["low"])


def test_a_second_call_computes_nothing(shot, monkeypatch):
    assert make(shot, "--points", "--mesh") == 0
    before = {path.name: path.read_bytes() for path in (shot / "world").iterdir()}
    shutil.rmtree(shot / "world")
    monkeypatch.setattr(command.cloud, "merged", None)  # whoever computed would call it
    assert make(shot, "--points", "--mesh") == 0
    assert {path.name: path.read_bytes() for path in (shot / "world").iterdir()} == before
    with pytest.raises(TypeError):
        make(shot, "--points", "--voxel", "0.2")


def test_work_that_is_ended_leaves_nothing_behind(shot, monkeypatch):
    def end(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "_show", end)
        assert make(shot, "--points") == 130
    assert not (shot / "world").exists()
    assert make(shot, "--points") == 0


def test_what_is_wrong_is_said(shot, capsys):
    assert make(shot, "--voxel", "-1") == 1
    assert "voxel" in capsys.readouterr().err
    assert main(["world", str(shot / "nowhere"), "--out", str(shot / "world")]) == 1
    assert "no result folder" in capsys.readouterr().err
    assert main(["world", str(shot / "result"), "--out", str(shot / "o"), "--store", str(shot / "other")]) == 1
    assert capsys.readouterr().err
