"""The loop: one thread, one socket, one mailbox. It waits for nothing else, and nobody can make it wait."""

import logging
import time
from collections.abc import Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import zmq
from numpy.typing import NDArray
from worldwarp_protocol import codec, limits, messages
from worldwarp_protocol.errors import RemoteProtocolError, WorldWarpError
from worldwarp_protocol.keys import enrolled
from worldwarp_protocol.session import Connection, greet

from .. import imagine, profiles
from ..geometry import sources
from ..store import Store
from .intake import Answer, Intake, refusal
from .mailbox import Mailbox
from .peers import Listener, Peer
from .runs import Runs
from .sender import Sender
from .tasks import Tasks, cancelled
from .workbench import Workbench

NAME = "worldwarp"

TICK_SECONDS = 0.25
"""The loop comes round this often when nothing happens."""
BLOCKED_SECONDS = 0.02
"""And this often while a peer does not read."""
LOOK_SECONDS = 1.0
"""Silent peers and revoked keys are looked for this often."""
OWN_ID_BYTES = 5
"""Routing ids that our socket gives: these, the first one zero. An id that a peer chose could be another's."""

log = logging.getLogger(__name__)


class FrontDoor:
    """Peers, runs and the worker, brought together.

    Args:
        sign: a file; the loop ends when it is gone.
    """

    def __init__(
        self,
        router: "zmq.Socket[bytes]",
        mailbox: Mailbox,
        home: Path,
        store: Store,
        runs: Runs,
        bench: Workbench,
        sign: Path | None = None,
    ) -> None:
        self._router = router
        self._mailbox = mailbox
        self._home = home
        self._runs = runs
        self._bench = bench
        self._intake = Intake(runs, bench, store, mailbox)
        self._sender = Sender(runs, bench, store, mailbox)
        self._tasks = Tasks(runs, bench, store, mailbox)
        self._peers: dict[bytes, Peer] = {}
        self._looked = 0.0
        self._stopped = False
        self._sign = sign

    def stop(self) -> None:
        """End the loop; may be called by a signal's handler and by other threads."""
        self._stopped = True
        self._mailbox.put(lambda: None)

    def run(self) -> None:
        """Serve until ``stop``.

        Raises:
            WorldWarpError: the worker cannot start.
        """
        poller = zmq.Poller()
        poller.register(self._mailbox.socket, zmq.POLLIN)
        poller.register(self._router, zmq.POLLIN)
        moved = False
        while not self._stopped:
            ready = dict(poller.poll(0 if moved else self._pause()))
            for call in self._mailbox.take():
                call()
            if self._router in ready:
                self._receive()
            self._bench.turn()
            moved = self._pump()
            self._tasks.pump()
            self._look()

    def _pump(self) -> bool:
        """Send one item, at most, of each subscription; whether any went out."""
        moved = False
        for peer in self._peers.values():
            try:
                moved |= self._sender.pump(peer)
            except Exception as error:
                self._our_fault(peer, error)
        return moved

    def _pause(self) -> int:
        blocked = any(peer.blocked for peer in self._peers.values())
        return int(1000 * (BLOCKED_SECONDS if blocked else TICK_SECONDS))

    def _look(self) -> None:
        """Forget peers that are gone, silent or revoked; say a word to those who heard none for long."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if self._sign is not None and not self._sign.exists():
            self.stop()
        known = enrolled(self._home)
        for routing_id, peer in list(self._peers.items()):
            if peer.gone or peer.session.dead(now) or peer.user not in known:
                peer.gone = True
                del self._peers[routing_id]
            elif peer.session.ping_due(now):
                peer.say(messages.Ping())

    def _receive(self) -> None:
        routing_id, *frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
        peer = self._peer(routing_id.bytes, str(frames[0].get("User-Id")))
        if peer is None:
            return
        try:
            message, arrays = codec.decode_client([frame.buffer for frame in frames])
            peer.session.receive(message, time.monotonic())
            self._handle(peer, message, arrays)
        except RemoteProtocolError as error:
            peer.dismiss(str(error))
        except Exception as error:
            self._our_fault(peer, error)

    def _peer(self, routing_id: bytes, user: str) -> Peer | None:
        """Who this is, if we talk to them. A routing id that another user had before is not that user."""
        peer = self._peers.get(routing_id)
        if peer is not None and peer.user == user and not peer.gone:
            return peer
        if peer is not None:
            peer.gone = True
        peer = Peer(self._router, routing_id, user)
        if len(routing_id) != OWN_ID_BYTES or routing_id[0]:
            peer.dismiss("Do not set a routing id: the server gives one.")
        elif user not in enrolled(self._home):
            peer.dismiss("Your key was revoked.")
        else:
            self._peers[routing_id] = peer
        return None if peer.gone else peer

    def _handle(self, peer: Peer, message: messages.ClientMessage, arrays: Mapping[str, NDArray[Any]]) -> None:
        try:
            self._answer(peer, message, arrays)
        except RemoteProtocolError:
            raise
        except WorldWarpError as error:
            peer.say(refusal(error, getattr(message, "request", getattr(message, "run", ""))))

    def _answer(self, peer: Peer, message: messages.ClientMessage, arrays: Mapping[str, NDArray[Any]]) -> None:
        match message:
            case messages.Hello():
                peer.say(_greeting(message, self._bench.machine))
            case messages.Submit():
                self._intake.submit(peer.user, message, arrays, partial(self._later, peer))
            case messages.EstimateGeometry() | messages.CheckPath() | messages.Imagine():
                self._tasks.ask(peer, message, arrays)
            case messages.MakeWorld() | messages.MakePasses():
                self._tasks.ask(peer, message, arrays)
            case messages.Subscribe():
                self._subscribe(peer, message)
            case messages.Unsubscribe():
                peer.listeners.pop(message.run, None)
            case messages.Cancel() if self._tasks.cancel(peer.user, message.run):
                raise cancelled()
            case messages.Status() | messages.Cancel() | messages.StopAfterChunk():
                self._command(peer, message)
            case messages.List():
                newest = self._runs.all_of(peer.user)[: limits.MAX_RUNS]
                peer.say(messages.Runs([run.info for run in newest]))

    def _later(self, peer: Peer, answer: Answer) -> None:
        if peer.gone or peer.session.state is not Connection.READY:
            return
        try:
            peer.say(answer)
        except Exception as error:
            self._our_fault(peer, error)

    def _our_fault(self, peer: Peer, error: Exception) -> None:
        """It ends this session, not the server."""
        log.error("A message could not be answered by a fault of ours.", exc_info=error)
        peer.dismiss(f"The server has a fault ({type(error).__name__}: {error}); its log says more.")

    def _subscribe(self, peer: Peer, message: messages.Subscribe) -> None:
        run = self._runs.of(peer.user, message.run)
        if message.after > run.seq:
            raise RemoteProtocolError(f"item {message.after} of this run is not there yet: its newest is {run.seq}")
        peer.say(messages.RunStatus(run.info))
        peer.listeners[run.id] = Listener(message.after, frozenset(message.have))

    def _command(self, peer: Peer, message: messages.Status | messages.Cancel | messages.StopAfterChunk) -> None:
        run = self._runs.of(peer.user, message.run)
        if isinstance(message, messages.Cancel):
            self._runs.end(run, "cancelled")
            self._bench.give_up(run.id)
        elif isinstance(message, messages.StopAfterChunk):
            self._runs.stop_after_chunk(run, self._bench.works_on(run.id))
        peer.say(messages.RunStatus(self._runs[run.id].info))


def _greeting(hello: messages.Hello, machine: messages.Machine | None) -> messages.Welcome | messages.Error:
    able = [messages.ProfileStatus(*status) for status in profiles.status()]
    able_to_see = [messages.SourceStatus(*status) for status in sources.status()]
    absent = imagine.missing()
    words = messages.SourceStatus("words", not absent, absent)
    return greet(hello, NAME, able, able_to_see, metadata.version("worldwarp"), machine, [words])
