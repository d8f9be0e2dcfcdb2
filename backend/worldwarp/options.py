"""Settings on the command line: an option for each of their fields, and named presets."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from msgspec import structs
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Diffusion, Override, Settings

from .diffusion.noise import schedule, sigma_of_tau
from .geometry.anchor import read_anchor

SETTINGS = {
    "profile": "draft, mini or wan",
    "seed": "same inputs and seed, same pixels",
    "width": "generated width, a multiple of 16; 0 is the picture's own",
    "height": "generated height, a multiple of 16; 0 is the picture's own",
    "framing": "crop: fill that size; fit: keep the picture's proportions inside it",
    "overscan": "share by which frames show more on all sides than was asked for, up to 0.25, to reframe them later",
    "far": "depth beyond this, in world units, is sky",
    "chunk_frames": "frames of a chunk, 4k + 1",
    "context_frames": "frames that a chunk takes over from the one before it, 4k + 1",
    "cache": "what carries the history into new views",
    "cache_steps": "most optimisation steps of the Gaussian cache",
    "memory_frames": "most older frames that a chunk remembers, of places that come into view again; 0: none",
    "ease_frames": "frames in which a chunk eases back to the path where frames have drifted from it; 0: never",
    "every": "generate every frame of the path, or every 2nd or 4th; the others are rendered from those beside them",
    "geometry": "where depth comes from that is not given (given: none is estimated)",
    "depth_scale": "factor on the depth of an estimated first frame",
    "anchor": "u,v,distance: estimated depth is scaled so that this point (0 to 1) is so far away",
}
"""One for each field of ``Settings``."""

DIFFUSION = {
    "prompt": "what the place looks like; left out, the captioner describes it chunk by chunk",
    "style": 'words for the style, such as "Studio Ghibli style"',
    "negative_prompt": "what should not be seen; left out, a list of the usual faults",
    "sigma": "noise that what was warped starts from: 0 keeps it, 1 throws it away",
    "steps": "denoising steps",
    "shift": "of the schedule: higher, more steps at high noise",
    "guidance": "how strongly the words count; 1: no guidance, half the time",
    "guidance_valid": "a lower guidance for what was warped",
    "solver": "what integrates from level to level",
    "noise": "how noise differs between tokens (the paper's table 3)",
    "tokens": "when a token counts as known: covered (all of it is) or sampled (the release's rule)",
    "erosion": "pixels by which what is known shrinks first",
    "age_noise": "0 to 1: more noise for frames further from the context",
    "confidence_noise": "0 to 1: more noise where the cache is unsure",
    "colour_correction": "bring each chunk's colours back to those that were warped",
    "memory": "what stays on the GPU",
}
"""One for each field of ``Diffusion``."""

FULL = Settings(width=720, height=480, cache_steps=500, profile="wan", geometry="ttt3r")

PRESETS = {
    "paper": FULL,
    # its strength 0.8 is cut to an index (9 of 50), not rounded
    "release": structs.replace(
        FULL,
        chunk_frames=81,
        context_frames=1,
        diffusion=Diffusion(sigma=float(schedule(50, 5.0)[9]), tokens="sampled"),
    ),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options; the help shows what holds where one is left out."""
    parser.add_argument("--preset", choices=PRESETS, help="values of the paper, or of the authors' release")
    for struct, words in ((Settings, SETTINGS), (Diffusion, DIFFUSION)):
        group = parser.add_argument_group("diffusion (mini and wan)" if struct is Diffusion else "settings")
        kinds = get_type_hints(struct)
        defaults = {field.name: field.default for field in structs.fields(struct)}
        for name, text in words.items():
            choices = get_args(kinds[name]) if get_origin(kinds[name]) is Literal else None
            _add(group, name, text, defaults[name], choices)
    group.add_argument("--tau", type=float, help="the paper's strength, 0 to 1, instead of --sigma")
    group.add_argument("--tau-as", choices=("index", "sigma"), default="index", help="what it counts (index)")
    group.add_argument("--lowvram", action="store_true", help="--memory low")
    group.add_argument(
        "--chunk-prompt", action="append", default=[], metavar="N:TEXT", help="the prompt of chunk N, from 1"
    )


def _add(group: Any, name: str, text: str, default: Any, choices: Sequence[str] | None) -> None:
    """Left out, an option is not in the result: a preset's value may hold."""
    option, shown = f"--{name.replace('_', '-')}", f"{text} ({default})" if default not in ("", None) else text
    if isinstance(default, bool):
        group.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=text)
    else:
        kind = type(default) if default is not None else float if name == "guidance_valid" else str
        group.add_argument(option, type=kind, choices=choices, default=argparse.SUPPRESS, help=shown)


def read(options: argparse.Namespace, base: Settings | None = None) -> Settings:
    """The settings that were chosen; what was not is that of the preset, of ``base`` or the default.

    Raises:
        InvalidShot: a choice makes no sense; names the field.
    """
    base = PRESETS.get(options.preset, base or Settings())
    chosen = vars(options)
    diffusion = structs.replace(base.diffusion, **_of(chosen, DIFFUSION))
    if options.lowvram:
        diffusion = structs.replace(diffusion, memory="low")
    if options.tau is not None:
        if "sigma" in chosen:
            raise InvalidShot("tau", "and sigma say the same thing; give one of them.")
        if not 0 <= options.tau <= 1:
            raise InvalidShot("tau", f"is {options.tau:g}; give a number from 0 to 1.")
        sigma = sigma_of_tau(options.tau, diffusion.steps, diffusion.shift, options.tau_as)
        diffusion = structs.replace(diffusion, sigma=sigma)
    plain = _of(chosen, SETTINGS)
    if "anchor" in plain:
        plain["anchor"] = read_anchor(plain["anchor"])
    return structs.replace(base, **plain, diffusion=diffusion)


def read_overrides(options: argparse.Namespace) -> list[Override]:
    """What was chosen for single chunks.

    Raises:
        InvalidShot: not of the form N:TEXT.
    """
    return [_override(text) for text in options.chunk_prompt]


def _override(text: str) -> Override:
    number, colon, prompt = text.partition(":")
    if not colon or not number.strip().isdigit() or int(number) < 1:
        raise InvalidShot("chunk-prompt", f"is {text!r}; write the chunk's number, from 1, a colon and the prompt.")
    return Override(chunk=int(number) - 1, prompt=prompt.strip())


def _of(chosen: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: chosen[name] for name in names if name in chosen}
