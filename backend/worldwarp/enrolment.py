"""``worldwarp keys``: who may use this machine's server."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from worldwarp_protocol import keys


def command(arguments: Sequence[str]) -> int:
    """Show, enrol and revoke keys; what changes takes effect at once."""
    options = _parser().parse_args(arguments)
    home = keys.home()
    if options.action == "enrol":
        keys.enrol(home, options.name, options.public)
        print(f"{options.name} may connect now.")
    elif options.action == "revoke":
        keys.revoke(home, options.name)
        print(f"{options.name} may connect no more.")
    else:
        _show(home)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worldwarp keys", description="Who may use this machine's server.")
    actions = parser.add_subparsers(dest="action")
    actions.add_parser("list", help="this machine's public keys and who is enrolled (the default)")
    enrol = actions.add_parser("enrol", help="let a client connect")
    enrol.add_argument("name", help="what to call it, for revoking it later")
    enrol.add_argument("public", help="its public key: 40 characters, from its `worldwarp keys` or its preferences")
    actions.add_parser("revoke", help="let a client connect no more").add_argument("name")
    return parser


def _show(home: Path) -> None:
    print(f"This machine's server (give it to clients elsewhere): {keys.server_keys(home).public.decode()}")
    print(f"You, as a client (have it enrolled at a server elsewhere): {keys.client_keys(home).public.decode()}")
    for public, name in sorted(keys.enrolled(home).items(), key=lambda item: item[1]):
        print(f"May connect: {name:20} {public}")
