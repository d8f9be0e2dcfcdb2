"""Fill and revise: the frames of a chunk from its priors (paper section 4.2, equations 9 and 10, section 7).

priors ──> holes filled smoothly ──> latents ──> noise map ──> denoised, level by level ──> frames
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate
from worldwarp_protocol.messages import Diffusion, Settings

from ..holes import fill_frame
from ..nouns import Bytes, Filled, Floats, NoiseMap, Priors, Prompt, Provenance, Report, View
from . import drift
from .figure import figure
from .noise import TOKEN, levels, noise_map, schedule
from .sampler import SOLVERS, Velocity, guidance, start
from .transformer import STDiff, velocity
from .vae import decode, encode, preview, preview_map


@dataclass(frozen=True)
class Models:
    """The networks that fill, and how they share the memory there is."""

    transformer: STDiff
    vae: AutoencoderKLWan
    embed: Callable[[str], Tensor]
    """Text to (L, D)."""
    used: Callable[[nn.Module], AbstractContextManager[None]]
    """``with used(network):`` it is where it computes; afterwards perhaps not."""
    together: bool
    """Whether both halves of the guidance go through in one batch."""
    said: Mapping[str, str] = field(default_factory=dict)
    """What a user should know of how they compute; part of every chunk's ``meta``."""
    gaps: float = 0.0
    """Share of a token that may be blank where it counts as known, as in the training."""
    detail: bool = False
    """Whether what the VAE loses of the priors is put back where they are known: a small one loses much."""


def fill(
    models: Models, priors: Priors, context: Sequence[View], prompt: Prompt, settings: Settings, report: Report
) -> Filled:
    """Revise what was warped and invent what is blank; the context frames stay as they are.

    Depth is left open, unless ``settings.geometry`` is ``given``: then it is carried on smoothly into what is invented.
    """
    choice = settings.diffusion
    report("encode", 0, 1)
    shown = before_vae(priors)
    with models.used(models.vae):
        clean = encode(models.vae, shown)
    noise = noise_map(priors.valid, len(context), choice, priors.confidence, _unknown(context), models.gaps)
    model = _guided(models, noise, prompt, choice)
    with models.used(models.transformer):
        latents = denoise(model, clean, noise, choice, _seed(settings, context), _shown(clean, shown, report))
    decoded = _decoded(models, latents, len(shown), report)
    if models.detail:
        with models.used(models.vae):
            decoded = decoded + detail(models.vae, shown, clean, noise)
    meta: dict[str, float | str] = {**drift.measure(decoded, _frames(context), priors)}
    if choice.colour_correction:
        decoded = drift.apply(decoded, *drift.colour_correction(decoded, priors, len(context)))
    frames = np.rint(np.clip(decoded, 0, 1) * 255).astype(np.uint8)
    known = priors.valid & covered(noise.valid)
    provenance = np.where(known, priors.provenance, np.uint8(Provenance.GENERATED))
    for i, view in enumerate(context):
        given = np.s_[:] if view.known is None else view.known
        frames[i][given], provenance[i][given] = view.rgb[given], view.provenance[given]
    return Filled(
        frames,
        provenance,
        _carried_on(priors, settings.far) if settings.geometry == "given" else None,
        known,
        noise,
        figure(noise, schedule(choice.steps, choice.shift)),
        {**meta, **models.said},
    )


def detail(vae: AutoencoderKLWan, shown: Floats, clean: Tensor, noise: NoiseMap) -> Floats:
    """What the VAE loses of the priors ``shown`` (n, H, W, 3), fading out towards tokens that are blank.

    Above noise level 0.5 less and less of it, at 1 none: there the network draws details of its own.
    """
    kept = noise.valid * np.clip(2 * (1 - noise.start), 0, 1)
    known = torch.from_numpy(kept[:, None].astype(np.float32))
    soft = interpolate(known, shown.shape[1:3], mode="bilinear")[:, 0].numpy()
    soft = _of_frames(soft) * covered(noise.valid)
    lost: Floats = shown - np.concatenate(list(decode(vae, clean)))
    faded: Floats = lost * soft[..., None]
    return faded


def before_vae(priors: Priors) -> Floats:
    """The priors (n, H, W, 3) with holes filled smoothly; a frame of which nothing is known shows the one before it.

    A latent mixes what lies around it: black in a hole would bleed into its neighbours that are valid.
    """
    with ThreadPoolExecutor() as threads:
        filled = list(threads.map(_filled, priors.rgb, priors.depth, priors.valid))
    for i in range(1, len(filled)):
        if not priors.valid[i].any():
            filled[i] = filled[i - 1]
    return np.stack(filled)


def _filled(rgb: Floats, depth: Floats, valid: NDArray[np.bool_]) -> Floats:
    return rgb if valid.all() else fill_frame(rgb, depth, valid)[0]


def _carried_on(priors: Priors, far: float) -> Floats:
    """Depth (n, H, W), carried on smoothly into what was not known; between a wall and the sky that is soon sky."""
    depth = np.stack([fill_frame(*frame)[1] for frame in zip(priors.rgb, priors.depth, priors.valid, strict=True)])
    return np.where(depth > far, np.float32(np.inf), depth)


def covered(tokens: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, H, W): the pixels that tokens (T', h, w) cover; the first row covers one frame, the others four."""
    return _of_frames(tokens.repeat(TOKEN, axis=1).repeat(TOKEN, axis=2))


def _of_frames(rows: NDArray[Any]) -> NDArray[Any]:
    """One (n, ...) for each frame, of one for each latent frame (T', ...)."""
    return np.concatenate([rows[:1], rows[1:].repeat(4, axis=0)])


def _seed(settings: Settings, context: Sequence[View]) -> int:
    """The chunk's own, or what is blank would begin from the same noise in every chunk."""
    return int(np.random.SeedSequence([settings.seed, context[0].index]).generate_state(1, np.uint64)[0])


def denoise(
    model: Velocity,
    clean: Tensor,
    noise: NoiseMap,
    choice: Diffusion,
    seed: int,
    seen: Callable[[int, int, Tensor, Tensor], None],
) -> Tensor:
    """The latents (C, T', h, w) that ``model`` makes of the priors' ``clean`` ones; the noise is the seed's alone."""
    # drawn on the CPU: the same noise on every device
    drawn = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed)).to(clean.device)
    steps = torch.from_numpy(levels(noise, schedule(choice.steps, choice.shift))).to(clean.device)
    return SOLVERS[choice.solver](model, start(clean, drawn, steps[0]), steps, seen)


def _guided(models: Models, noise: NoiseMap, prompt: Prompt, choice: Diffusion) -> Velocity:
    texts = [prompt.text, prompt.negative] if choice.guidance != 1 else [prompt.text]
    embedded = torch.stack([models.embed(text) for text in texts])
    scale: Tensor | float = choice.guidance
    if choice.guidance_valid is not None and choice.guidance != 1:
        scale = torch.from_numpy(np.where(noise.valid, choice.guidance_valid, choice.guidance).astype(np.float32))
    return guidance(lambda text: velocity(models.transformer, text), embedded, scale, models.together)


def _shown(clean: Tensor, frames: Floats, report: Report) -> Callable[[int, int, Tensor, Tensor], None]:
    """The callback that shows the picture as it emerges."""
    mapping = preview_map(clean, frames)

    def seen(step: int, steps: int, _: Tensor, estimate: Tensor) -> None:
        report("denoise", step - 1, steps, preview(estimate, mapping))

    return seen


def _decoded(models: Models, latents: Tensor, count: int, report: Report) -> Floats:
    """Frames (n, H, W, 3) in [0, 1]."""
    frames: list[Floats] = []
    with models.used(models.vae):
        for piece in decode(models.vae, latents):
            frames.extend(piece)
            report("decode", len(frames) - 1, count)
    return np.stack(frames)


def _unknown(context: Sequence[View]) -> NDArray[np.bool_] | None:
    """(c, H, W): what is not known of the context; None where all is."""
    if all(view.known is None for view in context):
        return None
    return np.stack([np.zeros(v.rgb.shape[:2], bool) if v.known is None else ~v.known for v in context])


def _frames(context: Sequence[View]) -> Floats:
    pictures: Bytes = np.stack([view.rgb for view in context])
    return pictures.astype(np.float32) / np.float32(255)
