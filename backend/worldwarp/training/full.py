"""The published networks, read for fine-tuning: float32 weights, which bf16 steps of 5e-5 would be lost in."""

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor
from transformers import AutoTokenizer, UMT5EncoderModel

from ..diffusion import text
from ..diffusion.loading import read
from ..diffusion.transformer import STDiff
from ..weights import needs


def network() -> STDiff:
    """ST-Diff's published weights, all of them trainable; a block's activations are computed again for its gradient."""
    found: STDiff = read(STDiff, "st-diff", torch.float32).train().requires_grad_(True)
    found.enable_gradient_checkpointing()
    return found


def vae() -> AutoencoderKLWan:
    """Wan's VAE, frozen."""
    return read(AutoencoderKLWan, "vae", torch.float32)


def embeddings(texts: list[str], device: torch.device) -> dict[str, Tensor]:
    """What UMT5 makes of each text, (512, D); the encoder is let go of afterwards."""
    tokenizer = AutoTokenizer.from_pretrained(needs.folder("tokenizer"), local_files_only=True)
    encoder = read(UMT5EncoderModel, "text-encoder", torch.bfloat16 if device.type == "cuda" else torch.float32)
    encoder.to(device)
    return {words: text.embed(tokenizer, encoder, words) for words in texts}
