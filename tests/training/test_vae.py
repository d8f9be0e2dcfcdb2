"""The VAE's training: diffusers' own encode and decode with gradients, and one clip that is learned by heart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from worldwarp.diffusion import vae as product
from worldwarp.training import configs, curves, vae
from worldwarp.training.clips import Clip
from worldwarp.training.loop import Options, train

TINY = {**configs.SMALL_VAE, "base_dim": 8, "num_res_blocks": 1}
QUICK = {**configs.QUICK_VAE, "base_dim": 8}
OBJECTIVE = vae.Objective(batch=1, frames=5, size=32, holed=0)


def clip(n: int, height: int, width: int) -> Clip:
    """A square that moves over a slope."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    frames = torch.stack([torch.stack([x * 4, y * 4, 128 + 0 * x], -1) for _ in range(n)]).clamp(max=255).byte()
    for i in range(n):
        frames[i, 8:16, 4 + i : 12 + i] = torch.tensor([230, 40, 60])
    none = torch.zeros(n, 1)
    return Clip(frames, none, none, none)


@pytest.mark.parametrize("sizes", [TINY, QUICK], ids=["plain", "quick"])
@pytest.mark.parametrize("frames", [1, 9])
def test_it_is_diffusers_own_encode_and_decode(frames: int, sizes: dict[str, Any]) -> None:
    network = vae.make(sizes, 0, torch.device("cpu"))
    video = torch.rand(2, 3, frames, 32, 48, generator=torch.Generator().manual_seed(0))
    mean, logvar = vae.encode(network, video)
    there = network.encode(video * 2 - 1).latent_dist
    torch.testing.assert_close(mean, there.mean)
    torch.testing.assert_close(logvar, there.logvar)
    seen = vae.decode(network, mean)
    torch.testing.assert_close(seen.clamp(0, 1), network.decode(mean).sample / 2 + 0.5, atol=1e-5, rtol=1e-4)


def test_the_gradients_are_those_of_diffusers() -> None:
    network = vae.make(TINY, 0, torch.device("cpu")).double()
    video = torch.rand(1, 3, 9, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = []
    for way in (
        lambda: (vae.decode(network, vae.encode(network, video)[0]) * 2 - 1).clamp(-1, 1),
        lambda: network.decode(network.encode(video * 2 - 1).latent_dist.mode()).sample,
    ):
        network.zero_grad()
        (way() - video).square().mean().backward()
        found.append([p.grad.clone() for p in network.parameters()])
    torch.testing.assert_close(*found)


@pytest.mark.slow
def test_a_clip_is_learned_by_heart_and_the_product_reads_the_result(tmp_path: Path) -> None:
    network, one = vae.make(TINY, 0, torch.device("cpu")), [clip(5, 32, 32)]
    options = Options(steps=120, lr=5e-3, warmup=5, ema=0.9, report_every=10, evaluate_every=60, checkpoint_every=60)
    train(vae.task(network, one, one, OBJECTIVE), options, tmp_path)
    losses = [row["charbonnier"] for row in curves.read(tmp_path / curves.LOSS)]
    assert losses[-1] < losses[0] / 2
    read = AutoencoderKLWan.from_pretrained(tmp_path / "best", local_files_only=True).eval()
    frames = one[0].rgb.numpy().astype(np.float32) / 255
    latents = product.encode(read, frames)
    assert latents.shape == (16, 2, 4, 4)
    torch.testing.assert_close(latents.mean((1, 2, 3)), torch.zeros(16), atol=1e-3, rtol=0)
    seen = np.concatenate(list(product.decode(read, latents)))
    assert -10 * np.log10(((seen - frames) ** 2).mean()) > 16


def test_a_batch_is_a_pure_function_of_its_generator() -> None:
    pool = [clip(9, 48, 64), clip(9, 48, 64)]
    objective = replace(OBJECTIVE, batch=6, holed=0.5)
    one, same, other = (vae.batch(pool, objective, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert one.shape == (6, 3, 5, 32, 32)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_holes_leave_the_first_frame_and_what_is_known() -> None:
    video = vae.as_video(clip(5, 32, 32).rgb)
    holed = vae._holed(video, np.random.default_rng(0))
    assert torch.equal(holed[:, 0], video[:, 0])
    same = (holed[:, 1:] == video[:, 1:]).float().mean()
    assert 0.3 < float(same) < 0.95
