import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from worldwarp_protocol import keys, limits
from worldwarp_protocol import messages as m
from worldwarp_protocol.client import Client
from worldwarp_protocol.errors import (
    FolderError,
    InvalidShot,
    KeyRefused,
    Refused,
    RemoteProtocolError,
    ServerUnreachable,
    SessionEnded,
)
from worldwarp_protocol.results import ResultFolder

from .samples import OTHER_RUN, REQUEST, RUN, estimated_arrays, preview_arrays, shot, shot_arrays, stream
from .small_server import Lawless, SmallServer
from .test_results import contents, fill


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    keys.client_keys(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def server(home: Path) -> Iterator[SmallServer]:
    with SmallServer(home, {RUN: stream()}) as server:
        yield server


@pytest.fixture
def client(server: SmallServer) -> Iterator[Client]:
    with Client(server.address) as client:
        yield client


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    """What a folder holds that received everything."""
    fill(ResultFolder(tmp_path / "whole"), stream())
    return contents(tmp_path / "whole")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between connections."""
    monkeypatch.setattr(limits, "RECONNECT_SECONDS", (0.1, 0.4))


# Requests


def test_a_client_is_welcome_at_the_server_of_its_own_machine(client: Client) -> None:
    assert client.connect() == m.Welcome(1, 4, "small", [m.ProfileStatus("draft", True)])


def test_requests(client: Client, server: SmallServer) -> None:
    assert client.submit(shot(), shot_arrays()).info.run == RUN
    assert client.status(RUN).run == RUN
    assert client.stop_after_chunk(RUN).run == RUN
    assert [run.run for run in client.runs()] == [RUN]
    assert server.count(m.Hello) == 1


def test_a_request_that_is_refused(client: Client) -> None:
    for ask in (client.status, client.cancel, client.stop_after_chunk):
        with pytest.raises(Refused, match="no such run: look") as caught:
            ask(OTHER_RUN)
        assert caught.value.code == "unknown_run"


def test_the_same_request_is_the_same_run(client: Client, server: SmallServer) -> None:
    first = client.submit(shot(), shot_arrays(), REQUEST)
    client.disconnect()
    assert client.submit(shot(), shot_arrays(), REQUEST) == first
    client.submit(shot(), shot_arrays())
    assert len(server.requests) == 2


def picture() -> dict[str, Any]:
    return {name: array[:1] for name, array in shot_arrays().items() if name in ("picture", "depth", "K")}


def test_an_estimate(client: Client) -> None:
    steps: list[tuple[int, int]] = []
    message, arrays = client.estimate(
        "picture", "given", **picture(), request=REQUEST, on_progress=lambda *at: steps.append(at)
    )
    assert (message.request, message.focal, steps) == (REQUEST, 30.0, [(0, 0)])
    for name, array in estimated_arrays().items():
        np.testing.assert_array_equal(arrays[name], array)
    assert client.runs()


def test_an_estimate_is_asked_for_again_when_the_connection_breaks(client: Client, server: SmallServer) -> None:
    server.deaf = 1
    assert client.estimate("picture", "given", **picture())[0].focal == 30.0
    asked = [message.request for message in server.heard if isinstance(message, m.EstimateGeometry)]
    assert asked == [asked[0]] * 2
    server.deaf = 2
    with pytest.raises(SessionEnded):
        client.estimate("picture", "given", **picture())


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ({"faces": np.array([[0, 1, 4]], np.int32)}, "none of the 4 points"),
        ({"faces": np.array([[0, 1, -1]], np.int32)}, "none of the 4 points"),
        ({"xyz": np.full((4, 3), np.nan, np.float32)}, "not finite"),
    ],
)
def test_a_mesh_that_is_none_is_not_handed_on(
    client: Client, server: SmallServer, harm: dict[str, Any], says: str
) -> None:
    server.estimate |= harm
    with pytest.raises(RemoteProtocolError, match=says):
        client.estimate("picture", "given", **picture())


@pytest.mark.parametrize(
    ("what", "source", "arrays", "says"),
    [
        ("picture", "given", {"depth": None}, "depth: is missing"),
        ("picture", "given", {"K": None}, "K: is missing and 'given' does not estimate the lens"),
        ("picture", "given", {"depth": np.ones((1, 16, 31), np.float32)}, "depth: has 31 pixels of width"),
        ("picture", "given", {"picture": np.ones((16, 32, 3), np.uint8)}, "picture: must be uint8"),
        ("picture", "ttt3r", {}, "depth: is not used by 'ttt3r'"),
        ("picture", "psychic", {}, "source: cannot be 'psychic'"),
        ("path", "depth-anything", {}, "source: 'depth-anything' knows nothing of cameras"),
        ("path", "ttt3r", {name: array.repeat(2, 0) for name, array in picture().items()}, "depth: is not used for a"),
        ("picture", "ttt3r", {"picture": np.ones((1, 4096, 4096, 3), np.uint8), "depth": None}, "picture: is 4096 x"),
    ],
)
def test_a_question_that_has_no_answer_is_not_sent(
    client: Client, server: SmallServer, what: Any, source: Any, arrays: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidShot, match=says):
        client.estimate(what, source, **{**picture(), **arrays})
    assert server.heard == []


def test_a_server_of_before_is_not_asked_for_estimates(client: Client, server: SmallServer) -> None:
    server.minor = 0
    with pytest.raises(Refused, match="too old to estimate geometry: update it"):
        client.estimate("picture", "given", **picture())
    assert server.count(m.EstimateGeometry) == 0
    assert client.runs()


def test_a_server_of_before_is_not_asked_for_path_checks_and_worlds(
    client: Client, server: SmallServer, tmp_path: Path
) -> None:
    server.minor = 2
    with pytest.raises(Refused, match="too old to check a path: update it"):
        client.check_path(shot_arrays())
    with pytest.raises(Refused, match="too old to make files of a world: update it"):
        client.make_world(RUN, ["points"])
    assert not server.count(m.CheckPath) + server.count(m.MakeWorld)
    server.minor = 3
    with pytest.raises(Refused, match="too old to make a picture of words: update it"):
        client.imagine(m.Diffusion(prompt="a hall"), 32, 16)
    folder = ResultFolder(tmp_path / "out")
    fill(folder, stream())
    with pytest.raises(Refused, match="too old to send depth: update it"):
        client.fetch_passes(RUN, folder)
    assert not server.count(m.Imagine) + server.count(m.MakePasses)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"prompt": " "}, "prompt: is empty; say what the picture should show"),
        ({"width": 40}, "width"),
        ({"height": 4096}, "height"),
    ],
)
def test_a_picture_that_cannot_be_made_is_not_asked_for(
    client: Client, server: SmallServer, asked: dict[str, Any], says: str
) -> None:
    sizes = {"width": 32, "height": 16} | {name: value for name, value in asked.items() if name != "prompt"}
    with pytest.raises(InvalidShot, match=says):
        client.imagine(m.Diffusion(prompt=asked.get("prompt", "a hall")), **sizes)
    assert server.heard == []


WISHES = {
    "settings.diffusion": shot(diffusion=m.Diffusion(sigma=0.5)),
    "settings.cache": shot(cache="none"),
    "overrides": m.Shot(name="Corridor", settings=m.Settings(), overrides=[m.Override(chunk=0, seed=1)]),
    "settings.overscan": shot(overscan=0.1),
    "settings.every": shot(every=2),
    "settings.ease_frames": shot(ease_frames=0),
    "mask": shot(),
    "sky": shot(),
}


@pytest.mark.parametrize("field", WISHES)
def test_a_server_of_before_is_not_asked_for_what_it_would_pass_over(
    client: Client, server: SmallServer, field: str
) -> None:
    since = 2 if field in ("settings.diffusion", "settings.cache", "overrides") else 3
    arrays = shot_arrays()
    if field in ("mask", "sky"):
        arrays[field] = np.zeros((1, 16, 32), np.uint8)
    server.minor = since - 1
    with pytest.raises(
        Refused, match="is unknown to this server, which is too old for it: update the server"
    ) as caught:
        client.submit(WISHES[field], arrays)
    assert (caught.value.code, caught.value.field) == ("unsupported_version", field)
    assert server.count(m.Submit) == 0
    assert client.submit(shot(seed=7), shot_arrays()).info.run == RUN
    server.minor = since
    client.disconnect()
    assert client.submit(WISHES[field], arrays).info.run == RUN
    assert server.heard[-1].shot == WISHES[field]


def test_a_server_of_before_is_not_asked_for_the_small_network(client: Client, server: SmallServer) -> None:
    server.minor = 2
    with pytest.raises(Refused, match="is unknown to this server") as caught:
        client.submit(shot(geometry="mini"), shot_arrays())
    assert (caught.value.code, caught.value.field) == ("unsupported_version", "settings.geometry")
    with pytest.raises(Refused, match="is unknown to this server"):
        client.estimate("picture", "mini", picture=picture()["picture"])
    assert server.count(m.Submit) == server.count(m.EstimateGeometry) == 0


def test_a_server_that_came_back_is_asked_again(home: Path) -> None:
    with SmallServer(home, {RUN: stream()}) as server:
        client = Client(server.address)
        client.runs()
    with client:
        with pytest.raises(ServerUnreachable, match="No WorldWarp server answers at"):
            client.runs()
        with SmallServer(home, {RUN: stream()}, port=server.port):
            assert client.runs()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"depth": np.ones((1, 16, 31), np.float32)}, "depth: has 31 pixels of width but picture has 32"),
        ({"picture": np.ones((1, 16, 32, 3))}, "picture: must be uint8"),
        ({"K": np.ones((2, 3, 3))}, "cameras: .* frames"),
        ({"K": np.ones((100_000, 3, 3))}, "cameras: has 100000 frames; send 1 to 10000"),
    ],
)
def test_arrays_that_cannot_be_a_shot_are_named_before_anything_is_sent(
    client: Client, server: SmallServer, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidShot, match=says):
        client.submit(shot(), {**shot_arrays(), **change})
    assert server.heard == []


TOO_WORDY = [m.Override(chunk=chunk, prompt="a" * limits.MAX_TEXT) for chunk in range(600)]


def test_fields_that_cannot_be_a_shot_are_named_before_anything_is_sent(client: Client) -> None:
    for bad, field in (
        (shot(""), "name"),
        (shot("a" * 121), "name"),
        (shot(far=float("nan")), "settings.far"),
        (shot(framing="stretch"), "settings.framing"),
        (m.Shot(name="a", settings=m.Settings(), fps=0.0), "fps"),
        (shot(diffusion=m.Diffusion(sigma=float("nan"))), "settings.diffusion.sigma"),
        (m.Shot(name="a", settings=m.Settings(), overrides=[m.Override(chunk=0, sigma=2.0)]), "overrides[0].sigma"),
        (m.Shot(name="a", settings=m.Settings(), overrides=TOO_WORDY), "overrides"),
    ):
        with pytest.raises(InvalidShot) as caught:
            client.submit(bad, shot_arrays())
        assert caught.value.field == field


# Nobody there, wrong key, other version


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def address_of(listener: socket.socket) -> str:
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def test_nobody_there(listener: socket.socket) -> None:
    address = address_of(listener)
    listener.close()
    started = time.monotonic()
    with Client(address) as client, pytest.raises(ServerUnreachable) as caught:
        client.connect()
    assert str(caught.value) == (
        f"No WorldWarp server answers at {address}: start one with `worldwarp serve`, or check the address."
    )
    assert time.monotonic() - started < 2


def test_somebody_there_who_says_nothing(listener: socket.socket) -> None:
    started = time.monotonic()
    with (
        Client(address_of(listener), timeout=0.5) as client,
        pytest.raises(ServerUnreachable, match="is not the server"),
    ):
        client.connect()
    assert 0.4 < time.monotonic() - started < 2


def test_somebody_there_who_is_no_worldwarp_server(listener: socket.socket) -> None:
    def answer() -> None:
        with listener.accept()[0] as peer:
            peer.recv(10)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with Client(address_of(listener)) as client, pytest.raises(ServerUnreachable, match=r"What answers at .* is not"):
        client.connect()
    thread.join()


@pytest.mark.parametrize(
    "address", ["", "localhost:7654", "http://127.0.0.1:7654", "tcp://127.0.0.1", "tcp://127.0.0.1:x"]
)
def test_an_address_that_is_none(address: str) -> None:
    with Client(address) as client, pytest.raises(ServerUnreachable, match=r"is not an address: write tcp://HOST:PORT"):
        client.connect()


def test_a_key_that_is_not_enrolled(server: SmallServer, tmp_path: Path) -> None:
    stranger = keys.client_keys(tmp_path / "elsewhere")
    with Client(server.address, keys=stranger) as client:
        with pytest.raises(KeyRefused, match=r"does not know our key: .*worldwarp keys enrol") as refused:
            client.connect()
        assert f"'{stranger.public.decode()}'" in str(refused.value)
        with pytest.raises(KeyRefused):
            client.receive(RUN, ResultFolder(tmp_path / "shot"))
    assert server.heard == []


def test_keys_are_enrolled_and_revoked_without_a_restart(server: SmallServer, home: Path, tmp_path: Path) -> None:
    ada = keys.client_keys(tmp_path / "ada")
    with Client(server.address, keys=ada) as client:
        with pytest.raises(KeyRefused):
            client.connect()
        keys.enrol(home, "ada", ada.public.decode())
        client.connect()
        keys.revoke(home, "ada")
        with pytest.raises(KeyRefused):
            client.connect()


@pytest.mark.usefixtures("quick")
def test_a_key_that_is_revoked_while_a_run_comes(home: Path, tmp_path: Path) -> None:
    first = SmallServer(home, {RUN: stream()}, most=3)
    later: list[SmallServer] = []

    def on_lost(_: str) -> None:
        assert not later, "a key that is refused is refused for good"
        first.close()
        keys.revoke(home, "local")
        later.append(SmallServer(home, {RUN: stream()}, port=first.port))

    with Client(first.address) as client, pytest.raises(KeyRefused):
        client.receive(RUN, ResultFolder(tmp_path / "shot"), on_lost=on_lost)
    later[0].close()


def test_another_servers_key(server: SmallServer) -> None:
    says = r"is not the server that we have the key of: .*worldwarp keys"
    with (
        Client(server.address, server_public=zmq.curve_keypair()[0]) as client,
        pytest.raises(ServerUnreachable, match=says),
    ):
        client.connect()
    assert server.heard == []


def test_another_version_is_named_within_two_seconds(server: SmallServer, client: Client) -> None:
    server.major = 2
    started = time.monotonic()
    with pytest.raises(Refused, match=r"speaks protocol 1\.4, the client 0\.0: update the client") as caught:
        client.connect()
    assert caught.value.code == "unsupported_version"
    assert time.monotonic() - started < 2


def test_a_server_that_does_not_answer(server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worldwarp_protocol.session.LIVENESS_SECONDS", 0.5)
    with Client(server.address, timeout=0.5) as client:
        client.connect()
        server.silent = True
        with pytest.raises(ServerUnreachable, match=r"does not answer|has gone silent"):
            client.runs()


# Receiving


def receive_all(client: Client, folder: ResultFolder, **calls: Any) -> list[Any]:
    events: list[Any] = []
    end = client.receive(RUN, folder, lambda message, _: events.append(message), **calls)
    assert isinstance(end, m.RunEnded)
    assert end.state == "done"
    return events


def test_a_run_is_received_as_it_was_sent(
    client: Client, server: SmallServer, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    folder = ResultFolder(tmp_path / "shot")
    seen: list[Any] = []

    def on_event(message: m.ServerMessage, arrays: Any) -> None:
        if isinstance(message, m.Frame):
            assert folder.frame_path(message.index).read_bytes() == arrays["frame"].tobytes()
        seen.append(message)

    client.receive(RUN, folder, on_event)
    assert [item.seq for item in seen if not isinstance(item, m.RunStatus)] == list(range(1, 16))
    assert contents(folder.path) == whole
    assert server.count(m.Credit) >= 2


def test_previews_are_handed_on_and_leave_nothing_in_the_folder(
    client: Client, server: SmallServer, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    server.previews = [preview_arrays(1), preview_arrays(3)]
    folder, seen = ResultFolder(tmp_path / "shot"), []

    def on_event(message: m.ServerMessage, arrays: Any) -> None:
        if isinstance(message, m.Preview):
            seen.append((message.first, arrays["preview"].copy()))

    assert client.receive(RUN, folder, on_event)
    assert len(seen) == 2
    for (first, picture), sent in zip(seen, server.previews, strict=True):
        assert first == 44
        np.testing.assert_array_equal(picture, sent["preview"])
    assert contents(folder.path) == whole


def test_what_is_here_is_not_sent_again(client: Client, server: SmallServer, tmp_path: Path) -> None:
    receive_all(client, ResultFolder(tmp_path / "shot"))
    server.sent.clear()
    receive_all(client, ResultFolder(tmp_path / "shot"))
    assert server.sent == [15]
    server.sent.clear()
    (tmp_path / "shot" / "frames" / "0007.png").unlink()
    receive_all(client, ResultFolder(tmp_path / "shot"))
    assert server.sent == [1, 2, 9, 10, 11, 12, 13, 14, 15]


def test_who_leaves_gets_the_rest_later(
    client: Client, server: SmallServer, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    folder = ResultFolder(tmp_path / "shot")
    server.hold = 5
    assert (
        client.receive(RUN, folder, should_stop=lambda: "leave" if len(server.sent) == 5 and folder.record else None)
        is None
    )
    assert folder.record is not None
    had = folder.record.seq
    assert client.runs(), "the connection is still good"
    server.sent.clear()
    server.hold = 10**9
    receive_all(client, ResultFolder(tmp_path / "shot"))
    assert server.sent == list(range(had + 1, 16))
    assert contents(folder.path) == whole


@pytest.mark.usefixtures("quick")
def test_a_killed_server_that_comes_back_sends_the_rest(home: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    sentences: list[str] = []
    first = SmallServer(home, {RUN: stream()}, most=4)
    again: list[SmallServer] = []
    had: list[int] = []
    folder = ResultFolder(tmp_path / "shot")

    def on_lost(sentence: str) -> None:
        sentences.append(sentence)
        had.append(folder.record.seq if folder.record else 0)
        if len(sentences) == 1:
            first.close()
        if len(sentences) == 3:
            again.append(SmallServer(home, {RUN: stream()}, port=first.port))

    with Client(first.address) as client:
        receive_all(client, folder, on_lost=on_lost)
    again[0].close()
    assert len(sentences) == 3
    assert sentences[0].startswith(f"The connection to {first.address} is lost. Trying again in")
    assert sentences[1].startswith("No WorldWarp server answers at")
    assert contents(tmp_path / "shot") == whole
    assert again[0].sent == list(range(had[0] + 1, 16)), "nothing came twice"


def test_pauses_double_up_to_the_longest(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worldwarp_protocol.reception.Reception.leaves_within", lambda _, pause: pauses.append(pause))
    pauses: list[float] = []
    server = SmallServer(home, {RUN: stream()}, most=2)
    with Client(server.address) as client:

        def on_lost(_: str) -> None:
            if not pauses:
                server.close()
            if len(pauses) == 7:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            client.receive(RUN, ResultFolder(tmp_path / "shot"), on_lost=on_lost)
    assert pauses == [1, 2, 4, 8, 16, 32, 32]


def test_leaving_while_the_server_is_away(home: Path, tmp_path: Path) -> None:
    server, away = SmallServer(home, {RUN: stream()}, most=4), threading.Event()
    with Client(server.address) as client:
        calls: dict[str, Callable[..., Any]] = {
            "on_lost": lambda _: away.set(),
            "should_stop": lambda: "leave" if away.is_set() else None,
        }
        assert client.receive(RUN, ResultFolder(tmp_path / "shot"), **calls) is None
    server.close()


@pytest.mark.usefixtures("quick")
def test_a_silent_server_is_given_up(
    server: SmallServer, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worldwarp_protocol.session.LIVENESS_SECONDS", 0.5)
    server.hold = 3
    lost: list[str] = []

    def on_lost(sentence: str) -> None:
        lost.append(sentence)
        server.hold = 10**9

    receive_all(client, ResultFolder(tmp_path / "shot"), on_lost=on_lost)
    assert lost[0].startswith(f"The server at {server.address} has gone silent.")


def test_cancel(server: SmallServer, client: Client, tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    server.hold = 8
    end = client.receive(
        RUN, folder, should_stop=lambda: "cancel" if folder.record and folder.record.seq == 8 else None
    )
    assert end is not None
    assert end.state == "cancelled"
    assert server.count(m.Cancel) == 1
    assert folder.record is not None
    assert folder.record.state == "cancelled"
    assert len(list((folder.path / "frames").iterdir())) == 5
    assert (folder.path / "points.ply").exists()


@pytest.mark.usefixtures("quick")
def test_a_wish_is_kept_until_the_server_is_back(home: Path, tmp_path: Path) -> None:
    first = SmallServer(home, {RUN: stream()}, most=4)
    later: list[SmallServer] = []
    wishes: list[Any] = ["cancel"]

    def should_stop() -> Any:
        return wishes.pop() if later and wishes else None

    def on_lost(_: str) -> None:
        first.close()
        later.append(SmallServer(home, {RUN: stream()}, port=first.port))
        later[0].hold = 8

    with Client(first.address) as client:
        end = client.receive(RUN, ResultFolder(tmp_path / "shot"), should_stop=should_stop, on_lost=on_lost)
    later[0].close()
    assert not wishes
    assert end is not None
    assert (end.state, later[0].count(m.Cancel)) == ("cancelled", 1)


@pytest.mark.usefixtures("quick")
def test_a_server_that_forgot_us_is_greeted_anew(server: SmallServer, client: Client, tmp_path: Path) -> None:
    server.forgets = 1
    lost: list[str] = []
    receive_all(client, ResultFolder(tmp_path / "shot"), on_lost=lost.append)
    assert lost == [f"The server at {server.address} ended the connection: Who are you? Trying again in 0 s."]
    assert server.count(m.Hello) == 2


@pytest.mark.usefixtures("quick")
def test_a_server_that_ends_every_session_is_given_up(server: SmallServer, client: Client, tmp_path: Path) -> None:
    server.forgets = 100
    with pytest.raises(SessionEnded, match=r"Who are you\?"):
        client.receive(RUN, ResultFolder(tmp_path / "shot"))
    assert server.count(m.Hello) == 2


def test_stop_after_chunk_is_asked_once(server: SmallServer, client: Client, tmp_path: Path) -> None:
    receive_all(client, ResultFolder(tmp_path / "shot"), should_stop=lambda: "stop_after_chunk")
    assert server.count(m.StopAfterChunk) == 1


def test_a_run_that_nobody_knows(client: Client, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no such run"):
        client.receive(OTHER_RUN, ResultFolder(tmp_path / "shot"))
    assert not (tmp_path / "shot").exists()


def test_a_folder_of_another_shot(client: Client, tmp_path: Path) -> None:
    fill(ResultFolder(tmp_path / "shot"), stream(name="Attic", run=OTHER_RUN))
    with pytest.raises(FolderError, match=r"holds another shot \('Attic'\)"):
        client.receive(RUN, ResultFolder(tmp_path / "shot"))
    assert client.runs(), "the next request connects anew"


def test_an_error_of_the_callers_own_ends_the_connection(client: Client, server: SmallServer, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.receive(RUN, ResultFolder(tmp_path / "shot"), fail)
    client.runs()
    assert server.count(m.Hello) == 2


def test_a_server_that_breaks_the_rules_is_not_believed(home: Path, tmp_path: Path) -> None:
    items = stream()
    twice = [*items[:3], items[2], *items[3:]]
    broken = pytest.raises(RemoteProtocolError, match="item 3 does not come after item 3")
    with SmallServer(home, {RUN: twice}, session=Lawless) as server, Client(server.address) as client, broken:
        client.receive(RUN, ResultFolder(tmp_path / "shot"))
