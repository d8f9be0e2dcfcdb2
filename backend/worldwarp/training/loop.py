"""The training loop, read from top to bottom: all three networks are trained by it, on one device or on several.

Of n processes (torchrun) each takes its own part of every batch, and their gradients are averaged. That is done here
and not by DistributedDataParallel, whose hooks see only ``forward``: a VAE's encoder and decoder are called by name.
"""

import copy
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Generator, Tensor, nn

from . import checkpoints, curves
from .checkpoints import Training


def save_pretrained(network: nn.Module, folder: Path) -> None:
    """Write diffusers' own form: ``config.json`` beside the weights."""
    network.save_pretrained(folder)  # type: ignore[operator]


@dataclass(frozen=True)
class Task:
    """What is trained. All randomness of a step is drawn from the generator, a CPU one, that ``loss`` is given."""

    name: str
    network: nn.Module
    """On its device, in float32."""
    loss: Callable[[nn.Module, int, Generator], dict[str, Tensor]]
    """Scalars by name for one part of step k's batch; "loss" is minimised, the others are shown."""
    sheet: Callable[[nn.Module, Path, int], None]
    """Writes pictures of what the averaged network does at a step into a folder."""
    evaluate: Callable[[nn.Module], dict[str, float]]
    """On held-out clips; the weights whose "loss" (else: the first value) is least are the best."""
    save: Callable[[nn.Module, Path], None] = save_pretrained
    """Writes weights into an empty folder in the form in which the product reads them."""


@dataclass(frozen=True)
class Options:
    """How it is trained."""

    steps: int
    lr: float
    warmup: int = 100
    """Steps in which the rate rises from nothing."""
    decay: bool = True
    """Whether the rate then falls to nothing by a cosine; else it is constant."""
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip: float = 1.0
    """The gradient's greatest norm."""
    ema: float = 0.999
    accumulate: int = 1
    """Parts of a batch that a process takes one after the other."""
    seed: int = 0
    report_every: int = 20
    evaluate_every: int = 500
    checkpoint_every: int = 500
    minutes: float = math.inf
    """After which it stops with a checkpoint, to be resumed."""


def train(task: Task, options: Options, folder: Path) -> None:
    """Train until ``options.steps``; goes on from the newest checkpoint in the folder, where there is one.

    Writes ``checkpoints/``, ``best/`` (averaged weights), ``loss.csv``, ``held_out.csv``, ``curves.png``, ``sheets/``.
    Ends early with a checkpoint and a sentence on SIGINT or SIGTERM, or when its minutes are over.
    """
    network, device = task.network.train(), next(task.network.parameters()).device
    ema = copy.deepcopy(network).eval().requires_grad_(False)
    optimiser = torch.optim.AdamW(
        network.parameters(), options.lr, betas=options.betas, weight_decay=options.weight_decay
    )
    training = Training(network, ema, optimiser)
    state = checkpoints.resume(folder, training) or {"step": 0, "best": None}
    curves.cut(folder, state["step"])
    parts = options.accumulate * _world()
    with _stopping(options.minutes) as stopping:
        watch = _Watch(state["step"], options)
        for step in range(state["step"], options.steps):
            for group in optimiser.param_groups:
                group["lr"] = rate(step, options)
            shown: dict[str, Tensor] = {}
            for part in range(_rank(), parts, _world()):
                seed, generator = draws(options.seed, step, part)
                torch.manual_seed(seed)  # for what draws without a generator, dropout for one
                with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                    losses = task.loss(network, step, generator)
                (losses["loss"] / options.accumulate).backward()  # type: ignore[no-untyped-call]
                for name, value in losses.items():
                    shown[name] = shown.get(name, 0) + value.detach() / options.accumulate
            _average_gradients(network)
            shown["gradient"] = nn.utils.clip_grad_norm_(network.parameters(), options.clip)
            optimiser.step()
            optimiser.zero_grad()
            average(ema, network, step, options.ema)
            state["step"] = step + 1
            watch.saw(shown)

            stop, last = stopping(), step + 1 == options.steps
            if _rank() == 0 and (watch.due(options.report_every) or last):
                curves.append(folder / curves.LOSS, watch.row())
                watch.say()
            if _rank() == 0 and (watch.due(options.evaluate_every) or last):
                _examine(task, ema, folder, state)
            if _rank() == 0 and (watch.due(options.checkpoint_every) or last or stop):
                checkpoints.save(folder, training, {**state, "options": asdict(options)})
            if stop and not last:
                watch.end(f"Stopped after step {step + 1} of {options.steps}; run it again with --resume to go on.")
                return
        watch.end(f"Trained {options.steps} steps of {task.name}: the best weights are in {folder / 'best'}.")


def rate(step: int, options: Options) -> float:
    """The learning rate of a step: a linear warm-up, then half a cosine down to nothing, or constant."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    if not options.decay:
        return options.lr
    share = (step - options.warmup) / max(1, options.steps - options.warmup)
    return options.lr * (0.5 + 0.5 * math.cos(math.pi * min(share, 1)))


def draws(seed: int, step: int, part: int) -> tuple[int, Generator]:
    """What part of what step of which training draws from: nothing else, so it can be taken up anywhere."""
    mixed = int(np.random.SeedSequence([seed, step, part]).generate_state(1, np.uint64)[0] >> 1)
    return mixed, Generator().manual_seed(mixed)


@torch.no_grad()
def average(ema: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights towards the network's; the first steps, which know little, are soon forgotten."""
    decay = min(decay, (1 + step) / (10 + step))
    for kept, new in zip(ema.parameters(), network.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)
    for buffer, newer in zip(ema.buffers(), network.buffers(), strict=True):
        buffer.copy_(newer)


def begin(device: str) -> torch.device:
    """The device of this process. Under torchrun it joins the others: NCCL on CUDA, gloo on the CPU.

    Numbers below the least normal one become 0: as training goes on there are many, and a CPU takes ten times as long.
    """
    torch.set_flush_denormal(True)
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    return torch.device("cuda", local) if device == "cuda" else torch.device(device)


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def _average_gradients(network: nn.Module) -> None:
    if _world() == 1:
        return
    for parameter in network.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:  # a part of the network that this process' clips did not need
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)
            parameter.grad /= _world()


@torch.no_grad()
def _examine(task: Task, ema: nn.Module, folder: Path, state: dict[str, Any]) -> None:
    """Measure the averaged weights on held-out clips, draw them, and keep them where they are the best so far."""
    found = task.evaluate(ema)
    curves.append(folder / curves.HELD_OUT, {"step": state["step"], **found})
    curves.draw(folder, task.name)
    (folder / "sheets").mkdir(exist_ok=True)
    task.sheet(ema, folder / "sheets", state["step"])
    value = found.get("loss", next(iter(found.values()), 0.0))
    if state["best"] is None or value < state["best"]:
        _keep(task, ema, folder / "best")
        state["best"] = value
    measured = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
    _print(f"step {state['step']}, held out: {measured}")


def _keep(task: Task, ema: nn.Module, best: Path) -> None:
    """The old best is replaced when the new one is whole."""
    new, old = best.with_name("best.new"), best.with_name("best.old")
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir(parents=True)
    task.save(ema, new)
    if best.exists():
        best.replace(old)
    new.replace(best)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _stopping(minutes: float) -> Iterator[Callable[[], bool]]:
    """Whether to stop: a signal came or the time is over, in any of the processes."""
    end, asked = time.monotonic() + 60 * minutes, threading.Event()
    caught = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in caught}

    def stopping() -> bool:
        stop = asked.is_set() or time.monotonic() > end
        if _world() == 1:
            return stop
        flag = torch.tensor(float(stop), device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.all_reduce(flag)
        return bool(flag)

    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Watch:
    """The losses and the time since it last looked at them, and a line of how far the training is."""

    def __init__(self, step: int, options: Options) -> None:
        self._options, self._step, self._count = options, step, 0
        self._sums: dict[str, Any] = {}
        self._since = time.monotonic()

    def saw(self, losses: dict[str, Tensor]) -> None:
        self._step, self._count = self._step + 1, self._count + 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def due(self, every: int) -> bool:
        return self._step % every == 0

    def row(self) -> dict[str, float]:
        """Means over the steps since the last row."""
        seconds = (time.monotonic() - self._since) / self._count
        means = {name: float(value) / self._count for name, value in self._sums.items()}
        self._row = {"step": self._step, "lr": rate(self._step - 1, self._options), "seconds": seconds, **means}
        self._sums, self._count, self._since = {}, 0, time.monotonic()
        return self._row

    def say(self) -> None:
        row, left = self._row, self._row["seconds"] * (self._options.steps - self._step) / 60
        _print(
            f"step {self._step} of {self._options.steps}, loss {row['loss']:.4g}, lr {row['lr']:.2g}, "
            f"{row['seconds']:.3g} s a step, {left:.0f} min left"
        )

    def end(self, sentence: str) -> None:
        if _rank() == 0:
            _print(sentence)


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
