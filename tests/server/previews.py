"""A worker that denoises: the real process and pipe; its previews are of one colour each, the number of the step."""

from .peers import COMMAND

STEPS = 30
PATCH = """
import time
import numpy as np
from worldwarp.engines import compute, worker

draft = compute.compute

def denoise(job, report):
    report("caption", 0, 1)
    for step in range({steps}):
        picture = np.full({shape}, step, np.uint8)
        report("denoise", step, {steps}, picture)
        time.sleep({pause})
    report("decode", 0, 1)
    return draft(job, report)

compute.compute = denoise
worker.main()
"""


def denoising(shape: tuple[int, ...] = (3, 6, 8, 3), pause: float = 0.05, patch: str = PATCH) -> str:
    """The command of a server whose worker runs ``patch``."""
    program = patch.format(steps=STEPS, shape=shape, pause=pause)
    return (
        "import subprocess; from worldwarp.engines import local; popen = subprocess.Popen; "
        f"program = {program!r}; "
        "local.subprocess.Popen = lambda line, **how: popen([line[0], '-P', '-c', program], **how); "
    ) + COMMAND
