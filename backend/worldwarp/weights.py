"""``worldwarp weights``: which trained networks are wanted, under which licence, which are here; converting them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from worldwarp_protocol.errors import WorldWarpError

from .geometry import checkpoint, depth_anything

DEPTH_ANYTHING = f"""\
{depth_anything.REPOSITORY}: depth of single pictures (Depth Anything V2 Small)
  size      25 million numbers, 0.1 GB
  from      Hugging Face, by the name above; this project does not distribute it
  licence   Apache-2.0, for commercial use too"""

ACKNOWLEDGE = "Type 'accept' if you have read this and accept the licence: "


def command(arguments: Sequence[str]) -> int:
    """List, convert or check weights."""
    options = _parser().parse_args(arguments)
    if options.what == "convert":
        _convert(options.file, options.accept_licence)
    elif options.what == "check":
        _check()
    else:
        for terms, state in ((checkpoint.TERMS, _ttt3r()), (DEPTH_ANYTHING, _depth_anything())):
            print(f"{terms}\n  state     {state}\n")
    return 0


def _convert(file: Path, accepted: bool) -> None:
    from .geometry.weights import convert

    print(checkpoint.TERMS)
    if not (accepted or _typed()):
        raise WorldWarpError("The licence was not accepted, so nothing was converted.")
    target = checkpoint.default_path()
    convert(file, target, acknowledged=True)
    print(f"Converted to {target}. Non-commercial use only ({checkpoint.LICENCE}).")


def _typed() -> bool:
    """Whether somebody at a terminal accepts the licence."""
    if not sys.stdin.isatty():
        raise WorldWarpError("The licence above has to be acknowledged first: give --accept-licence.")
    try:
        return input(ACKNOWLEDGE).strip().lower() == "accept"
    except EOFError:
        return False


def _check() -> None:
    """Read all that is here; raises ``WeightsError`` where it is not what was converted."""
    path = checkpoint.default_path()
    if path.is_file():
        from .geometry.weights import verify

        verify(path)
        print(f"{checkpoint.FILE}: sound, {path}")
    else:
        print(f"{checkpoint.FILE}: {_ttt3r()}")
    print(f"{depth_anything.REPOSITORY}: {_depth_anything()}")


def _ttt3r() -> str:
    path = checkpoint.default_path()
    if not path.is_file():
        return f"not here; download it, then `{checkpoint.COMMAND}`"
    try:
        digest = checkpoint.about(path)["digest"]
    except WorldWarpError as error:
        return str(error)
    return f"here, at {path} ({path.stat().st_size / 1e9:.1f} GB, digest {digest[:16]})"


def _depth_anything() -> str:
    return depth_anything.missing() or f"here, at {depth_anything.folder()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp weights", description="Trained networks that are wanted, and licences.")
    kinds = parser.add_subparsers(dest="what")
    kinds.add_parser("list", help="file, size, licence, source, and whether it is here (default)")
    convert = kinds.add_parser(
        "convert", help=f"take the numbers out of {checkpoint.FILE}, without running what is in it"
    )
    convert.add_argument("file", type=Path, help="the downloaded checkpoint")
    convert.add_argument(
        "--accept-licence", action="store_true", help=f"you have read and accept {checkpoint.LICENCE} (non-commercial)"
    )
    kinds.add_parser("check", help="read all that is here and compare it with what was converted")
    return parser
