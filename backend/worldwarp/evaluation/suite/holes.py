"""How natural what was invented looks: KID on fixed statistics of its patches.

The statistics are formulas: amplitudes of Gabor filters (Daugman 1985) in three wavelengths and four directions, and
moments of brightness and two opponent colours. Nothing is trained or drawn, so nothing can have been fitted to the
results. They tell blurred from sharp, wrong colours, and wrong textures (which scales and directions carry contrast).
They know no objects: of whether a hole holds a believable chair they say nothing, and a number is not to be compared
with a KID on Inception features.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import conv2d, pad

from ...nouns import Bytes
from .zones import Mask

Array = NDArray[np.float64]

PATCH, STRIDE = 16, 8
"""Pixels of a patch's side, and between two patches."""

INVENTED = 0.75
"""Share of a patch that lies in the holes."""

MOST = 300
"""Patches of one walk: as many are taken evenly where there are more."""

WAVELENGTHS, DIRECTIONS = (3.0, 6.0, 12.0), 4

WIDTH = 0.56
"""Of a Gabor filter's window, in wavelengths: an octave wide (Daugman 1985)."""

FLAT = 1 / 255
"""Contrast that counts as none: logarithms go no further."""

OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0], [0.25, 0.25, -0.5]])
"""Brightness, red against green, yellow against blue."""

BLOCK = 8
"""Frames: for the floor, the truth is split into blocks of so many."""


def places_of(holes: Mask) -> NDArray[np.int64]:
    """Frames, rows and columns (p, 3) of the patches that lie in the holes (n, H, W)."""
    windows = np.lib.stride_tricks.sliding_window_view(holes, (PATCH, PATCH), (1, 2))[:, ::STRIDE, ::STRIDE]
    found = np.argwhere(windows.mean((-2, -1)) >= INVENTED) * [1, STRIDE, STRIDE]
    if len(found) > MOST:
        found = found[np.linspace(0, len(found) - 1, MOST).round().astype(int)]
    return np.asarray(found, np.int64)


def features(frames: Bytes, places: NDArray[np.int64]) -> Array:
    """Statistics (p, 31) of patches of frames (n, H, W, 3)."""
    out = np.empty((len(places), 2 * len(WAVELENGTHS) * DIRECTIONS + 7))
    for frame in np.unique(places[:, 0]):
        of = places[:, 0] == frame
        maps = _maps(frames[frame])
        windows = np.lib.stride_tricks.sliding_window_view(maps, (PATCH, PATCH), (1, 2))
        out[of] = _statistics(windows[:, places[of, 1], places[of, 2]].transpose(1, 0, 2, 3))
    return out


def kernel_differences(made: Sequence[Array], true: Sequence[Array]) -> Array:
    """What each pair of walks adds to KID, (s, s), from the features of s walks, what was made and what is true.

    The kernel is KID's (Binkowski et al. 2018): (x . y / d + 1)^3, on features in units of the truth's deviation.
    Walks count alike, whatever the size of their holes.
    """
    pooled = np.concatenate(list(true))
    middle, spread = pooled.mean(0), pooled.std(0) + 1e-6
    x, y = ([(one - middle) / spread for one in side] for side in (made, true))
    return _means(x, x) + _means(y, y) - _means(x, y) - _means(y, x)


def kid(differences: Array, weights: Array | None = None) -> Array:
    """KID (r,) from ``kernel_differences`` (s, s), for r weightings (r, s) of the walks; one (all alike) by default.

    Only pairs of different walks count: patches of one walk are not independent of each other. So the expectation is
    the squared distance of the two distributions, 0 where they are one; a single estimate may lie below 0.
    NaN for fewer than two walks.
    """
    w = np.ones((1, len(differences))) if weights is None else weights
    apart = ~np.eye(len(differences), dtype=bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.einsum("ra,ab,rb->r", w, differences * apart, w) / np.einsum("ra,ab,rb->r", w, 1.0 * apart, w)
        )


def halves(frames: NDArray[np.int64]) -> Mask:
    """Which patches (p,) fall into the first of two halves of a walk: every other block of frames."""
    return np.asarray(frames // BLOCK % 2 == 0)


def _means(a: Sequence[Array], b: Sequence[Array]) -> Array:
    """Mean kernel (s, s) between the walks of ``a`` and ``b``."""
    ends_a, ends_b = (np.cumsum([0, *(len(one) for one in side)])[:-1] for side in (a, b))
    x, y = np.concatenate(list(a)), np.concatenate(list(b))
    kernel = (x @ y.T / x.shape[1] + 1) ** 3
    sums = np.add.reduceat(np.add.reduceat(kernel, ends_a, 0), ends_b, 1)
    return np.asarray(sums / np.outer([len(one) for one in a], [len(one) for one in b]))


def _maps(frame: Bytes) -> Array:
    """Amplitudes of all filters and the opponent colours, (12 + 3, H, W)."""
    colours = np.einsum("oc,hwc->ohw", OPPONENT, frame / 255)
    grey = torch.from_numpy(colours[:1])[None]
    amplitudes = []
    for wavelength in WAVELENGTHS:
        bank = _gabor(wavelength)
        reach = bank.shape[-1] // 2
        seen = conv2d(pad(grey, (reach,) * 4, mode="replicate"), bank)[0]
        amplitudes.append(torch.hypot(*seen.chunk(2)).numpy())
    return np.concatenate([*amplitudes, colours])


def _gabor(wavelength: float) -> torch.Tensor:
    """Even filters and then odd ones, (2 * 4, 1, k, k), blind to flat grey."""
    sigma = WIDTH * wavelength
    reach = int(np.ceil(2.5 * sigma))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    window = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    window /= window.sum()
    angles = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    phase = 2 * np.pi / wavelength * np.stack([np.cos(a) * x + np.sin(a) * y for a in angles])
    even = window * np.cos(phase)
    even -= window * even.sum((1, 2), keepdims=True)
    return torch.from_numpy(np.concatenate([even, window * np.sin(phase)]))[:, None]


def _statistics(patches: Array) -> Array:
    """(p, 31) of patches (p, 15, 16, 16)."""
    amplitudes, colours = patches[:, :-3], patches[:, -3:]
    mean, spread = colours.mean((2, 3)), colours.std((2, 3))
    skew = ((colours[:, 0] - mean[:, :1, None]) ** 3).mean((1, 2)) / (spread[:, 0] + FLAT) ** 3
    textures = [np.log(part + FLAT) for part in (amplitudes.mean((2, 3)), amplitudes.std((2, 3)))]
    return np.concatenate([*textures, mean, np.log(spread + FLAT), skew[:, None]], axis=1)
