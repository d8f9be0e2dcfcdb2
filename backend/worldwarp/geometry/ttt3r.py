"""TTT3R: depth and cameras of a clip, one frame after the other, at constant cost and memory.

result = estimate(network, frames)                      # a whole clip
result, state = advance(network, begin(network), first)  # or piece by piece,
result, state = advance(network, state, more)            # each frame paying only for itself
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from worldwarp_protocol.errors import InvalidShot

from . import network as _network
from . import poses
from .config import PATCH, TTT3RConfig
from .network import TTT3R, Look
from .update import RULES, Rule, learn

__all__ = ["TTT3R", "Estimate", "Stream", "TTT3RConfig", "advance", "begin", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """What is known of F frames."""

    points: Tensor
    """(F, H, W, 3), in each frame's own camera: OpenCV axes, metres as the network guesses them."""
    confidence: Tensor
    """(F, H, W), in (1, inf)."""
    pose: Tensor
    """(F, 7): t xyz, q wxyz, to the world of the first frame since the last reset."""
    camera_to_world: Tensor
    """(F, 4, 4), chained over resets: the world is near the first frame's camera."""


@dataclass(frozen=True)
class Stream:
    """Where a clip stands: all that the frames so far leave behind."""

    state: _network.State
    base: Tensor
    """(4, 4): the world of the frames since the last reset, in the first frame's."""
    seen: int = 0
    """Frames so far."""


def begin(network: TTT3R) -> Stream:
    """Before the first frame."""
    with torch.no_grad():
        state = network.initial_state()
    return Stream(state, torch.eye(4, dtype=state.tokens.dtype, device=state.tokens.device))


def estimate(
    network: TTT3R,
    frames: Tensor,
    rule: Rule = "ttt3r",
    reset_interval: int | None = None,
    trunk: torch.dtype | None = None,
) -> Estimate:
    """Points, confidence and poses of a clip (F, 3, H, W): ``advance`` from the beginning."""
    return advance(network, begin(network), frames, rule, reset_interval, trunk)[0]


@torch.no_grad()
def advance(
    network: TTT3R,
    stream: Stream,
    frames: Tensor,
    rule: Rule = "ttt3r",
    reset_interval: int | None = None,
    trunk: torch.dtype | None = None,
) -> tuple[Estimate, Stream]:
    """Points, confidence and poses of the next frames of a clip.

    Args:
        network: weights and sizes.
        stream: what the frames before left; it stays valid, so that one may go on from it more than once.
        frames: (F, 3, H, W) RGB in [-1, 1], H and W multiples of 16, F at least 1; ``sizing.py`` makes them.
        rule: ``ttt3r`` remembers long clips best; ``cut3r`` is the network's original rule.
        reset_interval: forget all after every so many frames of the clip, and chain the poses.
        trunk: dtype that encoder and decoders multiply in, such as ``torch.bfloat16``; None is that of the weights.
            The heads compute in the weights' dtype always.

    Raises:
        InvalidShot: frames, rule or interval are not as above.
    """
    _check(frames, rule, reset_interval)
    weights = network.pose_token
    frames, state = frames.to(weights), stream.state
    results, resets = [], []
    for index, frame in enumerate(frames[:, None], stream.seen + 1):
        look = _look(network, frame, state, trunk)
        results.append((*network.own_points(look), network.pose(look)))
        resets.append(reset_interval is not None and index % reset_interval == 0)
        state = learn(state, look, rule)
        if resets[-1]:  # the same frame becomes the first that the fresh state sees
            state = network.initial_state()
            state = learn(state, _look(network, frame, state, trunk), rule)
    points, confidence, pose = (torch.cat(parts) for parts in zip(*results, strict=True))
    camera_to_world, base = poses.chain(poses.matrix(pose), resets, stream.base)
    after = replace(stream, state=state, base=base, seen=stream.seen + len(frames))
    return Estimate(points, confidence, pose, camera_to_world), after


def _look(network: TTT3R, frame: Tensor, state: _network.State, trunk: torch.dtype | None) -> Look:
    grid = frame.shape[-2] // PATCH, frame.shape[-1] // PATCH
    with torch.autocast(frame.device.type, dtype=trunk, enabled=trunk is not None):
        return network.look(network.encode(frame), grid, state)


def _check(frames: Tensor, rule: str, reset_interval: int | None) -> None:
    if frames.ndim != 4 or frames.shape[1] != 3 or not len(frames) or not frames.is_floating_point():
        raise InvalidShot("frames", f"are {tuple(frames.shape)} of {frames.dtype}; give floats (F, 3, H, W), F >= 1.")
    if frames.shape[2] % PATCH or frames.shape[3] % PATCH or not frames[0].numel():
        raise InvalidShot("frames", f"are {frames.shape[3]} x {frames.shape[2]} pixels; give multiples of {PATCH}.")
    if rule not in RULES:
        raise InvalidShot("rule", f"There is no rule '{rule}'; choose one of {', '.join(RULES)}.")
    if reset_interval is not None and reset_interval < 1:
        raise InvalidShot("reset_interval", f"is {reset_interval}; give at least 1, or None to never forget.")
