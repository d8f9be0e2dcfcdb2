"""Compute one job in this process: where the loop meets the machine."""

import sys
from importlib.metadata import version

import torch

from .. import contents
from ..cache.rasterise import device
from ..nouns import Report
from ..pipeline import generate_chunk
from ..profiles import load
from .jobs import Computed, Job


def numerics() -> str:
    """What computes here, as far as it changes pixels: it is part of every recipe.

    On the CPU the same recipe gives the same bits. On a GPU gsplat adds gradients in no fixed order, so what is
    computed twice may differ in its last bits; what is committed is never computed again.
    """
    if device().type == "cuda":
        return f"cuda-float32-gsplat-{version('gsplat')}"
    # networks use a GPU without gsplat too
    return "cpu-float32-networks-cuda" if torch.cuda.is_available() else "cpu-float32"


def compute(job: Job, report: Report) -> Computed:
    """Compute one chunk.

    Raises:
        Cancelled: ``report`` raised it.
    """
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    result = generate_chunk(
        job.chunk,
        job.cameras,
        job.history,
        job.history_cameras,
        job.context,
        job.settings,
        load(job.settings),
        report,
    )
    report("save", 0, 1)
    new = slice(job.chunk.first_new - job.chunk.start, job.chunk.stop - job.chunk.start)
    files = contents.encode(result, job.chunk, job.cameras[new])
    peaks = {"peak_bytes": float(peak_bytes())}
    if gpu:
        peaks["peak_gpu_bytes"] = float(torch.cuda.max_memory_reserved())
    return Computed(files, {**result.meta, **peaks})


def peak_bytes() -> int:
    """Most memory this process has held so far, in bytes; 0 where the platform does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
