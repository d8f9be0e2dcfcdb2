"""``worldwarp bench geometry``: frames a second and peak memory of the network here, at full size.

Weights are random unless converted ones are here: speed does not depend on them, the errors of bfloat16 do.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..engines.compute import peak_bytes
from .checkpoint import default_path
from .config import PATCH, TTT3RConfig
from .ttt3r import TTT3R, Estimate, advance, begin
from .weights import load


@dataclass(frozen=True)
class Measurement:
    """Of one precision."""

    trunk: torch.dtype
    frames_per_second: float
    """After the first frame, which warms up."""
    peak_bytes: int
    """Most that was held so far: of the GPU's memory, or by this process on the CPU."""
    estimate: Estimate


def bench_geometry(arguments: Sequence[str]) -> int:
    """Measure, and print a table."""
    options = _parser().parse_args(arguments)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    trained = default_path().is_file() and not options.random
    network = (load(default_path()) if trained else random_network(TTT3RConfig())).to(device)
    frames = smooth_frames(options.frames, options.height, options.width).to(device)
    print(f"{_name(device)}, {options.width} x {options.height}, {'trained' if trained else 'random'} weights")
    exact = measure(network, frames, torch.float32)
    print(_line(exact, "heads and trunk"))
    if not options.fp32_only:
        rough = measure(network, frames, torch.bfloat16)
        print(_line(rough, "trunk"))
        points, pose = differences(rough.estimate, exact.estimate)
        print(f"  bfloat16 against float32: points {points:.1e} (median, relative), pose {pose:.1e} (largest)")
    return 0


def measure(network: TTT3R, frames: Tensor, trunk: torch.dtype) -> Measurement:
    """Time ``network`` on frames (F, 3, H, W), F at least 2, one by one as they come in a stream."""
    cuda = frames.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    precision = None if trunk == torch.float32 else trunk
    first, stream = advance(network, begin(network), frames[:1], trunk=precision)
    parts = [first]
    started = _now(cuda)
    for frame in frames[1:, None]:
        part, stream = advance(network, stream, frame, trunk=precision)
        parts.append(part)
    seconds = _now(cuda) - started
    peak = torch.cuda.max_memory_allocated() if cuda else peak_bytes()
    fields = ("points", "confidence", "pose", "camera_to_world")
    estimate = Estimate(*(torch.cat([getattr(part, field) for part in parts]) for field in fields))
    return Measurement(trunk, (len(frames) - 1) / seconds, peak, estimate)


def differences(a: Estimate, b: Estimate) -> tuple[float, float]:
    """Median relative difference of points, and the largest of poses."""
    apart = (a.points - b.points).norm(dim=-1) / b.points.norm(dim=-1).clamp_min(1e-8)
    return float(apart.median()), float((a.pose - b.pose).abs().max())


def random_network(config: TTT3RConfig) -> TTT3R:
    """The network with seeded random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TTT3R(config).eval().requires_grad_(False)


def smooth_frames(count: int, height: int, width: int) -> Tensor:
    """(F, 3, H, W) in [-1, 1]: coloured waves that travel."""
    y, x = torch.meshgrid(torch.linspace(0, 6, height), torch.linspace(0, 8, width), indexing="ij")
    phase = torch.arange(count)[:, None, None, None] * 0.2 + torch.arange(3)[:, None, None]
    return torch.sin(x + phase) * torch.cos(y - phase)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp bench geometry", description="Speed and memory of TTT3R here.")
    parser.add_argument("--frames", type=_at_least_two, default=3, help="how many (default: 3; a GPU deserves 30)")
    parser.add_argument("--width", type=_patches, default=512, help="multiple of 16 (default: 512)")
    parser.add_argument("--height", type=_patches, default=384, help="multiple of 16 (default: 384)")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: cuda where there is one")
    parser.add_argument("--random", action="store_true", help="random weights even where converted ones are here")
    parser.add_argument("--fp32-only", action="store_true", help="leave bfloat16 out")
    return parser


def _at_least_two(text: str) -> int:
    if int(text) < 2:
        raise argparse.ArgumentTypeError("give at least 2: the first frame warms up")
    return int(text)


def _patches(text: str) -> int:
    if int(text) < PATCH or int(text) % PATCH:
        raise argparse.ArgumentTypeError(f"give a multiple of {PATCH}")
    return int(text)


def _now(cuda: bool) -> float:
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"


def _line(measured: Measurement, what: str) -> str:
    name = str(measured.trunk).removeprefix("torch.")
    return f"  {name} {what}: {measured.frames_per_second:.3g} frames/s, {measured.peak_bytes / 2**30:.1f} GiB at most"
