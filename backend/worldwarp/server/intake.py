"""Shots come in: checked on a helper thread, written down, answered. A repeated request gets the first one's answer."""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import msgspec
from numpy.typing import NDArray
from worldwarp_protocol import messages
from worldwarp_protocol.client import check_shot
from worldwarp_protocol.errors import InvalidShot, Refused, WorldWarpError

from .. import chunks, profiles, shots
from ..engines import jobs
from ..store import Manifest, Store
from . import kept
from .journal import DiskFull, Run, why
from .mailbox import Mailbox
from .runs import Runs, committed
from .workbench import Workbench

MAX_CHECKING = 8
"""Shots that are checked at the same time: each may hold hundreds of megabytes."""

Answer = messages.Submitted | messages.Error

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """A shot that may run."""

    digest: str
    name: str
    frames: int
    chunks: int
    found: list[Manifest]
    """Chunks at the front of its plan that are in the store already."""
    warnings: list[str]


class Intake:
    """Turns requests into runs."""

    def __init__(self, runs: Runs, bench: Workbench, store: Store, mailbox: Mailbox) -> None:
        self._runs = runs
        self._bench = bench
        self._store = store
        self._mailbox = mailbox
        self._checking = 0

    def submit(
        self,
        user: str,
        message: messages.Submit,
        arrays: Mapping[str, NDArray[Any]],
        answer: Callable[[Answer], None],
    ) -> None:
        """Check a shot and begin its run; ``answer`` is called with what the client is to hear, now or later.

        Raises:
            InvalidShot, Refused: for what can be said at once.
        """
        asked = hashlib.sha256(msgspec.msgpack.encode((message.shot, message.arrays))).hexdigest()
        known = self._runs.asked(user, message.request)
        if known is not None:
            answer(_again(known, asked))
            return
        check_shot(message.shot, arrays)
        check_profile(message.shot.settings.profile)
        if self._checking == MAX_CHECKING:
            raise Refused("busy", "The server is checking as many shots as it can; try again in a moment.")
        self._checking += 1
        check = partial(self._check, message.shot, arrays)
        done = partial(self._checked, user, message.request, asked, answer)
        self._bench.when_ready(lambda: self._mailbox.aside(check, done))

    def _check(self, wire: messages.Shot, arrays: Mapping[str, NDArray[Any]]) -> Checked:
        """On a helper thread."""
        shot, warnings = shots.from_wire(wire, arrays)
        return Checked(
            digest=kept.write(self._store.root, shot),
            name=shot.name,
            frames=len(shot.cameras),
            chunks=len(chunks.plan(len(shot.cameras), shot.settings, len(shot.pictures))),
            found=jobs.committed(shot, self._store, self._bench.numerics),
            warnings=warnings,
        )

    def _checked(
        self, user: str, request: str, asked: str, answer: Callable[[Answer], None], result: Callable[[], Checked]
    ) -> None:
        self._checking -= 1
        answer(self._outcome(user, request, asked, result))

    def _outcome(self, user: str, request: str, asked: str, result: Callable[[], Checked]) -> Answer:
        try:
            known = self._runs.asked(user, request)  # the same request may have come twice meanwhile
            return _again(known, asked) if known else self._begin(user, request, asked, result())
        except WorldWarpError as error:
            return refusal(error, request)
        except OSError as error:
            return refusal(why(error, self._store.root), request)
        except Exception as error:
            log.exception("A shot could not be checked by a fault of ours.")
            text = f"The server has a fault ({type(error).__name__}: {error}); its log says more."
            return messages.Error("internal", text, "", request)

    def _begin(self, user: str, request: str, asked: str, checked: Checked) -> messages.Submitted:
        run = Run(
            id=uuid.uuid4().hex,
            client=user,
            request=request,
            asked=asked,
            shot=checked.digest,
            answer=b"",
            name=checked.name,
            state="done" if len(checked.found) == checked.chunks else "queued",
            created=time.time(),
            text="",
            stopping=False,
            chunks=checked.chunks,
            frames=checked.frames,
            committed=committed(checked.found),
        )
        answer = messages.Submitted(request, run.info, len(checked.found), checked.warnings)
        self._runs.add(replace(run, answer=msgspec.msgpack.encode(answer)))
        return answer


def refusal(error: WorldWarpError, about: str) -> messages.Error:
    """What a client hears of an error."""
    match error:
        case Refused():
            return messages.Error(cast(messages.ErrorCode, error.code), error.text, error.field, about)
        case InvalidShot():
            return messages.Error("invalid_shot", error.text, error.field, about)
        case DiskFull():
            return messages.Error("disk_full", str(error), "", about)
    return messages.Error("internal", str(error), "", about)


def check_profile(name: str) -> None:
    """Refuse a profile that is unknown, or cannot run here.

    Raises:
        Refused: with the sentence that says what is missing and how to get it.
    """
    try:
        profiles.check(name)
    except InvalidShot as error:
        known = name in {profile for profile, _, _ in profiles.status()}
        raise Refused("missing_weights" if known else "unknown_profile", error.text, error.field) from error


def _again(known: Run, asked: str) -> Answer:
    if known.asked != asked:
        text = "This request number was used for another shot; take a new one for each shot."
        return messages.Error("invalid_shot", text, "request", known.request)
    return msgspec.msgpack.decode(known.answer, type=messages.Submitted)
