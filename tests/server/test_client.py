"""The client that Blender and the command line use, against the real server; and the server killed under it."""

from pathlib import Path
from typing import Any

import pytest
from worldwarp_protocol import messages
from worldwarp_protocol.client import Client
from worldwarp_protocol.keys import client_keys, server_keys
from worldwarp_protocol.results import ResultFolder

from .peers import Server, serving, small_shot

SHOT = small_shot(name="killed", seed=20, steps=200)


def client_of(server: Server) -> Client:
    keys, public = client_keys(server.home), server_keys(server.home).public
    return Client(server.address, keys=keys, server_public=public, name="test", timeout=60)


def content(folder: Path) -> dict[str, bytes]:
    """All of a result that the run's own name is not part of."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "shot.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def receive(server: Server, folder: Path, run: str, on_event: Any = lambda *_: None) -> messages.RunEnded | None:
    with client_of(server) as client:
        return client.receive(run, ResultFolder(folder), on_event)


def test_a_shot_into_a_folder(server: Server, tmp_path: Path) -> None:
    with client_of(server) as client:
        assert [profile.name for profile in client.connect().profiles if profile.available] == ["draft", "mini"]
        run = client.submit(*small_shot(name="folder", seed=50)).info.run
        assert client.receive(run, ResultFolder(tmp_path)).state == "done"
        assert client.runs()[0].run == run
        # a returning client is told the end again
        assert client.receive(run, ResultFolder(tmp_path)).state == "done"
    assert {f"frames/{i:04d}.png" for i in range(1, 18)} <= content(tmp_path).keys()
    assert (tmp_path / "points.ply").stat().st_size > 10_000


@pytest.mark.slow
def test_the_front_door_is_killed_under_a_client_that_receives(tmp_path: Path) -> None:
    with serving(tmp_path / "whole") as server, client_of(server) as client:
        run = client.submit(*SHOT).info.run
        client.receive(run, ResultFolder(tmp_path / "one"))
    servers, due = [Server(tmp_path / "killed")], {4, 11}

    def kill(message: messages.ServerMessage, _: Any) -> None:
        if isinstance(message, messages.Frame) and message.index in due:
            due.remove(message.index)
            servers[-1].kill()
            servers.append(Server(tmp_path / "killed", servers[-1].port))

    try:
        with client_of(servers[0]) as client:
            run = client.submit(*SHOT).info.run
            assert client.receive(run, ResultFolder(tmp_path / "two"), kill).state == "done"
    finally:
        servers[-1].close()
    assert len(servers) == 3
    assert content(tmp_path / "one") == content(tmp_path / "two")
