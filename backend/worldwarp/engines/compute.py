"""Compute one job in this process: where the loop meets the machine."""

import sys
import time
import traceback
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec

import torch
from worldwarp_protocol.errors import WorldWarpError

from .. import contents, wan
from ..between import Source, interleave
from ..cache.rasterise import device
from ..geometry import sources
from ..nouns import ChunkResult, Report
from ..pipeline import generate_chunk
from ..profiles import load
from .jobs import Computed, Job


def numerics() -> str:
    """What computes here, as far as it changes pixels: it is part of every recipe.

    On the CPU the same recipe gives the same bits. On a GPU gsplat adds gradients in no fixed order, so what is
    computed twice may differ in its last bits; what is committed is never computed again. There its kind and flash-attn
    decide which attention the networks use (``diffusion.transformer.choose_attention``).
    """
    if not torch.cuda.is_available():
        return "cpu-float32"
    # networks use a GPU without gsplat too
    cache = f"cuda-float32-gsplat-{version('gsplat')}" if device().type == "cuda" else "cpu-float32-networks-cuda"
    flash = f"-flash-{version('flash_attn')}" if find_spec("flash_attn") else ""
    return f"{cache}-sm{''.join(map(str, torch.cuda.get_device_capability()))}{flash}"


def compute(job: Job, report: Report) -> Computed:
    """Compute one chunk.

    Raises:
        Cancelled: ``report`` raised it.
        WorldWarpError: the GPU's memory is full; what was kept there is let go of.
    """
    try:
        return _compute(job, report)
    except torch.cuda.OutOfMemoryError:
        traceback.print_exc()
    # only here: the error held the frames of all calls, and they the networks
    raise WorldWarpError(_make_room(job))


def _compute(job: Job, report: Report) -> Computed:
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    if job.settings.profile == "wan" and wan.describes(job.settings):
        report("caption", 0, 1)  # before gigabytes are read
    result = generate_chunk(
        job.chunk,
        job.cameras,
        job.history,
        job.history_cameras,
        job.context,
        job.settings,
        load(job.settings),
        report,
        job.requested,
    )
    report("save", 0, 1)
    result = whole(job, result, report)
    files = contents.encode(result, job.first, job.path)
    peaks = {"peak_bytes": float(peak_bytes())}
    if gpu:
        peaks["peak_gpu_bytes"] = float(torch.cuda.max_memory_reserved())
    return Computed(files, {**result.meta, **peaks})


def whole(job: Job, result: ChunkResult, report: Report) -> ChunkResult:
    """What a job commits: its new frames, and those between them."""
    if len(job.generated) == len(job.path):
        return result
    chunk, seconds = job.chunk, time.perf_counter()
    last = chunk.context - 1
    before = Source(job.context[last], job.cameras[[last]]) if chunk.index else None
    new = slice(chunk.first_new - chunk.start, chunk.stop - chunk.start)
    woven = interleave(result, job.generated, job.cameras[new], before, job.path, report)
    return replace(woven, meta={**woven.meta, "seconds_between": time.perf_counter() - seconds})


def _make_room(job: Job) -> str:
    """Let go of all networks, so that another attempt begins with an empty GPU; what the user can do."""
    if job.settings.profile == "wan":
        wan.forget()
        return wan.full(job.settings, job.cameras.width, job.cameras.height)
    sources.forget()
    return "The GPU's memory is full: choose a smaller size."


def peak_bytes() -> int:
    """Most memory this process has held so far, in bytes; 0 where the platform does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
