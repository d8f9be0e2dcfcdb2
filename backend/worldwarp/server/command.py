"""``worldwarp serve``: the command line of the front door."""

import argparse
import functools
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from worldwarp_protocol.keys import home

from ..store import default_root
from .serve import serve

PORT = 7654


def serve_command(argv: Sequence[str]) -> int:
    """Run the front door until it is asked to end.

    Raises:
        WorldWarpError: it cannot start.
    """
    parser = argparse.ArgumentParser("worldwarp serve", description="Compute shots for Blender and other clients.")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve at (default: this machine only)")
    parser.add_argument("--port", type=int, default=PORT, help=f"port to serve at, 0: any free one (default: {PORT})")
    parser.add_argument("--store", type=Path, default=default_root(), help="folder that keeps what is computed")
    parser.add_argument("--sign", type=Path, help="file to keep while serving; who removes it ends the server")
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.port <= 65535:
        parser.error("--port: give a number from 0 to 65535.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    serve(arguments.host, arguments.port, home(), arguments.store, functools.partial(print, flush=True), arguments.sign)
    return 0
