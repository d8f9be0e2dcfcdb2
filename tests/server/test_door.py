"""Who may connect, and what those get who may not: through real sockets."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zmq
from worldwarp.server import auth
from worldwarp.server.auth import Doorkeeper, bind_router
from worldwarp_protocol import codec, limits, messages
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.keys import KeyPair, client_keys, enrol, revoke, server_keys

from .peers import Caller, Server, calling, small_shot, wait_for

HELLO = codec.encode(messages.Hello(*limits.PROTOCOL_VERSION, "test"))
QUIET = 1500
"""Milliseconds in which an answer would have come."""

Dial = Callable[..., zmq.Socket]

names = (f"guest{i}" for i in itertools.count())


def new_keys() -> KeyPair:
    return KeyPair(*zmq.curve_keypair())


def enrolled_keys(server: Server) -> tuple[KeyPair, str]:
    keys, name = new_keys(), next(names)
    enrol(server.home, name, keys.public.decode())
    return keys, name


def answers(peer: zmq.Socket) -> bool:
    """Whether the server says anything to a peer that says hello."""
    peer.send_multipart(HELLO)
    return bool(peer.poll(QUIET))


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    made = zmq.Context()
    yield made
    made.destroy(0)


@pytest.fixture
def dial(context: zmq.Context) -> Iterator[Dial]:
    """Makes peers that know nothing of our protocol."""
    peers = []

    def call(address: str, keys: KeyPair | None = None, public: bytes = b"", **options: bytes) -> zmq.Socket:
        peer = context.socket(zmq.DEALER)
        peers.append(peer)
        if keys:
            options |= {"CURVE_PUBLICKEY": keys.public, "CURVE_SECRETKEY": keys.secret, "CURVE_SERVERKEY": public}
        for name, value in options.items():
            peer.setsockopt(getattr(zmq, name), value)
        peer.connect(address)
        return peer

    yield call
    for peer in peers:
        peer.close(0)


@pytest.fixture
def router(tmp_path: Path, context: zmq.Context) -> Iterator[tuple[zmq.Socket, str, Doorkeeper]]:
    """A guarded socket in this process, its address, and who guards it."""
    doorkeeper = Doorkeeper(context, tmp_path)
    bound = bind_router(context, doorkeeper, server_keys(tmp_path), "127.0.0.1", 0)
    yield bound, bound.getsockopt_string(zmq.LAST_ENDPOINT), doorkeeper
    bound.close(0)
    if doorkeeper.runs:
        doorkeeper.close()


def test_an_enrolled_key_is_welcome(server: Server, dial: Dial) -> None:
    assert answers(dial(server.address, client_keys(server.home), server_keys(server.home).public))


def test_another_key_gets_nothing(server: Server, dial: Dial) -> None:
    assert not answers(dial(server.address, new_keys(), server_keys(server.home).public))


def test_a_peer_that_takes_another_server_for_ours_gets_nothing(server: Server, dial: Dial) -> None:
    assert not answers(dial(server.address, client_keys(server.home), new_keys().public))


def test_a_peer_without_encryption_gets_nothing(server: Server, dial: Dial) -> None:
    assert not answers(dial(server.address))


def test_a_peer_with_a_password_gets_nothing(server: Server, dial: Dial) -> None:
    assert not answers(dial(server.address, PLAIN_USERNAME=b"admin", PLAIN_PASSWORD=b"admin"))


def test_enrolling_and_revoking_take_effect_at_once(server: Server, dial: Dial) -> None:
    keys, public = new_keys(), server_keys(server.home).public
    assert not answers(dial(server.address, keys, public))
    name = next(names)
    enrol(server.home, name, keys.public.decode())
    peer = dial(server.address, keys, public)
    assert answers(peer)
    peer.recv_multipart()
    revoke(server.home, name)
    assert not answers(dial(server.address, keys, public))
    time.sleep(1.5)  # the session that is open ends too
    peer.send_multipart(codec.encode(messages.List()))
    assert peer.poll(QUIET)
    assert codec.decode_server(peer.recv_multipart())[0].code == "protocol"


def test_the_run_of_another_client_does_not_exist(server: Server, caller: Caller) -> None:
    run = caller.submit(small_shot(name="mine", frames=5, seed=30)).info.run
    with calling(server, keys=enrolled_keys(server)[0]) as other:
        assert other.ask(messages.List(), messages.Runs).runs == []
        questions = (messages.Status, messages.Cancel, messages.StopAfterChunk, messages.Subscribe)
        for question in questions:
            answer = other.ask(question(run=run), messages.RunStatus)
            strange = other.ask(question(run="0" * 32), messages.RunStatus)
            assert answer.code == "unknown_run"
            assert answer.text.replace(run, "") == strange.text.replace("0" * 32, "")
    assert caller.stream(run).ended.state == "done"


def test_requests_of_two_clients_do_not_meet(server: Server, caller: Caller) -> None:
    shot, request = small_shot(name="number", frames=5, seed=31), "a" * 32
    first = caller.submit(shot, request)
    with calling(server, keys=enrolled_keys(server)[0]) as other:
        second = other.submit(small_shot(name="another", frames=5, seed=32), request)
    assert second.info.run != first.info.run
    assert second.info.name == "another"


def test_a_routing_id_of_ones_own_choice_is_refused(server: Server, dial: Dial) -> None:
    """Or else who knows another's id could wait for it to become free."""
    peer = dial(server.address, client_keys(server.home), server_keys(server.home).public, ROUTING_ID=b"victim")
    assert answers(peer)
    assert codec.decode_server(peer.recv_multipart())[0].code == "protocol"


def test_another_version_is_refused_with_a_sentence(server: Server) -> None:
    started = time.monotonic()
    with calling(server, hello=False) as caller:
        caller.say(messages.Hello(limits.PROTOCOL_VERSION[0] + 1, 0, "test"))
        answer = caller.hear(messages.Error)
    assert answer.code == "unsupported_version"
    assert "update the server" in answer.text
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "frames",
    [
        [b"\xff" * 100],
        [b""],
        [b"\x91" * 5000],
        codec.encode(messages.List()),
        [*HELLO, b"an array that nobody announced"],
        [b"x" * (limits.MAX_HEADER_BYTES + 1)],
    ],
    ids=["bytes", "nothing", "deep", "no hello", "extra array", "long"],
)
def test_what_breaks_the_rules_is_answered_and_harms_nobody(
    server: Server, caller: Caller, dial: Dial, frames: list[bytes]
) -> None:
    peer = dial(server.address, client_keys(server.home), server_keys(server.home).public)
    peer.send_multipart(frames)
    assert peer.poll(10_000)
    assert codec.decode_server(peer.recv_multipart())[0].code == "protocol"
    assert caller.ask(messages.List(), messages.Runs) is not None


def test_a_question_about_a_request_that_waits_harms_nobody(server: Server, caller: Caller, dial: Dial) -> None:
    """Its refusal would answer the request, whose own answer would then answer nothing."""
    peer = dial(server.address, client_keys(server.home), server_keys(server.home).public)
    (shot, arrays), request = small_shot(name="crossed", frames=5, seed=34), "b" * 32
    peer.send_multipart(HELLO)
    peer.send_multipart(codec.encode(messages.Submit(request=request, shot=shot), arrays))
    peer.send_multipart(codec.encode(messages.Status(run=request)))
    heard = []
    while not heard or not isinstance(heard[-1], messages.Error):
        assert peer.poll(20_000)
        heard.append(codec.decode_server(peer.recv_multipart())[0])
    assert heard[-1].code == "protocol"
    wait_for(lambda: caller.ask(messages.List(), messages.Runs).runs[0].name == "crossed", 20)


def test_an_item_from_the_future_breaks_the_rules(server: Server, caller: Caller) -> None:
    run = caller.submit(small_shot(name="future", frames=5, seed=33)).info.run
    with calling(server) as other:
        assert other.ask(messages.Subscribe(run=run, after=999), messages.RunStatus).code == "protocol"


def test_a_frame_larger_than_any_message_is_cut_off(server: Server, caller: Caller) -> None:
    """It never reaches the program: ZeroMQ closes the connection."""
    with calling(server) as hostile:
        hostile.socket.send(bytes(limits.MAX_ARRAY_BYTES + 1), copy=False)
        assert not hostile.socket.poll(3000)
    assert caller.ask(messages.List(), messages.Runs) is not None


def until_closed(connection: socket.socket) -> bool:
    """Read until the other side closes; raises ``TimeoutError`` when it does not."""
    try:
        while connection.recv(1000):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.slow
def test_a_peer_that_never_shakes_hands_is_cut_off(server: Server) -> None:
    where = urlsplit(server.address)
    with socket.create_connection((where.hostname, where.port)) as silent:
        silent.settimeout(3 * auth.HANDSHAKE_MILLISECONDS / 1000)
        assert until_closed(silent)


def test_sockets_are_bound_only_while_the_door_is_guarded(tmp_path: Path, context: zmq.Context) -> None:
    doorkeeper = Doorkeeper(context, tmp_path)
    doorkeeper.close()
    with pytest.raises(WorldWarpError, match="Nobody guards"):
        bind_router(context, doorkeeper, server_keys(tmp_path), "127.0.0.1", 0)


Guarded = tuple[zmq.Socket, str, Doorkeeper]


def test_when_the_doorkeeper_stops_nobody_enters(router: Guarded, tmp_path: Path, dial: Dial) -> None:
    bound, address, doorkeeper = router
    dial(address, client_keys(tmp_path), server_keys(tmp_path).public).send_multipart(HELLO)
    assert bound.poll(10_000)
    bound.recv_multipart()
    doorkeeper.close()
    dial(address, client_keys(tmp_path), server_keys(tmp_path).public).send_multipart(HELLO)
    assert not bound.poll(QUIET)


def test_when_the_keys_cannot_be_read_nobody_enters_and_the_doorkeeper_lives(
    router: Guarded, tmp_path: Path, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound, address, doorkeeper = router

    def broken(home: Path) -> dict[str, str]:
        raise PermissionError(f"{home} cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(auth, "enrolled", broken)
        dial(address, client_keys(tmp_path), server_keys(tmp_path).public).send_multipart(HELLO)
        assert not bound.poll(QUIET)
    assert doorkeeper.runs
    dial(address, client_keys(tmp_path), server_keys(tmp_path).public).send_multipart(HELLO)
    assert bound.poll(10_000)


def test_the_user_is_the_key_that_shook_hands(router: Guarded, tmp_path: Path, dial: Dial) -> None:
    """Whatever a peer writes about itself."""
    bound, address, _ = router
    mine = client_keys(tmp_path)
    dial(address, mine, server_keys(tmp_path).public, METADATA=b"X-User-Id:somebody else").send_multipart(HELLO)
    assert bound.poll(10_000)
    assert bound.recv_multipart(copy=False)[1].get("User-Id") == mine.public.decode()
