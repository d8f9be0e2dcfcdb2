"""Noise levels of training: the paper's pairs, and moments of inference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worldwarp.diffusion.noise import TRAINING_STEPS, schedule
from worldwarp.training import levels

VALID = np.zeros((5, 4, 6), bool)
VALID[:, :, :3] = True
VALID[:2] = True


def drawn(count: int, context: int = 2) -> list[np.ndarray]:
    draws = np.random.default_rng(0)
    return [levels.draw(VALID, context, 5.0, draws) for _ in range(count)]


def is_shaped(sigma: np.ndarray) -> bool:
    """Paired levels are never 0."""
    return not sigma[:2].any()


def test_the_map_is_equation_6_token_by_token(monkeypatch: pytest.MonkeyPatch) -> None:
    warped, filled, _ = levels.paired(5, np.random.default_rng(7))
    monkeypatch.setattr(levels, "INFERENCE_SHAPED", 0.0)
    monkeypatch.setattr(levels, "paired", lambda *_: (warped, filled, 0))
    twin = np.empty(VALID.shape)
    for t, y, x in np.ndindex(VALID.shape):
        twin[t, y, x] = VALID[t, y, x] * warped[t] + (1 - VALID[t, y, x]) * filled[t]
    assert np.array_equal(levels.draw(VALID, 2, 5.0, np.random.default_rng(0)), twin.astype(np.float32))


def test_half_of_all_draws_are_inference_shaped() -> None:
    share = np.mean([is_shaped(sigma) for sigma in drawn(2000)])
    assert abs(share - 0.5) < 0.04


def test_pairs_are_independent_between_regions_and_frames_and_even() -> None:
    draws = np.random.default_rng(1)
    both = np.stack([np.stack(levels.paired(2, draws)[:2]) for _ in range(4000)])
    flat = both.reshape(4000, 4)
    assert np.abs(np.corrcoef(flat.T) - np.eye(4)).max() < 0.06
    assert np.abs(np.quantile(flat, [0.25, 0.5, 0.75]) - [0.25, 0.5, 0.75]).max() < 0.02


def test_what_is_filled_is_pure_noise_in_a_fifth_of_the_moments() -> None:
    draws = np.random.default_rng(2)
    moments = [levels.inference_shaped(5, 1, 5.0, draws) for _ in range(3000)]
    share = np.mean([filled[0] == 1 and warped[0] < 1 for warped, filled, _ in moments])
    assert 0.17 < share < 0.25


@given(seed=st.integers(0, 2**32 - 1), context=st.integers(0, 2), shift=st.sampled_from([1.0, 3.0, 5.0]))
def test_a_moment_has_one_level_for_each_region_and_the_filled_one_is_never_lower(seed, context, shift) -> None:
    warped, filled, fixed = levels.inference_shaped(5, context, shift, np.random.default_rng(seed))
    assert fixed == context
    assert len(set(warped)) == len(set(filled)) == 1
    assert warped[0] <= filled[0]
    assert {warped[0], filled[0]} <= set(schedule(TRAINING_STEPS, shift)) | {1.0}


def test_context_is_exactly_clean_in_moments_of_inference() -> None:
    shaped = [sigma for sigma in drawn(200) if is_shaped(sigma)]
    assert all((sigma[:2] == 0).all() and (sigma[2:] > 0).all() for sigma in shaped)


def test_the_same_generator_draws_the_same_levels() -> None:
    assert all(np.array_equal(a, b) for a, b in zip(drawn(20), drawn(20), strict=True))
