"""Overscan: frames show more than was asked for, the picture is their centre, and their margin is made, not known."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worldwarp import contents, generate, shots
from worldwarp.cache import warp
from worldwarp.cameras.cameras import project
from worldwarp.cameras.formats import read_cameras
from worldwarp.cameras.overscan import canvas, overscan
from worldwarp.cameras.sizes import Framing, frame_picture, resample_picture
from worldwarp.diffusion.noise import noise_map
from worldwarp.engines import jobs
from worldwarp.nouns import Provenance
from worldwarp.pipeline import with_context
from worldwarp.server import kept
from worldwarp.shotfile import Request
from worldwarp.store import Store
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.files import read_cameras as read_file
from worldwarp_protocol.messages import Diffusion, Settings
from worldwarp_protocol.results import ResultFolder

from .shots_for_tests import seen_from, straight_path

SETTINGS = Settings(chunk_frames=5, context_frames=1, cache_steps=2, overscan=0.1)


def quiet(*_: object) -> None:
    """A report that nobody reads."""


@given(st.integers(1, 200), st.integers(1, 200), st.floats(0.001, 0.25))
def test_frames_grow_by_whole_tokens_on_each_side_and_at_least_by_what_was_asked(w: int, h: int, share: float) -> None:
    plain = Framing(16 * w, 16 * h, 0.7, 3.25, 0.5)
    larger, (x, y, *size) = overscan(plain, share)
    assert size == [plain.width, plain.height]
    assert (larger.width - plain.width, larger.height - plain.height) == (2 * x, 2 * y)
    for side, margin in ((plain.width, x), (plain.height, y)):
        assert margin % 16 == 0
        assert side * share / 2 - 1e-3 <= margin < side * share / 2 + 16
    np.testing.assert_allclose(larger.matrix[:2, 2] - plain.matrix[:2, 2], [x, y])


def test_the_picture_fills_what_lies_in_it_though_the_size_asked_for_cut_it() -> None:
    """160 x 48 cropped to 64 x 48: the rest of the picture stands beside the window, nothing above and below."""
    picture = np.random.default_rng(1).integers(0, 255, (48, 160, 3), np.uint8)
    plain = frame_picture((160, 48), (64, 48), "crop")
    larger, (x, y, *_) = overscan(plain, 0.1)
    frame = canvas(larger, (160, 48))
    assert frame.known.sum() == 96 * 48
    made = frame.spread(resample_picture(picture, frame.inner))
    np.testing.assert_array_equal(made[frame.known].reshape(48, 96, 3), picture[:, 32:128])
    np.testing.assert_array_equal(made[y : y + 48, x : x + 64], resample_picture(picture, plain))


def test_what_is_resampled_is_the_same_in_the_centre() -> None:
    rgb, _ = seen_from(straight_path(1, 100, 72), 0)
    plain = frame_picture((100, 72), (64, 48), "crop")
    larger, (x, y, *_) = overscan(plain, 0.25)
    frame = canvas(larger, (100, 72))
    made = frame.spread(resample_picture(rgb, frame.inner))[y : y + 48, x : x + 64]
    apart = np.abs(made.astype(int) - resample_picture(rgb, plain))
    assert apart.max() <= 12  # at the border, where the kernel now sees what had been cut away
    assert apart[4:-4, 4:-4].max() <= 1


def made(frames: int = 9) -> tuple:
    cameras = straight_path(frames, 64, 48)
    rgb, depth = seen_from(cameras, 0)
    shot, warnings = shots.prepare("over", rgb[None], depth[None], cameras, SETTINGS)
    return cameras, rgb, depth, shot, warnings


def test_points_fall_on_the_same_content_in_the_larger_frame() -> None:
    cameras, _, _, shot, _ = made()
    assert (shot.cameras.width, shot.cameras.height, shot.window) == (96, 80, (16, 16, 64, 48))
    points = np.random.default_rng(0).normal((0, 5, 0), 1, (50, 3))
    for i in range(len(cameras)):
        before, _ = project(points, cameras.K[i], cameras.world_to_camera[i])
        after, _ = project(points, shot.cameras.K[i], shot.cameras.world_to_camera[i])
        np.testing.assert_allclose(after, before + 16, atol=1e-9)


def test_the_margin_of_the_first_frame_is_in_no_cache_and_is_filled(tmp_path: Path) -> None:
    _, rgb, depth, shot, _ = made()
    store = Store(tmp_path)
    job = jobs.make_job(shot, store, [], "cpu")
    view = job.history[0]
    assert view.known.sum() == 64 * 48
    from worldwarp.geometry.views import geometry
    from worldwarp.masks import leave_out

    known = leave_out(geometry(job.history, job.history_cameras, shot.settings), job.history)
    np.testing.assert_array_equal(known.confidence[0] > 0, view.known)
    priors, _ = warp.warp(job.history, job.history_cameras, known, job.cameras, shot.settings, quiet)
    np.testing.assert_array_equal(with_context(priors, job.context).valid[0], view.known)

    done = [manifest for manifest, _ in generate.run(shot, store, quiet)]
    first = contents.read_view(store, done[0].key, 0)
    inner = np.s_[16:64, 16:80]
    np.testing.assert_array_equal(first.rgb[inner], rgb)
    np.testing.assert_array_equal(first.depth[inner], depth)
    np.testing.assert_array_equal(first.provenance == Provenance.PICTURE, view.known)
    assert set(np.unique(first.provenance)) == {Provenance.PICTURE, Provenance.FILLED}
    np.testing.assert_array_equal(contents.read_image(store, done[0].key, "holes", 0) == 0, view.known)
    assert np.isfinite(first.depth).all()
    assert shot.known is not None
    again = kept.read(tmp_path, kept.write(tmp_path, shot))
    np.testing.assert_array_equal(again.known, shot.known)
    assert again.window == shot.window


def test_walking_on_the_margin_shows_the_picture_where_it_moves_into_it(tmp_path: Path) -> None:
    """Walking back would show nothing new; walking forwards what was inside flows out into the margin."""
    cameras = straight_path(9, 64, 48, step=0.1)
    rgb, depth = seen_from(cameras, 0)
    shot, _ = shots.prepare("over", rgb[None], depth[None], cameras, SETTINGS)
    store = Store(tmp_path)
    done = [manifest for manifest, _ in generate.run(shot, store, quiet)]
    last = contents.read_view(store, done[-1].key, 8)
    margin = ~shot.known
    carried = margin & (last.provenance == Provenance.PICTURE)
    assert carried.sum() > 0.2 * margin.sum()
    truth, _ = seen_from(shot.cameras, 8)
    error = np.abs(last.rgb.astype(float) - truth)[carried]
    assert np.median(error) < 6


def test_noise_is_blank_in_the_margin_of_the_context_and_frozen_inside() -> None:
    valid = np.ones((9, 64, 96), bool)
    known = np.zeros((64, 96), bool)
    known[16:48, 16:80] = True
    valid[0] = known
    noise = noise_map(valid, 1, Diffusion(sigma=0.5), None, ~known[None])
    margin = np.pad(np.zeros((2, 4), bool), 1, constant_values=True)
    np.testing.assert_array_equal(noise.start[0], margin)
    np.testing.assert_array_equal(noise.valid[0], ~margin)
    assert (noise.start[1:] == 0.5).all()
    plain = noise_map(valid, 1, Diffusion(sigma=0.5))
    assert (plain.start[0] == 0).all()


def test_the_result_folder_says_which_part_was_asked_for(tmp_path: Path) -> None:
    cameras, rgb, depth, shot, _ = made()
    request = Request("over", rgb[None], depth[None], cameras, SETTINGS)
    generate.begin(ResultFolder(tmp_path / "out"), shot, request)
    path = tmp_path / "out" / "cameras.npz"
    with np.load(path) as file:
        assert file["window"].tolist() == [16, 16, 64, 48]
        assert (file["width"], file["height"]) == (96, 80)
        np.testing.assert_array_equal(file["K"], shot.cameras.K)
    assert read_file(path).window == (16, 16, 64, 48)
    assert read_cameras(path).width == 96
    plain, _ = shots.prepare("plain", rgb[None], depth[None], cameras, Settings(chunk_frames=5, context_frames=1))
    generate.begin(ResultFolder(tmp_path / "plain"), plain)
    assert "window" not in np.load(tmp_path / "plain" / "cameras.npz")


def test_overscan_that_cannot_be_had_is_refused() -> None:
    cameras = straight_path(3, 64, 48)
    rgb, depth = seen_from(cameras, 0)
    for share in (-0.1, 0.3, math.nan):
        with pytest.raises(InvalidShot, match="overscan"):
            shots.prepare("over", rgb[None], depth[None], cameras, Settings(overscan=share))
    large = straight_path(3, 4096, 16)
    with pytest.raises(InvalidShot, match="lower it"):
        shots.prepare(
            "over",
            np.zeros((1, 16, 4096, 3), np.uint8),
            np.ones((1, 16, 4096), np.float32),
            large,
            Settings(overscan=0.1),
        )


@pytest.mark.parametrize("by_mask", [True, False])
def test_where_the_nearest_known_pixel_is_sky_the_margin_is_sky(tmp_path: Path, by_mask: bool) -> None:
    """The upper 20 of 48 rows are sky; the margin is 16 pixels wide on each side."""
    cameras = straight_path(5, 64, 48)
    rgb, depth = seen_from(cameras, 0)
    sky = np.zeros((1, 48, 64), bool)
    sky[0, :20, :40] = True
    given = depth[None] if by_mask else np.where(sky, np.float32(np.inf), depth[None])
    shot, _ = shots.prepare("sky", rgb[None], given, cameras, SETTINGS, sky=sky if by_mask else None)
    store = Store(tmp_path)
    done = [manifest for manifest, _ in generate.run(shot, store, quiet)]
    rows, columns = np.indices((80, 96))
    expected = sky[0, np.clip(rows - 16, 0, 47), np.clip(columns - 16, 0, 63)]
    np.testing.assert_array_equal(np.isinf(contents.read_depth(store, done[0].key, 0)), expected)
