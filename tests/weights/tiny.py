"""A complete home of weights with tiny random networks of the same classes as the real ones."""

import os
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel
from worldwarp.weights import needs, registry

from ..test_captions import save_tiny

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


def register(name: str) -> None:
    """Register a part's folder as it is."""
    folder = needs.folder(name)
    files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    registry.register(name, folder, files, "tiny")


def tiny_wan_home(path: Path, captioner: bool = False) -> Path:
    """Make ``path`` a home (set WORLDWARP_HOME to it) in which the wan profile lacks nothing. Returns ``path``."""
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
            needs.folder("captioner").mkdir(parents=True)
            save_tiny(needs.folder("captioner"))
            register("captioner")
    finally:
        if before is None:
            del os.environ["WORLDWARP_HOME"]
        else:
            os.environ["WORLDWARP_HOME"] = before
    return path
