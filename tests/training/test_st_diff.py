"""ST-Diff's objective against a twin in float64, its two targets in closed form, and a network that learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worldwarp.diffusion.noise import levels, schedule
from worldwarp.diffusion.sampler import euler, start
from worldwarp.diffusion.transformer import STDiff
from worldwarp.nouns import NoiseMap
from worldwarp.training import configs, latents, st_diff
from worldwarp_protocol.messages import Diffusion

from ..weights.tiny import TRANSFORMER, tiny_vae
from .plane import clip

SHAPE = (2, 3, 3, 4, 6)  # B, C, T', H', W'
DRAWS = np.random.default_rng(5)
TRUE, WARPED, NOISE = (torch.from_numpy(DRAWS.standard_normal(SHAPE, np.float32)) for _ in range(3))
VALID = torch.from_numpy(DRAWS.random((2, 3, 2, 3)) < 0.5)
SIGMA = torch.from_numpy(DRAWS.random((2, 3, 2, 3), np.float32))

WIDER = {**TRANSFORMER, "num_attention_heads": 4, "attention_head_dim": 24, "ffn_dim": 192}


def tiny_pool(count: int = 2, seed: int = 0) -> latents.Latents:
    draws = np.random.default_rng(seed)
    true = draws.standard_normal((count, 16, 3, 4, 6)).astype(np.float16)
    valid = draws.random((count, 3, 2, 3)) < 0.6
    valid[:, 0] = True
    warped = true + (0.3 * draws.standard_normal(true.shape)).astype(np.float16)
    warped[:, :, 0] = true[:, :, 0]
    return latents.Latents(true, warped, valid, np.ones(count, np.uint8))


def tiny_network(seed: int = 0) -> STDiff:
    return st_diff.make(TRANSFORMER, seed, torch.device("cpu"))


def test_equations_5_to_8_are_those_of_a_twin_written_latent_by_latent() -> None:
    true, warped, noise, sigma = (a.double().numpy() for a in (TRUE, WARPED, NOISE, SIGMA))
    clean, x, target = (np.empty(SHAPE) for _ in range(3))
    for b, c, t, v, u in np.ndindex(SHAPE):
        M, level = float(VALID[b, t, v // 2, u // 2]), sigma[b, t, v // 2, u // 2]
        clean[b, c, t, v, u] = M * warped[b, c, t, v, u] + (1 - M) * true[b, c, t, v, u]
        x[b, c, t, v, u] = (1 - level) * clean[b, c, t, v, u] + level * noise[b, c, t, v, u]
        target[b, c, t, v, u] = noise[b, c, t, v, u] - true[b, c, t, v, u]
    ours = st_diff.composite(TRUE, WARPED, VALID)
    assert np.array_equal(ours.numpy(), clean)
    assert np.allclose(st_diff.noisy(ours, SIGMA, NOISE), x, atol=1e-6)
    asked, weight = st_diff.target_of(st_diff.noisy(ours, SIGMA, NOISE), TRUE, SIGMA, NOISE, "paper")
    assert np.allclose(asked, target, atol=1e-6)
    assert (weight == 1).all()


def test_the_loss_is_the_mean_square_over_what_moves() -> None:
    pool, sigma = tiny_pool(), torch.full((2, 3, 2, 3), 0.5)
    sigma[:, 0] = 0
    noise, words = torch.randn((2, 16, 3, 4, 6), generator=torch.Generator().manual_seed(0)), torch.zeros(2, 1, 32)
    batch = st_diff.assemble(pool, [0, 1], sigma, noise, words, "paper", "cpu")
    network = tiny_network()
    with torch.no_grad():
        found = st_diff.loss_of(network, batch)
        said = network(batch.noisy, 1000 * sigma.flatten(1), words, return_dict=False)[0].double().numpy()
    squares = (said - (noise.double().numpy() - pool.true.astype(np.float64))) ** 2
    known = pool.valid.repeat(2, 2).repeat(2, 3)[:, None, 1:] & np.ones((1, 16, 1, 1, 1), bool)
    assert float(found["loss"]) == pytest.approx(squares[:, :, 1:].mean(), rel=1e-4)
    assert float(found["warped"]) == pytest.approx(squares[:, :, 1:][known].mean(), rel=1e-4)
    assert float(found["filled"]) == pytest.approx(squares[:, :, 1:][~known].mean(), rel=1e-4)


@pytest.mark.parametrize("target", ["paper", "consistent"])
@pytest.mark.parametrize("sigma_start", [0.3, 0.8, 0.9515])
def test_a_perfect_predictor_of_each_target_ends_where_arithmetic_says(target, sigma_start) -> None:
    """On warps with an error e the paper's leaves (1 - sigma_start) e over; the consistent one nothing."""
    true, error, noise = TRUE[0].double(), 0.2 * WARPED[0].double(), NOISE[0].double()
    valid = np.ones((3, 2, 3), bool)
    line = levels(NoiseMap(np.full(valid.shape, sigma_start, np.float32), valid), schedule(12, 5.0))

    def perfect(x: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
        asked = st_diff.target_of(x[None], true[None].float(), now[None], noise[None].float(), target)
        return asked[0][0]

    x = start(true + error, noise, torch.from_numpy(line[0]))
    left = euler(perfect, x, torch.from_numpy(line)).double() - true
    wanted = (1 - sigma_start) * error if target == "paper" else torch.zeros_like(error)
    assert torch.allclose(left, wanted, atol=2e-5)


def test_the_consistent_target_counts_less_where_it_would_explode() -> None:
    sigma = torch.tensor([0.0, 1e-4, 0.1, 0.2, 1.0]).reshape(1, 5, 1, 1)
    x, true = torch.ones(1, 1, 5, 2, 2), torch.zeros(1, 1, 5, 2, 2)
    target, weight = st_diff.target_of(x, true, sigma, x, "consistent")
    assert weight[0, 0, :, 0, 0].tolist() == pytest.approx([0, 2.5e-7, 0.25, 1, 1])
    assert target.isfinite().all()
    assert (target**2 * weight).max() <= 25.01


def test_a_batch_is_a_function_of_the_generator_alone() -> None:
    pool, words = tiny_pool(), torch.zeros(1, 1, 32)
    batches = [
        st_diff.batch_of(pool, st_diff.Objective(4), words, torch.Generator().manual_seed(seed), "cpu")
        for seed in (1, 1, 2)
    ]
    for name in ("noisy", "sigma", "target", "weight"):
        first, second, other = (getattr(batch, name) for batch in batches)
        assert torch.equal(first, second)
        assert name == "weight" or not torch.equal(first, other)


def test_a_tenth_of_the_items_go_without_their_words() -> None:
    texts = np.zeros((2, 3, 32), np.float16)
    texts[1] = 1
    pool = replace(tiny_pool(), text=texts, said=np.ones(2, np.int64))
    objective, words = st_diff.Objective(1000), torch.zeros(1, 3, 32)
    batch = st_diff.batch_of(pool, objective, words, torch.Generator().manual_seed(0), "cpu")
    assert 0.07 < float((batch.text[:, 0, 0] == 0).float().mean()) < 0.13


@pytest.mark.slow
def test_a_tiny_network_learns_two_latents() -> None:
    pool, network = tiny_pool(), st_diff.make(WIDER, 0, torch.device("cpu"))
    task = st_diff.task(network, pool, pool, tiny_vae(), st_diff.Objective(8))
    before = task.evaluate(network)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(150):
        task.loss(network, step, torch.Generator().manual_seed(step))["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    after = task.evaluate(network)
    assert after["loss"] < 0.5 * before["loss"]
    assert after["psnr"] > before["psnr"] + 1


def test_evaluation_measures_what_inference_makes_and_the_same_each_time() -> None:
    pool, network = tiny_pool(), tiny_network()
    words = torch.zeros(1, 1, 32)
    found = st_diff.evaluate(network, pool, "paper", words)
    assert found == st_diff.evaluate(network, pool, "paper", words)
    made = [st_diff.denoised(network, pool, i, words).numpy() for i in range(2)]
    assert all(np.array_equal(m[:, 0], pool.warped[i][:, 0].astype(np.float32)) for i, m in enumerate(made))
    twin = []
    for i, latent in enumerate(made):
        true = pool.true[i].astype(np.float64)
        twin.append(10 * np.log10(np.ptp(true) ** 2 / ((latent - true)[:, 1:] ** 2).mean()))
    assert found["psnr"] == pytest.approx(np.mean(twin), abs=1e-3)


def test_a_sheet_shows_truth_warp_and_result(tmp_path) -> None:
    pool, network, vae = tiny_pool(1), tiny_network(), tiny_vae()
    picture = st_diff.sample_sheet(network, pool, vae, torch.zeros(1, 1, 32))
    assert picture.shape == (3 * 32, 3 * 48, 3)
    st_diff.task(network, pool, pool, vae, st_diff.Objective(1)).sheet(network, tmp_path, 7)
    assert (tmp_path / "00000007.png").is_file()


def test_an_imagined_history_keeps_the_picture_and_is_the_seeds_alone() -> None:
    given, network = clip(9, 32, 48), tiny_network().eval()
    history = st_diff.imagined(network, tiny_vae(), Diffusion(steps=2, guidance=1))
    frames = history(given, 4)
    assert frames.shape == given.rgb.shape
    assert frames.dtype == np.uint8
    assert np.array_equal(frames[0], given.rgb[0].numpy())
    assert np.array_equal(frames, history(given, 4))
    assert not np.array_equal(frames, history(given, 5))


def test_a_new_network_says_what_it_is_given() -> None:
    network = st_diff.make(configs.QUICK_ST_DIFF, 0, torch.device("cpu"))
    latents = torch.randn(1, 32, 2, 8, 12, generator=torch.Generator().manual_seed(0))
    said = network(latents, torch.full((1, 48), 500.0), torch.zeros(1, 1, 64), return_dict=False)[0]
    assert torch.corrcoef(torch.stack([latents.flatten(), said.flatten()]))[0, 1] > 0.95
