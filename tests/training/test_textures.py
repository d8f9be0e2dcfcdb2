"""Textures: filtered over a pixel they are the mean of what the pixel covers."""

import pytest
import torch
from worldwarp.training.solids import Pattern
from worldwarp.training.textures import Spots, albedo, noise


def spots(u: torch.Tensor, v: torch.Tensor, width: float) -> Spots:
    full = torch.ones_like(u)
    first, second = (
        torch.tensor(c, dtype=u.dtype)[:, None].expand(3, len(u)) for c in ((0.6, 0.4, 0.2), (0.1, 0.2, 0.3))
    )
    unit = torch.stack([u % 2 - 1, v % 2 - 1])
    return Spots(u, v, full * width, unit, first, second, full * 0.3, torch.full_like(u, 7, dtype=torch.int32))


@pytest.mark.parametrize(("pattern", "error"), [(Pattern.STRIPES, 4e-3), (Pattern.CHECKS, 0.03), (Pattern.TILES, 0.02)])
@pytest.mark.parametrize("width", [0.13, 0.5, 1.1])
def test_a_wide_pixel_is_the_mean_of_narrow_ones(pattern: Pattern, width: float, error: float) -> None:
    side = (torch.arange(400, dtype=torch.float64) + 0.5) / 400 - 0.5
    u, v = (a.flatten() * width for a in torch.meshgrid(side, side, indexing="ij"))
    for x, y in ((0.21, 0.4), (3.3, 1.05)):
        truth = albedo(pattern, spots(u + x, v + y, 1e-4)).mean(1)
        at = torch.tensor([x], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
        assert (albedo(pattern, spots(*at, width))[:, 0] - truth).abs().max() < error


@pytest.mark.parametrize("pattern", list(Pattern))
def test_patterns_vary_but_not_from_afar(pattern: Pattern) -> None:
    generator = torch.Generator().manual_seed(1)
    u, v = torch.rand(2, 500, generator=generator) * 4
    near, far = (albedo(pattern, spots(u, v, width)).std(1).max() for width in (0.003, 40.0))
    assert near > 0.005 or pattern == Pattern.GLOW
    assert far < 0.03
    assert torch.isfinite(albedo(pattern, spots(u, v, 0.05))).all()


def test_noise_is_smooth_repeats_itself_and_differs_by_seed() -> None:
    x = torch.linspace(-5, 5, 5001, dtype=torch.float64)
    zero, one = (torch.full_like(x, k, dtype=torch.int32) for k in (0, 1))
    wave = noise(x, x * 0.3, zero)
    assert torch.equal(wave, noise(x, x * 0.3, zero))
    assert wave.diff().abs().max() < 0.02
    assert (wave - noise(x, x * 0.3, one)).abs().mean() > 0.2
    assert wave.min() >= -1
    assert wave.max() <= 1
