"""One noise level per token: which tokens are known, where each starts, and how all of them go down.

A pure function of masks, settings and schedule (paper sections 4.1 and 4.3, equation 9). Sigma is the noise level of
flow matching, x = (1 - sigma) z + sigma eps: 0 is clean and 1 is pure noise.

A row of tokens t covers frame 0 (t = 0) or frames 4t - 3 to 4t; a token covers 16 x 16 pixels of them.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.messages import Diffusion

from ..nouns import Floats, NoiseMap

Mask = NDArray[np.bool_]

TOKEN = 16
"""Pixels along a token's side: the VAE's 8 times the transformer's patch of 2."""

TRAINING_STEPS = 1000
"""Timesteps that the model was trained with; the least of them sets where a schedule ends before 0."""

RELEASE_WINDOW = 15
"""Pixels along the side of the release's erosion."""

RAISED_LEVELS = 8
"""Most levels between sigma and 1 that age and confidence spread over: each one costs the model an embedding."""


def schedule(steps: int, shift: float) -> NDArray[np.float64]:
    """The levels (steps + 1,) of a whole clip from 1 down to 0, as diffusers' FlowMatchEulerDiscreteScheduler has them.

    Its shift acts twice on the least level: on the training timesteps, and on the line that is drawn down to it.

    Raises:
        ValueError: no steps, or a shift that is not above 0.
    """
    if steps < 1 or shift <= 0:
        raise ValueError(f"A schedule needs at least 1 step and a shift above 0, not {steps} and {shift}.")
    line = np.linspace(1, _shifted(np.float64(1 / TRAINING_STEPS), shift), steps)
    return np.append(_shifted(line, shift), 0.0)


def sigma_of_tau(tau: float, steps: int, shift: float, reading: Literal["index", "sigma"]) -> float:
    """The paper's strength tau (section 4.3) as the level that valid tokens start from; tau = 1 keeps nothing of them.

    Two readings of the paper:
        index: tau is the share of the steps that are taken, so that the level is ``schedule[round((1 - tau) * steps)]``
            (50 steps and shift 5: tau = 0.8 is 0.952, and 0.5 is 0.829).
        sigma: tau is the level itself.

    Raises:
        ValueError: tau is not within 0 to 1, or as ``schedule``.
    """
    if not 0 <= tau <= 1:
        raise ValueError(f"tau has to be within 0 to 1, not {tau}.")
    return tau if reading == "sigma" else float(schedule(steps, shift)[round((1 - tau) * steps)])


def valid_tokens(valid: Mask, tokens: Literal["covered", "sampled"], erosion: int, gaps: float = 0.0) -> Mask:
    """Which tokens (T', H/16, W/16) are known, from the pixels that are (n, H, W), n = 4k + 1.

    covered: where every pixel is valid of all that the token covers, after an erosion: a pixel stays valid only if
        every pixel inside the image and at most ``erosion`` away, in rows and in columns, is. The image's border is
        no hole. Without erosion a share ``gaps`` of these pixels may be blank: in small pictures a token is large, and
        the cracks of a warp would make most of it blank.
    sampled: the release's rule. Frames 0, 4, 8, ... are eroded by 15 x 15 pixels, with zeros beyond the border, then
        taken at every eighth pixel; a token follows the top left one of its 2 x 2 latents. So the first row and column
        are always blank. ``erosion`` is not used.

    Raises:
        ValueError: n is not 4k + 1, or H or W not a multiple of 16.
    """
    n, height, width = valid.shape
    if n % 4 != 1 or height % TOKEN or width % TOKEN:
        raise ValueError(f"Tokens need 4k + 1 frames of sides in multiples of {TOKEN}, not {n} of {width} x {height}.")
    if tokens == "sampled":
        return _sampled(valid)
    if gaps and not erosion:
        return np.asarray(_token_means(valid.astype(np.float32)) >= 1 - gaps)
    return _covered(valid, erosion)


def noise_map(
    valid: Mask,
    context: int,
    settings: Diffusion,
    confidence: Floats | None = None,
    unknown: Mask | None = None,
    gaps: float = 0.0,
) -> NoiseMap:
    """Where every token starts (paper equation 9).

    With C = 1 on context tokens (rows 0 to (context - 1) / 4), M = 1 on valid ones and sigma = ``settings.sigma``::

        start = C * (0 if temporal else sigma) + (1 - C) * (M * sigma + (1 - M) * (1 if spatial else sigma))

    ``settings.noise`` is our reading of table 3, which the paper does not explain:
        spatio-temporal: both. Context is frozen, what was warped starts from sigma, what is blank from pure noise.
        spatial: regions differ, frames do not: context starts from sigma like any valid token.
        temporal: frames differ, regions do not: context is frozen, all the rest starts from sigma.
        full: neither. The whole clip starts from sigma, as in a standard video model.

    In all four, ``age_noise`` and ``confidence_noise`` raise valid tokens after the context towards 1, see ``_raised``.

    Args:
        valid: (n, H, W), the pixels that are known.
        context: how many first frames are fixed, 4k + 1.
        confidence: (n, H, W) in [0, 1]; None is sure everywhere.
        unknown: (context, H, W), what is not known of the context itself (overscan): a token that covers any of it is
            blank like one after the context. None: all is known.
        gaps: as ``valid_tokens``.

    Raises:
        ValueError: as ``valid_tokens``; context is not 4k + 1 or more than n, or confidence is not of valid's shape.
    """
    if context % 4 != 1 or context > len(valid):
        raise ValueError(f"Context has to be 4k + 1 frames of the clip's {len(valid)}, not {context}.")
    if confidence is not None and confidence.shape != valid.shape:
        raise ValueError(f"Confidence is {confidence.shape} and valid {valid.shape}; they have to be alike.")
    known = valid_tokens(valid, settings.tokens, settings.erosion, gaps)
    fixed = 1 + (context - 1) // 4
    blank = 1.0 if settings.noise in ("spatio-temporal", "spatial") else settings.sigma
    start = np.where(known, _raised(known.shape, fixed, settings, confidence), blank)
    given = np.ones_like(known[:fixed]) if unknown is None else _covered(~unknown, 0)
    level = 0.0 if settings.noise in ("spatio-temporal", "temporal") else settings.sigma
    start[:fixed], known[:fixed] = np.where(given, level, blank), given
    return NoiseMap(start.astype(np.float32), known)


def levels(noise: NoiseMap, schedule: NDArray[np.float64]) -> Floats:
    """The level of every token before each step and after the last one, (steps + 1, T', h, w).

    A token is held at its start until the ``schedule`` (steps + 1,) meets it; from there all go down together.
    """
    return np.minimum(schedule.astype(np.float32)[:, None, None, None], noise.start)


def _covered(valid: Mask, erosion: int) -> Mask:
    """A token stays valid where no hole is within ``erosion`` of its pixels, inside the image."""
    later = valid[1:].reshape(-1, 4, *valid.shape[1:])
    holes = ~np.concatenate([valid[:1], later.all(1)])
    for axis in (1, 2):
        side = valid.shape[axis]
        first = np.arange(0, side, TOKEN)
        holes = _any_between(holes, np.maximum(first - erosion, 0), np.minimum(first + TOKEN + erosion, side), axis)
    return ~holes


def _sampled(valid: Mask) -> Mask:
    """A token's top left latent is sampled at its top left pixel: valid where no hole is in the window around that."""
    reach = RELEASE_WINDOW // 2
    holes = np.pad(~valid[::4], ((0, 0), (reach, reach), (reach, reach)), constant_values=True)
    for axis in (1, 2):
        first = np.arange(0, valid.shape[axis], TOKEN)
        holes = _any_between(holes, first, first + RELEASE_WINDOW, axis)
    return ~holes


def _raised(shape: tuple[int, ...], fixed: int, settings: Diffusion, confidence: Floats | None) -> NDArray[np.float64]:
    """(T', h, w): where valid tokens start, between sigma (their own level) and 1, in equal steps and few of them.

    ``age_noise`` raises a token by its row's age, 0 in the first row after the ``fixed`` ones and 1 in the last (0 if
    that is the same one); ``confidence_noise`` by 1 less the mean confidence of what it covers. The two are added, up
    to 1 at most.
    """
    age = np.arange(-fixed, shape[0] - fixed) / max(shape[0] - fixed - 1, 1)
    share = np.broadcast_to(settings.age_noise * age[:, None, None], shape)
    if confidence is not None:
        share = share + settings.confidence_noise * (1 - _token_means(confidence))
    share = np.rint(np.clip(share, 0, 1) * (RAISED_LEVELS - 1)) / (RAISED_LEVELS - 1)
    return np.asarray(share + (1 - share) * settings.sigma)


def _token_means(a: Floats) -> Floats:
    """Means (T', H/16, W/16) of what tokens cover of ``a`` (n, H, W)."""
    n, height, width = a.shape
    frames = a.reshape(n, height // TOKEN, TOKEN, width // TOKEN, TOKEN).mean((2, 4))
    later = frames[1:].reshape(-1, 4, *frames.shape[1:])
    return np.concatenate([frames[:1], later.mean(1)])


def _any_between(a: Mask, first: NDArray[np.intp], stop: NDArray[np.intp], axis: int) -> Mask:
    """Whether anything is set within [first, stop) along ``axis``, for every pair of them."""
    zero = [(1, 0) if i == axis else (0, 0) for i in range(a.ndim)]
    counts = np.pad(np.cumsum(a, axis, dtype=np.int32), zero)
    return np.asarray(counts.take(stop, axis) > counts.take(first, axis))


def _shifted(sigma: NDArray[np.float64] | np.float64, shift: float) -> NDArray[np.float64]:
    return np.asarray(shift * sigma / (1 + (shift - 1) * sigma))
