"""Who listens at an address already, asked from outside."""

import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from worldwarp_protocol.client import Client
from worldwarp_protocol.errors import Refused, WorldWarpError
from worldwarp_protocol.keys import client_keys, server_keys

ANY = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}
"""Hosts that mean every address of this machine, and the one to ask at."""

PATIENCE = 2.0
"""Seconds for the answer."""

Neighbour = Literal["nobody", "ours", "unknown"]


def address(host: str, port: int) -> str:
    """Where a client reaches a server that was started with this host and port."""
    host = ANY.get(host, host)
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def at(address: str, home: Path) -> Neighbour:
    """Whether nobody listens at ``address``, a server with the keys in ``home``,
    or something unknown. Makes no keys.
    """
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=1).close()
    except OSError:
        return "nobody"
    if not all((home / name).is_file() for name in ("client.key", "server.key")):
        return "unknown"
    try:
        with Client(
            address, keys=client_keys(home), server_public=server_keys(home).public, timeout=PATIENCE
        ) as client:
            client.connect()
    except Refused:  # another version of it
        return "ours"
    except WorldWarpError:
        return "unknown"
    return "ours"
