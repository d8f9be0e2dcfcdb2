"""``worldwarp picture``: a first picture from words, by Wan2.1-T2V; one more source of pictures beside files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.messages import Diffusion

from . import terminal
from .outputs.pictures import encode_png
from .weights import needs

PARTS = ("transformer", "vae", "text-encoder", "tokenizer")


def command(arguments: Sequence[str]) -> int:
    """Make a picture of words and write it.

    Raises:
        InvalidShot: there are no words, the size is no multiple of 16, or the file is no PNG.
        WorldWarpError: weights are missing; names the command that gets them.
    """
    options = _parser().parse_args(arguments)
    if not options.prompt.strip():
        raise InvalidShot("prompt", "is empty; say what the picture should show.")
    if options.out.suffix.lower() != ".png":
        raise InvalidShot("out", f"is {options.out}; pictures are written as .png.")
    if absent := [name for name in PARTS if needs.absent(needs.part(name))]:
        named = ", ".join(absent)
        raise WorldWarpError(
            f"A picture from words needs weights that are not here: {named}; "
            "get each with `worldwarp weights get NAME`."
        )

    from .diffusion import loading  # torch: only when there is something to do

    asked = Diffusion(
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        steps=options.steps,
        guidance=options.guidance,
        memory=options.memory,
    )
    digests = tuple(digest for name in PARTS for digest in needs.digests_of(name))
    picture = loading.first_picture(asked, digests, options.width, options.height, options.seed, terminal.show)
    files.write(options.out, encode_png(picture))
    terminal.wipe()
    print(f"{options.out}: {options.width} x {options.height}")
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Diffusion()
    parser = argparse.ArgumentParser("worldwarp picture", description=__doc__.partition(": ")[2])
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
