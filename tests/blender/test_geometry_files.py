"""The folder that ``worldwarp geometry`` writes, in real Blenders."""

import numpy as np
import plyfile
import pytest
from PIL import Image
from worldwarp.cli import main

from tests.cache import scene


def test_depth_and_mesh_are_read_as_they_were_written(in_blender, tmp_path):
    shot = scene.picture(scene.path(1, 240, 160), 0)
    Image.fromarray(np.rint(shot.rgb * 255).astype(np.uint8)).save(tmp_path / "photo.png")
    np.save(tmp_path / "depth.npy", shot.depth.astype(np.float32))
    files = ["--image", tmp_path / "photo.png", "--depth", tmp_path / "depth.npy", "--out", tmp_path]
    assert main(["geometry", "--focal", "216px", *map(str, files)]) == 0
    found = in_blender("geometry_files.py", tmp_path)
    written = plyfile.PlyData.read(tmp_path / "mesh.ply")
    assert found["depth"]
    assert (found["vertices"], found["faces"]) == (len(written["vertex"]), len(written["face"]))
    assert len(found["colours"]) == 1
    assert not found["repaired"]
    assert found["lowest"] == pytest.approx(0, abs=0.01)
    assert found["facing"] > 0
