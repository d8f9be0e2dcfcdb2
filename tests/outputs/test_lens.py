"""Lens distortion: there and back within a twentieth of a pixel."""

import numpy as np
import OpenEXR
import pytest
from worldwarp.outputs import lens
from worldwarp.outputs.lens import (
    Distortion,
    bend,
    read_distortion,
    st_map,
    straighten,
    undistort,
    undistort_mask,
    write_st_map,
)
from worldwarp.outputs.sampling import cubic
from worldwarp_protocol.errors import InvalidShot

WIDTH, HEIGHT = 320, 200
K = np.array([[250.0, 0, 163], [0, 252.0, 97], [0, 0, 1]])
LENSES = {
    "barrel": Distortion(-0.28, 0.09, 0.001, -0.0007, -0.01),
    "pincushion": Distortion(0.12, 0.02, -0.0008, 0.001),
    "none": Distortion(),
}


def test_the_model_is_opencvs():
    # by hand: r^2 = 0.05
    found = bend(np.array([[0.2, 0.1]]), Distortion(0.5, 2.0, 0.03, 0.07, 4.0))[0]
    radial = 1 + 0.5 * 0.05 + 2 * 0.0025 + 4 * 0.000125
    x = 0.2 * radial + 2 * 0.03 * 0.02 + 0.07 * (0.05 + 0.08)
    y = 0.1 * radial + 0.03 * (0.05 + 0.02) + 2 * 0.07 * 0.02
    np.testing.assert_allclose(found, [x, y], rtol=1e-12)


@pytest.mark.parametrize("name", LENSES)
def test_rays_come_back(name):
    rays = lens._rays(K, WIDTH, HEIGHT)
    np.testing.assert_allclose(bend(straighten(rays, LENSES[name]), LENSES[name]), rays, atol=1e-9)


@pytest.mark.parametrize("name", LENSES)
def test_the_map_gives_back_what_was_undone(name):
    """Pictures whose colours are coordinates; the map is applied as Nuke and Blender do."""
    u, v = np.meshgrid((np.arange(WIDTH) + 0.5) / WIDTH, (np.arange(HEIGHT) + 0.5) / HEIGHT)
    at = lens._pixels(bend(lens._rays(K, WIDTH, HEIGHT), LENSES[name]), K)
    source = np.stack([u, v], -1).astype(np.float32)
    straight = cubic(source, at)  # what ``undistort`` does, without its 8 bits
    s, t = np.moveaxis(st_map(K, WIDTH, HEIGHT, LENSES[name]), -1, 0)
    back = cubic(straight, np.stack([s * WIDTH, (1 - t) * HEIGHT], -1))
    known = (np.minimum(s, t) > 0.02) & (np.maximum(s, t) < 0.98)
    assert known.mean() > 0.75
    error = np.abs(back - source) * [WIDTH, HEIGHT]
    border = np.zeros_like(known)
    border[3:-3, 3:-3] = True
    assert error[known & border].max() < 0.05


def test_straight_lines_become_straight():
    """A straight edge seen through a barrel lens bows; undone it does not."""
    barrel = LENSES["barrel"]
    straight = straighten(lens._rays(K, WIDTH, HEIGHT), barrel)
    edge = np.clip((straight[..., 1] + 0.25) * 80 + 0.5, 0, 1)  # the line y = -0.25
    picture = np.rint(255 * np.repeat(edge[..., None], 3, 2)).astype(np.uint8)
    found, unseen = undistort(picture, K, barrel)

    def rows(image):
        return HEIGHT - image[..., 0].astype(float).sum(0) / 255

    assert np.ptp(rows(picture)[5:-5]) > 2
    np.testing.assert_allclose(rows(found)[5:-5], K[1, 2] - 0.25 * K[1, 1], atol=0.1)
    assert unseen == 0
    assert undistort(picture, K, LENSES["pincushion"])[1] > 0.02


def test_the_file_has_two_channels_of_floats(tmp_path):
    write_st_map(tmp_path / "st.exr", st_map(K, WIDTH, HEIGHT, LENSES["none"]))
    with OpenEXR.File(str(tmp_path / "st.exr"), separate_channels=True) as file:
        found = {name: channel.pixels for name, channel in file.channels().items()}
    assert set(found) == {"R", "G"}
    np.testing.assert_allclose(found["R"][0, :2] * WIDTH, [0.5, 1.5], rtol=1e-5)
    np.testing.assert_allclose(found["G"][-2:, 0] * HEIGHT, [1.5, 0.5], rtol=1e-5)


@pytest.mark.parametrize("text", ["", "a,b", "1,2,3,4,5,6", "nan"])
def test_other_words_are_refused(text):
    with pytest.raises(InvalidShot, match="k1,k2,p1,p2,k3"):
        read_distortion(text)
    assert read_distortion("0.1,-0.2,0,0.001") == Distortion(0.1, -0.2, 0, 0.001, 0)


def test_coefficients_that_fold_the_picture_are_refused():
    with pytest.raises(InvalidShot, match="folds"):
        st_map(K, WIDTH, HEIGHT, Distortion(-3.0))


@pytest.mark.parametrize("name", LENSES)
def test_a_mask_is_straightened_with_its_picture_and_loses_no_pixel(name):
    """Of a disc and of single pixels: where the straightened picture shows any of them, the mask is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    mask = (x - 40) ** 2 + (y - 50) ** 2 < 400
    mask[5::23, 7::31] = True
    found = undistort_mask(mask, K, LENSES[name])
    # each pixel's square, finely: does any of it look at the mask?
    fine = 8
    at = (np.stack(np.meshgrid(np.arange(WIDTH * fine), np.arange(HEIGHT * fine)), -1) + 0.5) / fine
    rays = (at - K[:2, 2]) / [K[0, 0], K[1, 1]]
    column, row = np.moveaxis(np.floor(lens._pixels(bend(rays, LENSES[name]), K)).astype(int), -1, 0)
    shown = mask[np.clip(row, 0, HEIGHT - 1), np.clip(column, 0, WIDTH - 1)]
    shown = shown.reshape(HEIGHT, fine, WIDTH, fine).any((1, 3))
    assert found[shown].all()
    assert (found & ~shown).sum() < 0.1 * shown.sum()
    if name == "none":
        np.testing.assert_array_equal(found, mask)
    else:
        assert (found != mask).mean() > 0.01
