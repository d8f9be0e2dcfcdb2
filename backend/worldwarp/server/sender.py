"""Streams to those who listen: one item at a time, as far as credit and the peer's reading allow."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.messages import Progress
from worldwarp_protocol.session import MINI_SINCE, PREVIEWS_SINCE, Subscription

from ..nouns import Shot
from ..store import Store
from . import kept, streams
from .derived import PointCloud, point_cloud
from .journal import Run
from .mailbox import Mailbox
from .peers import Listener, Peer
from .runs import Runs
from .workbench import Workbench

MAX_CLOUDS = 4
"""Point clouds that stay in memory on their way to clients."""

NEW_STAGES = {"caption", "encode", "denoise", "decode"}
"""What clients of before ``PREVIEWS_SINCE`` know as part of the stage ``fill``."""


class Sender:
    """Sends what is due. Keeps nothing that the store has, but for a few point clouds."""

    def __init__(self, runs: Runs, bench: Workbench, store: Store, mailbox: Mailbox) -> None:
        self._runs = runs
        self._bench = bench
        self._store = store
        self._mailbox = mailbox
        self._deriving: set[str] = set()
        self._clouds: OrderedDict[str, PointCloud | WorldWarpError] = OrderedDict()

    def pump(self, peer: Peer) -> bool:
        """Send one item, at most, of each of a peer's subscriptions; whether any went out."""
        moved = False
        peer.flush()
        for run, listener in list(peer.listeners.items()):
            if peer.blocked or peer.gone:
                break
            try:
                moved |= self._send(peer, self._runs[run], listener)
            except WorldWarpError as error:
                peer.dismiss(str(error))
        return moved

    def _send(self, peer: Peer, run: Run, listener: Listener) -> bool:
        if peer.session.subscription(run.id) is not Subscription.OPEN:
            return False
        self._say_how_far(peer, run, listener)
        if peer.blocked or not peer.session.credit(run.id):
            return False
        seq = streams.next_seq(run, listener.after, listener.have)
        at = streams.place(run, seq)
        if at is None or not self._say(peer, run, seq, at):
            return False
        listener.after = seq
        if at.kind == "ended":
            del peer.listeners[run.id]
        return True

    def _say_how_far(self, peer: Peer, run: Run, listener: Listener) -> None:
        """Say what is provisional; nothing of it waits for a peer that does not read."""
        now, old = time.monotonic(), peer.session.minor < PREVIEWS_SINCE
        progress, preview = self._bench.progress(run), self._bench.preview(run)
        if progress:
            progress = as_fill(progress) if old else progress
            if listener.progress.fresh(progress, now):
                peer.say(progress)
        if preview and not old and not peer.blocked and listener.preview.fresh(preview.message, now):
            peer.offer(preview.message, preview.frames)

    def _say(self, peer: Peer, run: Run, seq: int, at: streams.Place) -> bool:
        """Say what stands there; False while its points are derived."""
        match at.kind:
            case "started":
                shot = kept.read(self._store.root, run.shot)
                peer.say(*streams.started(run, seq, shot if peer.session.minor >= MINI_SINCE else as_ttt3r(shot)))
            case "committed":
                self._cloud(run, at)  # derived while the frames are on their way
                peer.say(*streams.committed(run, seq, at, self._store, peer.session.minor))
            case "frame":
                peer.say(*streams.frame(run, seq, at, self._store))
            case "points":
                cloud = self._cloud(run, at)
                if cloud is None:
                    return False
                peer.say(*streams.points(run, seq, at, cloud))
            case "ended":
                peer.say(streams.ended(run, seq))
        return True

    def _cloud(self, run: Run, at: streams.Place) -> PointCloud | None:
        """The points of a chunk; None while a helper derives them.

        Raises:
            WorldWarpError: the chunk is damaged.
        """
        chunk = run.committed[at.chunk]
        cloud = self._clouds.get(chunk.key)
        if isinstance(cloud, WorldWarpError):
            del self._clouds[chunk.key]
            raise cloud
        if cloud is None and chunk.key not in self._deriving:
            self._deriving.add(chunk.key)
            self._mailbox.aside(partial(point_cloud, self._store, chunk), partial(self._derived, chunk.key))
        return cloud

    def _derived(self, key: str, result: Callable[[], PointCloud]) -> None:
        self._deriving.discard(key)
        try:
            self._clouds[key] = result()
        except WorldWarpError as error:
            self._clouds[key] = error
        except Exception as error:  # a fault of ours ends those streams, not the server
            self._clouds[key] = WorldWarpError(f"The points of a chunk cannot be derived ({error}).")
        while len(self._clouds) > MAX_CLOUDS:
            self._clouds.popitem(last=False)


def as_fill(progress: Progress) -> Progress:
    """The progress as clients of before ``PREVIEWS_SINCE`` know it."""
    return msgspec.structs.replace(progress, stage="fill") if progress.stage in NEW_STAGES else progress


def as_ttt3r(shot: Shot) -> Shot:
    """The shot as clients of before ``MINI_SINCE`` know it: ``mini`` is TTT3R in a small size."""
    if shot.settings.geometry != "mini":
        return shot
    return replace(shot, settings=msgspec.structs.replace(shot.settings, geometry="ttt3r"))
