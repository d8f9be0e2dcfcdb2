"""A small TTT3R: points, confidence and poses of 1 to 8 frames, learned through time.

The state is carried by CUT3R's rule (the candidate replaces it), with gradients through all frames: TTT3R's gate is
for inference only (arXiv 2509.26645, section 3: nothing is trained), and held-out clips are measured with it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from ..evaluation.poses import compare
from ..geometry import ttt3r, weights
from ..geometry.config import PATCH
from ..geometry.focal import focal
from ..geometry.network import TTT3R, Look, State
from ..geometry.ttt3r import TTT3RConfig
from ..geometry.update import Rule, learn
from ..nouns import Bytes
from ..outputs.pictures import encode_png
from .clips import Clip
from .geometry_losses import Guess, Truth, terms
from .latents import Clips
from .loop import Task

FILE = "geometry.safetensors"
LICENCE = "CC0-1.0"
SOURCE = "worldwarp train geometry"
MEASURED = 4
"""Frames of each held-out clip, from its first to its last, that the network is measured on."""
SHEET_CLIPS = 4
WALL = 4.0
"""Metres. Points behind the camera would be slow to come forward."""
TOO_SHORT = 1e-3
"""Of the true focal length: what counts where none is found."""


@dataclass(frozen=True)
class Objective:
    """What is asked of the network."""

    batch: int = 4
    frames: int = 8
    """Most of a clip that are looked at; each step draws how many."""
    alpha: float = 0.2
    """How much confidence is wished for."""
    world: float = 0.5
    translation: float = 1.0
    rotation: float = 2.0
    scale: float = 0.1


@dataclass(frozen=True)
class Batch:
    """Frames and the truth about them."""

    video: Tensor
    """(B, n, 3, H, W) in [-1, 1]."""
    truth: Truth


def make(keywords: dict[str, Any], seed: int, device: torch.device) -> TTT3R:
    """A new network of these sizes, its weights drawn from the seed; it begins with a wall in front of the camera."""
    torch.manual_seed(seed)
    network = TTT3R(TTT3RConfig(**keywords))
    heads = network.downstream_head
    with torch.no_grad():
        for last in (cast(Any, head.head[-1]) for head in (heads.dpt_self, heads.dpt_cross)):
            last.weight *= 0.1
            last.bias.copy_(torch.tensor([0, 0, np.log1p(WALL), 0]))
    return network.to(device)


def task(network: TTT3R, pool: Clips, held_out: Clips, objective: Objective) -> Task:
    """Training of the product's own network on a pool of clips; the held-out ones measure it as the product runs it."""
    device = next(network.parameters()).device

    def loss(network: nn.Module, step: int, generator: Generator) -> dict[str, Tensor]:  # noqa: ARG001
        made = to(batch(pool, objective, generator), device)
        found = terms(through_time(cast(TTT3R, network), made.video), made.truth, objective.alpha)
        asked = {name: getattr(objective, name, 1.0) for name in found}
        return {"loss": torch.stack([asked[name] * one for name, one in found.items()]).sum(), **found}

    def evaluate(network: nn.Module) -> dict[str, float]:
        found = [measure(cast(TTT3R, network), held_out[i]) for i in range(len(held_out))]
        return {name: _mean([one[name] for one in found]) for name in found[0]}

    def sheet(network: nn.Module, folder: Path, step: int) -> None:
        clips = [held_out[i] for i in range(min(SHEET_CLIPS, len(held_out)))]
        rows = np.concatenate([drawn(cast(TTT3R, network), clip) for clip in clips])
        (folder / f"{step:08d}.png").write_bytes(encode_png(rows))

    def save(network: nn.Module, folder: Path) -> None:
        chosen = cast(TTT3R, network)
        parameters = dict(chosen.named_parameters())
        weights.write(parameters, folder / FILE, LICENCE, SOURCE, chosen.config, torch.float16)

    return Task("geometry", network, loss, sheet, evaluate, save)


def through_time(network: TTT3R, video: Tensor, rule: Rule = "cut3r") -> Guess:
    """What the network makes of clips (B, n, 3, H, W), each frame in the light of those before it, with gradients.

    All frames are encoded at once, and read off by the heads at once, in float32.
    """
    clips, frames = video.shape[:2]
    features = network.encode(video.flatten(0, 1))
    features = torch.unflatten(features, 0, (clips, frames))
    looks = _looks(network, features, (video.shape[-2] // PATCH, video.shape[-1] // PATCH), rule)
    with torch.autocast(video.device.type, enabled=False):
        look = _joined(looks)
        points, confidence = network.own_points(look)
        world, world_confidence = network.world_points(look)
        found = points, confidence, world, world_confidence, network.pose(look)
        return Guess(*(torch.unflatten(one, 0, (clips, frames)) for one in found))


def batch(pool: Clips, objective: Objective, generator: Generator) -> Batch:
    """Frames of random clips: one number of frames and one height for all, else every clip its own way.

    The stride is random; some are mirrored, backwards, brighter or tinted. Some steps cut the pictures flatter.
    """
    draws = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    frames, flatter = int(draws.integers(1, objective.frames + 1)), draws.random() < 0.25
    made = []
    for _ in range(objective.batch):
        clip = part(pool[int(draws.integers(len(pool)))], frames, draws)
        made.append(seen(mirrored(clip) if draws.random() < 0.5 else clip, flatter))
    gain = torch.from_numpy(1 + 0.15 * draws.standard_normal((len(made), 1, 3, 1, 1)).clip(-2, 2)).float()
    video = (torch.cat([one.video for one in made]) + 1) * gain - 1
    parts = zip(*(_tensors(one.truth) for one in made), strict=True)
    return Batch(video.clamp(-1, 1), Truth(*(torch.cat(part) for part in parts)))


def part(clip: Clip, frames: int, draws: np.random.Generator) -> Clip:
    """Some frames of a clip, a random stride apart, forwards or backwards; all of them where it has no more."""
    count = len(clip.rgb)
    frames = min(frames, count)
    stride = int(draws.integers(1, (count - 1) // max(frames - 1, 1) + 1)) if count > 1 else 1
    first = int(draws.integers(count - stride * (frames - 1)))
    chosen = first + stride * np.arange(frames)
    return taken(clip, chosen[::-1] if draws.random() < 0.5 else chosen)


def taken(clip: Clip, frames: NDArray[np.intp]) -> Clip:
    """These frames of a clip."""
    at = torch.from_numpy(frames.copy())
    return Clip(clip.rgb[at], clip.depth[at], clip.K[at], clip.camera_to_world[at])


def mirrored(clip: Clip) -> Clip:
    """The clip as a mirror to the right of it shows it."""
    K, flip = clip.K.clone(), torch.diag(torch.tensor([-1.0, 1, 1, 1])).to(clip.camera_to_world)
    K[:, 0, 2] = clip.rgb.shape[2] - K[:, 0, 2]
    return Clip(clip.rgb.flip(2), clip.depth.flip(2), K, flip @ clip.camera_to_world @ flip)


def seen(clip: Clip, flatter: bool = False) -> Batch:
    """A clip as the network is given it, and the truth, one clip each; ``flatter`` takes its middle three quarters."""
    height = clip.rgb.shape[1]
    cut = height // 4 // PATCH * PATCH // 2 if flatter else 0
    rows = slice(cut, height - cut)
    video = clip.rgb[:, rows].permute(0, 3, 1, 2).float() / 127.5 - 1
    surface = clip.depth[:, rows].isfinite()
    farthest = torch.where(surface, clip.depth[:, rows], 0).max().clamp_min(1.0)
    points = unprojected(torch.where(surface, clip.depth[:, rows], farthest), clip.K, cut)
    relative = (torch.linalg.inv(clip.camera_to_world[:1]) @ clip.camera_to_world).float()
    return Batch(video[None], Truth(points[None], surface[None], relative[None]))


def unprojected(depth: Tensor, K: Tensor, top: int = 0) -> Tensor:
    """Points (n, H, W, 3) float32 in each camera of planar depth (n, H, W), its first row the picture's row ``top``."""
    v, u = torch.meshgrid(*(torch.arange(side) + 0.5 for side in depth.shape[1:]), indexing="ij")
    fx, fy, cx, cy = (K[:, i, j].float()[:, None, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return torch.stack([(u - cx) / fx * depth, (v + top - cy) / fy * depth, depth], -1)


def to(made: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    return Batch(made.video.to(device), Truth(*(one.to(device) for one in _tensors(made.truth))))


def measure(network: TTT3R, clip: Clip) -> dict[str, float]:
    """How well a clip's frames are understood, by the rule that inference runs with.

    ``log_depth``: mean error of the logarithm of depth after one median scale for all frames; ``delta``: share of
    pixels less than a factor of 1.25 off; ``focal``: error of its logarithm; ``rotation`` (degrees) and
    ``translation`` (in units of the furthest frame's distance): mean over all frames but the first.
    """
    clip, depth, estimate = _understood(network, clip)
    ratio = (depth / clip.depth)[clip.depth.isfinite()].log()
    true_focal = clip.K[:, 0, 0].float()
    apart = compare(estimate.camera_to_world.double().cpu().numpy(), clip.camera_to_world.numpy()).summary()
    return {
        "log_depth": float(ratio.abs().mean()),
        "delta": float((ratio.abs() < np.log(1.25)).float().mean()),
        "focal": float((focal(estimate.points).cpu() / true_focal).clamp_min(TOO_SHORT).log().abs().mean()),
        "rotation": float(np.degrees(apart["R_dist_mean"])),
        "translation": apart["T_dist_mean"],
    }


def drawn(network: TTT3R, clip: Clip) -> Bytes:
    """First and last frame, one below the other: picture, true disparity, the network's."""
    clip, depth, _ = _understood(network, clip)
    rows = []
    for i in (0, -1):
        near = [(1 / one[i]).nan_to_num(0, 0, 0) for one in (clip.depth, depth)]
        white = near[0].quantile(0.99).clamp_min(1e-6)
        grey = [(255 * (one / white).clamp(0, 1)).byte()[..., None].expand(-1, -1, 3) for one in near]
        rows.append(torch.cat([clip.rgb[i], *grey], 1))
    return np.asarray(torch.cat(rows).numpy())


def _understood(network: TTT3R, clip: Clip) -> tuple[Clip, Tensor, ttt3r.Estimate]:
    """Frames of a clip, from first to last, their depth after one median scale, and all that is estimated of them."""
    chosen = np.linspace(0, len(clip.rgb) - 1, min(MEASURED, len(clip.rgb))).round().astype(np.intp)
    clip = taken(clip, chosen)
    estimate = ttt3r.estimate(network, seen(clip).video[0])
    depth = estimate.points[..., 2].cpu().clamp_min(1e-3)
    surface = clip.depth.isfinite()
    return clip, depth * (clip.depth / depth)[surface].median(), estimate


def _mean(values: list[float]) -> float:
    """Of what is known: a camera that stands still has no translation to be measured in."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _tensors(truth: Truth) -> tuple[Tensor, Tensor, Tensor]:
    return truth.points, truth.surface, truth.camera_to_first


def _looks(network: TTT3R, features: Tensor, grid: tuple[int, int], rule: Rule) -> list[Look]:
    state: State = network.initial_state(len(features))
    looks = []
    for frame in features.unbind(1):
        looks.append(network.look(frame, grid, state))
        state = learn(state, looks[-1], rule)
    return looks


def _joined(looks: list[Look]) -> Look:
    """All frames of all clips as one batch, clip by clip, for the heads."""

    def join(parts: list[Tensor]) -> Tensor:
        return torch.stack(parts, 1).flatten(0, 1).float()

    levels = cast(Any, tuple(join(list(level)) for level in zip(*(look.levels for look in looks), strict=True)))
    return replace(looks[0], levels=levels, pose_token=join([look.pose_token for look in looks]))
