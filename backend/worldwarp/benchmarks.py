"""``worldwarp bench``: what parts of the work cost here."""

import importlib
from collections.abc import Sequence

from worldwarp_protocol.errors import WorldWarpError

KINDS = {
    "cache": "worldwarp.bench:main",
    "geometry": "worldwarp.geometry.bench:bench_geometry",
    "diffusion": "worldwarp.diffusion.bench:command",
}
"""What is measured, and where."""


def command(arguments: Sequence[str]) -> int:
    """Measure what the first word names; the rest is for that measurement.

    Raises:
        WorldWarpError: there is no such word.
    """
    kind = arguments[0] if arguments else ""
    if kind in ("-h", "--help", ""):
        print(f"worldwarp bench {'|'.join(KINDS)} [--help]")
        return 0
    if kind not in KINDS:
        raise WorldWarpError(f"There is no benchmark '{kind}'; choose one of {', '.join(KINDS)}.")
    module, function = KINDS[kind].split(":")
    rest = arguments if kind == "cache" else arguments[1:]
    return int(getattr(importlib.import_module(module), function)(rest))
