"""Losses by hand: closed forms, and the SSIM that the cache is fitted with."""

import numpy as np
import pytest
import torch
from worldwarp.cache.loss import ssim
from worldwarp.training.losses import WEIGHTS, charbonnier, gradient_l1, kl, ms_ssim, psnr


def pictures(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    x = torch.rand(3, height, width, generator=draws, dtype=torch.float64)
    return x, (x + 0.2 * torch.randn(x.shape, generator=draws, dtype=torch.float64)).clamp(0, 1)


def test_charbonnier_is_l1_with_a_round_bottom() -> None:
    x = torch.zeros(4)
    assert float(charbonnier(x, x)) == 0
    assert float(charbonnier(x, x + 0.5)) == pytest.approx(0.5, abs=1e-3)
    assert float(charbonnier(x, x + 1e-3)) == pytest.approx(1e-3 * (2**0.5 - 1))


def test_a_slope_differs_by_its_steps() -> None:
    slope = torch.arange(8.0).expand(2, 5, 8) / 10
    assert float(gradient_l1(slope, torch.zeros(2, 5, 8))) == pytest.approx(0.1)
    assert float(gradient_l1(slope, slope + 0.3)) == pytest.approx(0, abs=1e-6)


def test_the_divergence_of_a_gaussian() -> None:
    mean, logvar = torch.tensor([0.5]), torch.tensor([0.3])
    there = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    expected = torch.distributions.kl_divergence(there, torch.distributions.Normal(0.0, 1.0))
    assert float(kl(mean, logvar)) == pytest.approx(float(expected))


def test_psnr_of_a_constant_error() -> None:
    x = torch.zeros(2, 3, 4)
    assert psnr(x, x + torch.tensor([0.1, 0.01])[:, None, None]).tolist() == pytest.approx([20, 40])


def test_one_scale_is_the_ssim_of_the_cache_where_windows_stay_inside() -> None:
    x, y = pictures(21, 30)  # halved, no window would fit
    inside = ssim(x, y)[:, 5:-5, 5:-5].mean((1, 2))
    torch.testing.assert_close(ms_ssim(x, y), inside)
    assert float(inside.max()) < 0.9


def test_two_scales_are_the_contrast_of_the_fine_and_the_likeness_of_the_coarse() -> None:
    x, y = pictures(26, 40)
    wx, wy = (one.unfold(1, 11, 1).unfold(2, 11, 1) for one in (x, y))
    taps = torch.from_numpy(np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2))
    window = taps[:, None] * taps / taps.sum() ** 2

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (values * window).sum((-2, -1))

    covariance = mean(wx * wy) - mean(wx) * mean(wy)
    variances = mean(wx * wx) - mean(wx) ** 2 + mean(wy * wy) - mean(wy) ** 2
    contrast = ((2 * covariance + 0.03**2) / (variances + 0.03**2)).mean((1, 2))
    coarse = [one.unfold(1, 2, 2).unfold(2, 2, 2).mean((-2, -1)) for one in (x, y)]
    likeness = ssim(*coarse)[:, 5:-5, 5:-5].mean((1, 2))
    total = WEIGHTS[0] + WEIGHTS[1]
    expected = contrast ** (WEIGHTS[0] / total) * likeness ** (WEIGHTS[1] / total)
    torch.testing.assert_close(ms_ssim(x, y), expected)


def test_it_has_gradients_and_is_one_for_the_same() -> None:
    x, y = pictures(64, 96)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(3, dtype=torch.float64))
    y.requires_grad_(True)
    (1 - ms_ssim(x, y)).sum().backward()  # type: ignore[no-untyped-call]
    assert y.grad is not None
    assert bool(y.grad.isfinite().all())


def test_what_is_smaller_than_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window of 11"):
        ms_ssim(torch.zeros(1, 10, 40), torch.zeros(1, 10, 40))
