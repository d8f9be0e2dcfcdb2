"""Words for a chunk: the user's own, or what Qwen2.5-VL sees in the history (paper section 4.2 and figure 3).

transformers' own processor for this model wants torchvision, for videos. A few pictures say what a place looks like, so
the conversation is put together here from single pictures. Torch-free until ``load`` and ``caption`` are called.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from .nouns import Bytes, Prompt, Report, View

VERSION = "1"
"""Raised when the same frames get other words."""

INSTRUCTION = """\
These pictures are frames of one continuous walk through a place, in order. Describe the place in one English \
paragraph of 80 to 120 words, as if it were frozen in time: nothing moves, nobody acts, and there is no camera. Say \
first what kind of place it is, then how it is laid out from near to far, then what lies beyond the edges of the \
last picture in the direction of travel, extended plausibly from what can be seen. Name materials, textures, light, \
weather, time of day and visual style. Write plain statements of what is there. Do not mention pictures, frames, \
viewers or movement, and add no heading or list."""
STYLE = ' The style is given: "{style}". Name it, and describe everything as it looks in that style.'
"""Added to the instruction where the user typed a style: it says how things look, not what is there."""

NEGATIVE = (
    "blurry, out of focus, low resolution, compression artefacts, noise, flicker, ghosting, double edges, warped "
    "geometry, melting shapes, holes, smeared texture, overexposed, oversaturated, text, subtitles, watermark, logo, "
    "border, people moving, animals moving, moving vehicles, motion blur"
)
"""What a static scene should not show, where the user does not say."""

PICTURES = 6
"""Most frames that are looked at."""
PIXELS = 28 * 28 * 256
"""Most pixels of each of them: 256 of the model's tokens."""
TOKENS = 200
"""Most tokens of the answer: 120 English words are about 160."""
DECODING = {"do_sample": False, "max_new_tokens": TOKENS, "repetition_penalty": 1.05}
"""Greedy; the penalty is the published model's own."""

Captioner = Callable[[Sequence[Bytes], str, Report], str]
"""``captioner(frames, style, report)``: ``caption`` with a model."""


def prompt(history: Sequence[View], settings: Settings, captioner: Captioner | None, report: Report) -> Prompt:
    """What the chunk should look like: the user's words, or else the captioner's; style words come before both.

    Raises:
        InvalidShot: there is neither a prompt nor a captioner.
        Cancelled: ``report`` raised it.
    """
    asked = settings.diffusion
    style = asked.style.strip()
    text = asked.prompt.strip() or _look(history, style, captioner, report)
    return Prompt(", ".join(words for words in (style, text) if words), asked.negative_prompt.strip() or NEGATIVE)


def _look(history: Sequence[View], style: str, captioner: Captioner | None, report: Report) -> str:
    if captioner is None:
        raise InvalidShot(
            "settings.diffusion.prompt",
            "There is no prompt, and no captioner here to write one; give a prompt, "
            "or get the captioner's weights with `worldwarp weights get captioner`.",
        )
    return captioner([view.rgb for view in sorted(history, key=lambda view: view.index)], style, report)


def load(folder: Path, device: Any, dtype: Any) -> tuple[Any, Any, Any]:
    """Tokenizer, picture processor and model of Qwen2.5-VL-7B-Instruct from a local folder, on a torch device."""
    from transformers import (
        AutoTokenizer,
        GenerationConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2VLImageProcessorPil,
    )

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    processor = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=dtype, local_files_only=True, use_safetensors=True
    )
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    # the published one samples, and the same pictures shall give the same words
    model.generation_config = GenerationConfig.from_dict({**DECODING, "eos_token_id": end, "pad_token_id": end})
    return tokenizer, processor, model.to(device).eval().requires_grad_(False)


def caption(tokenizer: Any, processor: Any, model: Any, frames: Sequence[Bytes], style: str, report: Report) -> str:
    """One paragraph about frames (H, W, 3) in the order of the path; whole sentences, always the same for the same.

    Args:
        tokenizer, processor, model: as ``load`` gives them.
        style: words that say how it should look; may be empty.
        report: called before every token, and may raise ``Cancelled``.
    """
    import torch

    asked = inputs(tokenizer, processor, [frames[i] for i in spread(len(frames))], style)
    given = asked["input_ids"].shape[1]

    def between_tokens(ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:  # noqa: ARG001 - as it is called
        report("caption", ids.shape[1] - given, TOKENS)
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    report("caption", 0, TOKENS)
    asked = {name: value.to(model.device) for name, value in asked.items()}
    answer = model.generate(**asked, stopping_criteria=[between_tokens])
    return sentences(tokenizer.decode(answer[0, given:], skip_special_tokens=True))


def spread(count: int) -> list[int]:
    """Positions of at most ``PICTURES`` of ``count`` frames, evenly spread, the first and the last among them."""
    return [int(i) for i in np.linspace(0, count - 1, min(count, PICTURES)).round()]


def inputs(tokenizer: Any, processor: Any, frames: Sequence[Bytes], style: str) -> dict[str, Any]:
    """The model's arguments: one turn of the user's, the pictures first, then the instruction.

    A picture of gh x gw patches of 14 x 14 pixels stands in the text as gh gw / 4 placeholders.
    """
    import torch

    seen = processor(
        images=list(frames), size={"shortest_edge": processor.size["shortest_edge"], "longest_edge": PIXELS},
        input_data_format="channels_last", return_tensors="pt",
    )  # fmt: skip
    tokens = [grid.prod().item() // processor.merge_size**2 for grid in seen["image_grid_thw"]]
    instruction = INSTRUCTION + (STYLE.format(style=style) if style else "")
    ids = torch.tensor([_conversation(tokenizer, tokens, instruction)])
    placeholder = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == placeholder).int(),
        "pixel_values": seen["pixel_values"],
        "image_grid_thw": seen["image_grid_thw"],
    }


def _conversation(tokenizer: Any, tokens: Sequence[int], instruction: str) -> list[int]:
    """The model's chat format, pictures of so many tokens each."""
    pictures = "".join("<|vision_start|>" + "<|image_pad|>" * count + "<|vision_end|>" for count in tokens)
    before = f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{pictures}"
    after = "<|im_end|>\n<|im_start|>assistant\n"
    # marks of the format that a user typed are plain text
    plain: list[int] = tokenizer.encode(instruction, add_special_tokens=False, split_special_tokens=True)
    marked: Callable[[str], list[int]] = lambda text: tokenizer.encode(text, add_special_tokens=False)  # noqa: E731
    return [*marked(before), *plain, *marked(after)]


def sentences(text: str) -> str:
    """The text on one line, up to the end of its last whole sentence; all of it where none ends."""
    line = " ".join(text.split())
    whole = re.match(r".*[.!?][\"')\]]*(?=\s|$)", line)
    return whole[0] if whole else line
