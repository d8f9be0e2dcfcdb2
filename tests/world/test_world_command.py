"""``worldwarp world`` on a result folder: files, numbers, and nothing computed twice."""

import json
import shutil

import numpy as np
import plyfile
import pytest
from worldwarp.cli import main
from worldwarp.nouns import Solved
from worldwarp.store import Store
from worldwarp.world import command, products
from worldwarp_protocol.messages import Settings, Shot
from worldwarp_protocol.results import ChunkRecord, ResultFolder

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
    names = {"points.ply", "mesh.ply", "mesh.glb", "gaussians.ply", "gaussians.splat", "world.json"}
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
    monkeypatch.setattr(products.cloud, "merged", None)  # whoever computed would call it
    assert make(shot, "--points", "--mesh") == 0
    assert {path.name: path.read_bytes() for path in (shot / "world").iterdir()} == before
    with pytest.raises(TypeError):
        make(shot, "--points", "--voxel", "0.2")


def test_work_that_is_ended_leaves_nothing_behind(shot, monkeypatch):
    def end(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command.terminal, "show", end)
        assert make(shot, "--points") == 130
    assert not (shot / "world").exists()
    assert make(shot, "--points") == 0


def test_what_is_wrong_is_said(shot, capsys):
    assert make(shot, "--voxel", "-1") == 1
    assert "voxel" in capsys.readouterr().err
    assert main(["world", str(shot / "nowhere"), "--out", str(shot / "world")]) == 1
    assert "no result folder" in capsys.readouterr().err
    assert main(["world", str(shot / "result"), "--out", str(shot / "o"), "--store", str(shot / "other")]) == 1
    said = capsys.readouterr().err
    assert "does not hold the shot's chunks: name the one that does with --store" in said
    assert "remove" not in said


def test_numbers_of_products_made_before_stay(shot):
    assert make(shot, "--points") == 0
    before = json.loads((shot / "world" / "world.json").read_text())["points"]
    assert make(shot, "--mesh") == 0
    about = json.loads((shot / "world" / "world.json").read_text())
    assert about["points"] == before
    assert about["mesh"]


def test_what_is_not_known_is_null(shot, monkeypatch):
    n = 8
    nothing = Solved(np.tile(np.eye(4), (n, 1, 1)), *[np.full(n, np.nan)] * 2, np.zeros(n, np.int64), np.ones(n, bool))
    monkeypatch.setattr(command, "solve_folder", lambda *_: nothing)
    assert make(shot, "--solve") == 0
    text = (shot / "world" / "world.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["solve"]["residual_solved"] is None


def test_what_is_kept_is_named_by_what_computed_it_and_by_the_seed_where_it_counts(tmp_path, monkeypatch):
    made = []

    def make_nothing(world):
        made.append(world.seed)
        return products.Product({}, {})

    kinds = {name: (make_nothing, *rest) for name, (_, *rest) in products.PRODUCTS.items()}
    monkeypatch.setattr(products, "PRODUCTS", kinds)

    def deliver(name, seed, numerics):
        store = Store(tmp_path / numerics)
        store.commit("0" * 64, {"numerics": numerics}, 0, 1, {"a": b"a"}, {})
        chunk = ChunkRecord("0" * 64, store.manifest("0" * 64).digest, 0, 1)
        products.make(products.World(store, [chunk], seed), name)
        return {path.name for path in (store.root / "derived").iterdir()}

    assert deliver("points", 1, "cpu") == deliver("points", 2, "cpu")
    assert made == [1]
    assert len(deliver("gaussians", 1, "cpu")) == 2
    assert len(deliver("gaussians", 2, "cpu")) == 3
    assert not deliver("points", 1, "cuda") & deliver("points", 1, "cpu")


def test_a_product_that_was_damaged_is_made_again(shot):
    assert make(shot, "--points") == 0
    before = (shot / "world" / "points.ply").read_bytes()
    for harm in (lambda path: path.write_text("{"), lambda path: path.with_name("points.ply").unlink()):
        (numbers,) = (shot / "store").glob("derived/*/points.json")
        harm(numbers)
        assert make(shot, "--points") == 0
        assert (shot / "world" / "points.ply").read_bytes() == before
