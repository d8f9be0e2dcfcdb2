"""A complete home of weights with tiny random networks of the same classes as the real ones."""

import os
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    UMT5Config,
    UMT5EncoderModel,
)
from worldwarp.weights import needs, registry

TEXT_WIDTH = 32
"""Of the text encoder's output, which the transformer attends to."""

TRANSFORMER = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": TEXT_WIDTH,
    "freq_dim": 16,
    "ffn_dim": 48,
    "num_layers": 2,
    "rope_max_seq_len": 64,
}
"""Its latents are those of the real VAE: 16 channels."""


def tiny_transformer(seed: int = 0) -> WanTransformer3DModel:
    """Wan's transformer, two blocks of width 24."""
    torch.manual_seed(seed)
    return WanTransformer3DModel(**TRANSFORMER)


def tiny_vae(seed: int = 1) -> AutoencoderKLWan:
    """Wan's VAE with few channels: still four frames and 8 x 8 pixels a latent of 16 channels."""
    torch.manual_seed(seed)
    return AutoencoderKLWan(base_dim=4, z_dim=16, num_res_blocks=1, dim_mult=[1, 2, 2, 2])


def tiny_text_encoder(seed: int = 2) -> UMT5EncoderModel:
    """UMT5's encoder, two layers."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": len(LETTERS) + 3, "d_model": TEXT_WIDTH, "d_kv": 8, "d_ff": 32, "num_heads": 2}
    return UMT5EncoderModel(UMT5Config(**sizes, num_layers=2))


LETTERS = "▁ abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?-'"


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A Unigram tokenizer of single letters with T5's special tokens."""
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -1.0) for letter in LETTERS)]
    model = Tokenizer(Unigram(vocabulary, unk_id=2))
    model.pre_tokenizer = Metaspace()
    model.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )


def tiny_captioner(seed: int = 3) -> Qwen2_5_VLForConditionalGeneration:
    """Qwen2.5-VL, two layers on each side."""
    torch.manual_seed(seed)
    text = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "vocab_size": 64,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
    }
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))


def register(name: str) -> None:
    """Register a part's folder as it is."""
    folder = needs.folder(name)
    files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    registry.register(name, folder, files, "tiny")


def tiny_wan_home(path: Path, captioner: bool = False) -> Path:
    """Make ``path`` a home (set WORLDWARP_HOME to it) in which the wan profile lacks nothing. Returns ``path``.

    The captioner has no tokenizer of its own: it can be checked, not asked.
    """
    before = os.environ.get("WORLDWARP_HOME")
    os.environ["WORLDWARP_HOME"] = str(path)
    try:
        tiny_transformer().save_pretrained(needs.folder("st-diff"))
        tiny_vae().save_pretrained(needs.folder("vae"))
        tiny_text_encoder().save_pretrained(needs.folder("text-encoder"))
        tiny_tokenizer().save_pretrained(needs.folder("tokenizer"))
        for name in ("st-diff", "vae", "text-encoder", "tokenizer"):
            register(name)
        if captioner:
            tiny_captioner().save_pretrained(needs.folder("captioner"))
            tiny_tokenizer().save_pretrained(needs.folder("captioner"))
            register("captioner")
    finally:
        if before is None:
            del os.environ["WORLDWARP_HOME"]
        else:
            os.environ["WORLDWARP_HOME"] = before
    return path
