"""From clips and a trained VAE to a training of ST-Diff, as the command makes it."""

from pathlib import Path

import pytest
import torch
from worldwarp.training import command, loop, st_diff, st_diff_task
from worldwarp.training.configs import ST_DIFF, VAE, Footage, Plan
from worldwarp.training.loop import Options
from worldwarp_protocol.errors import InvalidShot

from ..weights.tiny import TRANSFORMER, tiny_vae
from .plane import clip

CPU = torch.device("cpu")
PLAN = Plan(TRANSFORMER, Footage(2, 1, 5, 32, 48), Options(2, 1e-3, warmup=1), st_diff.Objective(2))
CLIPS = [clip(5, 32, 48)] * 2, [clip(5, 32, 48)]


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    tiny_vae().save_pretrained(tmp_path / "vae")
    return tmp_path / "vae"


def made(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("pool.json")}


@pytest.mark.slow
def test_latents_are_made_once_and_those_of_a_history_beside_them(vae: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    task = st_diff_task.task(PLAN, CLIPS, data, vae, None, None, CPU)
    loop.train(task, PLAN.options, tmp_path / "out")
    first = made(data)
    assert len(first) == 2
    st_diff_task.task(PLAN, CLIPS, data, vae, None, None, CPU)
    assert made(data) == first
    st_diff_task.task(PLAN, CLIPS, data, vae, tmp_path / "out" / "best", None, CPU)
    assert len(made(data)) == 4
    assert first.items() <= made(data).items()


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidShot, match="holds no weights"):
        st_diff_task.task(PLAN, CLIPS, tmp_path, tmp_path, None, None, CPU)


def test_it_begins_with_the_weights_that_are_named(vae: Path, tmp_path: Path) -> None:
    other = st_diff.make(TRANSFORMER, 1, CPU)
    other.save_pretrained(tmp_path / "other")
    task = st_diff_task.task(PLAN, CLIPS, tmp_path / "data", vae, None, tmp_path / "other", CPU)
    assert all(torch.equal(a, b) for a, b in zip(task.network.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("size", ["smoke", "mini"])
def test_small_sizes_are_networks_whose_tokens_are_those_of_the_vae(size: str) -> None:
    network = st_diff.make(ST_DIFF[size].network, 0, CPU)
    count = sum(p.numel() for p in network.parameters()) / 1e6
    assert {"smoke": 6, "mini": 8}[size] < count < {"smoke": 8, "mini": 10}[size]
    latents = torch.zeros(1, VAE[size].network["z_dim"], 2, 8, 12)
    out = network(latents, torch.full((1, 48), 500.0), torch.zeros(1, 1, 64), return_dict=False)[0]
    assert out.shape == latents.shape


def test_st_diff_needs_a_vae_and_the_vae_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidShot, match="--vae"):
        command.command(["st-diff", "--out", str(tmp_path / "a")])
    with pytest.raises(InvalidShot, match="are for st-diff"):
        command.command(["vae", "--out", str(tmp_path / "b"), "--target", "paper"])


def test_a_start_that_does_not_fit_the_vae_is_refused_before_any_latents_are_made(vae: Path, tmp_path: Path) -> None:
    st_diff.make({**TRANSFORMER, "in_channels": 32, "out_channels": 32}, 0, CPU).save_pretrained(tmp_path / "wide")
    with pytest.raises(InvalidShot, match="32 channels, the VAE makes 16"):
        st_diff_task.task(PLAN, CLIPS, tmp_path / "data", vae, None, tmp_path / "wide", CPU)
    with pytest.raises(InvalidShot, match="name the folder 'best'"):
        command.command(["st-diff", "--out", str(tmp_path / "a"), "--vae", str(vae), "--start", str(tmp_path / "none")])
