"""Cameras as real Blenders evaluate them, and the picture and depth that they render."""

import pytest


def test_cameras_agree_with_blender(in_blender):
    found = in_blender("cameras.py", 1, 40)
    # Blender's projection matrix is float32; the float64 reference is in test_camera_maths.py
    assert found["exact"] < 1e-3
    assert found["viewed"] < 2e-2
    assert found["posed"] < 1e-6
    assert "orthographic" in found["refused"]["ORTHO"]
    assert "panoramic" in found["refused"]["PANO"]
    for case in ("object", "collection", "excluded"):  # their animation is not evaluated: they would stand still
        assert "switched off" in found["refused"].pop(f"{case}, not active")
    assert sorted(found["refused"]) == ["ORTHO", "PANO"]


def test_picture_and_planar_depth(in_blender):
    report = in_blender("pictures.py", "CYCLES", "BLENDER_WORKBENCH")
    assert report["opaque"] == 0  # neither burned-in text nor a transparent film change the picture
    assert report["glass"] == pytest.approx([100.4, 50.2, 25.1], abs=1)  # transparency over black, as in the backend
    for engine, found in report["engines"].items():
        assert found["worst"] < 1e-3, engine  # radial depth would be off by up to 20 % here
        assert found["sky"] <= 2, engine  # a pixel that an edge crosses may go either way
        assert found["same"], engine
        assert found["space"] == "AgX Base sRGB"
