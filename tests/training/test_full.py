"""The full model's fine-tuning, at a tiny size: the real folders, the real reading, words by the real UMT5 code."""

from pathlib import Path

import numpy as np
import pytest
import torch
from worldwarp.training import full, latents, loop, st_diff

from ..weights.tiny import TEXT_WIDTH, tiny_wan_home
from .plane import clip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORLDWARP_HOME", str(tiny_wan_home(tmp_path / "home")))
    return tmp_path


def test_a_few_steps_move_the_published_weights(home: Path) -> None:
    words = full.embeddings(["", "a wall behind a board"], torch.device("cpu"))
    clips = [clip(5, 32, 48)]
    recipe = latents.Recipe(sources=2, shares=(0.5, 0.5, 0))
    pool = latents.make(
        home / "pool", clips, full.vae(), recipe, prompts=["a wall behind a board"], embed=words.__getitem__
    )
    assert pool.text is not None
    assert pool.text.shape == (2, 512, TEXT_WIDTH)
    network = full.network()
    assert network.is_gradient_checkpointing
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    task = st_diff.task(network, pool, pool, full.vae(), st_diff.Objective(2))
    loop.train(task, loop.Options(3, 1e-3, warmup=1, report_every=1), home / "out")
    moved = [name for name, value in network.named_parameters() if not torch.equal(value, before[name])]
    assert len(moved) > 0.9 * len(before)
    assert (home / "out" / "best" / "config.json").is_file()


@pytest.mark.usefixtures("home")
def test_checkpointed_gradients_are_the_plain_ones() -> None:
    draws = np.random.default_rng(0)
    true = draws.standard_normal((1, 16, 2, 4, 6)).astype(np.float16)
    pool = latents.Latents(true, true, np.ones((1, 2, 2, 3), bool), np.ones(1, np.uint8))
    gradients = []
    for checkpointed in (True, False):
        network = full.network()
        if not checkpointed:
            network.disable_gradient_checkpointing()
        batch = st_diff.batch_of(
            pool, st_diff.Objective(2), torch.zeros(1, 1, TEXT_WIDTH), torch.Generator().manual_seed(0), "cpu"
        )
        st_diff.loss_of(network, batch)["loss"].backward()
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
