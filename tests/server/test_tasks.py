"""What a client may keep the helpers busy with, by a bench that is ready and helpers that take their time."""

import secrets
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from worldwarp.server.tasks import MAX_CLIENT_QUESTIONS, Tasks
from worldwarp.store import Store
from worldwarp_protocol.errors import Refused
from worldwarp_protocol.messages import Imagine
from worldwarp_protocol.session import Connection

from .test_first_pictures import ASKED


class Slow(list[Callable[[], None]]):
    """A mailbox whose helpers begin nothing until they are told to."""

    def aside(self, work: Callable[[], Any], then: Callable[[Callable[[], Any]], None]) -> None:
        self.append(lambda: then(work))


def test_who_cancels_what_it_asks_has_no_more_in_the_helpers_hands_than_who_waits(tmp_path: Path) -> None:
    helpers, bench = Slow(), SimpleNamespace(when_ready=lambda call: call(), numerics="cpu")
    desk: Any = Tasks(None, bench, Store(tmp_path), helpers)  # type: ignore[arg-type]
    said: list[Any] = []
    session = SimpleNamespace(state=Connection.READY)
    peer: Any = SimpleNamespace(user="one", blocked=False, gone=False, session=session, say=said.append)
    neighbour: Any = SimpleNamespace(user="two", blocked=False, gone=False, session=session, say=said.append)

    def ask_and_cancel(who: Any) -> None:
        task = Imagine(request=secrets.token_hex(16), diffusion=ASKED, width=64, height=48)
        desk.ask(who, task, {})
        assert desk.cancel(who.user, task.request)

    for _ in range(MAX_CLIENT_QUESTIONS):
        ask_and_cancel(peer)
    with pytest.raises(Refused, match="As many questions wait") as refused:
        ask_and_cancel(peer)
    assert refused.value.code == "busy"
    ask_and_cancel(neighbour)
    assert len(helpers) == MAX_CLIENT_QUESTIONS + 1
    helpers.pop(0)()
    ask_and_cancel(peer)
    assert {answer.code for answer in said} == {"cancelled"}
