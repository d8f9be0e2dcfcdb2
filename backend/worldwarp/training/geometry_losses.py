"""How far geometry is from the truth: points under a confidence, logarithms of depth, poses; all up to one scale.

After DUSt3R (arXiv 2312.14132, eq. 1 to 4) and CUT3R (arXiv 2501.12387, eq. 7 and 8). B clips of n frames.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry import poses

TINY = 1e-3
"""Of a clip's scale: depth below it, or behind the camera, counts as this; only its point error pulls it forward."""


@dataclass(frozen=True)
class Truth:
    """What there is to be seen."""

    points: Tensor
    """(B, n, H, W, 3), in each frame's own camera: OpenCV axes, metres. Sky lies in the clip's farthest depth."""
    surface: Tensor
    """(B, n, H, W) bool: False is sky."""
    camera_to_first: Tensor
    """(B, n, 4, 4): camera to the first frame's camera."""


@dataclass(frozen=True)
class Guess:
    """What the network makes of it."""

    points: Tensor
    """(B, n, H, W, 3), in each frame's own camera."""
    confidence: Tensor
    """(B, n, H, W), above 1."""
    world_points: Tensor
    """(B, n, H, W, 3), in the first frame's camera."""
    world_confidence: Tensor
    """(B, n, H, W), above 1."""
    pose: Tensor
    """(B, n, 7): t xyz, q wxyz, camera to the first frame's camera."""


def terms(guess: Guess, truth: Truth, alpha: float) -> dict[str, Tensor]:
    """The parts of the loss, scalars. All but ``scale`` stay the same when a clip's whole guess is multiplied.

    ``own`` and ``world`` weigh each pixel's error by its confidence; in ``own`` that error has the logarithm of depth
    beside the distance. Sky teaches them that it is uncertain (its error counts as 1) and not nearer than the
    farthest surface. ``translation`` is in units of the clip's scale, ``rotation`` a difference of unit quaternions:
    half an angle in radians, where small. ``scale`` is the logarithm of what metres are guessed wrong by.
    """
    scale, guessed = (scale_of(one.points, truth.surface) for one in (truth, guess))
    own, seen = (one.points / s[:, None, None, None, None] for one, s in ((guess, guessed), (truth, scale)))
    world = guess.world_points / guessed[:, None, None, None, None]
    there = in_world(seen, _scaled(truth.camera_to_first, scale))
    deeper = log_depth(seen) - log_depth(own)
    apart = (own - seen).norm(dim=-1) + deeper.abs()
    pose, true_pose = guess.pose, poses.encoding(truth.camera_to_first)
    return {
        "own": confident(torch.where(truth.surface, apart, 1 + deeper.relu()), guess.confidence, alpha),
        "world": confident(torch.where(truth.surface, (world - there).norm(dim=-1), 1), guess.world_confidence, alpha),
        "translation": smooth_norm(pose[..., :3] / guessed[:, None, None] - true_pose[..., :3] / scale[:, None, None]),
        "rotation": smooth_norm(pose[..., 3:] - true_pose[..., 3:]),
        "scale": (guessed / scale).log().abs().mean(),
    }


def scale_of(points: Tensor, surface: Tensor) -> Tensor:
    """(B,): mean distance of a clip's surfaces from the cameras that see them."""
    distance = points.norm(dim=-1) * surface
    mean: Tensor = distance.sum((1, 2, 3)) / surface.sum((1, 2, 3)).clamp_min(1)
    return mean.clamp_min(1e-6)


def confident(error: Tensor, confidence: Tensor, alpha: float) -> Tensor:
    """Mean of C e - alpha log C: least at C = alpha / e (DUSt3R, eq. 4)."""
    return (confidence * error - alpha * confidence.log()).mean()


def log_depth(points: Tensor) -> Tensor:
    """(...) of points (..., 3) in units of their scale."""
    return points[..., 2].clamp_min(TINY).log()


def in_world(points: Tensor, camera_to_first: Tensor) -> Tensor:
    """Points (B, n, H, W, 3) of each camera, in the first camera's axes."""
    R, t = camera_to_first[..., :3, :3], camera_to_first[..., :3, 3]
    return torch.einsum("bnij,bnhwj->bnhwi", R, points) + t[:, :, None, None]


def smooth_norm(x: Tensor) -> Tensor:
    """Mean length of vectors (..., C), with a gradient at 0 too."""
    return (x.square().sum(-1) + 1e-8).sqrt().mean() - 1e-4


def _scaled(camera_to_first: Tensor, scale: Tensor) -> Tensor:
    """The same cameras where one unit is ``scale`` (B,) metres."""
    units = torch.ones_like(camera_to_first)
    units[..., :3, 3] = 1 / scale[:, None, None]
    return camera_to_first * units
