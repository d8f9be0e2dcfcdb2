"""A first picture from words, by Wan2.1-T2V; one more source of pictures beside files. Torch-free until it is made."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.messages import Diffusion

from . import captions, diffusion, terminal, wan
from .geometry.checkpoint import WeightsError
from .nouns import Bytes, Report
from .outputs.pictures import encode_png
from .weights import needs

PARTS = ("transformer", "vae", "text-encoder", "tokenizer")


def command(arguments: Sequence[str]) -> int:
    """``worldwarp picture``: make a picture of words and write it.

    Raises:
        InvalidShot: there are no words, the size is no multiple of 16, or the file is no PNG.
        WorldWarpError: weights are missing; names the command that gets them.
    """
    options = _parser().parse_args(arguments)
    if not options.prompt.strip():
        raise InvalidShot("prompt", "is empty; say what the picture should show.")
    if options.out.suffix.lower() != ".png":
        raise InvalidShot("out", f"is {options.out}; pictures are written as .png.")
    asked = Diffusion(
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        steps=options.steps,
        guidance=options.guidance,
        memory=options.memory,
    )
    if absent := missing():
        raise WorldWarpError(absent)
    made = picture(asked, options.width, options.height, options.seed, terminal.show)
    files.write(options.out, encode_png(made))
    terminal.wipe()
    print(f"{options.out}: {options.width} x {options.height}")
    return 0


def missing() -> str:
    """One sentence that says what is not here and the command that gets it; empty where nothing lacks."""
    if packages := [name for name in needs.PACKAGES[wan.NAME] if find_spec(name) is None]:
        return f"Missing packages: {', '.join(packages)}; install them with: pip install 'worldwarp[wan]'."
    try:
        absent = [name for name in PARTS if needs.absent(needs.part(name))]
    except WeightsError as error:
        return str(error)
    if not absent:
        return ""
    commands = " && ".join(f"worldwarp weights get {name}" for name in absent)
    return f"A picture from words needs weights that are not here: {', '.join(absent)}; get them with `{commands}`."


def recipe() -> list[Any]:
    """What changes pixels besides what is asked: code, libraries and weights."""
    libraries = [version(name) for name in wan.LIBRARIES if find_spec(name)]
    return [diffusion.VERSION, captions.VERSION, libraries, [needs.digests_of(part) for part in PARTS]]


def picture(asked: Diffusion, width: int, height: int, seed: int, report: Report) -> Bytes:
    """A picture (height, width, 3) uint8, display-referred, of the words in ``asked``.

    Raises:
        InvalidShot: the size is no multiple of 16.
        WorldWarpError: the GPU's memory is full; what was kept there is let go of.
        Cancelled: ``report`` raised it.
    """
    import torch

    from .diffusion import loading

    digests = tuple(digest for name in PARTS for digest in needs.digests_of(name))
    try:
        return loading.first_picture(asked, digests, width, height, seed, report)
    except torch.cuda.OutOfMemoryError:
        pass
    # only here: the error held the frames of all calls, and they the networks
    wan.forget()
    raise WorldWarpError("The GPU's memory is full: ask for a smaller picture, or choose memory balanced or low.")


def _parser() -> argparse.ArgumentParser:
    defaults = Diffusion()
    parser = argparse.ArgumentParser("worldwarp picture", description="A first picture from words, by Wan2.1-T2V.")
    parser.add_argument("--prompt", required=True, help="what the picture should show")
    parser.add_argument("--out", type=Path, required=True, help="the picture (.png)")
    parser.add_argument("--negative-prompt", default="", help="what should not be seen; else a list of usual faults")
    parser.add_argument("--width", type=int, default=720, help="a multiple of 16 (720)")
    parser.add_argument("--height", type=int, default=480, help="a multiple of 16 (480)")
    parser.add_argument("--seed", type=int, default=0, help="same words and seed, same picture (0)")
    parser.add_argument("--steps", type=int, default=defaults.steps, help=f"denoising steps ({defaults.steps})")
    parser.add_argument("--guidance", type=float, default=defaults.guidance, help=f"({defaults.guidance:g})")
    parser.add_argument("--memory", choices=("full", "balanced", "low"), default="full", help="what stays on the GPU")
    return parser
