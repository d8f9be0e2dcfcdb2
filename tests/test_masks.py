"""What a mask leaves out is in no cache and shows in no prior."""

import argparse
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image
from worldwarp import contents, generate, shots
from worldwarp.cache.gaussians import initialise
from worldwarp.cache.warp import warp
from worldwarp.cameras.cameras import project
from worldwarp.cameras.health import health
from worldwarp.cameras.reach import reach
from worldwarp.cameras.sizes import frame_picture
from worldwarp.generate import run
from worldwarp.geometry.views import geometry
from worldwarp.masks import frame_mask, grown, leave_out, read_mask, without
from worldwarp.outputs.lens import Distortion, undistort_mask
from worldwarp.pipeline import with_depth
from worldwarp.server import kept
from worldwarp.store import Store
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from .cache import scene


def quiet(*_: object) -> None:
    """A report that nobody reads."""


def masked_ball() -> tuple:
    """The analytic scene and the mask of its ball."""
    cameras = scene.path(3, 96, 64, reach=0.3)
    mask = scene.picture(cameras, 0).surface == 5
    assert 50 < mask.sum() < 1000
    return cameras, scene.view(cameras, 0), mask


def test_no_gaussian_stands_where_the_mask_is() -> None:
    cameras, view, mask = masked_ball()
    cache = initialise([view], leave_out(scene.given(view), [replace(view, left_out=mask)]), cameras[:1])
    assert len(cache.means) == (~grown(mask, 1)).sum()
    solid = cache.means[~cache.sky].double().cpu().numpy()
    pixels, _ = project(solid, cameras.K[0], cameras.world_to_camera[0])
    x, y = np.floor(pixels).astype(int).T
    assert not mask[y, x].any()


@pytest.mark.parametrize("kind", ["3dgs", "points"])
def test_the_ball_is_in_no_prior_and_the_rest_is(kind: str) -> None:
    cameras, view, mask = masked_ball()
    settings = Settings(cache=kind, cache_steps=3)
    geometry = leave_out(scene.given(view), [replace(view, left_out=mask)])
    priors, _ = warp([view], cameras[:1], geometry, cameras, settings, quiet)
    whole, _ = warp([view], cameras[:1], scene.given(view), cameras, settings, quiet)
    assert not (priors.valid[0] & mask).any()
    for i in range(3):
        ball = scene.picture(cameras, i).surface == 5
        assert (whole.valid[i] & ball).sum() > 0.8 * ball.sum()
        assert (priors.valid[i] & ball).sum() < 0.1 * ball.sum()
        rest = whole.valid[i] & ~grown(ball, 3)
        assert (priors.valid[i] & rest).sum() > 0.97 * rest.sum()


def test_the_mask_follows_the_framing_and_loses_no_pixel() -> None:
    mask = np.zeros((60, 100), bool)
    mask[30, 50] = True
    framing = frame_picture((100, 60), (48, 16), "crop")
    found = frame_mask(mask, framing)
    assert found.shape == (16, 48)
    x, y, _ = framing.matrix @ [50.5, 30.5, 1]
    assert found[int(y), int(x)]
    assert found.sum() < 12


def test_masks_that_do_not_fit_are_refused(tmp_path) -> None:
    Image.new("L", (20, 10), 255).save(tmp_path / "mask.png")
    with pytest.raises(InvalidShot, match="whole picture"):
        read_mask(tmp_path / "mask.png", (20, 10))
    with pytest.raises(InvalidShot, match="20 x 10"):
        read_mask(tmp_path / "mask.png", (10, 20))
    Image.fromarray(np.eye(10, 20, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", (20, 10)), np.eye(10, 20) > 0)


def test_a_masked_shot_keeps_its_picture_and_bakes_the_rest_only(tmp_path) -> None:
    cameras, view, mask = masked_ball()
    cameras = scene.path(9, 96, 64, reach=0.3)
    settings = Settings(chunk_frames=5, context_frames=1, cache_steps=3)
    found = []
    for given in (None, mask[None]):
        shot, _ = shots.prepare("masked", view.rgb[None], view.depth[None], cameras, settings, mask=given)
        store = Store(tmp_path)
        found.append([manifest for manifest, _ in run(shot, store, quiet)])
        assert kept.read(tmp_path, kept.write(tmp_path, shot)).mask is None or given is not None
    plain, masked = found
    assert {m.key for m in plain}.isdisjoint(m.key for m in masked)
    np.testing.assert_array_equal(contents.read_view(store, masked[0].key, 0).rgb, view.rgb)
    depth = contents.read_depth(store, masked[0].key, 0)
    np.testing.assert_array_equal(np.isnan(depth), grown(mask, 1))
    ball = scene.picture(cameras, 4).surface == 5
    holes = [contents.read_image(store, made[0].key, "holes", 4) > 0 for made in found]
    assert (holes[1] & ball).sum() > 0.8 * ball.sum() > (holes[0] & ball).sum()


def test_later_chunks_neither_estimate_nor_trust_what_was_left_out() -> None:
    cameras, view, mask = masked_ball()
    stored = without(view.depth[None], [replace(view, left_out=mask)])[0]
    other = replace(scene.view(cameras, 1), left_out=None)
    # the source "given" would refuse to estimate
    found = geometry([replace(view, depth=stored, left_out=mask), other], cameras[:2], Settings())
    unknown = grown(mask, 1)
    np.testing.assert_array_equal(found.confidence[0] == 0, unknown)
    np.testing.assert_array_equal(found.depth[0][~unknown], view.depth[~unknown])
    assert not np.isnan(found.depth).any()
    assert (found.confidence[1] == 1).all()
    with pytest.raises(InvalidShot, match="depth"):
        geometry([replace(view, depth=stored), other], cameras[:2], Settings())
    completed = with_depth([replace(view, depth=stored)], {view.index: found.depth[0]})[0].depth
    np.testing.assert_array_equal(completed, found.depth[0])


def test_the_maps_of_a_path_are_holes_where_something_was_left_out() -> None:
    cameras, view, mask = masked_ball()
    depth = without(view.depth[None], [replace(view, left_out=mask)])[0]
    np.testing.assert_array_equal(reach(depth, cameras[:1], (96, 64))[0] < 0, grown(mask, 1))
    found = health(depth, cameras)
    assert all(np.isfinite(getattr(found, field.name)).all() for field in fields(found))


def test_a_mask_is_straightened_by_the_lens_that_its_picture_is(tmp_path) -> None:
    cameras, _, mask = masked_ball()
    Image.fromarray(mask).save(tmp_path / "mask.png")
    lens = Distortion(-0.28, 0.09)
    bent, straight = (
        generate._mask(argparse.Namespace(mask=[tmp_path / "mask.png"], distortion=one), cameras, "mask")
        for one in (None, lens)
    )
    np.testing.assert_array_equal(bent, mask[None])
    np.testing.assert_array_equal(straight, undistort_mask(mask, cameras.K[0], lens)[None])
    assert (bent != straight).any()
