"""From a picture to the network and back: the reference's crops, and depth where it belongs."""

import numpy as np
import pytest
from PIL import Image
from worldwarp.cameras.sizes import BUCKETS
from worldwarp.geometry.seams import aligned, paste
from worldwarp.geometry.sizing import crop_of, extend, further_crops, network_input, read_at_picture
from worldwarp_protocol.errors import InvalidShot

from .goldens import error, load

FLOOR = np.array([0.05, 0.9, 0.2])
"""A slanted plane FLOOR . x = 1."""


def plane_depth(x, y, focal, centre, plane=FLOOR):
    """Depth of the plane at pixels (x, y), by arithmetic."""
    return 1 / ((x - centre[0]) / focal * plane[0] + (y - centre[1]) / focal * plane[1] + plane[2])


def pixels(width, height):
    return np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)


def gentle(width, height):
    """A plane seen all over a picture of this size: its focal length, centre and normal."""
    return max(width, height), (width / 2, height / 2), np.array([0.05, 0.15, 0.3])


@pytest.mark.parametrize("row", range(32))
def test_sizes_are_the_reference_s(row):
    size, width, height, *expected = load("geometry_golden")["resize/table_size_W_H_outW_outH"][row].tolist()
    crop = crop_of((width, height), size)
    assert [crop.width, crop.height] == expected


@pytest.mark.parametrize("size", [64, 96, 128, 192])
@pytest.mark.parametrize("picture", [(64, 64), (512, 512), (720, 480), (480, 720), (1920, 1080)])
def test_a_small_network_is_given_whole_patches(size, picture):
    crop = crop_of(picture, size)
    assert max(crop.width, crop.height) == size
    assert crop.width % 16 == crop.height % 16 == 0
    assert min(crop.left, crop.top) >= 0


@pytest.mark.parametrize("case", ["down", "up", "square", "portrait"])
def test_pixels_are_the_reference_s(case):
    golden = load("geometry_golden")
    picture, expected = golden[f"resize/{case}/input"], golden[f"resize/{case}/network_input"]
    crop = crop_of((picture.shape[1], picture.shape[0]), int(golden[f"resize/{case}/size"]))
    found = network_input(picture, crop)
    assert found.dtype == np.float32
    same_pillow = 1e-6 if int(Image.__version__.split(".")[0]) == 13 else 1 / 127.5 + 1e-6
    assert np.abs(found - expected).max() <= same_pillow
    assert error(found, expected) <= same_pillow


def test_a_picture_too_thin_is_refused():
    with pytest.raises(InvalidShot) as caught:
        crop_of((100, 7000), 512)
    assert caught.value.field == "picture"


@pytest.mark.parametrize("picture", [*BUCKETS.values(), (576, 384), (500, 333), (333, 500), (1000, 1000), (1242, 375)])
def test_depth_comes_back_at_the_picture_s_own_size_without_a_shift(picture):
    """A plane, sampled where the network's pixels are, is the plane where the picture's pixels are, to the border."""
    focal, centre, plane = gentle(*picture)
    crop = crop_of(picture, 512)
    x, y = pixels(*crop.scaled)
    scaled = plane_depth(x * picture[0] / crop.scaled[0], y * picture[1] / crop.scaled[1], focal, centre, plane)
    seen = np.full(scaled.shape, np.nan, np.float32)
    for one in (crop, *further_crops(crop)):
        seen[one.where] = scaled[one.where]
    found = read_at_picture(extend(seen), crop)
    expected = plane_depth(*pixels(*picture), focal, centre, plane)
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    inside = (slice(2, -2), slice(2, -2))  # half a network pixel at the border is held, not read
    assert np.abs(found / expected - 1)[inside].max() < 2e-5
    assert np.abs(found / expected - 1).max() < 2e-3
    # half a pixel's shift would be seen
    shifted = plane_depth(*(side + 0.5 for side in pixels(*picture)), focal, centre, plane)
    assert np.abs(found / shifted - 1)[inside].min() > 1e-4


@pytest.mark.parametrize(("picture", "count"), [((720, 480), 0), ((768, 432), 0), ((880, 368), 0), ((576, 576), 2)])
def test_only_squares_are_looked_at_again(picture, count):
    assert len(further_crops(crop_of(picture, 512))) == count


def test_crops_stay_inside_and_reach_the_border():
    crop = crop_of((576, 576), 512)
    above, below = further_crops(crop)
    assert (above.box, crop.box, below.box) == ((0, 0, 512, 384), (0, 64, 512, 448), (0, 128, 512, 512))


def test_an_extension_does_not_cross_a_jump_or_the_horizon():
    depth = np.full((40, 30), np.nan, np.float32)
    y = np.arange(36)[:, None] + 0.5
    depth[2:38] = 1 / (0.03 + 0.01 * y)  # meets the horizon three rows above the first
    depth[2:38, 10:20] = 2.0
    depth[30:38, 10:20] = 5.0
    filled = extend(depth)
    assert np.isfinite(filled).all()
    assert (filled > 0).all()
    assert np.all(filled[:, 10:20][[0, 1, 2]] == 2)
    assert np.all(filled[:, 10:20][38:] == 5)
    assert np.all(filled[:2, :10] <= 2 * filled[2, :10])


def test_holes_stay_holes():
    depth = np.full((40, 30), np.nan, np.float32)
    depth[2:38] = 3
    depth[20:24, 10:12] = np.nan
    depth[2:5, 0] = np.nan
    filled = extend(depth)
    assert np.isnan(filled[20:24, 10:12]).all()
    assert np.isnan(filled[0:5, 0]).all()
    assert np.isfinite(np.delete(filled, np.s_[0:12], 1)).all()


def test_depth_is_not_mixed_across_a_jump():
    crop = crop_of((100, 70), 48)
    depth = np.full(crop.scaled[::-1], 2, np.float32)
    depth[:, 24:] = 7
    found = read_at_picture(depth, crop)
    assert set(np.unique(found)) == {2, 7}


def turned(points, degrees, scale):
    a = np.radians(degrees)
    R = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    return (scale * points @ R.T).astype(np.float32)


def room(width, height, seed):
    """Points of a floor and boxes before a wall, with 1 % noise: the truth, and what a network might say."""
    x, y = pixels(width, height)
    focal, centre, plane = gentle(width, height)
    depth = plane_depth(x, y, focal, centre, plane)
    depth = np.where((x > 60) & (x < 120), 0.6 * depth, depth)
    rays = np.stack([(x - centre[0]) / focal, (y - centre[1]) / focal, np.ones_like(x)], -1)
    truth = rays * depth[..., None]
    noisy = truth * (1 + 0.01 * np.random.default_rng(seed).standard_normal(depth.shape))[..., None]
    return truth.astype(np.float32), noisy.astype(np.float32)


def test_a_further_crop_is_turned_and_scaled_onto_the_first():
    truth, noisy = room(256, 256, 0)
    _, again = room(256, 256, 1)
    again[100:140, 150:200] *= 3  # the two disagree here
    canvas = np.where(np.arange(256)[:, None, None] < 64, np.float32(np.nan), noisy)
    found = aligned(canvas, turned(again, 8, 0.7), np.ones((256, 256), np.float32))
    above = found[:64, :, 2] / truth[:64, :, 2]
    assert np.median(above) == pytest.approx(1, abs=2e-3)
    assert np.abs(np.median(above, 0) - 1).max() < 0.01  # nor tilted


def test_a_square_s_top_and_bottom_come_from_further_crops_without_a_step():
    truth, noisy = room(512, 512, 0)
    crop = crop_of((512, 512), 512)
    canvas, confidence = np.full((512, 512, 3), np.nan, np.float32), np.zeros((512, 512), np.float32)
    canvas[crop.where], confidence[crop.where] = noisy[crop.where], 3
    for i, (other, degrees) in enumerate(zip(further_crops(crop), (7, -7), strict=True)):
        _, again = room(512, 512, 1 + i)
        paste(canvas, confidence, crop, turned(again, degrees, 1.3)[other.where], np.full((384, 512), 2.0), other)
    ratio = canvas[..., 2] / truth[..., 2]
    assert np.abs(np.median(ratio, 1) - 1).max() < 0.005  # row by row, across the seams
    assert confidence.min() == 2
    assert np.all(confidence[100:412] == 3)
