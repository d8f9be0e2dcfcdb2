"""Pools of latents: what is in them, and that they can be interrupted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worldwarp.diffusion.noise import valid_tokens
from worldwarp.diffusion.st_diff import before_vae
from worldwarp.diffusion.vae import encode
from worldwarp.training import latents
from worldwarp_protocol.errors import WorldWarpError

from ..weights.tiny import tiny_vae
from .plane import clip

CLIPS = [clip(9, 32, 48), clip(9, 32, 48)]
RECIPE = latents.Recipe(sources=6, cache_steps=1, seed=3)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> latents.Latents:
    return latents.make(tmp_path_factory.mktemp("pool"), CLIPS, tiny_vae(), RECIPE)


def test_each_item_is_what_inference_would_encode(pool: latents.Latents) -> None:
    vae = tiny_vae()
    assert pool.true.shape == (2, 16, 3, 4, 6)
    assert len(pool) == 12
    for i in (0, 5, 11):
        made = latents.item(CLIPS[i // 6], RECIPE, i)
        assert made.priors.valid[: made.context].all()
        wanted = encode(vae, before_vae(made.priors)).numpy()
        assert np.array_equal(pool.warped[i], wanted.astype(np.float16))
        assert np.array_equal(pool.valid[i], valid_tokens(made.priors.valid, "covered", 0))
        assert pool.context[i] == {0: 0, 1: 1, 5: 2}[made.context]
        true = encode(vae, CLIPS[i // 6].rgb.numpy() / np.float32(255)).numpy()
        assert np.array_equal(pool.true_of(i), true.astype(np.float16))


def test_context_latents_are_the_true_ones_to_the_bit(pool: latents.Latents) -> None:
    for i in range(len(pool)):
        fixed = int(pool.context[i])
        assert np.array_equal(pool.warped[i][:, :fixed], pool.true_of(i)[:, :fixed])
        assert pool.valid[i][:fixed].all()
    assert set(pool.context.tolist()) == {0, 1, 2}


def test_kinds_come_in_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    prior = latents.warps.warp(CLIPS[0], 0, "exact", 0)
    monkeypatch.setattr(latents.warps, "warp", lambda *given: seen.append(given[2]) or prior)
    for number in range(1500):
        latents.item(CLIPS[0], RECIPE, number)
    shares = [seen.count(kind) / len(seen) for kind in latents.KINDS]
    assert np.abs(np.subtract(shares, RECIPE.shares)).max() < 0.04


def test_a_pool_that_was_interrupted_goes_on_and_is_the_same(pool: latents.Latents, tmp_path) -> None:
    class Killed(Exception):
        pass

    def stop(*_: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        latents.make(tmp_path, CLIPS, tiny_vae(), RECIPE, said=stop)
    with pytest.raises(WorldWarpError, match="no finished pool"):
        latents.read(tmp_path)
    done: list[int] = []
    again = latents.make(tmp_path, CLIPS, tiny_vae(), RECIPE, said=lambda now, _: done.append(now))
    assert done == [2]
    for name in ("true", "warped", "valid", "context"):
        assert np.array_equal(getattr(again, name), getattr(pool, name))


def test_a_pool_of_something_else_is_not_gone_on_with(tmp_path) -> None:
    latents.make(tmp_path, CLIPS[:1], tiny_vae(), replace(RECIPE, sources=1))
    with pytest.raises(WorldWarpError, match="other latents"):
        latents.make(tmp_path, CLIPS[:1], tiny_vae(seed=9), replace(RECIPE, sources=1))


def test_words_are_kept_once_each_and_none_is_the_first(tmp_path) -> None:
    asked: list[str] = []

    def embed(text: str) -> torch.Tensor:
        asked.append(text)
        return torch.full((3, 4), float(len(text)))

    prompts = ["a hall", ""]
    made = latents.make(tmp_path, CLIPS, tiny_vae(), replace(RECIPE, sources=1), prompts=prompts, embed=embed)
    assert asked == ["", "a hall"]
    assert made.text is not None
    assert made.said is not None
    assert [float(made.text[row][0, 0]) for row in made.said] == [6, 0]


def test_history_is_what_the_warps_show_while_the_truth_stays(pool: latents.Latents, tmp_path) -> None:
    def grey(one, _: int) -> np.ndarray:
        return np.full(one.rgb.shape, 128, np.uint8)

    made = latents.make(tmp_path, CLIPS, tiny_vae(), RECIPE, history=grey)
    assert np.array_equal(made.true, pool.true)
    assert np.array_equal(made.valid, pool.valid)
    shown = latents.item(CLIPS[0], RECIPE, 0, grey).priors
    assert np.allclose(shown.rgb[shown.valid], 128 / 255, atol=0.01)
