"""``worldwarp bench cache``: what rendering and fitting the cache costs here, beside the plain torch twin."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from worldwarp_protocol.errors import WorldWarpError

from .cache import torch_twin
from .cache.loss import Target, loss
from .cache.rasterise import Rendering, rasterise

SIZES = ((20_000, 240, 160), (100_000, 720, 480))
"""Gaussians, width, height."""

REPEATS = 15
TWIN_REPEATS = 2
"""The twin takes seconds a step."""

Rasterise = Callable[..., Rendering]


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over ``repeats`` after one step to warm up."""

    rasteriser: str
    gaussians: int
    width: int
    height: int
    forward_ms: float
    step_ms: float
    """Forward, loss, backward and Adam."""
    psnr: float
    """dB against the picture that is fitted, after ``TWIN_REPEATS`` steps: the same for ours and the twin."""
    repeats: int
    peak_mib: float | None
    """Highest memory of the process (CPU) or of the device (CUDA) so far; None where the system does not tell."""


def main(argv: Sequence[str]) -> int:
    """Run ``worldwarp bench cache``; ``argv`` is what follows ``bench``."""
    parser = argparse.ArgumentParser(prog="worldwarp bench", description="Time the Gaussian cache on this machine.")
    parser.add_argument("what", choices=["cache"])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args(argv)
    if arguments.json:
        _check_writable(arguments.json)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name, threads = _device_name(device), torch.get_num_threads()
    print(f"{name}; medians; a step is forward, loss, backward and Adam")
    print(f"{'':22}{'Gaussians':>10}{'size':>11}{'forward':>12}{'step':>12}{'PSNR':>9}{'repeats':>9}{'peak':>10}")
    torch.set_num_threads(1)  # as in fit: torch's threads spin against numba's
    rows = []
    try:
        # Ours first: the process's peak never goes down again.
        for label, function, where, repeats in (
            ("gsplat (CUDA)" if device.type == "cuda" else "ours (numba)", rasterise, device, REPEATS),
            ("plain torch, the twin", torch_twin.rasterise, torch.device("cpu"), TWIN_REPEATS),
        ):
            for size in SIZES:
                rows.append(measure(label, function, where, repeats, *size))
                print(_line(rows[-1]), flush=True)
    finally:
        torch.set_num_threads(threads)
    if arguments.json:
        arguments.json.write_text(json.dumps({"device": name, "rows": [asdict(row) for row in rows]}, indent=2))
    return 0


def _check_writable(path: Path) -> None:
    """Minutes are measured: whether the numbers can be kept is known before.

    Raises:
        WorldWarpError: they cannot.
    """
    try:
        path.open("a").close()
    except OSError as error:
        raise WorldWarpError(f"--json: {path} cannot be written ({error.strerror}); choose another file.") from None


def measure(
    label: str, function: Rasterise, device: torch.device, repeats: int, count: int, width: int, height: int
) -> Row:
    """Fit ``count`` Gaussians to a picture for a few steps, timed."""
    parameters, K, target = _scene(count, width, height, device)
    optimiser = torch.optim.Adam(parameters, lr=5e-3, eps=1e-15, fused=True)
    forward, step = [], []

    def render() -> Rendering:
        means, quats, scales, opacities, colours = parameters
        return function(means, quats, scales.exp(), opacities.sigmoid(), colours, K, np.eye(4), width, height)

    psnr = 0.0
    for i in range(1 + repeats):
        start = _now(device)
        with torch.no_grad():
            seen = render()
        forward.append(1e3 * (_now(device) - start))
        if i == TWIN_REPEATS:
            psnr = loss(seen, target)[1]
        start = _now(device)
        optimiser.zero_grad()
        loss(render(), target)[0].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step.append(1e3 * (_now(device) - start))
    medians = float(np.median(forward[1:])), float(np.median(step[1:]))
    return Row(label, count, width, height, medians[0], medians[1], psnr, repeats, _peak_mib(device))


def _scene(count: int, width: int, height: int, device: torch.device) -> tuple[list[torch.Tensor], np.ndarray, Target]:
    """Gaussians spread over the view of a wavy surface, and a picture of stripes to fit."""
    draw = np.random.default_rng(0)
    u, v = draw.uniform(0, width, count), draw.uniform(0, height, count)
    focal = 0.9 * width
    z = 4 + np.sin(6 * u / width) + np.cos(5 * v / height)
    means = np.stack([(u - width / 2) / focal * z, (v - height / 2) / focal * z, z], axis=1)
    scale = 0.5 * np.sqrt(width * height / count) * z / focal
    arrays = (
        means,
        np.tile([1.0, 0, 0, 0], (count, 1)),
        np.log(np.tile(scale[:, None], 3)),
        np.full(count, 2.0),
        draw.uniform(size=(count, 3)),
    )
    y, x = np.mgrid[:height, :width] / height
    picture = 0.5 + 0.4 * np.sin(np.stack([9 * x + 5 * y, 13 * y - 4 * x, 11 * x * y], axis=-1))

    def tensor(a: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(a, dtype=torch.float32, device=device)

    every = tensor(np.ones((height, width)))
    target = Target(tensor(picture), every, every, every, 4.0)
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return [tensor(a).requires_grad_() for a in arrays], K, target


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak_mib(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    if sys.platform == "win32":
        return None  # Windows has no getrusage; the table says so
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name()
    from numba import get_num_threads

    models = [line for line in _cpu_lines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else platform.processor() or platform.machine()
    return f"{name}, {get_num_threads()} threads"


def _cpu_lines() -> list[str]:
    """What Linux says of its processors; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _line(row: Row) -> str:
    peak = "unknown" if row.peak_mib is None else f"{row.peak_mib:.0f} MiB"
    return (
        f"{row.rasteriser:22}{row.gaussians:10,}{f'{row.width} x {row.height}':>11}{row.forward_ms:9.1f} ms"
        f"{row.step_ms:9.1f} ms{row.psnr:6.1f} dB{row.repeats:9}{peak:>10}"
    )
