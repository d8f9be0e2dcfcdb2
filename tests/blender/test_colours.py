"""What the artist sees is what is sent, and comes back as it was sent: files of every kind, in every view."""

import numpy as np
import pytest
from PIL import Image, ImageOps


@pytest.mark.parametrize("view", ["AgX", "Filmic", "Standard"])
@pytest.mark.parametrize("working", ["", "ACEScg"])
def test_pictures_of_every_kind_show_as_they_were_sent(in_blender, view, working):
    found = in_blender("colours.py", view, working)
    for kind in ("linear", "acescg", "photo", "deep"):
        assert found[kind] <= 1, kind  # of 255, against what Cycles shows of the file, or against the file's numbers
        assert found[f"{kind} back"] <= 1, kind  # through the view, by way of light
    assert found["points"] <= 1
    assert found["differ"] > 10  # the test would notice another colour space
    assert found["veil"] == 0
    for kind in ("linear", "acescg", "photo"):
        assert found[f"{kind} note"] == "", kind
    assert "unknown" in found["unknown"]
    if view == "Standard":
        assert found["linear formula"] < 0.51  # of 255
        assert found["acescg formula"] < 0.55
        assert found["pure back"] <= 1
        assert found["pure note"] == ""
    else:  # what cannot be shown is said
        assert found["pure back"] > 10
        assert f"duller through the view {view}" in found["pure note"]


def test_photographs_stand_as_the_camera_saw_them(in_blender, tmp_path):
    rng, exif = np.random.default_rng(0), Image.Exif()
    exif[0x0112] = 6  # held upright
    pixels = np.kron(rng.integers(0, 256, (4, 6, 3), np.uint8), np.ones((20, 20, 1), np.uint8))
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=exif)
    found = in_blender("upright.py", tmp_path / "photo.png")
    with Image.open(tmp_path / "photo.png") as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert tuple(found["size"]) == (80, 120)
    np.testing.assert_array_equal(found["rgb"], upright)
    assert tuple(found["small"]) == (60, 40, 3)
    np.testing.assert_array_equal(found["corner"], upright[10, 10])
