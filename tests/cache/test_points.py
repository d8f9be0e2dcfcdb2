"""Caches of three kinds through ``warp``, and how sure they are, on scenes that are known exactly."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from worldwarp.cache.points import gather, render_points
from worldwarp.cache.priors import SPREAD, sharpness, spread
from worldwarp.cache.warp import warp
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import pixel_rays
from worldwarp.nouns import Geometry, Priors, Provenance, View
from worldwarp_protocol.messages import Settings

from .scene import Picture, given, path, picture, psnr, view
from .test_splat import grown, seen_from

LOOKED_AT = [4, 12]


def quiet(stage: str, step: int, steps: int) -> None:
    """Reports to nobody."""


@pytest.fixture(scope="module")
def cameras() -> Cameras:
    return path(25)


@pytest.fixture(scope="module")
def first(cameras: Cameras) -> View:
    return view(cameras, 0)


@pytest.fixture(scope="module")
def later(cameras: Cameras) -> View:
    seen = view(cameras, 12)
    return replace(seen, provenance=np.full_like(seen.provenance, Provenance.GENERATED))


@pytest.fixture(scope="module")
def truth(cameras: Cameras) -> list[Picture]:
    return [picture(cameras, i) for i in LOOKED_AT]


def warped(kind: str, cameras: Cameras, first: View, at: list[int]) -> Priors:
    settings = Settings(cache=kind, cache_steps=10)  # type: ignore[arg-type]
    return warp([first], cameras[[0]], given(first), cameras[at], settings, quiet)[0]


@pytest.mark.parametrize("kind", ["3dgs", "points"])
def test_coverage_and_holes_are_those_of_a_ray_cast(kind: str, cameras: Cameras, first: View, truth: list[Picture]):
    priors = warped(kind, cameras, first, LOOKED_AT)
    for k, i in enumerate(LOOKED_AT):
        visible, hidden = seen_from(cameras, 0, i, truth[k].depth)
        assert priors.valid[k][visible & ~grown(~visible, 2)].mean() > 0.95
        inside = hidden & ~grown(~hidden, 1)
        assert inside.sum() > 50
        assert priors.valid[k][inside].mean() < 0.05
        solid = priors.valid[k] & visible & np.isfinite(priors.depth[k])
        # at 80 rows a pixel and a half of this floor spans 4 % of its distance; points reach over silhouettes
        assert (np.abs(priors.depth[k][solid] / truth[k].depth[solid] - 1) < 0.04).mean() > 0.95
        assert psnr(priors.rgb[k], truth[k].rgb, priors.valid[k]) > 21
        assert (priors.provenance[k][priors.valid[k]] == Provenance.PICTURE).all()


def test_no_cache_knows_nothing(cameras: Cameras, first: View):
    priors = warped("none", cameras, first, LOOKED_AT)
    assert not priors.valid.any()
    assert not priors.confidence.any()


@pytest.mark.parametrize("kind", ["3dgs", "points"])
def test_confidence_is_a_share_and_none_where_nothing_is_known(kind: str, cameras: Cameras, first: View):
    priors = warped(kind, cameras, first, LOOKED_AT)
    assert priors.confidence.dtype == priors.rgb.dtype == priors.depth.dtype == np.float32
    assert (priors.confidence >= 0).all()
    assert (priors.confidence <= 1).all()
    assert not priors.confidence[~priors.valid].any()
    assert np.median(priors.confidence[priors.valid]) > 0.5


@pytest.mark.parametrize("kind", ["3dgs", "points"])
def test_depth_is_truer_where_the_confidence_is_high(kind: str, cameras: Cameras, first: View, truth: list[Picture]):
    priors = warped(kind, cameras, first, LOOKED_AT)
    solid = priors.valid & np.isfinite(priors.depth) & np.stack([np.isfinite(frame.depth) for frame in truth])
    wrong = np.abs(priors.depth[solid] / np.stack([frame.depth for frame in truth])[solid] - 1)
    sure = priors.confidence[solid]
    low, high = np.quantile(sure, [0.25, 0.75])
    assert wrong[sure > high].mean() < 0.5 * wrong[sure < low].mean()


def test_the_unmoved_camera_sees_the_picture_but_for_what_edges_cover(cameras: Cameras, first: View):
    priors = render_points([first], cameras[[0]], given(first), cameras[[0]], quiet)
    assert priors.valid.all()
    same = (np.rint(priors.rgb[0] * 255) == first.rgb).all(axis=-1)
    assert same.mean() > 0.93
    assert (priors.depth[0][same] == first.depth[same]).mean() > 0.999
    unlike = ~same
    # only nearer surfaces, and only by the radius
    assert (priors.depth[0][unlike] < first.depth[unlike]).all()


def test_the_more_trusted_view_decides_where_both_saw_it(cameras: Cameras, first: View, later: View):
    """Whatever is nearer by a little."""
    geometry = given(first, later)
    for scale in (0.99, 1.01):
        depth = geometry.depth * np.array([1, scale], np.float32)[:, None, None]
        priors = render_points(
            [first, later], cameras[[0, 12]], replace(geometry, depth=depth), cameras[[12]], quiet
        )  # fmt: skip
        alone = render_points([first], cameras[[0]], given(first), cameras[[12]], quiet)
        both = alone.valid[0] & ~grown(~alone.valid[0], 2)
        assert (priors.provenance[0][both] == Provenance.PICTURE).mean() > 0.93
        assert priors.valid[0].mean() > 0.99
        fresh = priors.valid[0] & ~alone.valid[0]
        assert (priors.provenance[0][fresh] == Provenance.GENERATED).all()


def test_what_an_earlier_view_looked_through_is_left_out(cameras: Cameras, first: View):
    wrong = replace(first, depth=first.depth * np.float32(0.5))
    cloud = gather([first, wrong], cameras[[0, 0]], given(first, wrong))
    added = int((cloud.rank == 1).sum())
    # its sky is no nearer than the first one's
    assert added < np.isinf(first.depth).sum() + 0.05 * first.depth.size


def test_what_is_unknown_or_hangs_between_two_surfaces_makes_no_points():
    camera = flat_camera()
    depth = np.full((1, 48, 64), 10.0, np.float32)
    depth[0, :, 33:] = 2.0
    depth[0, :, 32] = 5.0  # neither
    confidence = np.ones_like(depth)
    confidence[0, :, :8] = 0
    cloud = gather([flat_view(depth[0])], camera, Geometry(depth, confidence))
    z = cloud.points[:, 2].numpy()
    assert set(np.unique(z).tolist()) == {2.0, 10.0}
    assert len(z) == 48 * (64 - 8 - 1)


def test_spread_is_the_deviation_of_two_surfaces():
    """Half of a pixel at each of two disparities: their difference over their sum."""
    gaps = np.linspace(0, 0.2, 9)
    d = np.stack([1 - gaps, 1 + gaps])
    moments = np.stack([(d**k).mean(axis=0) for k in (1, 2, 3)], axis=-1)
    np.testing.assert_allclose(spread(moments), gaps, atol=2e-3)
    assert (np.diff(spread(moments)) > 0).all()
    assert spread(np.zeros((1, 3))) == 0
    assert spread(moments)[0] < 0.01 * SPREAD


def test_sharpness_is_one_over_the_magnification_but_never_above_one():
    np.testing.assert_allclose(sharpness(np.array([0, 0.3, 1, 4, 100])), [1, 1, 1, 0.5, 0.1])


def flat_camera(z: float = 0.0) -> Cameras:
    """Looks along z, from ``z``."""
    pose = np.eye(4)
    pose[2, 3] = z
    K = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
    return Cameras(K[None], pose[None], 64, 48, np.array([1]))


def flat_view(depth: np.ndarray) -> View:
    grey = np.full((*depth.shape, 3), 128, np.uint8)
    return View(0, grey, depth.astype(np.float32), np.zeros(depth.shape, np.uint8))


def middle(kind: str, depth: np.ndarray, target: Cameras) -> float:
    """Mean confidence in the middle of the image."""
    seen = flat_view(depth)
    settings = Settings(cache=kind, cache_steps=0)  # type: ignore[arg-type]
    priors, _ = warp([seen], flat_camera(), given(seen), target, settings, quiet)
    return float(priors.confidence[0, 16:32, 24:40].mean())


@pytest.mark.parametrize("kind", ["3dgs", "points"])
def test_the_closer_the_camera_comes_the_less_is_sure(kind: str):
    wall = np.full((48, 64), 4.0)
    sure = [middle(kind, wall, flat_camera(z)) for z in (0.0, 1.0, 2.0, 2.5)]
    assert sure[0] > 0.8
    assert all(b < a - 0.02 for a, b in pairwise(sure))
    assert abs(middle(kind, wall, flat_camera(-2.0)) - sure[0]) < 0.2  # further away nothing is lost


@pytest.mark.parametrize("kind", ["3dgs", "points"])
def test_the_more_a_surface_was_seen_edge_on_the_less_is_sure_of_its_front(kind: str):
    """A wall, slanted, then looked at along its normal from as far away."""
    sure = []
    for angle in np.radians([0, 40, 60, 75]):
        normal = np.array([np.sin(angle), 0, np.cos(angle)])
        depth = 4 * np.cos(angle) / (pixel_rays(flat_camera().K[0], 64, 48) @ normal)
        camera = flat_camera()
        pose = camera.camera_to_world[0].copy()
        pose[:3, :3] = np.array([[normal[2], 0, normal[0]], [0, 1, 0], [-normal[0], 0, normal[2]]])
        pose[:3, 3] = np.array([0, 0, 4]) - 4 * normal
        target = replace(camera, camera_to_world=pose[None])
        sure.append(middle(kind, np.where(depth > 0, depth, np.inf), target))
    assert all(b < a - 0.02 for a, b in pairwise(sure))


def test_the_more_views_disagree_the_less_is_sure():
    wall, camera = np.full((1, 48, 64), 4.0, np.float32), flat_camera()
    sure = []
    for scale in (1, 0.99, 0.97, 0.955):
        depth = np.concatenate([wall, scale * wall])
        views = [flat_view(z) for z in depth]
        priors = render_points(views, camera[[0, 0]], Geometry(depth, np.ones_like(depth)), camera, quiet)
        assert (priors.depth == 4).all()
        sure.append(float(priors.confidence.mean()))
    assert all(b < a for a, b in pairwise(sure))
    assert sure[0] == 1
    assert sure[-1] < 0.1
