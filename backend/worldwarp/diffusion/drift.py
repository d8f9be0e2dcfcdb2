"""How far a chunk has wandered from what was known, in three numbers, and its colours brought back.

Compared is what the cache was sure of: valid pixels of confidence above a half in the frames that are new. The limit is
fixed, so that it means the same in every chunk: half of the pixels, whatever they are (a limit at the median), would
count in a chunk of which nothing is known well.
"""

import numpy as np
from numpy.typing import NDArray

from ..geometry.robust import NORMAL, ROUNDS, biweight
from ..nouns import Floats, Priors

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]

SURE = 0.5
"""Confidence above which a valid pixel is held against the picture."""

EQUAL = 100.0
"""dB that stand for equal pictures, of which the ratio is infinite: a hundred-thousandth of the range apart."""

BLOCK = 8
"""Pixels of a latent: colours are compared as means over such squares, on which texture that moved hardly shows."""

LEAST_BLOCKS = 64
"""Below this many nothing is corrected: a few squares are one object, which may well have been repainted."""

LEAST_CONTRAST = 0.02
"""Standard deviation below which squares tell an offset, but no gain."""

FLOOR = 0.5 / 255
"""Least deviation that counts as noise: the priors were rounded to bytes."""

GAIN = (0.8, 1.25)
OFFSET = (-0.1, 0.1)
"""Most that is corrected in a chunk: more is no drift, but another scene."""


def measure(frames: Floats, context: Floats, priors: Priors) -> dict[str, float]:
    """How a chunk differs from what was known; what cannot be told is left out.

    - ``seam_psnr``: of the decoded context frames against the true ones, in dB; 100 where they are equal.
    - ``colour_shift``: mean of frames less priors, in levels of 255, of the channel where it is largest; signed.
    - ``sharpness``: energy of the frames' gradients over that of the priors'; below 1 is blurred. Both neighbours of
      each difference are sure, so that no border of what is known counts as an edge.

    Args:
        frames: (n, H, W, 3) in [0, 1], as decoded.
        context: (c, H, W, 3) in [0, 1]: the true frames at the start, c of them.
    """
    given = priors.valid[: len(context)]  # of overscan nothing is known
    found = {"seam_psnr": _psnr(frames[: len(context)][given], context[given])}
    sure = _sure(priors, len(context))
    if sure.any():
        # frame by frame: a chunk's differences at once would take as much memory as the chunk
        shifts = [
            s.ravel() @ (a - b).reshape(-1, 3).astype(np.float64)
            for a, b, s in zip(frames, priors.rgb, sure, strict=True)
        ]
        shift = np.sum(shifts, axis=0) / sure.sum() * 255
        found["colour_shift"] = float(shift[np.abs(shift).argmax()])
    if (known := _gradient_energy(priors.rgb, sure)) > 0:
        found["sharpness"] = _gradient_energy(frames, sure) / known
    return found


def colour_correction(decoded: Floats, priors: Priors, context: int) -> tuple[Array, Array]:
    """Gain (3,) and offset (3,) that bring a chunk's colours back to those of its sure priors, channel by channel.

    Iteratively reweighted (Tukey's biweight): what the model repainted does not count. Within [0.8, 1.25] and
    [-0.1, 0.1]; 1 and 0 where too little is sure.

    Args:
        decoded: (n, H, W, 3) in [0, 1].
        context: number of frames that were fixed already; they do not drift, and are left out.
    """
    sure = _sure(priors, context)
    whole = np.stack([_means(s[..., None].astype(np.float32))[..., 0] == 1 for s in sure])
    if whole.sum() < LEAST_BLOCKS:
        return np.ones(3), np.zeros(3)
    ours, known = (
        np.concatenate([_means(frame)[w] for frame, w in zip(frames, whole, strict=True)]).astype(np.float64)
        for frames in (decoded, priors.rgb)
    )
    lines = np.array([_line(ours[:, c], known[:, c]) for c in range(3)])
    return lines[:, 0], lines[:, 1]


def apply(frames: Floats, gain: Array, offset: Array) -> Floats:
    """``gain`` and ``offset`` (3,) applied to frames (..., 3), within [0, 1]."""
    return np.clip(frames * gain.astype(np.float32) + offset.astype(np.float32), 0, 1)


def _sure(priors: Priors, context: int) -> Mask:
    """(n, H, W): the pixels that the frames are held against."""
    sure: Mask = priors.valid & (priors.confidence > SURE)
    sure[:context] = False
    return sure


def _psnr(frames: Floats, truth: Floats) -> float:
    error = float(np.square(frames.astype(np.float64) - truth).mean())
    return EQUAL if error == 0 else min(-10 * float(np.log10(error)), EQUAL)


def _gradient_energy(frames: Floats, sure: Mask) -> float:
    """Sum of the squared differences between neighbours that are both sure."""
    total = 0.0
    for frame, s in zip(frames, sure, strict=True):
        for a, b in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            step = frame[a] - frame[b]
            total += float(np.einsum("hwc,hwc->hw", step, step)[s[a] & s[b]].sum(dtype=np.float64))
    return total


def _means(frame: Floats) -> Floats:
    """Means of a frame's (H, W, c) squares: (H / 8, W / 8, c)."""
    height, width, channels = frame.shape
    rows = frame.reshape(height // BLOCK, BLOCK, width, channels).mean(1)
    means: Floats = rows.reshape(height // BLOCK, width // BLOCK, BLOCK, channels).mean(2)
    return means


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Gain and offset, clamped, for which y = gain x + offset in most places."""
    gain, offset = 1.0, float(np.median(y - x))
    for _ in range(ROUNDS):
        residuals = y - gain * x - offset
        deviation = max(NORMAL * float(np.median(np.abs(residuals))), FLOOR)
        gain, offset = _weighted_line(x, y, biweight(residuals, deviation))
    return gain, offset


def _weighted_line(x: Array, y: Array, weights: Array) -> tuple[float, float]:
    """The ratio of standard deviations and not the regression's slope.

    The slope shrinks with all that differs by chance: it would take contrast away, chunk after chunk.
    """
    x_mean, y_mean = _mean(x, weights), _mean(y, weights)
    x_deviation, y_deviation = (np.sqrt(_mean(a, weights)) for a in ((x - x_mean) ** 2, (y - y_mean) ** 2))
    gain = float(np.clip(y_deviation / x_deviation, *GAIN)) if x_deviation > LEAST_CONTRAST else 1.0
    return gain, float(np.clip(y_mean - gain * x_mean, *OFFSET))


def _mean(values: Array, weights: Array) -> float:
    # a sum and not a dot product, whose bits depend on the number of threads
    return float((values * weights).sum() / weights.sum())
