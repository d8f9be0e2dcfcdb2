"""What geometry and cache see of the past: first the pictures, then keyframes of the previous chunk and its last."""

import numpy as np

from .nouns import Chunk

VERSION = "1"

KEYFRAMES = 10
"""Frames spread over the previous chunk."""

RECENT = 5
"""Its last frames, all of them: the new chunk begins there."""


def select_history(previous: Chunk | None, pictures: int = 1) -> list[int]:
    """Positions in the path of the frames that the chunk after ``previous`` is built from, in the order of trust.

    The picture first (where it is among them), then the most recent, then the older (paper 4.2: the history is the
    previous chunk, not the context frames alone). The first chunk is built from the ``pictures`` first frames.
    """
    if previous is None:
        return list(range(pictures))
    keyframes = np.linspace(previous.start, previous.stop - 1, KEYFRAMES).round().astype(int)
    recent = range(max(previous.start, previous.stop - RECENT), previous.stop)
    chosen = sorted({*keyframes.tolist(), *recent}, reverse=True)
    return [i for i in chosen if i == 0] + [i for i in chosen if i != 0]
