"""The work in progress, on one line of a terminal; into files and pipes a line of it now and then."""

import re
import sys
import time

from .nouns import Bytes

STAGES = {
    "history": "looking back at the frames before",
    "geometry": "finding the depth",
    "cache": "building the 3D cache",
    "priors": "drawing what is known, frame",
    "caption": "describing the place, word",
    "fill": "filling what is not, frame",
    "encode": "preparing what is known",
    "denoise": "revising and inventing, step",
    "decode": "making the frames, frame",
    "save": "saving",
    "evaluate": "looking at frame",
    "export": "writing frame",
    "first frame": "making the picture, step",
}
"""The stages of the work in words."""
LINE = 60
"""Characters of the line that shows them."""
EVERY = 30.0
"""Seconds between two lines where no terminal is."""

_next_line = time.monotonic() + EVERY


def in_options(sentence: str) -> str:
    """A sentence about settings by the names that they have on the command line."""
    sentence = re.sub(r"\boverrides\[\d+\]", "--chunk-prompt", sentence)
    return re.sub(r"\bsettings\.(?:diffusion\.)?(\w+)", lambda name: f"--{name[1].replace('_', '-')}", sentence)


def show(stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:  # noqa: ARG001 - a terminal
    """Show how far the work has come: a ``Report``."""
    global _next_line
    most = "at most " if stage == "cache" else ""  # the fit ends when it gains nothing more
    count = f" {step + 1} of {most}{steps}" if steps > 1 else ""
    line = STAGES.get(stage, stage) + count
    if sys.stderr.isatty():
        print(f"\r{line:{LINE}}", end="", file=sys.stderr, flush=True)
    elif time.monotonic() >= _next_line:
        _next_line = time.monotonic() + EVERY
        print(f"{line} ...", file=sys.stderr, flush=True)


def wipe() -> None:
    """Take the line away, for words that stay."""
    if sys.stderr.isatty():
        print(f"\r{'':{LINE}}\r", end="", file=sys.stderr, flush=True)
