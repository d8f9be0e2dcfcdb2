"""A first picture from words, as an answer. Torch-free until one is made."""

import time

from worldwarp_protocol.messages import Imagine, Imagined

from .. import imagine
from ..nouns import Report
from .questions import NOBODY, Answer, digest

VERSION = "1"
"""Raised when the same question gets another answer."""


def key(task: Imagine, numerics: str) -> str:
    """64 hex digits that are the same exactly where the answer is."""
    return digest("picture", VERSION, task.diffusion, task.width, task.height, task.seed, imagine.recipe(), numerics)


def make(task: Imagine, report: Report) -> Answer:
    """Make the picture.

    Raises:
        WorldWarpError: the GPU's memory is full.
        Cancelled: ``report`` raised it.
    """
    began = time.perf_counter()
    made = imagine.picture(task.diffusion, task.width, task.height, task.seed, report)
    meta: dict[str, float | str] = {"seconds": time.perf_counter() - began}
    return Answer(Imagined(request=NOBODY, meta=meta), {"picture": made[None]})
