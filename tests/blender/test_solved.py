"""Solved cameras, written as results hold them, in real Blenders."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from worldwarp.cameras.formats import write_cameras
from worldwarp_protocol.files import add_solved

from tests.cache import scene


def test_one_camera_has_both_paths_and_is_switched(in_blender, extension, tmp_path):
    requested = replace(scene.path(7, 96, 64), frame=np.arange(101, 108))
    drifted = requested.camera_to_world[:6].copy()
    drifted[:, :3, 3] += np.linspace(0, 0.3, 6)[:, None]  # six of seven frames are there
    residual = np.array([0.1, np.nan, 2.0, 3.0, 4.0, 5.0])
    (tmp_path / "result" / "frames").mkdir(parents=True)
    for number in range(1, 7):
        Image.new("RGB", (96, 64)).save(tmp_path / "result" / "frames" / f"{number:04d}.png")
    file = tmp_path / "result" / "cameras.npz"
    write_cameras(file, requested)
    add_solved(file, 0, drifted, np.stack([residual, residual / 10, np.full(6, 50)], axis=1))

    seen = in_blender("solved.py", extension, tmp_path)
    asked, taken = "worldwarp_requested", "worldwarp_solved"
    assert seen["cameras"] == 1
    for case, name in {"first": asked, "solved": taken, "undone": asked, "redone": taken, "back": asked}.items():
        assert seen[case][0] == name, case
        assert seen[case][1] < 1e-3, case  # pixels, at every frame
    assert seen["solved"][2] > 5  # the two are not the same
    assert seen["said"] == ["3 px", "0.3 px"]
    assert seen["opened"][0] == taken
    assert seen["opened"][1] == pytest.approx(0, abs=1e-3)
    assert "import the result again" in seen["gone"]
