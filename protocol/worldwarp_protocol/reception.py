"""Receiving one run into its folder over one connection after another."""

import time
from collections.abc import Callable
from typing import Literal

from . import limits
from .codec import Arrays
from .connection import Connection
from .errors import Refused
from .inputs import Inputs
from .messages import (
    Cancel,
    ChunkCommitted,
    Credit,
    Error,
    Frame,
    Points,
    RunEnded,
    RunStarted,
    ServerMessage,
    StopAfterChunk,
    StreamItem,
    Subscribe,
    Unsubscribe,
)
from .results import ResultFolder
from .session import Subscription

WINDOW = 8
"""Stream items that may be on their way: enough to keep the line busy, few enough to hold in memory."""

ASK_SECONDS = 0.1
"""How often ``should_stop`` is asked while nothing comes."""

Wish = Literal["cancel", "stop_after_chunk", "leave"]
OnEvent = Callable[[ServerMessage, Arrays], None]
ShouldStop = Callable[[], Wish | None]

REQUESTS: dict[Wish, type[Cancel | StopAfterChunk]] = {"cancel": Cancel, "stop_after_chunk": StopAfterChunk}


class Reception:
    """A run on its way into a folder.

    Args:
        run: its id.
        folder: what is here of it is not asked for again.
        on_event: called with every message of the run, once it is in the folder.
        should_stop: asked all the time what the user wishes.
        made_of: its inputs, where they are at hand, for the folder.
    """

    def __init__(
        self,
        run: str,
        folder: ResultFolder,
        on_event: OnEvent,
        should_stop: ShouldStop,
        made_of: Inputs | None = None,
    ) -> None:
        self.items = 0
        """Stream items that came."""
        self._run = run
        self._folder = folder
        self._on_event = on_event
        self._should_stop = should_stop
        self._made_of = made_of
        self._wishes: list[Wish] = []

    def listen(self, connection: Connection) -> RunEnded | None:
        """Receive until the run is over, or until the user leaves: None.

        Raises:
            ServerUnreachable: the connection is lost; what came is in the folder, another may go on.
        """
        after, have = self._folder.resume(self._run)
        connection.send(Subscribe(self._run, after, have[-limits.MAX_HAVE :], WINDOW))
        told = 0
        while not self._leaves():
            for wish in self._wishes[told:]:
                connection.send(REQUESTS[wish](self._run))
            told = len(self._wishes)
            if event := connection.receive(ASK_SECONDS):
                self._take(*event)
                if isinstance(event[0], RunEnded):
                    return event[0]
                self._grant(connection)
        self._leave(connection)
        return None

    def leaves_within(self, seconds: float) -> bool:
        """Wait before the next connection; True as soon as the user leaves."""
        end = time.monotonic() + seconds
        while not self._leaves():
            if time.monotonic() >= end:
                return False
            time.sleep(ASK_SECONDS)
        return True

    def _leaves(self) -> bool:
        """Ask the user. A wish is kept: the connection may break before the server hears of it."""
        wish = self._should_stop()
        if wish and wish not in self._wishes:
            self._wishes.append(wish)
        return "leave" in self._wishes

    def _take(self, message: ServerMessage, arrays: Arrays) -> None:
        if isinstance(message, Error):
            raise Refused(message.code, message.text, message.field)
        if isinstance(message, StreamItem):
            self._keep(message, arrays)
            self.items += 1
        self._on_event(message, arrays)

    def _keep(self, item: StreamItem, arrays: Arrays) -> None:
        folder = self._folder
        match item:
            case RunStarted():
                cameras = arrays["K"], arrays["camera_to_world"], arrays["frame"]
                folder.begin(item.shot, item.width, item.height, *cameras, run=item.run, window=item.window)
                if self._made_of:
                    folder.keep_inputs(*self._made_of)
            case ChunkCommitted():
                folder.commit_chunk(item.chunk, item.key, item.digest, item.first, item.count, item.meta)
                if {"solved", "residuals"} <= arrays.keys():
                    folder.add_solved(item.first, arrays["solved"], arrays["residuals"])
            case Frame():
                folder.add_frame(item.index, arrays["frame"].data, arrays["provenance"].data)
            case Points():
                folder.add_points(item.chunk, **arrays)
            case RunEnded():
                folder.finish(item.state, item.text)
                return  # so that a returning client is told the end again
        folder.received(item.seq)

    def _grant(self, connection: Connection) -> None:
        """Ask for more when half of the window has come; what has is noted first."""
        if connection.session.subscription(self._run) is not Subscription.OPEN:
            return
        missing = WINDOW - connection.session.credit(self._run)
        if missing >= WINDOW // 2:
            self._folder.save()
            connection.send(Credit(self._run, missing))

    def _leave(self, connection: Connection) -> None:
        if self._folder.record:
            self._folder.save()
        if connection.session.subscription(self._run) is Subscription.OPEN:
            connection.send(Unsubscribe(self._run))
