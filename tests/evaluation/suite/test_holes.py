"""KID and its statistics: unbiased, and with the power to tell blurred from sharp."""

import numpy as np
from scipy.ndimage import gaussian_filter
from worldwarp.evaluation.suite import bootstrap, holes

WALKS, FRAMES, SIDE = 8, 2, 64


def textures(seed: int, sigma: float = 0.0) -> list[np.ndarray]:
    """Frames (n, H, W, 3) of filtered noise for each walk, of its own colours."""
    made = []
    for walk in range(WALKS):
        rng = np.random.default_rng([seed, walk])
        noise = gaussian_filter(rng.standard_normal((FRAMES, SIDE, SIDE, 3)), (0, 1.0, 1.0, 0))
        if sigma:
            noise = gaussian_filter(noise, (0, sigma, sigma, 0))
        made.append(np.clip(128 + 120 * noise + 30 * np.random.default_rng(walk).uniform(-1, 1, 3), 0, 255))
    return [one.astype(np.uint8) for one in made]


def statistics(walks: list[np.ndarray]) -> list[np.ndarray]:
    everywhere = holes.places_of(np.ones((FRAMES, SIDE, SIDE), bool))
    return [holes.features(walk, everywhere) for walk in walks]


def test_kid_is_zero_in_expectation_where_the_distributions_are_one() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        x, y = ([rng.standard_normal((6, 5)) for _ in range(WALKS)] for _ in range(2))
        found.append(float(holes.kid(holes.kernel_differences(x, y))[0]))
    assert abs(np.mean(found)) < 3 * np.std(found) / len(found) ** 0.5
    assert min(found) < 0  # unbiased, so it falls below as well


def test_walks_that_differ_among_each_other_make_no_kid_of_their_own() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        colours = 2 * rng.standard_normal((WALKS, 1, 5))
        x, y = ([c + 0.3 * rng.standard_normal((6, 5)) for c in colours] for _ in range(2))
        found.append(float(holes.kid(holes.kernel_differences(x, y))[0]))
    assert abs(np.mean(found)) < 3 * np.std(found) / len(found) ** 0.5


def test_kid_is_the_polynomial_kernel_written_out() -> None:
    rng = np.random.default_rng(3)
    x, y = ([rng.standard_normal((4, 3)) + shift for _ in range(3)] for shift in (0.5, 0))
    pooled = np.concatenate(y)
    scale = lambda one: (one - pooled.mean(0)) / (pooled.std(0) + 1e-6)  # noqa: E731
    kernel = lambda a, b: np.mean([(u @ v / 3 + 1) ** 3 for u in scale(a) for v in scale(b)])  # noqa: E731
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    expected = np.mean([kernel(x[a], x[b]) + kernel(y[a], y[b]) - 2 * kernel(x[a], y[b]) for a, b in pairs])
    np.testing.assert_allclose(holes.kid(holes.kernel_differences(x, y)), [expected])
    assert np.isnan(holes.kid(np.zeros((1, 1))))


def test_kid_tells_blurred_from_sharp_and_other_noise_from_neither() -> None:
    true = statistics(textures(1))
    for seed, sigma, told in ((2, 0.0, False), (2, 0.7, True), (1, 0.7, True)):
        differences = holes.kernel_differences(statistics(textures(seed, sigma)), true)
        value = float(holes.kid(differences)[0])
        found = bootstrap.interval(value, holes.kid(differences, bootstrap.weights(WALKS)), WALKS)
        assert (found.sign == 1) == told, (sigma, found)


def test_filters_answer_to_their_own_wavelength_and_direction() -> None:
    x = np.arange(SIDE)
    for k, wavelength in enumerate(holes.WAVELENGTHS):
        stripes = np.tile(128 + 100 * np.cos(2 * np.pi / wavelength * x), (SIDE, 1))
        frame = np.repeat(stripes[..., None], 3, 2).round().astype(np.uint8)
        amplitudes = holes.features(frame[None], np.array([[0, 24, 24]]))[0, : 3 * holes.DIRECTIONS]
        assert amplitudes.argmax() == k * holes.DIRECTIONS
        assert np.isfinite(amplitudes).all()
    flat = holes.features(np.full((1, SIDE, SIDE, 3), 90, np.uint8), np.array([[0, 24, 24]]))
    np.testing.assert_allclose(flat[0, : 3 * holes.DIRECTIONS], np.log(holes.FLAT), atol=1e-6)


def test_patches_lie_in_the_holes_and_are_not_more_than_enough() -> None:
    hole = np.zeros((40, 48, 64), bool)
    assert holes.places_of(hole).shape == (0, 3)
    hole[3, 16:32, 8:24] = True
    np.testing.assert_array_equal(holes.places_of(hole), [[3, 16, 8]])
    assert len(holes.places_of(np.ones_like(hole))) == holes.MOST


def test_halves_are_blocks_of_frames() -> None:
    np.testing.assert_array_equal(holes.halves(np.array([0, 7, 8, 15, 16])), [True, True, False, False, True])
