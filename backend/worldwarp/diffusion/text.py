"""Words to what the transformer reads: UMT5's hidden states over 512 tokens, kept on disk.

The text model is larger than the transformer, and most runs say again what was said before: ``cached`` needs it only
for words that are new.
"""

import hashlib
import html
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.utils.torch_utils import get_module_execution_device
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

TOKENS = 512
"""That the transformer was trained to read (paper settings)."""

MOST = 64
"""Embeddings kept on disk: 4 MB each, and a long run has some twenty captions."""

NAME = "embedding"


def clean(text: str) -> str:
    """A prompt as Wan was trained on it: HTML entities resolved (also twice escaped ones), white space single."""
    return " ".join(html.unescape(html.unescape(text)).split())


def excess(tokenizer: Any, text: str) -> int:
    """Tokens beyond the 512: the end of the text, which the model never reads."""
    return max(len(tokenizer(clean(text)).input_ids) - TOKENS, 0)


@torch.no_grad()
def embed(tokenizer: Any, encoder: Any, text: str) -> Tensor:
    """Hidden states (512, D) of a ``UMT5EncoderModel`` on the CPU, in its own precision; zero past the text's end.

    What is longer than 512 tokens is cut; ``excess`` says by how much.
    """
    tokens = tokenizer(
        clean(text),
        padding="max_length",
        max_length=TOKENS,
        truncation=True,
        return_attention_mask=True,
        return_tensors="pt",
    ).to(get_module_execution_device(encoder))
    hidden = encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state[0]
    return torch.where(tokens.attention_mask[0, :, None] > 0, hidden, 0).cpu()


def cached(folder: Path, digest: str, text: str, compute: Callable[[str], Tensor]) -> Tensor:
    """The embedding of a text, from the folder if it is there, else computed and kept; the 64 last used stay.

    Args:
        folder: of the embeddings alone.
        digest: of the text model's weights and tokenizer: another model, other embeddings.
        compute: ``compute(text)``, called where nothing is kept or what is kept is damaged. Loads the text model.
    """
    key = hashlib.sha256(f"{digest}\n{clean(text)}".encode()).hexdigest()
    path = folder / f"{key}.safetensors"
    if (kept := _read(path)) is not None:
        os.utime(path)
        return kept
    embedding = compute(text).cpu().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, embedding)
    _forget(folder)
    return embedding


def _read(path: Path) -> Tensor | None:
    """None where it is missing or damaged."""
    try:
        with safe_open(path, "pt") as opened:
            embedding: Tensor = opened.get_tensor(NAME)
            return embedding if opened.metadata()["digest"] == _digest(embedding) else None
    except (OSError, SafetensorError, KeyError, TypeError):
        return None


def _write(path: Path, embedding: Tensor) -> None:
    """Whole or not at all, also where another process writes the same."""
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_bytes(save({NAME: embedding}, {"digest": _digest(embedding)}))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _forget(folder: Path) -> None:
    """Remove what was not used for longest, and with it what a killed process left unfinished."""
    with_age = sorted((path.stat().st_mtime_ns, path) for path in folder.glob("*.safetensors*"))
    for _, path in with_age[:-MOST]:
        path.unlink(missing_ok=True)


def _digest(embedding: Tensor) -> str:
    """Of the numbers: a safetensors file does not notice that one of them changed."""
    return hashlib.sha256(embedding.view(torch.uint8).numpy().tobytes()).hexdigest()
