"""``worldwarp bench diffusion``: what one chunk of ST-Diff costs here, stage by stage, beside diffusers' own path.

Weights are random: neither time nor memory depends on them. On a GPU everything has the published models' size; on a
CPU a small model of the same classes stands in, and the table says so.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor, nn
from worldwarp_protocol.messages import Diffusion, Settings

from ..engines.compute import peak_bytes
from ..nouns import Bytes, Priors, Prompt, View
from .st_diff import Models, fill
from .transformer import WAN_1_3B, STDiff, choose_attention, velocity

SMALL: dict[str, Any] = {**WAN_1_3B, "num_attention_heads": 2, "attention_head_dim": 32, "ffn_dim": 128}
SMALL |= {"num_layers": 2, "text_dim": 64}

SMALL_VAE = {"base_dim": 16, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    stage: str
    seconds: float
    """Median over the repeats, after one that warms up."""
    peak_bytes: int
    """Of the GPU's memory during this stage; on a CPU the most that this process has held so far."""


def command(arguments: Sequence[str]) -> int:
    """Measure, print a table, write it as JSON where asked."""
    options = _parser().parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    full = options.size == "full" or (options.size is None and device.type == "cuda")
    models = random_models(device, full)
    backend = choose_attention(models.transformer, device)
    priors, context = synthetic_priors(options.frames, options.height, options.width)
    settings = Settings(diffusion=Diffusion(steps=options.steps), geometry="ttt3r")
    size = "the published models' size" if full else "a SMALL stand-in, not the published models' size"
    print(f"{_name(device)}, attention {backend}; {options.frames} x {options.height} x {options.width}, {size}")
    rows = [*stages(models, priors, context, settings, options.repeats), *forwards(models, priors, options.repeats)]
    for row in rows:
        print(f"  {row.stage:42}{row.seconds:9.3f} s   peak {row.peak_bytes / 2**30:6.2f} GiB", flush=True)
    if options.json:
        about = {"device": _name(device), "attention": backend, "full_size": full, "random_weights": True}
        options.json.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=2))
    return 0


def stages(models: Models, priors: Priors, context: Sequence[View], settings: Settings, repeats: int) -> list[Row]:
    """One chunk as the pipeline has it made, and how its time divides."""
    began: dict[str, float] = {}
    last: list[tuple[str, float]] = []

    def report(stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:  # noqa: ARG001
        last.append((stage, _now(models.transformer.device)))

    def once() -> None:
        last.clear()
        start = _now(models.transformer.device)
        fill(models, priors, context, Prompt("a hall", "blur"), settings, report)
        last.append(("end", _now(models.transformer.device)))
        marks = [next(when for stage, when in last if stage == name) for name in ("encode", "denoise", "decode", "end")]
        names = (
            "holes filled before the VAE",
            "encoded, first step",
            "further steps, first frame",
            "decoded, measured",
        )
        for name, a, b in zip(names, [start, *marks[:-1]], marks, strict=True):
            began[name] = b - a

    whole = timed("one chunk, denoised and decoded", once, models.transformer.device, repeats)
    return [*(Row(f"  {name}", seconds, whole.peak_bytes) for name, seconds in began.items()), whole]


def forwards(models: Models, priors: Priors, repeats: int) -> list[Row]:
    """One forward of the network for two texts: ours, and diffusers' with an embedding for every token."""
    network = models.transformer
    frames, height, width = priors.valid.shape
    shape = (1 + (frames - 1) // 4, height // 16, width // 16)
    x = torch.randn(network.config.in_channels, shape[0], 2 * shape[1], 2 * shape[2], device=network.device)
    levels = torch.full(shape, 0.9, device=network.device)
    levels[:2], levels[2:, : shape[1] // 3] = 0, 1
    texts = torch.stack([models.embed("a"), models.embed("b")])
    ours = velocity(network, texts)
    stock = stock_velocity(network, texts)
    with torch.no_grad():
        rows = [timed("forward, guidance in one batch", lambda: ours(x, levels), network.device, repeats)]
        plain = timed("  plain: an embedding for every token", lambda: stock(x, levels), network.device, repeats)
    return [*rows, plain]


def stock_velocity(network: STDiff, texts: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """The same weights through diffusers' own forward."""
    with torch.device("meta"):
        stock = WanTransformer3DModel.from_config(network.config)
    stock.load_state_dict(network.state_dict(), assign=True)
    # the positions are no parameters: they are taken over from a model that has them
    stock.rope = network.rope

    def model(x: Tensor, levels: Tensor) -> Tensor:
        timestep = (1000 * levels).flatten()[None].expand(len(texts), -1)
        latents = x.to(network.dtype).expand(len(texts), *x.shape)
        sample: Tensor = stock(latents, timestep, texts.to(network.dtype), return_dict=False)[0]
        return sample.float()

    return model


def random_models(device: torch.device, full: bool) -> Models:
    """Networks of the published models' size, or small ones, with seeded random weights."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(0)
        transformer = STDiff.from_config(WAN_1_3B if full else SMALL).to(dtype).eval().requires_grad_(False)
        vae = AutoencoderKLWan(**({} if full else SMALL_VAE)).to(dtype).eval().requires_grad_(False)
        text = torch.randn(512, transformer.config.text_dim, dtype=dtype)

    def resident(_: nn.Module) -> nullcontext[None]:
        return nullcontext()

    return Models(transformer, vae, lambda _: text, resident, together=True)


def synthetic_priors(frames: int, height: int, width: int) -> tuple[Priors, list[View]]:
    """Travelling waves of colour, known but for a stripe that grows; the first five frames are context."""
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    phases = np.arange(frames, dtype=np.float32)[:, None, None, None] * 0.1 + np.arange(3, dtype=np.float32)
    rgb = (0.5 + 0.4 * np.sin(7 * x[..., None] + phases) * np.cos(5 * y[..., None] - phases)).astype(np.float32)
    columns = np.arange(width)[None] < width - (width // 2 * np.arange(frames) // frames)[:, None]
    valid = np.repeat(columns[:, None], height, axis=1)
    provenance = np.zeros(valid.shape, np.uint8)
    depth = np.full(valid.shape, 3, np.float32)
    context = [View(i, np.rint(rgb[i] * 255).astype(np.uint8), depth[i], provenance[i]) for i in range(min(5, frames))]
    valid[: len(context)] = True
    return Priors(rgb, valid, depth, provenance, valid.astype(np.float32)), context


def timed(stage: str, call: Callable[[], object], device: torch.device, repeats: int) -> Row:
    """Median time of ``call`` and the memory that it took."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(repeats + 1):
        start = _now(device)
        call()
        seconds.append(_now(device) - start)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_bytes()
    return Row(stage, float(np.median(seconds[1:])), peak)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp bench diffusion", description="Speed and memory of one chunk here.")
    parser.add_argument("--size", choices=("full", "small"), help="of the models (full on a GPU, else small)")
    parser.add_argument("--frames", type=int, default=49, help="4k + 1 (49)")
    parser.add_argument("--width", type=int, default=720, help="a multiple of 16 (720)")
    parser.add_argument("--height", type=int, default=480, help="a multiple of 16 (480)")
    parser.add_argument("--steps", type=int, default=50, help="denoising steps (50)")
    parser.add_argument("--repeats", type=int, default=2, help="after one to warm up (2)")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser
