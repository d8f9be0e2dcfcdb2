from collections.abc import Callable
from typing import Any

import pytest
from worldwarp_protocol import limits
from worldwarp_protocol import messages as m
from worldwarp_protocol.errors import LocalProtocolError, RemoteProtocolError
from worldwarp_protocol.session import ClientSession, Connection, ServerSession, Session, Subscription, greet

from .samples import DIGEST, FROM_CLIENT, FROM_SERVER, OTHER_RUN, REQUEST, RUN, info, shot, stream

HELLO = m.Hello(1, 2, "tests")
WELCOME = m.Welcome(1, 4, "tests", [])
ESTIMATE = m.EstimateGeometry(request=REQUEST, what="picture", source="given")
CANCELLED = m.Error("cancelled", "It was cancelled.", about=REQUEST)
BREACH = m.Error("protocol", "No.")
PREVIEW = m.Preview(run=RUN, chunk=0, attempt=1, step=1, steps=2, first=0)
SILENCE = limits.HEARTBEAT_SECONDS * limits.LIVENESS_BEATS


class Talk:
    """Both ends of a connection without a wire between them; each message arrives at once."""

    def __init__(self) -> None:
        self.client, self.server = ClientSession(0.0), ServerSession(0.0)

    def ask(self, *messages: m.ClientMessage) -> "Talk":
        for message in messages:
            self.client.send(message, 0.0)
            self.server.receive(message, 0.0)
        return self

    def say(self, *messages: m.ServerMessage) -> "Talk":
        for message in messages:
            self.server.send(message, 0.0)
            assert self.client.receive(message, 0.0)
        return self


def greeted() -> Talk:
    return Talk().ask(HELLO)


def ready() -> Talk:
    return greeted().say(WELCOME)


def closed() -> Talk:
    return ready().say(BREACH)


def asked(**fields: Any) -> Talk:
    return ready().ask(m.Subscribe(RUN, **fields))


def listening(**fields: Any) -> Talk:
    return asked(**fields).say(m.RunStatus(info()))


ITEMS = [item for item, _ in stream()]


def started() -> Talk:
    return listening().say(ITEMS[0])


def ended() -> Talk:
    return listening(credit=len(ITEMS)).say(*ITEMS)


def left() -> Talk:
    return listening().ask(m.Unsubscribe(RUN))


def rejoining() -> Talk:
    return left().ask(m.Subscribe(RUN))


def estimating() -> Talk:
    return ready().ask(ESTIMATE)


def cancelling() -> Talk:
    return estimating().ask(m.Cancel(REQUEST))


def kinds(samples: list[Any]) -> dict[str, Any]:
    return {type(message).__name__: message for message, _ in samples}


CLIENT_SAYS = {**kinds(FROM_CLIENT), "Subscribe": m.Subscribe(RUN)}
SERVER_SAYS = {**kinds(FROM_SERVER), "Breach": BREACH, "Cancelled": CANCELLED}
ONE_REQUEST = {"Submit", "CheckPath", "MakeWorld", "MakePasses", "Imagine"}
QUESTIONS = {*ONE_REQUEST, "EstimateGeometry", "Cancel", "StopAfterChunk", "Status", "List"}

# What may be said where, written from SPEC.md and not from the tables.
CLIENT_MAY: dict[Callable[[], Talk], set[str]] = {
    Talk: {"Hello"},
    greeted: set(),
    ready: QUESTIONS | {"Ping", "Subscribe"},
    closed: set(),
    asked: QUESTIONS | {"Ping"},
    listening: QUESTIONS | {"Ping", "Credit", "Unsubscribe"},
    started: QUESTIONS | {"Ping", "Credit", "Unsubscribe"},
    ended: QUESTIONS | {"Ping", "Credit", "Unsubscribe", "Subscribe"},
    left: QUESTIONS | {"Ping", "Subscribe"},
    rejoining: QUESTIONS | {"Ping"},
    estimating: QUESTIONS - ONE_REQUEST | {"Ping", "Subscribe"},  # the samples have the same id
    cancelling: QUESTIONS - ONE_REQUEST | {"Ping", "Subscribe"},
}
SERVER_MAY: dict[Callable[[], Talk], set[str]] = {
    Talk: {"Breach"},
    greeted: {"Welcome", "Breach"},
    ready: {"Ping", "Breach"},
    closed: set(),
    asked: {"Ping", "Breach", "RunStatus", "Error"},
    listening: {"Ping", "Breach", "Progress", "Preview", "RunStarted"},
    started: {"Ping", "Breach", "Progress", "Preview", "ChunkCommitted", "RunEnded"},
    ended: {"Ping", "Breach"},
    left: {"Ping", "Breach"},
    rejoining: {"Ping", "Breach", "RunStatus", "Error"},
    estimating: {"Ping", "Breach", "Estimating", "Estimated", "Cancelled"},
    cancelling: {"Ping", "Breach", "Estimating", "Estimated", "Cancelled"},
}
ON_THE_WAY = {"Progress", "Preview", "RunStarted", "ChunkCommitted", "Frame", "Points", "RunEnded"}


@pytest.mark.parametrize("said", CLIENT_SAYS)
@pytest.mark.parametrize("place", CLIENT_MAY, ids=lambda place: place.__name__)
def test_what_a_client_may_say(place: Callable[[], Talk], said: str) -> None:
    talk, message = place(), CLIENT_SAYS[said]
    if said in CLIENT_MAY[place]:
        talk.ask(message)
        return
    state = talk.client.state
    with pytest.raises(LocalProtocolError):
        talk.client.send(message, 0.0)
    assert talk.client.state is state
    with pytest.raises(RemoteProtocolError):
        talk.server.receive(message, 0.0)
    assert talk.server.state is Connection.CLOSED


@pytest.mark.parametrize("said", SERVER_SAYS)
@pytest.mark.parametrize("place", SERVER_MAY, ids=lambda place: place.__name__)
def test_what_a_server_may_say(place: Callable[[], Talk], said: str) -> None:
    talk, message = place(), SERVER_SAYS[said]
    if said in SERVER_MAY[place]:
        talk.say(message)
        return
    with pytest.raises(LocalProtocolError):
        talk.server.send(message, 0.0)
    if place in (left, rejoining) and said in ON_THE_WAY:
        assert talk.client.receive(message, 0.0) is False
        return
    with pytest.raises(RemoteProtocolError):
        talk.client.receive(message, 0.0)
    assert talk.client.state is Connection.CLOSED


def test_nobody_speaks_for_the_other_side() -> None:
    for message in SERVER_SAYS.values():
        if not isinstance(message, m.Ping):
            with pytest.raises(LocalProtocolError, match="other side"):
                ready().client.send(message, 0.0)
            with pytest.raises(RemoteProtocolError, match="other side"):
                ready().server.receive(message, 0.0)


# Versions


def test_another_major_version_is_refused() -> None:
    talk = Talk()
    hello = m.Hello(2, 3, "tomorrow's")
    talk.server.receive(hello, 0.0)
    answer = greet(hello, "tests", [])
    assert isinstance(answer, m.Error)
    assert (answer.code, answer.text) == (
        "unsupported_version",
        "The server speaks protocol 1.4, the client 2.3: update the server.",
    )
    with pytest.raises(LocalProtocolError):
        talk.server.send(WELCOME, 0.0)
    talk.server.send(answer, 0.0)
    assert talk.server.state is Connection.CLOSED
    assert "update the client" in greet(m.Hello(0, 9, "yesterday's"), "tests", []).text  # type: ignore[union-attr]


@pytest.mark.parametrize("minor", [0, 7])
def test_any_minor_version_is_welcome(minor: int) -> None:
    hello = m.Hello(1, minor, "tests")
    answer = greet(hello, "tests", [])
    assert isinstance(answer, m.Welcome)
    Talk().ask(hello).say(answer)


@pytest.mark.parametrize(("client", "server"), [(1, 2), (2, 1), (0, 7), (2, 0)])
def test_who_knows_no_previews_gets_none(client: int, server: int) -> None:
    talk = Talk().ask(m.Hello(1, client, "tests")).say(m.Welcome(1, server, "tests", []))
    assert talk.client.minor == talk.server.minor == min(client, server)
    talk.ask(m.Subscribe(RUN)).say(m.RunStatus(info()))
    with pytest.raises(LocalProtocolError, match=r"no previews before version 1\.2"):
        talk.server.send(PREVIEW, 0.0)
    with pytest.raises(RemoteProtocolError, match=r"no previews before version 1\.2"):
        talk.client.receive(PREVIEW, 0.0)


def test_a_version_of_tomorrow_is_taken_for_ours() -> None:
    talk = Talk().ask(m.Hello(1, 7, "tests")).say(WELCOME)
    assert talk.server.minor == limits.PROTOCOL_VERSION[1]


def test_a_server_of_another_version_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="version 2 is no answer to version 1"):
        greeted().client.receive(m.Welcome(2, 0, "tests", []), 0.0)


# Questions and answers


def other(message: Any) -> Any:
    return {
        m.Submitted: m.Submitted("b" * 32, info(), 0),
        m.PathChecked: m.PathChecked(request="b" * 32),
        m.WorldMade: m.WorldMade(request="b" * 32, chunks=1, frames=5),
        m.PassesMade: m.PassesMade(request="b" * 32),
        m.Imagined: m.Imagined(request="b" * 32),
        m.RunStatus: m.RunStatus(info(run=OTHER_RUN)),
        m.Error: m.Error("busy", "Later.", about=OTHER_RUN),
    }[type(message)]


PAIRS = [
    (m.Submit(REQUEST, shot()), m.Submitted(REQUEST, info(), 0), m.Error("invalid_shot", "No.", about=REQUEST)),
    (m.CheckPath(request=REQUEST), m.PathChecked(request=REQUEST), m.Error("busy", "No.", about=REQUEST)),
    (
        m.MakeWorld(request=REQUEST, run=RUN, products=["mesh"]),
        m.WorldMade(request=REQUEST, chunks=1, frames=5),
        m.Error("busy", "No.", about=REQUEST),
    ),
    (
        m.MakePasses(request=REQUEST, run=RUN, index=0),
        m.PassesMade(request=REQUEST),
        m.Error("busy", "No.", about=REQUEST),
    ),
    (
        m.Imagine(request=REQUEST, diffusion=m.Diffusion(prompt="a hall"), width=32, height=16),
        m.Imagined(request=REQUEST),
        m.Error("busy", "No.", about=REQUEST),
    ),
    (m.Status(RUN), m.RunStatus(info()), m.Error("unknown_run", "No.", about=RUN)),
    (m.Cancel(RUN), m.RunStatus(info()), m.Error("unknown_run", "No.", about=RUN)),
    (m.StopAfterChunk(RUN), m.RunStatus(info()), m.Error("unknown_run", "No.", about=RUN)),
    (m.Subscribe(RUN), m.RunStatus(info()), m.Error("unknown_run", "No.", about=RUN)),
    (m.List(), m.Runs([]), m.Error("internal", "No.")),
]


@pytest.mark.parametrize(("question", "answer", "refusal"), PAIRS, ids=lambda message: type(message).__name__)
def test_one_answer_to_each_question(question: Any, answer: Any, refusal: Any) -> None:
    for one in (answer, refusal):
        talk = ready().ask(question).say(one)
        with pytest.raises(LocalProtocolError, match="answers no question"):
            talk.server.send(one, 0.0)
        with pytest.raises(RemoteProtocolError, match="answers no question"):
            talk.client.receive(one, 0.0)


@pytest.mark.parametrize(("question", "answer", "refusal"), PAIRS[:-1], ids=lambda message: type(message).__name__)
def test_an_answer_names_its_question(question: Any, answer: Any, refusal: Any) -> None:
    for one in (answer, refusal):
        with pytest.raises(RemoteProtocolError, match="answers no question"):
            ready().ask(question).client.receive(other(one), 0.0)


def test_an_answer_is_of_its_questions_kind() -> None:
    with pytest.raises(RemoteProtocolError, match="answers no question"):
        ready().ask(m.Submit(RUN, shot())).client.receive(m.RunStatus(info()), 0.0)
    with pytest.raises(LocalProtocolError, match="answers no question"):
        ready().ask(m.Status(RUN)).server.send(m.Submitted(RUN, info(), 0), 0.0)


def test_answers_about_one_run_come_in_order() -> None:
    refused = m.Error("unknown_run", "No.", about=RUN)
    talk = ready().ask(m.Status(RUN), m.Subscribe(RUN)).say(m.RunStatus(info()))
    assert talk.client.subscription(RUN) is Subscription.ASKED
    talk.say(refused)
    assert talk.client.subscription(RUN) is talk.server.subscription(RUN) is Subscription.NONE


def test_answers_about_different_things_come_in_any_order() -> None:
    talk = ready().ask(m.List(), m.Submit(REQUEST, shot()), m.Status(RUN))
    talk.say(m.RunStatus(info()), m.Submitted(REQUEST, info(), 0), m.Runs([]))


CLASHING = m.EstimateGeometry(request=RUN, what="picture", source="given")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (m.Submit(RUN, shot()), m.Status(RUN)),
        (m.Status(RUN), m.Submit(RUN, shot())),
        (CLASHING, m.Status(RUN)),
        (CLASHING, m.Submit(RUN, shot())),
        (m.Cancel(RUN), CLASHING),
    ],
)
def test_a_request_that_waits_has_its_id_for_itself(first: m.ClientMessage, second: m.ClientMessage) -> None:
    """Or else a refusal could be the answer to either, and the answer left over to nothing."""
    talk = ready().ask(first)
    with pytest.raises(LocalProtocolError, match="another question"):
        talk.client.send(second, 0.0)
    with pytest.raises(RemoteProtocolError, match="another question"):
        talk.server.receive(second, 0.0)


def test_questions_without_answers_are_bounded() -> None:
    talk = ready().ask(*[m.Status(RUN)] * limits.MAX_QUESTIONS)
    with pytest.raises(LocalProtocolError, match="64 questions"):
        talk.client.send(m.Status(RUN), 0.0)
    with pytest.raises(RemoteProtocolError, match="64 questions"):
        talk.server.receive(m.List(), 0.0)


def test_subscriptions_are_bounded() -> None:
    talk = ready()
    for number in range(limits.MAX_SUBSCRIPTIONS):
        run = f"{number:032x}"
        talk.ask(m.Subscribe(run)).say(m.RunStatus(info(run=run)))
    with pytest.raises(RemoteProtocolError, match="16 subscriptions"):
        talk.server.receive(m.Subscribe(RUN), 0.0)
    talk.client.send(m.Unsubscribe(f"{0:032x}"), 0.0)
    talk.client.send(m.Subscribe(RUN), 0.0)


def test_what_was_refused_is_forgotten() -> None:
    talk = ready()
    for number in range(2 * limits.MAX_SUBSCRIPTIONS):
        run = f"{number:032x}"
        talk.ask(m.Subscribe(run)).say(m.Error("unknown_run", "No.", about=run))
    assert not talk.server._subscriptions
    assert not talk.server.dead(limits.IDLE_SECONDS)


# Streams


def test_a_whole_stream() -> None:
    talk = listening(credit=1)
    for item in ITEMS[:-1]:
        assert talk.server.credit(RUN) == talk.client.credit(RUN) == 1
        talk.say(item)
        assert talk.server.credit(RUN) == talk.client.credit(RUN) == 0
        talk.say(m.Progress(RUN, 0, 0, "fill", 1, 2), PREVIEW)  # need no credit
        talk.ask(m.Credit(RUN, 1))
    talk.say(ITEMS[-1])
    assert talk.client.subscription(RUN) is talk.server.subscription(RUN) is Subscription.ENDED


def test_no_item_without_credit() -> None:
    talk = listening(credit=2).say(*ITEMS[:2])
    with pytest.raises(LocalProtocolError, match="no credit"):
        talk.server.send(ITEMS[2], 0.0)
    with pytest.raises(RemoteProtocolError, match="no credit"):
        talk.client.receive(ITEMS[2], 0.0)


def test_credit_is_bounded_and_each_runs_own() -> None:
    talk = listening(credit=8).ask(m.Subscribe(OTHER_RUN, credit=3)).say(m.RunStatus(info(run=OTHER_RUN)))
    talk.ask(m.Credit(RUN, limits.MAX_CREDIT - 8))
    assert (talk.server.credit(RUN), talk.server.credit(OTHER_RUN)) == (limits.MAX_CREDIT, 3)
    with pytest.raises(LocalProtocolError, match="at most 256"):
        talk.client.send(m.Credit(RUN, 1), 0.0)
    with pytest.raises(RemoteProtocolError, match="at most 256"):
        talk.server.receive(m.Credit(RUN, 1), 0.0)


def test_there_is_no_credit_where_nothing_is_open() -> None:
    for place in (ready, asked, ended, left, rejoining):
        assert place().server.credit(RUN) == place().client.credit(RUN) == 0


def test_credit_may_cross_the_end() -> None:
    talk = listening(credit=len(ITEMS))
    for item in ITEMS:
        talk.server.send(item, 0.0)
    talk.ask(m.Credit(RUN, 5))  # the client has seen nothing of it yet
    assert talk.server.credit(RUN) == 0


def after(count: int, **fields: Any) -> Talk:
    return listening(credit=64, **fields).say(*ITEMS[:count])


def committed(seq: int, chunk: int, first: int, count: int, digest: str = DIGEST) -> m.ChunkCommitted:
    return m.ChunkCommitted(RUN, seq, chunk, DIGEST, digest, first, count, {})


OUT_OF_ORDER = {
    "the same item again": (2, ITEMS[1], "item 2 does not come after item 2"),
    "an earlier item": (4, ITEMS[1], "item 2 does not come after item 4"),
    "a frame before its chunk": (1, ITEMS[2], "chunk 0 is not the one"),
    "a frame of a later chunk": (4, m.Frame(RUN, 5, 1, 5), "chunk 1 is not the one"),
    "a frame left out": (4, m.Frame(RUN, 5, 0, 3), "frame 3 of chunk 0 is not due"),
    "a frame of another chunk's place": (7, m.Frame(RUN, 8, 0, 5), "frame 5 of chunk 0 is not due"),
    "points before the frames": (4, m.Points(RUN, 5, 0), "points of chunk 0 are not due"),
    "points twice": (8, m.Points(RUN, 9, 0), "points of chunk 0 are not due"),
    "points of no chunk": (1, m.Points(RUN, 2, 0), "chunk 0 is not the one"),
    "a chunk inside a chunk": (4, committed(5, 1, 5, 4), "chunk 0 is not complete"),
    "a chunk without points before it": (7, committed(8, 1, 5, 4), "chunk 0 is not complete"),
    "an earlier chunk": (8, committed(9, 0, 5, 4), "chunk 0 does not come after chunk 0"),
    "an end inside a chunk": (4, m.RunEnded(RUN, 5, "done"), "chunk 0 is not complete"),
    "a second start": (4, m.RunStarted(RUN, 5, shot(), 32, 16), "no other does"),
    "no start": (0, committed(1, 0, 0, 5), "the first item starts the run"),
}


@pytest.mark.parametrize(("count", "item", "says"), OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_items_out_of_order(count: int, item: Any, says: str) -> None:
    with pytest.raises(LocalProtocolError, match=says):
        after(count).server.send(item, 0.0)
    with pytest.raises(RemoteProtocolError, match=says):
        after(count).client.receive(item, 0.0)


@pytest.mark.parametrize("count", range(1, len(ITEMS)))
def test_a_stream_goes_on_where_it_broke(count: int) -> None:
    listening(credit=64, after=count).say(*ITEMS[count:])


def test_a_stream_that_goes_on_has_rules_too() -> None:
    talk = listening(credit=64, after=4).say(ITEMS[4])
    with pytest.raises(RemoteProtocolError, match="chunk 1 is not the one"):
        talk.client.receive(m.Frame(RUN, 9, 1, 5), 0.0)
    with pytest.raises(RemoteProtocolError, match="does not come after item 4"):
        listening(credit=64, after=4).client.receive(ITEMS[2], 0.0)


def test_chunks_that_the_client_has_are_announced_only() -> None:
    have = [item.digest for item in ITEMS if isinstance(item, m.ChunkCommitted)]
    started, first, second, end = (item for item in ITEMS if not isinstance(item, m.Frame | m.Points))
    listening(credit=64, have=have).say(started, first, second, end)
    talk = listening(credit=64, have=have[:1]).say(started, first)
    with pytest.raises(RemoteProtocolError, match="frame 0 of chunk 0 is not due"):
        talk.client.receive(ITEMS[2], 0.0)


def test_who_left_may_come_back_while_items_are_on_their_way() -> None:
    talk = listening(credit=8).say(*ITEMS[:3])
    late = ITEMS[3:6]
    for item in late:
        talk.server.send(item, 0.0)
    talk.ask(m.Unsubscribe(RUN), m.Subscribe(RUN, after=3, credit=2))
    talk.server.send(m.RunStatus(info()), 0.0)
    assert [talk.client.receive(item, 0.0) for item in late] == [False] * 3
    assert talk.client.receive(m.RunStatus(info()), 0.0)
    talk.say(*ITEMS[3:5])
    assert talk.client.credit(RUN) == 0


# Estimates


def test_an_estimate_that_was_cancelled_is_answered_first() -> None:
    talk = cancelling().say(CANCELLED)
    assert not talk.client.estimating()
    with pytest.raises(LocalProtocolError, match="no such task waits"):
        talk.server.send(m.Estimating(REQUEST, 1, 2), 0.0)
    talk.say(CANCELLED)
    with pytest.raises(RemoteProtocolError, match="it answers no question"):
        talk.client.receive(CANCELLED, 0.0)


# Silence


def test_hello_is_due_soon() -> None:
    server = ServerSession(100.0)
    assert not server.dead(100.0 + limits.HELLO_SECONDS)
    assert server.dead(100.1 + limits.HELLO_SECONDS)


def at(talk: Talk, now: float) -> Talk:
    """Both said something at ``now``."""
    talk.client.send(m.Ping(), now)
    talk.server.receive(m.Ping(), now)
    talk.server.send(m.Ping(), now)
    talk.client.receive(m.Ping(), now)
    return talk


@pytest.mark.parametrize("side", ["client", "server"])
def test_who_listens_is_dead_after_four_silent_beats(side: str) -> None:
    session: Session = getattr(at(listening(), 1000.0), side)
    assert not session.dead(1000.0 + SILENCE)
    assert session.dead(1000.1 + SILENCE)


@pytest.mark.parametrize("side", ["client", "server"])
def test_who_waits_for_an_estimate_is_dead_after_four_silent_beats(side: str) -> None:
    session: Session = getattr(at(estimating(), 1000.0), side)
    assert not session.dead(1000.0 + SILENCE)
    assert session.dead(1000.1 + SILENCE)
    answered = at(estimating().say(CANCELLED), 1000.0)
    assert not answered.server.dead(1000.1 + SILENCE)


def test_any_traffic_is_a_sign_of_life() -> None:
    talk = at(listening(), 1000.0)
    talk.server.receive(m.Credit(RUN, 1), 1015.0)
    assert not talk.server.dead(1015.0 + SILENCE)


def test_a_client_that_does_not_listen_may_be_silent_for_long() -> None:
    for place in (ready, ended, left):
        server = at(place(), 0.0).server
        assert not server.dead(limits.IDLE_SECONDS)
        assert server.dead(limits.IDLE_SECONDS + 1)


def test_a_client_that_was_silent_itself_knows_that_it_is_forgotten() -> None:
    talk = at(listening(), 0.0)
    talk.client.receive(m.Ping(), SILENCE)
    assert talk.client.dead(SILENCE + 1)
    idle = at(ready(), 0.0)
    idle.client.receive(m.Ping(), SILENCE)
    assert not idle.client.dead(SILENCE + 1)


def test_a_ping_is_due_when_nothing_was_said() -> None:
    talk = at(ready(), 0.0)
    for session in (talk.client, talk.server):
        assert not session.ping_due(4.9)
        assert session.ping_due(5.0)
    talk.client.send(m.List(), 4.0)
    assert not talk.client.ping_due(8.9)
    assert not greeted().server.ping_due(1000.0)


def test_what_is_over_is_dead() -> None:
    assert closed().client.dead(0.0)
    assert closed().server.dead(0.0)
