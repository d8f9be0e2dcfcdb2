"""From the picture's size to the generated one: the same content under the same rays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import pixel_rays, project
from worldwarp.cameras.sizes import (
    BUCKETS,
    Framing,
    frame_cameras,
    frame_picture,
    nearest_bucket,
    resample_depth,
    resample_picture,
)
from worldwarp_protocol.errors import InvalidShot

SIDES = st.integers(64, 4096)
MULTIPLES = st.integers(2, 64).map(lambda k: 16 * k)


def camera(width, height, focal=(300.0, 290.0), centre=(0.47, 0.55)):
    K = np.array([[focal[0], 0, centre[0] * width], [0, focal[1], centre[1] * height], [0, 0, 1.0]])
    return Cameras(K[None], np.eye(4)[None], width, height, np.array([1]))


@given(SIDES, SIDES, MULTIPLES, MULTIPLES)
def test_crop_covers_the_wanted_size_evenly(width, height, wanted_width, wanted_height):
    framing = frame_picture((width, height), (wanted_width, wanted_height), "crop")
    assert (framing.width, framing.height) == (wanted_width, wanted_height)
    right = width * framing.scale - framing.width - framing.left
    bottom = height * framing.scale - framing.height - framing.top
    slack = 1 if framing.scale == 1 else 1e-6
    assert min(framing.left, framing.top, right, bottom) > -1e-9
    assert abs(right - framing.left) <= slack
    assert abs(bottom - framing.top) <= slack
    assert min(framing.left, framing.top) < 1e-9


@given(SIDES, SIDES, st.integers(12, 64).map(lambda k: 16 * k), st.integers(12, 64).map(lambda k: 16 * k))
def test_fit_stays_inside_and_cuts_at_most_15_pixels(width, height, wanted_width, wanted_height):
    if not 1 / 8 < width / height < 8:
        return
    framing = frame_picture((width, height), (wanted_width, wanted_height), "fit")
    assert framing.width % 16 == framing.height % 16 == 0
    assert framing.width <= wanted_width
    assert framing.height <= wanted_height
    assert framing.width == wanted_width or framing.height == wanted_height
    assert -1e-6 <= width * framing.scale - framing.width < 16
    assert -1e-6 <= height * framing.scale - framing.height < 16


def test_own_size_is_cut_without_resampling():
    framing = frame_picture((723, 497), (0, 0), "crop")
    assert framing == Framing(720, 496, 1.0, 1, 0)
    picture = np.random.default_rng(0).integers(0, 255, (497, 723, 3), np.uint8)
    assert np.array_equal(resample_picture(picture, framing), picture[0:496, 1:721])
    depth = picture[..., 0].astype(np.float32) + 1
    assert np.array_equal(resample_depth(depth, framing), depth[0:496, 1:721])


@pytest.mark.parametrize("mode", ["crop", "fit"])
@pytest.mark.parametrize("wanted", [(720, 480), (432, 768), (176, 176), (2048, 1024)])
def test_scene_points_land_on_the_same_content(mode, wanted):
    cameras = camera(1000, 750)
    framing = frame_picture((1000, 750), wanted, mode)
    framed = frame_cameras(cameras, framing)
    points = np.random.default_rng(1).normal(size=(1000, 3)) * [1, 1, 0.3] + [0, 0, 5]
    before, _ = project(points, cameras.K[0], np.eye(4))
    after, _ = project(points, framed.K[0], np.eye(4))
    truth = before * framing.scale - [framing.left, framing.top]
    assert np.abs(after - truth).max() < 1e-6

    # the picture itself: a colour that says where it was, read back at the new pixels' centres
    def ramp(x, y):  # the slight slope across spreads the rounding to 8 bits, so that it averages out
        return np.stack([0.22 * x + 0.013 * y, 0.013 * x + 0.3 * y, 0.12 * (x + y)], axis=-1)

    x, y = np.meshgrid(np.arange(1000) + 0.5, np.arange(750) + 0.5)
    read = resample_picture(np.rint(ramp(x, y)).astype(np.uint8), framing).astype(float)
    u, v = np.meshgrid(np.arange(framing.width) + 0.5, np.arange(framing.height) + 0.5)
    truth = ramp((u + framing.left) / framing.scale, (v + framing.top) / framing.scale)
    shift = (read - truth)[8:-8, 8:-8].mean(axis=(0, 1)) / [0.22, 0.3, 0.12]
    assert np.abs(shift).max() < 0.05


def slanted_floor(cameras):
    """Exact planar depth of the plane 0.3 x + y + 0.1 z = 2, infinite above its horizon."""
    rays = pixel_rays(cameras.K[0], cameras.width, cameras.height)
    slope = rays @ np.array([0.3, 1.0, 0.1])
    with np.errstate(divide="ignore"):
        return np.where(slope > 0, 2 / slope, np.inf).astype(np.float32)


@pytest.mark.parametrize("wanted", [(720, 480), (240, 160), (1440, 960), (304, 304)])
def test_depth_of_a_plane_stays_the_planes(wanted):
    cameras = camera(961, 643)
    framing = frame_picture((961, 643), wanted, "crop")
    got = resample_depth(slanted_floor(cameras), framing)
    truth = slanted_floor(frame_cameras(cameras, framing))
    near, slanted = truth < 8, truth < 50
    near[[0, -1]] = near[:, [0, -1]] = False  # beyond the outermost centres the outermost pixel counts
    assert got.shape == truth.shape
    assert np.mean(np.isfinite(got) == np.isfinite(truth)) > 0.995
    assert np.abs(got[near] / truth[near] - 1).max() < 1e-5
    assert np.abs(got[slanted] / truth[slanted] - 1).max() < 0.06  # too slanted to interpolate: the nearest pixel's


def test_depth_never_mixes_foreground_and_background():
    depth = np.full((100, 140), 8, np.float32)
    depth[:, 61:] = 2
    depth[:20] = np.inf
    for wanted in [(224, 160), (96, 64), (112, 80)]:
        got = resample_depth(depth, frame_picture((140, 100), wanted, "crop"))
        assert set(np.unique(got)) <= {np.float32(2), np.float32(8), np.float32(np.inf)}


def test_depth_edges_lie_where_the_pictures_do():
    depth = np.full((480, 640), 8, np.float32)
    depth[:, 301:] = 2
    picture = np.repeat(np.where(depth == 2, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    framing = frame_picture((640, 480), (1024, 768), "crop")
    near = resample_depth(depth, framing)[300] == 2
    bright = resample_picture(picture, framing)[300, :, 0] > 127
    assert np.array_equal(near, bright)


def test_sizes_that_cannot_be_had_say_which_can():
    with pytest.raises(InvalidShot, match=r"settings.width: 700 .* 688 or 704"):
        frame_picture((1000, 700), (700, 480), "crop")
    with pytest.raises(InvalidShot, match=r"settings.height: is 0 .* both"):
        frame_picture((1000, 700), (704, 0), "crop")
    with pytest.raises(InvalidShot, match=r"picture: .* less than 16"):
        frame_picture((1000, 20), (160, 160), "fit")


def test_buckets_are_multiples_of_16_near_their_names():
    for name, (width, height) in BUCKETS.items():
        a, b = (float(part) for part in name.split(":"))
        assert width % 16 == height % 16 == 0
        assert width * height <= 720 * 480
        assert abs(width / height / (a / b) - 1) < 0.01
    assert nearest_bucket((1080, 1900))[0] == "9:16"
    assert nearest_bucket((1920, 1080))[0] == "16:9"
