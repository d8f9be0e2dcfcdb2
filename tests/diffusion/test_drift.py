"""Drift against synthetic tints, blurs and errors of which everything is known."""

from typing import Any

import numpy as np
import pytest
from worldwarp.diffusion import drift
from worldwarp.nouns import Priors

N, H, W = 5, 64, 96


@pytest.fixture
def priors() -> Priors:
    """Structure at several scales, within [0.2, 0.7] so that no tint clips it; all of it sure."""
    rng = np.random.default_rng(0)
    coarse = rng.random((N, 8, 12, 3)).repeat(8, axis=1).repeat(8, axis=2)
    rgb = (0.2 + 0.4 * coarse + 0.1 * rng.random((N, H, W, 3))).astype(np.float32)
    sure = np.ones((N, H, W), np.float32)
    return Priors(rgb, sure > 0, sure, np.zeros((N, H, W), np.uint8), sure)


def tinted(priors: Priors, gain: Any, offset: Any) -> Any:
    """Frames that ``gain`` and ``offset`` bring back to the priors."""
    return ((priors.rgb - np.float32(offset)) / np.float32(gain)).astype(np.float32)


def repaint(frames: Any, share: float) -> Any:
    """Regions of every frame replaced by noise of one bright colour."""
    frames = frames.copy()
    frames[:, :, : round(W * share)] = np.random.default_rng(1).uniform(0.8, 1, (N, H, round(W * share), 3))
    return frames


def test_tint_is_recovered_though_three_tenths_are_repainted(priors: Priors) -> None:
    gain, offset = np.array([0.9, 1.0, 1.15]), np.array([0.04, 0.0, -0.05])
    frames = repaint(tinted(priors, gain, offset), 0.3)
    found_gain, found_offset = drift.colour_correction(frames, priors, 0)
    np.testing.assert_allclose(found_gain, gain, atol=1e-4)
    np.testing.assert_allclose(found_offset, offset, atol=1e-4)
    kept = np.s_[:, :, 32:]
    np.testing.assert_allclose(drift.apply(frames, found_gain, found_offset)[kept], priors.rgb[kept], atol=2e-4)


def test_detail_that_differs_by_chance_takes_no_contrast_away(priors: Priors) -> None:
    rng = np.random.default_rng(3)
    known, ours = (priors.rgb + rng.normal(0, 0.2, priors.rgb.shape).astype(np.float32) for _ in range(2))
    noisy = Priors(known, priors.valid, priors.depth, priors.provenance, priors.confidence)
    gain, offset = drift.colour_correction(ours, noisy, 0)
    np.testing.assert_allclose(gain, 1, atol=0.02)
    np.testing.assert_allclose(offset, 0, atol=0.01)


def test_no_more_than_a_drift_is_corrected(priors: Priors) -> None:
    for gain, offset in [(2.0, 0.0), (0.5, 0.0), (1.0, 0.3), (1.0, -0.3)]:
        found_gain, found_offset = drift.colour_correction(tinted(priors, gain, offset), priors, 0)
        np.testing.assert_allclose(found_gain, np.clip(gain, 0.8, 1.25), atol=1e-3)
        assert (np.abs(found_offset) <= 0.1).all()
        if gain == 1:
            np.testing.assert_allclose(found_offset, np.clip(offset, -0.1, 0.1), atol=1e-3)


def test_where_nothing_is_sure_nothing_is_corrected(priors: Priors) -> None:
    frames = tinted(priors, 1.1, 0.05)
    unsure = Priors(priors.rgb, priors.valid, priors.depth, priors.provenance, priors.confidence * np.float32(0.9))
    for known, context in [(unsure, 0), (priors, N)]:
        gain, offset = drift.colour_correction(frames, known, context)
        assert gain.tolist() == [1, 1, 1]
        assert offset.tolist() == [0, 0, 0]
        np.testing.assert_array_equal(drift.apply(frames, gain, offset), np.clip(frames, 0, 1))
        assert drift.measure(frames, priors.rgb[: max(context, 1)], known).keys() == {"seam_psnr"}


def test_invalid_pixels_and_the_context_do_not_count(priors: Priors) -> None:
    frames = tinted(priors, 1.1, 0.02)
    frames[0], frames[1:, :8] = 1, 1
    priors.valid[1:, :8] = False
    gain, offset = drift.colour_correction(frames, priors, 1)
    np.testing.assert_allclose(gain, 1.1, atol=1e-4)
    np.testing.assert_allclose(offset, 0.02, atol=1e-4)


def test_one_flat_colour_tells_an_offset_but_no_gain(priors: Priors) -> None:
    priors.rgb[:] = 0.5
    gain, offset = drift.colour_correction(np.full_like(priors.rgb, 0.45), priors, 0)
    assert gain.tolist() == [1, 1, 1]
    np.testing.assert_allclose(offset, 0.05, atol=1e-6)


def test_seam_is_the_psnr_of_the_context(priors: Priors) -> None:
    frames = priors.rgb.copy()
    frames[:2] += np.float32(0.01)  # 10 log10(1 / 0.01^2) = 40 dB
    frames[2:] = 0
    assert drift.measure(frames, priors.rgb[:2], priors)["seam_psnr"] == pytest.approx(40, abs=1e-3)
    assert drift.measure(priors.rgb, priors.rgb[:2], priors)["seam_psnr"] == 100


def test_colour_shift_is_that_of_the_channel_that_moved_most(priors: Priors) -> None:
    frames = priors.rgb + np.array([1, -6, 3], np.float32) / 255
    frames[0] += 0.5  # the context is not asked
    measured = drift.measure(frames, priors.rgb[:1], priors)
    assert measured["colour_shift"] == pytest.approx(-6, abs=1e-3)
    assert measured["sharpness"] == pytest.approx(1, abs=1e-4)


def test_sharpness_is_one_for_equal_frames_and_less_for_blurred_ones(priors: Priors) -> None:
    assert drift.measure(priors.rgb, priors.rgb[:1], priors)["sharpness"] == 1
    halved = 0.5 + (priors.rgb - 0.5) * np.float32(0.5)
    assert drift.measure(halved, priors.rgb[:1], priors)["sharpness"] == pytest.approx(0.25, rel=1e-4)
    blurred = (priors.rgb + np.roll(priors.rgb, 1, axis=2)) / 2
    assert drift.measure(blurred, priors.rgb[:1], priors)["sharpness"] < 0.9


def test_the_border_of_what_is_known_is_no_edge(priors: Priors) -> None:
    priors.valid[:, :, 40:] = False
    frames = priors.rgb.copy()
    frames[:, :, 40:] = 5
    assert drift.measure(frames, priors.rgb[:1], priors)["sharpness"] == 1
