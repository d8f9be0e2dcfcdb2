"""The loop against closed forms, against itself after a kill, and against one process where there are two."""

import math
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Generator, Tensor, nn
from worldwarp.training import checkpoints, curves, loop
from worldwarp.training.loop import Options, Task, draws, rate, train
from worldwarp_protocol.errors import FolderError

OPTIONS = Options(steps=40, lr=1e-2, warmup=4, report_every=5, evaluate_every=10, checkpoint_every=5)


def tiny(wait: float = 0.0, width: int = 8) -> Task:
    """A network that learns a sum, from noise that only the generator knows."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Dropout(0.1), nn.Linear(width, 1))

    def loss(network: nn.Module, step: int, generator: Generator) -> dict[str, Tensor]:  # noqa: ARG001
        time.sleep(wait)
        x = torch.randn(16, 4, generator=generator)
        error = network(x)[:, 0] - x.sum(1)
        return {"loss": error.square().mean(), "bias": error.mean()}

    def evaluate(network: nn.Module) -> dict[str, float]:
        x = torch.randn(64, 4, generator=Generator().manual_seed(1))
        return {"loss": float((network(x)[:, 0] - x.sum(1)).square().mean())}

    def sheet(network: nn.Module, folder: Path, step: int) -> None:  # noqa: ARG001
        (folder / f"{step}.txt").write_text("a picture")

    def save(network: nn.Module, folder: Path) -> None:
        (folder / "weights.txt").write_text(str(float(sum(p.sum() for p in network.parameters()))))

    return Task("tiny", network, loss, sheet, evaluate, save)


def newest(folder: Path) -> Path:
    return max((folder / checkpoints.FOLDER).glob("*.safetensors"))


def test_the_rate_rises_in_a_line_and_falls_by_a_cosine() -> None:
    options = Options(steps=110, lr=2.0, warmup=10)
    assert [rate(step, options) for step in (0, 4, 9, 10)] == pytest.approx([0.2, 1.0, 2.0, 2.0])
    assert rate(60, options) == pytest.approx(1.0)
    assert rate(35, options) == pytest.approx(1 + math.cos(math.pi / 4))
    assert rate(110, options) == pytest.approx(0.0)
    assert rate(100, replace(options, decay=False)) == 2.0


def test_the_average_is_the_closed_form_of_its_ramp() -> None:
    ema, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(ema.weight)
    expected = 0.0
    for step in range(200):
        nn.init.constant_(network.weight, float(step))
        loop.average(ema, network, step, 0.9)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert ema.weight.item() == pytest.approx(expected, rel=1e-5)
    assert ema.weight.item() == pytest.approx(199 - 9, rel=1e-3)  # a ramp is followed with the lag d / (1 - d)


def test_it_learns_and_leaves_curves_sheets_and_the_best_weights(tmp_path: Path) -> None:
    train(tiny(), replace(OPTIONS, steps=400, evaluate_every=100), tmp_path)
    losses = [row["loss"] for row in curves.read(tmp_path / curves.LOSS)]
    assert losses[-1] < 0.3 * losses[0]
    held_out = curves.read(tmp_path / curves.HELD_OUT)
    assert [row["step"] for row in held_out] == [100, 200, 300, 400]
    assert held_out[-1]["loss"] < held_out[0]["loss"]
    with Image.open(tmp_path / curves.PICTURE) as picture:
        assert (np.asarray(picture) == curves.LINE).all(-1).sum() > 500
    assert (tmp_path / "best" / "weights.txt").exists()
    assert (tmp_path / "sheets" / "400.txt").exists()
    assert len(list((tmp_path / checkpoints.FOLDER).iterdir())) == checkpoints.KEPT


def test_after_a_kill_it_ends_bit_for_bit_where_it_would_have(tmp_path: Path) -> None:
    train(tiny(), OPTIONS, tmp_path / "whole")
    code = "from tests.training.test_loop import *; train(tiny(0.02), OPTIONS, Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    rows = tmp_path / "killed" / curves.LOSS
    while not (rows.exists() and len(rows.read_text().splitlines()) > 3):
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert newest(tmp_path / "killed").stem != "00000040"
    train(tiny(), OPTIONS, tmp_path / "killed")
    one, other = (load_file(newest(tmp_path / name)) for name in ("whole", "killed"))
    assert newest(tmp_path / "killed").stem == "00000040"
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(name.startswith("exp_avg_sq.") for name in one)
    for name in (curves.LOSS, curves.HELD_OUT):
        taken = [[{**row, "seconds": 0} for row in curves.read(tmp_path / run / name)] for run in ("whole", "killed")]
        assert taken[0] == taken[1]


def test_a_signal_ends_it_with_a_checkpoint_and_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = tiny()

    def loss(network: nn.Module, step: int, generator: Generator) -> dict[str, Tensor]:
        if step == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return task.loss(network, step, generator)

    before = signal.getsignal(signal.SIGTERM)
    train(replace(task, loss=loss), OPTIONS, tmp_path)
    assert newest(tmp_path).stem == "00000007"
    assert "Stopped after step 7 of 40" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_when_its_minutes_are_over_it_stops_to_be_resumed(tmp_path: Path) -> None:
    train(tiny(), replace(OPTIONS, minutes=1e-9), tmp_path)
    assert newest(tmp_path).stem == "00000001"


def test_a_torn_checkpoint_is_passed_over_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tiny(), replace(OPTIONS, steps=10), tmp_path)
    torn = newest(tmp_path)
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    network = tiny().network
    training = checkpoints.Training(network, tiny().network, torch.optim.AdamW(network.parameters()))
    state = checkpoints.resume(tmp_path, training)
    assert state is not None
    assert state["step"] == 5
    assert "damaged" in capsys.readouterr().err


def test_a_checkpoint_half_written_has_no_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:  # noqa: ARG001
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    train(tiny(), replace(OPTIONS, steps=5), tmp_path)
    monkeypatch.setattr(checkpoints, "save_file", torn)
    with pytest.raises(OSError, match="No space"):
        train(tiny(), replace(OPTIONS, steps=10), tmp_path)
    assert newest(tmp_path).stem == "00000005"
    monkeypatch.undo()
    train(tiny(), replace(OPTIONS, steps=10), tmp_path)
    assert newest(tmp_path).stem == "00000010"


def test_another_networks_checkpoint_is_refused(tmp_path: Path) -> None:
    train(tiny(), replace(OPTIONS, steps=5), tmp_path)
    with pytest.raises(FolderError, match="another network"):
        train(tiny(width=6), OPTIONS, tmp_path)


ONE_STEP = replace(OPTIONS, steps=1, clip=1e9)


def linear(*parts: int) -> Task:
    """Its batch is that of the part it is given, or of all these parts of step 0 together."""
    torch.manual_seed(0)

    def loss(network: nn.Module, step: int, generator: Generator) -> dict[str, Tensor]:  # noqa: ARG001
        generators = [draws(OPTIONS.seed, 0, part)[1] for part in parts] or [generator]
        x = torch.cat([torch.randn(3, 4, generator=one) for one in generators])
        return {"loss": (network(x)[:, 0] - x.sum(1)).square().mean()}

    return replace(tiny(), network=nn.Linear(4, 1), loss=loss)


def gradients(folder: Path) -> dict[str, Tensor]:
    """Of a first step: AdamW's first moment is then (1 - beta) times it."""
    found = load_file(newest(folder))
    return {name: value / (1 - OPTIONS.betas[0]) for name, value in found.items() if name.startswith("exp_avg.")}


def test_parts_one_after_the_other_are_the_large_batch(tmp_path: Path) -> None:
    train(linear(0, 1, 2), ONE_STEP, tmp_path / "joint")
    train(linear(), replace(ONE_STEP, accumulate=3), tmp_path / "parts")
    torch.testing.assert_close(gradients(tmp_path / "parts"), gradients(tmp_path / "joint"))
    assert any(value.abs().max() > 0.1 for value in gradients(tmp_path / "joint").values())


@pytest.mark.slow
def test_two_processes_are_one_with_the_joint_batch(tmp_path: Path) -> None:
    train(linear(0, 1), ONE_STEP, tmp_path / "joint")
    code = "from tests.training.test_loop import *; loop.begin('cpu'); train(linear(), ONE_STEP, Path(sys.argv[1]))"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "two")], env={**shared, "RANK": rank})
        for rank in "01"
    ]
    assert [process.wait(120) for process in processes] == [0, 0]
    torch.testing.assert_close(gradients(tmp_path / "two"), gradients(tmp_path / "joint"))
