"""``worldwarp generate --world``: files of the world beside the frames, chunk by chunk."""

import json
from pathlib import Path

import numpy as np
import plyfile
import pytest
from PIL import Image
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main

from .shots_for_tests import seen_from, straight_path

SMALL = ["--chunk-frames", "5", "--context-frames", "1", "--cache", "points"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    cameras = straight_path(9, width=64, height=48, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    np.save(tmp_path / "depth.npy", depth)
    write_cameras(tmp_path / "path.npz", cameras)
    files = ["--image", "picture.png", "--depth", "depth.npy", "--cameras", "path.npz"]
    given = [str(tmp_path / word) if "." in word else word for word in files]
    return [*given, *SMALL, "--out", str(tmp_path / "out"), "--store", str(tmp_path / "store")]


def test_points_come_with_every_chunk_and_are_those_of_the_world_command(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", *words, "--world", "points"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("points: count ")]
    counts = [int(line.split()[2].rstrip(",")) for line in said]
    assert len(counts) == 2
    out = tmp_path / "out" / "world"
    assert len(plyfile.PlyData.read(str(out / "points.ply"))["vertex"]) == counts[1] > counts[0] > 500
    about = json.loads((out / "world.json").read_text())
    assert (about["frames"], about["points"]["count"]) == (9, counts[1])
    alone = ["--points", "--out", str(tmp_path / "alone"), "--store", str(tmp_path / "store")]
    assert main(["world", str(tmp_path / "out"), *alone]) == 0
    assert (tmp_path / "alone" / "points.ply").read_bytes() == (out / "points.ply").read_bytes()
    capsys.readouterr()
    assert main(["generate", *words, "--world", "points"]) == 0
    assert capsys.readouterr().out.count("points: count ") == 1  # nothing new came before the end


@pytest.mark.slow
def test_the_gaussian_scene_comes_at_the_end(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", *words, "--world", "gaussians", "mesh"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said if line.startswith(("mesh", "gauss"))] == [
        "mesh",
        "mesh",
        "gaussians",
    ]
    assert "psnr " in next(line for line in said if line.startswith("gaussians"))
    names = {path.name for path in (tmp_path / "out" / "world").iterdir()}
    assert names >= {"mesh.ply", "mesh.glb", "gaussians.ply", "world.json"}
