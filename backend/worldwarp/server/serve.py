"""Start the front door, tell where it is, end it when the system asks to."""

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import zmq
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.keys import client_keys, server_keys

from ..store import Store
from . import neighbour
from .auth import Doorkeeper, bind_router
from .frontdoor import FrontDoor
from .journal import Journal
from .mailbox import Mailbox
from .runs import Runs
from .workbench import Workbench

LOOPBACK = ("127.0.0.1", "::1", "localhost")

log = logging.getLogger(__name__)


def serve(host: str, port: int, home: Path, root: Path, tell: Callable[[str], None], sign: Path | None = None) -> None:
    """Serve until the process is asked to end (SIGINT, SIGTERM; on Windows Ctrl+C and Ctrl+Break), or ``sign`` is gone.

    Whatever is in work then is lost and computed again by the next server; what is committed stays.

    Args:
        home: where the keys are.
        root: of the store.
        tell: gets sentences for the user.
        sign: a file that is made now and is there while the server runs; who removes it ends the server.

    Raises:
        WorldWarpError: the port is taken, the store cannot be written, another server uses it, the keys cannot be
            read, or the worker cannot start.
    """
    keys = server_keys(home)
    client_keys(home)  # whoever starts the server is its first client
    _check_free(host, port, home)
    with contextlib.ExitStack() as stack:
        store = Store(root)
        journal = stack.enter_context(contextlib.closing(Journal(root)))
        store.clean()
        context = stack.enter_context(zmq.Context())
        mailbox = stack.enter_context(contextlib.closing(Mailbox(context)))
        doorkeeper = stack.enter_context(contextlib.closing(Doorkeeper(context, home)))
        router = stack.enter_context(bind_router(context, doorkeeper, keys, host, port))
        runs = Runs(journal)
        bench = stack.enter_context(contextlib.closing(Workbench(runs, store, mailbox)))
        door = FrontDoor(router, mailbox, home, store, runs, bench, sign)
        stack.enter_context(_until_asked_to_end(door.stop))
        if sign is not None:
            stack.enter_context(_shown(sign))
        tell(f"WorldWarp serves at {router.getsockopt_string(zmq.LAST_ENDPOINT)}")
        tell(f"  public key: {keys.public.decode()}")
        tell(f"  store:      {root.resolve()}")
        if host not in LOOPBACK:
            tell("  Other machines can reach this address; only clients enrolled with `worldwarp keys` are served.")
        door.run()
    tell("WorldWarp has ended; runs that were not done go on when it is started again.")


def _check_free(host: str, port: int, home: Path) -> None:
    """Refuse a port where somebody listens, before the store is looked at: it is most often the same server."""
    address = neighbour.address(host, port)
    match neighbour.at(address, home) if port else "nobody":
        case "ours":
            raise WorldWarpError(
                f"A WorldWarp server runs at {address} already and can be used; "
                "for another one beside it choose another --port and another --store."
            )
        case "unknown":
            raise WorldWarpError(
                f"Something else listens on port {port}: end it, or choose another port with --port "
                "(and tell clients that address)."
            )


@contextlib.contextmanager
def _shown(sign: Path) -> Iterator[None]:
    """Keep a file, with our process number in it, while we serve."""
    ours = f"{os.getpid()}\n"
    try:
        sign.write_text(ours)
    except OSError as error:
        raise WorldWarpError(f"{sign} cannot be written ({error.strerror}): name another with --sign.") from error
    try:
        yield
    finally:
        if sign.is_file() and sign.read_text() == ours:  # else it is already the next server's
            sign.unlink(missing_ok=True)


@contextlib.contextmanager
def _until_asked_to_end(stop: Callable[[], None]) -> Iterator[None]:
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    before = {
        number: signal.signal(number, lambda *_: stop())
        for number in (getattr(signal, name) for name in names if hasattr(signal, name))
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
