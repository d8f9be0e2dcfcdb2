"""``worldwarp path``: camera paths made, retimed, converted, checked and previewed."""

import importlib
from collections.abc import Sequence

from worldwarp_protocol.errors import WorldWarpError

COMMANDS = {
    "make": ("worldwarp.cameras.make:command", "from words, such as 'dolly_in 1.5m + pan_left 20deg ease'"),
    "retime": ("worldwarp.cameras.retime:command", "faster, slower, smoother, or to a number of frames"),
    "convert": ("worldwarp.cameras.convert:command", "from and to the files of other tools"),
    "check": ("worldwarp.cameras.check_command:command", "what is known along it, before it is paid for"),
    "preview": ("worldwarp.preview:command", "what is known along it, as frames with holes"),
}
"""Name: where its function is, and what it is for."""


def command(arguments: Sequence[str]) -> int:
    """Run the command that the first word names.

    Raises:
        WorldWarpError: there is no such word.
    """
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        lines = [f"  {name:10} {text}" for name, (_, text) in COMMANDS.items()]
        print("worldwarp path COMMAND [--help]\n\n" + "\n".join(lines))
        return 0
    if name not in COMMANDS:
        raise WorldWarpError(f"There is no 'worldwarp path {name}'; choose one of {', '.join(COMMANDS)}.")
    module, function = COMMANDS[name][0].split(":")
    return int(getattr(importlib.import_module(module), function)(rest))
