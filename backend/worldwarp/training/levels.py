"""Which noise level every token of a training clip gets: a pair per latent frame, by region (paper equation 6).

Half of all draws are the paper's: two independent levels for every frame. The other half look like a moment of
inference: context frames are clean, what is warped has one level, what is filled has that or a higher one. The network
would otherwise hardly ever see what it is asked for.
"""

import numpy as np
from numpy.typing import NDArray

from ..diffusion.noise import TRAINING_STEPS, Mask, schedule
from ..nouns import Floats

INFERENCE_SHAPED = 0.5
"""Share of draws."""

BEGINNING = 0.2
"""Share of these in which what is filled is pure noise, as it is before the first step."""

TOGETHER = 0.4
"""Share of these in which both regions have one level: the part of the way that they go down together."""

Pairs = tuple[NDArray[np.float64], NDArray[np.float64], int]
"""Levels (T',) of what is warped and of what is filled, and how many first latent frames are context."""


def draw(valid: Mask, context: int, shift: float, draws: np.random.Generator) -> Floats:
    """Levels (T', h, w) in [0, 1] for one clip.

    Args:
        valid: (T', h, w): the tokens that carry a warp, those of the context among them.
        context: latent frames at the start whose priors are the true frames; in the paper's draws they are like others.
        shift: of the schedule whose levels inference visits.
    """
    shaped = draws.random() < INFERENCE_SHAPED
    warped, filled, fixed = inference_shaped(len(valid), context, shift, draws) if shaped else paired(len(valid), draws)
    sigma = np.where(valid, warped[:, None, None], filled[:, None, None])
    sigma[:fixed] = 0
    return sigma.astype(np.float32)


def paired(frames: int, draws: np.random.Generator) -> Pairs:
    """The paper's: (sigma_warped, sigma_filled) independent and even in [0, 1], for every frame anew."""
    warped, filled = draws.random((2, frames))
    return warped, filled, 0


def inference_shaped(frames: int, context: int, shift: float, draws: np.random.Generator) -> Pairs:
    """A moment of ``diffusion.noise.levels``: warped tokens wait at their start, or go down together with the rest."""
    line = schedule(TRAINING_STEPS, shift)[:-1]
    warped = float(draws.choice(line))
    chance = draws.random()
    if chance < BEGINNING:
        filled = 1.0
    elif chance < BEGINNING + TOGETHER:
        filled = warped
    else:
        filled = float(draws.choice(line[line >= warped]))
    return np.full(frames, warped), np.full(frames, filled), context
