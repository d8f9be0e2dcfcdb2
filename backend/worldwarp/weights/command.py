"""``worldwarp weights``: which trained networks are wanted, fetching, registering, converting and checking them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from worldwarp_protocol.errors import WorldWarpError

from ..geometry import checkpoint
from . import add, check, fetch, needs, show
from .parts import PARTS, PROFILES, Part, part

ACKNOWLEDGE = "Type 'accept' if you have read this and accept the licence: "
ACCEPT = "you have read the licence and accept it"


def command(arguments: Sequence[str]) -> int:
    """List, fetch, register, convert or check weights. 1 where something is wrong with what is here."""
    options = _parser().parse_args(arguments)
    if options.what == "get":
        _get(options.name, options.accept_licence)
    elif options.what in ("add", "convert"):
        _add(options.files, getattr(options, "move", False), options.accept_licence)
    elif options.what == "check":
        return _check()
    else:
        print(show.everything())
    return 0


def _get(name: str, accepted: bool) -> None:
    wanted = [found for found in _named(name) if not needs.is_here(found)]
    for found in wanted:
        print(f"{show.terms(found)}\n")
    _accept(wanted, accepted)
    fetch.get(wanted)
    print(f"All of '{name}' is here.")


def _named(name: str) -> list[Part]:
    """The parts that a profile cannot run without, or one by its name."""
    if name not in PROFILES:
        return [part(name)]
    return [found for found in PARTS if name in found.needed]


def _add(files: Sequence[Path], move: bool, accepted: bool) -> None:
    found = add.recognise(files)
    asking = [each for each in found if each.ask]
    for each in asking:
        print(f"{show.terms(each)}\n")
    _accept(asking, accepted)
    for each, paths in found.items():
        print(add.place(each, paths, move))


def _accept(wanted: Sequence[Part], accepted: bool) -> None:
    """Raises ``WorldWarpError`` where a licence that has to be accepted is not."""
    if any(found.ask for found in wanted) and not (accepted or _typed()):
        raise WorldWarpError("The licence was not accepted, so nothing was done.")


def _typed() -> bool:
    """Whether somebody at a terminal accepts the licence."""
    if not sys.stdin.isatty():
        raise WorldWarpError("The licence above has to be acknowledged first: give --accept-licence.")
    try:
        return input(ACKNOWLEDGE).strip().lower() == "accept"
    except EOFError:
        return False


def _check() -> int:
    """Say of each part whether it is sound."""
    wrong = 0
    for found in PARTS:
        try:
            print(check.part(found))
        except WorldWarpError as error:
            print(f"{found.name}: {error}", file=sys.stderr)
            wrong = 1
    return wrong


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp weights", description="Trained networks that are wanted, and licences.")
    kinds = parser.add_subparsers(dest="what")
    kinds.add_parser("list", help="files, sizes, licences, sources, and whether they are here (default)")
    get = kinds.add_parser("get", help="fetch from Hugging Face; goes on where it was interrupted")
    get.add_argument("name", metavar="PART|PROFILE", help=", ".join([*(each.name for each in PARTS), *PROFILES]))
    adding = kinds.add_parser("add", help="register files that were fetched by hand")
    adding.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files, or folders of them")
    adding.add_argument("--move", action="store_true", help="move them instead of copying")
    convert = kinds.add_parser(
        "convert", help=f"take the numbers out of {checkpoint.FILE}, without running what is in it"
    )
    convert.add_argument("files", type=Path, nargs=1, metavar="file", help="the downloaded checkpoint")
    for each in (get, adding, convert):
        each.add_argument("--accept-licence", action="store_true", help=ACCEPT)
    kinds.add_parser("check", help="compare what is here with the networks' architecture and with its digests")
    return parser
