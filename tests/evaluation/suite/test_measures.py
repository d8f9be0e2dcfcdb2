"""Measures of walks against their definitions."""

import numpy as np
import pytest
from scipy.ndimage import convolve1d
from worldwarp.evaluation.suite import measures
from worldwarp.evaluation.suite.zones import zones

from .walls import past


def noisy(images: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, deviation, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def ssim_by_scipy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Wang et al. 2004, zeros around."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    x, y = a / 255, b / 255

    def blur(image: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            image = convolve1d(image, taps / taps.sum(), axis, mode="constant")
        return image

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    return (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))


def test_ssim_is_that_of_scipy_over_frames_and_zones() -> None:
    place = past([0, 6, 12])
    frames = noisy(place.rgb, 30)
    maps = np.stack([ssim_by_scipy(a, b).mean(-1) for a, b in zip(frames, place.rgb, strict=True)])
    found = measures.quality(frames, place.rgb)
    assert found["ssim"] == pytest.approx(maps[1:].mean(), abs=1e-4)
    assert found["ssim@last"] == pytest.approx(maps[2].mean(), abs=1e-4)
    where = zones(place)
    by_zone = measures.by_zone(frames, place.rgb, where)
    assert by_zone["ssim_never"] == pytest.approx(maps[where.never].mean(), abs=1e-4)


def test_psnr_pools_the_pixels_of_a_zone_and_leaves_the_picture_out() -> None:
    place = past([0, 6, 12])
    where = zones(place)
    frames = place.rgb.copy()
    frames[0] = 0
    off = np.where(frames > 127, -10, 10)
    frames[where.never] = (frames + off)[where.never].astype(np.uint8)
    found = measures.by_zone(frames, place.rgb, where)
    assert found["psnr_never"] == pytest.approx(20 * np.log10(255 / 10), abs=1e-6)
    assert found["psnr_picture"] == 100
    assert found["share_never"] == pytest.approx(6 / 64)


def test_too_small_a_zone_has_no_number() -> None:
    place = past([0, 0, 1])
    found = measures.by_zone(place.rgb, place.rgb, zones(place))
    assert np.isnan(found["psnr_generated"])
    assert np.isnan(found["ssim_never"])


def test_marked_frames_are_counted_from_one() -> None:
    place = past([0] * 51)
    frames = place.rgb.copy()
    frames[49] = np.where(frames[49] > 127, frames[49] - 20, frames[49] + 20)
    found = measures.quality(frames, place.rgb)
    assert found["psnr@50"] == pytest.approx(20 * np.log10(255 / 20), abs=1e-6)
    assert found["psnr@last"] == 100
    assert "psnr@200" not in found


def test_blur_lowers_the_gradients_in_the_holes_and_nothing_does_not() -> None:
    place = past([0, 6, 12])
    holes = zones(place).holes
    same = measures.gradients(place.rgb, place.rgb, holes)
    assert same == {"gradient_ratio": 1, "gradient_distance": 0}
    soft = (0.5 * place.rgb + 0.5 * np.roll(place.rgb, 1, 2)).astype(np.uint8)
    blurred = measures.gradients(soft, place.rgb, holes)
    assert blurred["gradient_ratio"] < 0.8
    half = measures.gradients((place.rgb // 2), place.rgb, holes)
    assert half["gradient_ratio"] == pytest.approx(0.5, abs=0.02)
    assert half["gradient_distance"] > 10
