"""A result folder in real Blenders: lines up, shows as sent, leaves the user's scene alone."""

import subprocess

import pytest
from conftest import ROOT


@pytest.mark.parametrize(("view", "space"), [("AgX", "AgX Base sRGB"), ("Filmic", "Filmic sRGB"), ("Standard", "sRGB")])
def test_unmoved_round_trip(in_blender, tmp_path, view, space):
    found = in_blender("round_trip.py", tmp_path, view)
    assert found["worst"] < 1e-3  # pixels, at every frame
    assert found["space"] == space
    assert found["off"] <= 1  # of 255, through the scene's view
    assert found["off_if_wrong"] > 10  # the test would notice another colour space
    assert found["user"] == [11, 5, 0]
    assert found["vertices"] == found["expected"] > 1000
    assert found["provenance"] == [0, 1, 2]
    assert found["cloud_depth"] < 5e-3
    assert found["cloud_off"] <= 3  # median of 255: points are drawn as overlapping balls
    if view == "Standard":
        assert found["linear"] < 1e-3  # against the sRGB formula
    assert found["names"] == ["Walk", "Walk.001"]
    assert found["properties"]["worldwarp_run"] == "0" * 32
    assert found["properties"]["worldwarp_seed"] == "7"
    assert found["temporary"] == []


def test_views_that_cannot_be_undone_are_refused(in_blender):
    refused = in_blender("refusals.py")
    words = {
        "look": "Look",
        "exposure": "Exposure",
        "gamma": "gamma",
        "transform": "Raw",
        "display": "display",
        "curves": "curves",
    }
    for case, word in words.items():
        assert word in refused[case], refused[case]
    assert refused["fine"] == ""


def test_other_shapes_still_line_up(in_blender, tmp_path):
    found = in_blender("shapes.py", tmp_path)
    assert found["wide"] < 1e-3
    assert found["tall"] < 1e-3
    assert found["pixels"] < 1e-3
    assert any("pixel aspect" in warning for warning in found["pixel_warnings"])
    assert any("fps" in warning for warning in found["fps_warnings"])
    assert any("2 of 3 frames" in warning for warning in found["short_warnings"])
    assert "no frames yet" in found["empty"]
    assert "Nobody's RGB" in found["unknown"]
    assert any("2 of 3 frames" in warning for warning in found["gap_warnings"])
    assert "cannot be read" in found["damaged"]
    assert all("cannot be read" in sentence for sentence in found["cut"]), found["cut"]
    assert "cameras.npz" in found["foreign"]


def test_import_script_works_without_the_extension(in_blender, blender_python, tmp_path):
    in_blender("round_trip.py", tmp_path, "Standard")
    script = [str(blender_python), str(ROOT / "scripts" / "blender_import.py"), "--"]
    done = subprocess.run([*script, str(tmp_path / "result")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Walk Camera, Walk Points" in done.stdout
    done = subprocess.run([*script, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "cameras.npz" in done.stderr
    assert "Traceback" not in done.stderr
    done = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert done.stderr.strip().startswith("Which result?")
