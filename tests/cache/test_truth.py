"""The cache against a scene whose pictures and depth are known exactly from every camera."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numba import config, set_num_threads
from worldwarp.cache.fit import fit
from worldwarp.cache.gaussians import GaussianCache, initialise
from worldwarp.cache.priors import render_priors
from worldwarp.cameras import Cameras
from worldwarp.nouns import Cancelled, Geometry, Priors, Provenance, View

from .scene import Picture, given, path, picture, psnr, trace, view

FRAMES = 25
LOOKED_AT = [8, 16, 24]
"""Frames that are compared with the truth."""

NOVEL = 27.0
"""dB that novel views reach, and mutants do not."""


def quiet(stage: str, step: int, steps: int) -> None:
    """Reports to nobody."""


@pytest.fixture(scope="module")
def cameras() -> Cameras:
    return path(FRAMES)


@pytest.fixture(scope="module")
def first(cameras: Cameras) -> View:
    return view(cameras, 0)


@pytest.fixture(scope="module")
def truth(cameras: Cameras) -> list[Picture]:
    return [picture(cameras, i) for i in LOOKED_AT]


@pytest.fixture(scope="module")
def fitted(first: View, cameras: Cameras) -> GaussianCache:
    return fit_one(first, given(first), cameras[[0]], 60)


def fit_one(seen: View, geometry: Geometry, camera: Cameras, steps: int) -> GaussianCache:
    cache, _ = fit(initialise([seen], geometry, camera), [seen], camera, geometry, steps, 0, quiet)
    return cache


def quality(priors: Priors, truth: list[Picture]) -> list[float]:
    """PSNR of the valid pixels of each frame."""
    return [psnr(priors.rgb[k], truth[k].rgb, priors.valid[k]) for k in range(len(truth))]


def test_the_unmoved_camera_sees_the_picture_again(fitted: GaussianCache, first: View, cameras: Cameras):
    priors = render_priors(fitted, [first], cameras[[0]], given(first), cameras[[0]], quiet)
    valid, depth = priors.valid[0], priors.depth[0]
    assert valid.mean() > 0.97
    assert psnr(priors.rgb[0], first.rgb / 255, valid) > 35
    sky = np.isinf(first.depth)
    assert 0.02 < sky.mean() < 0.5
    assert (np.isinf(depth) == sky)[valid].mean() > 0.995
    solid = valid & ~sky & ~np.isinf(depth)
    # at 80 rows a pixel of this floor spans 3 % of its distance
    assert (np.abs(depth[solid] / first.depth[solid] - 1) < 0.01).mean() > 0.94
    assert (np.abs(depth[solid] / first.depth[solid] - 1) < 0.02).mean() > 0.98
    assert (priors.provenance[0] == Provenance.PICTURE).all()


def test_depth_is_the_surfaces_not_the_gaussians(first: View, cameras: Cameras):
    """On slanted surfaces every pixel has its own depth: exact but for silhouettes, before the fit moves anything."""
    begun = initialise([first], given(first), cameras[[0]])
    priors = render_priors(begun, [first], cameras[[0]], given(first), cameras[[0]], quiet)
    solid = priors.valid[0] & np.isfinite(first.depth) & np.isfinite(priors.depth[0])
    assert (np.abs(priors.depth[0][solid] / first.depth[solid] - 1) < 0.001).mean() > 0.9


def test_novel_views_are_true(fitted: GaussianCache, first: View, cameras: Cameras, truth: list[Picture]):
    priors = render_priors(fitted, [first], cameras[[0]], given(first), cameras[LOOKED_AT], quiet)
    assert min(quality(priors, truth)) > NOVEL
    for k, frame in enumerate(truth):
        assert priors.valid[k].mean() > 0.5
        solid = priors.valid[k] & np.isfinite(frame.depth) & np.isfinite(priors.depth[k])
        assert (np.abs(priors.depth[k][solid] / frame.depth[solid] - 1) < 0.01).mean() > 0.93


def test_the_fit_helps_views_it_never_saw(fitted: GaussianCache, first: View, cameras: Cameras, truth: list[Picture]):
    begun = initialise([first], given(first), cameras[[0]])
    before, after = (
        quality(render_priors(c, [first], cameras[[0]], given(first), cameras[LOOKED_AT], quiet), truth)
        for c in (begun, fitted)
    )
    assert all(b > a for a, b in zip(before, after, strict=True))


def half_pixel(camera: Cameras, geometry: Geometry) -> tuple[Cameras, Geometry]:
    """Pixel centres taken for pixel corners."""
    K = camera.K.copy()
    K[:, :2, 2] += 0.5
    return replace(camera, K=K), geometry


def too_large(camera: Cameras, geometry: Geometry) -> tuple[Cameras, Geometry]:
    """Depth 2 % too large."""
    return camera, replace(geometry, depth=geometry.depth * np.float32(1.02))


def radial(camera: Cameras, geometry: Geometry) -> tuple[Cameras, Geometry]:
    """Distance along the ray taken for planar depth."""
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    K = camera.K[0]
    stretch = np.sqrt(1 + ((u - K[0, 2]) / K[0, 0]) ** 2 + ((v - K[1, 2]) / K[1, 1]) ** 2)
    return camera, replace(geometry, depth=geometry.depth * stretch.astype(np.float32))


def mirrored(camera: Cameras, geometry: Geometry) -> tuple[Cameras, Geometry]:
    """The camera's x axis the wrong way round."""
    return replace(camera, camera_to_world=camera.camera_to_world @ np.diag([-1.0, 1, 1, 1])), geometry


@pytest.mark.parametrize("mutant", [half_pixel, too_large, radial, mirrored])
def test_mutants_are_not(
    mutant: Callable[[Cameras, Geometry], tuple[Cameras, Geometry]],
    first: View,
    cameras: Cameras,
    truth: list[Picture],
):
    camera, geometry = mutant(cameras[[0]], given(first))
    cache = fit_one(first, geometry, camera, 60)
    priors = render_priors(cache, [first], camera, geometry, cameras[LOOKED_AT], quiet)
    assert quality(priors, truth)[-1] < NOVEL


def test_holes_are_holes(fitted: GaussianCache, first: View, cameras: Cameras, truth: list[Picture]):
    """What the first camera cannot have seen is not valid: no foreground is smeared over it."""
    priors = render_priors(fitted, [first], cameras[[0]], given(first), cameras[LOOKED_AT], quiet)
    camera = cameras[LOOKED_AT]
    for k, frame in enumerate(truth):
        pose = camera.camera_to_world[k]
        v, u = np.mgrid[: camera.height, : camera.width] + 0.5
        rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(camera.K[k]).T @ pose[:3, :3].T
        points = pose[:3, 3] + np.where(np.isfinite(frame.depth), frame.depth, 0)[..., None] * rays
        towards = points - cameras.centres[0]
        distance, _, _ = trace(cameras.centres[0], towards)
        hidden = np.isfinite(frame.depth) & (distance < 0.95)
        # its inside: along a hole's edge a pixel may be one surface's or the other's
        inside = (
            hidden & np.roll(hidden, 1, 1) & np.roll(hidden, -1, 1) & np.roll(hidden, 1, 0) & np.roll(hidden, -1, 0)
        )
        assert inside.sum() > 10
        assert (priors.valid[k] & inside).sum() <= 0.1 * inside.sum()


def test_a_later_view_adds_only_what_was_not_seen(first: View, cameras: Cameras):
    later = view(cameras, 24)
    later = replace(later, provenance=np.full_like(later.provenance, Provenance.GENERATED))
    alone = initialise([first], given(first), cameras[[0]])
    again = initialise([first, first], given(first, first), cameras[[0, 0]])
    both = initialise([first, later], given(first, later), cameras[[0, 24]])
    assert len(again.means) == len(alone.means) == first.depth.size
    added = len(both.means) - len(alone.means)
    assert 0.3 * first.depth.size < added < 0.6 * first.depth.size
    priors = render_priors(both, [first, later], cameras[[0, 24]], given(first, later), cameras[[24]], quiet)
    assert priors.valid[0].mean() > 0.9
    kinds = priors.provenance[0][priors.valid[0]]
    assert 0.3 < (kinds == Provenance.GENERATED).mean() < 0.7
    assert not (kinds == Provenance.FILLED).any()


def test_later_views_cannot_hang_things_in_front(first: View, cameras: Cameras):
    wrong = view(cameras, 4)
    wrong = replace(wrong, depth=wrong.depth * np.float32(0.5))
    cache = initialise([first, wrong], given(first, wrong), cameras[[0, 4]])
    added = len(cache.means) - first.depth.size
    # only what the first camera could not see at all may be believed
    assert added < 0.15 * first.depth.size


def test_unknown_depth_makes_no_gaussians(first: View, cameras: Cameras):
    geometry = given(first)
    geometry.confidence[:, :, :40] = 0
    cache = initialise([first], geometry, cameras[[0]])
    assert len(cache.means) == int((geometry.confidence > 0).sum())


def test_all_sky(first: View, cameras: Cameras):
    sky = replace(first, depth=np.full_like(first.depth, np.inf))
    cache = fit_one(sky, given(sky), cameras[[0]], 3)
    priors = render_priors(cache, [sky], cameras[[0]], given(sky), cameras[[0]], quiet)
    assert priors.valid.all()
    assert np.isinf(priors.depth).all()


def test_same_bits_for_seed_and_any_number_of_threads(first: View, cameras: Cameras):
    results = []
    later = view(cameras, 12)
    seen, there = [first, later], cameras[[0, 12]]
    try:
        for threads, seed in ((1, 0), (config.NUMBA_NUM_THREADS, 0), (config.NUMBA_NUM_THREADS, 1)):
            set_num_threads(threads)
            geometry = given(*seen)
            cache, report = fit(initialise(seen, geometry, there), seen, there, geometry, 8, seed, quiet)
            priors = render_priors(cache, seen, there, geometry, cameras[[20]], quiet)
            results.append((cache.means.numpy().tobytes(), priors.rgb.tobytes(), priors.depth.tobytes(), report.psnr))
    finally:
        set_num_threads(config.NUMBA_NUM_THREADS)
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_cancelling_ends_the_fit(first: View, cameras: Cameras):
    steps = []

    def third(stage: str, step: int, most: int) -> None:
        steps.append((stage, step, most))
        if step == 2:
            raise Cancelled

    cache = initialise([first], given(first), cameras[[0]])
    with pytest.raises(Cancelled):
        fit(cache, [first], cameras[[0]], given(first), 60, 0, third)
    assert steps == [("cache", 0, 60), ("cache", 1, 60), ("cache", 2, 60)]


def disagreement(cameras: Cameras, kind: Provenance) -> float:
    """How far the rendered colours of a picture's surface are from the picture's towards those that a later view of
    ``kind`` has of it: 0 to 1.
    """
    first, later = (view(cameras, i) for i in (0, 2))
    later = replace(later, rgb=255 - later.rgb, provenance=np.full_like(later.provenance, kind))
    seen, there, geometry = [first, later], cameras[[0, 2]], given(first, later)
    cache, _ = fit(initialise(seen, geometry, there), seen, there, geometry, 100, 0, quiet)
    priors = render_priors(cache, seen, there, geometry, cameras[[1]], quiet)
    true = picture(cameras, 1).rgb
    strong = priors.valid[0][..., None] & (np.abs(true - 0.5) > 0.1)
    return float(np.median(((priors.rgb[0] - true) / (1 - 2 * true))[strong]))


def test_where_two_views_disagree_the_picture_s_colour_wins(cameras: Cameras, monkeypatch: pytest.MonkeyPatch):
    filled, generated = (disagreement(cameras, kind) for kind in (Provenance.FILLED, Provenance.GENERATED))
    assert filled < generated
    assert filled < 0.1
    monkeypatch.setattr("worldwarp.cache.fit.WORTH", np.ones(3, np.float32))
    assert disagreement(cameras, Provenance.FILLED) > 0.1
