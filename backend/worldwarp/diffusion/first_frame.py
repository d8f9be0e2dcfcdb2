"""A first picture from words alone: the first frame of what Wan2.1-T2V would film."""

from typing import Any

import numpy as np
import torch
from diffusers.utils.torch_utils import get_module_execution_device
from torch import Tensor
from worldwarp_protocol.errors import InvalidShot

from ..nouns import Bytes, Report
from . import sampler
from .noise import TRAINING_STEPS, schedule
from .vae import Vae, decode


def first_frame(
    transformer: Any,
    vae: Vae,
    text_embedding: Tensor,
    negative_embedding: Tensor,
    width: int,
    height: int,
    steps: int,
    shift: float,
    guidance: float,
    seed: int,
    report: Report,
) -> Bytes:
    """A picture (H, W, 3), display-referred, denoised from pure noise.

    Wan is a video model. Its VAE's first latent frame holds one picture, all later ones four: a clip of one latent
    frame (T' = 1) is the picture that a film would begin with.

    Args:
        transformer: a stock ``WanTransformer3DModel`` of Wan2.1-T2V, not ST-Diff: that one revises what is there.
        text_embedding: (512, D), what is wanted; ``negative_embedding``: what is not. See ``text.embed``.
        width: of the picture, a multiple of 16, as ``height`` is.
        guidance: classifier-free; with 1 the negative embedding is not read.
        report: called before each step; raises ``Cancelled`` to end the work.

    Raises:
        InvalidShot: a size that is no multiple of 16.
    """
    for name, side in (("settings.width", width), ("settings.height", height)):
        if side < 16 or side % 16:
            raise InvalidShot(name, f"{side} is no multiple of 16; {max(side // 16, 1) * 16} is one.")
    levels = torch.from_numpy(schedule(steps, shift)).float()[:, None, None, None]
    # drawn on the CPU: the same noise on every device
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(vae.config.z_dim, 1, height // 8, width // 8, generator=generator)

    report("first frame", 0, steps)
    texts = torch.stack([text_embedding, negative_embedding])
    model = sampler.guidance(lambda text: _velocity(transformer, text), texts, guidance)
    latents = sampler.euler(
        model,
        noise.to(get_module_execution_device(transformer)),
        levels.expand(-1, 1, height // 16, width // 16),
        lambda step, steps, _x, _clean: report("first frame", step, steps) if step < steps else None,
    )
    (pictures,) = decode(vae, latents)
    picture: Bytes = np.rint(pictures[0] * 255).astype(np.uint8)
    return picture


def _velocity(transformer: Any, text: Tensor) -> sampler.Velocity:
    """The stock transformer, with one timestep for all, as the sampler's model for texts (B, L, D)."""

    def model(x: Tensor, levels: Tensor) -> Tensor:
        timestep = (levels.flatten()[:1] * TRAINING_STEPS).expand(len(text))
        latents = x.expand(len(text), *x.shape).to(transformer.dtype)
        v: Tensor = transformer(latents, timestep, text.to(latents), return_dict=False)[0]
        return v

    return model
