"""What is measured of one walk: whole frames, by zone, in the holes, the cameras, and the way back."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ...cache.loss import ssim
from ...nouns import Bytes, Report
from ...training.losses import ms_ssim
from ..estimate import estimate
from ..images import gradient, grey
from ..poses import compare
from .places import Place
from .procedural import Made
from .zones import Mask, Zones, only_on_the_way

MARKS = (50, 200)
"""Frames that the paper's tables look at, counted from 1."""

LEAST = 50
"""Pixels: of a smaller zone nothing is said."""

QUANTILES = (np.arange(100) + 0.5) / 100

Measures = dict[str, float]


def measure(made: Made, place: Place, zones: Zones, first_later: int, back: bool, report: Report) -> Measures:
    """Numbers by name; NaN where there is nothing to measure.

    ``psnr``, ``ssim`` and ``ms_ssim`` are means over the frames after the picture; ``..@50``, ``..@200`` and
    ``..@last`` those of single frames. ``psnr_<zone>`` and ``ssim_<zone>`` pool the zone's pixels over all frames.

    Args:
        first_later: the first frame after the first chunk: ``psnr_seen_later`` pools what was seen, from there on.
        back: whether the walk comes back; ``psnr_return`` is then how well the way back repeats the way out.
    """
    found = quality(made.frames, place.rgb) | by_zone(made.frames, place.rgb, zones)
    later = ~zones.never
    later[:first_later] = False
    found["psnr_seen_later"] = psnr(made.frames, place.rgb, later)
    found |= gradients(made.frames, place.rgb, zones.holes) | cameras(made, place, report)
    if back:
        out = only_on_the_way(place)
        found["psnr_return"] = psnr(made.frames[: len(out)], made.frames[::-1][: len(out)], out)
    return found


def psnr(frames: Bytes, truth: Bytes, where: Mask) -> float:
    """In dB over pixels (n, H, W) of frames (n, H, W, 3); 100 at most, NaN for fewer than ``LEAST``."""
    if where.sum() < LEAST:
        return float("nan")
    difference = frames[where].astype(np.float64) - truth[where]
    return float(-10 * np.log10(max(np.square(difference / 255).mean(), 1e-10)))


def quality(frames: Bytes, truth: Bytes) -> Measures:
    """PSNR, SSIM and MS-SSIM of frames (n, H, W, 3), the first of which is the picture."""
    everywhere = np.ones(frames.shape[1:3], bool)[None]
    ways: dict[str, Callable[[Bytes, Bytes], float]] = {
        "psnr": lambda a, b: psnr(a[None], b[None], everywhere),
        "ssim": lambda a, b: float(ssim(_planes(a), _planes(b)).mean()),
        "ms_ssim": lambda a, b: float(ms_ssim(_planes(a), _planes(b)).mean()),
    }
    found = {}
    for name, way in ways.items():
        each = [way(a, b) for a, b in zip(frames[1:], truth[1:], strict=True)]
        found[name], found[f"{name}@last"] = float(np.mean(each)), each[-1]
        found |= {f"{name}@{mark}": each[mark - 2] for mark in MARKS if mark <= len(frames)}
    return found


def by_zone(frames: Bytes, truth: Bytes, zones: Zones) -> Measures:
    """PSNR and SSIM of each zone after the picture, and of the holes."""
    maps = np.stack([ssim(_planes(a), _planes(b)).mean(0).numpy() for a, b in zip(frames, truth, strict=True)])
    found = {}
    for name in ("picture", "generated", "never", "holes"):
        where = getattr(zones, name).copy()
        where[0] = False
        found[f"psnr_{name}"] = psnr(frames, truth, where)
        found[f"ssim_{name}"] = float(maps[where].mean()) if where.sum() >= LEAST else float("nan")
        found[f"share_{name}"] = float(where[1:].mean())
    return found


def gradients(frames: Bytes, truth: Bytes, holes: Mask) -> Measures:
    """How steep grey levels are in the holes: the mean over the truth's (1 is right, less is blurred), and how far the
    two distributions are apart (Wasserstein-1, in grey levels of 255 a pixel)."""
    if holes.sum() < LEAST:
        return {"gradient_ratio": float("nan"), "gradient_distance": float("nan")}
    here, there = (_steepness(images)[holes] for images in (frames, truth))
    apart = np.abs(np.quantile(here, QUANTILES) - np.quantile(there, QUANTILES)).mean()
    return {"gradient_ratio": float(here.mean() / there.mean()), "gradient_distance": float(255 * apart)}


def cameras(made: Made, place: Place, report: Report) -> Measures:
    """R_dist and T_dist of cameras that are found again from the frames, told nothing of those asked for."""
    path = place.cameras
    found = estimate(made.frames.__getitem__, made.depth.__getitem__, path.K, path.camera_to_world[0], report)
    distances = compare(found.camera_to_world, path.camera_to_world)
    said = distances.summary()
    chosen = {name: said[f"{name}_mean"] for name in ("R_dist", "T_dist")}
    for name in chosen.copy():
        each = getattr(distances, name)
        chosen |= {f"{name}@{mark}": float(each[mark - 1]) for mark in MARKS if mark <= len(each)}
    return {**chosen, "lost": said["lost"] / (len(path) - 1)}


def _planes(image: Bytes) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1).contiguous()


def _steepness(images: Bytes) -> NDArray[np.float64]:
    return np.stack([np.hypot(*gradient(grey(image))) for image in images])
