"""A first picture from words over a real socket, from a real worker with tiny networks: the command line's own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from worldwarp import imagine
from worldwarp.outputs.pictures import read_picture
from worldwarp.weights import needs
from worldwarp_protocol.client import Client
from worldwarp_protocol.errors import Refused
from worldwarp_protocol.keys import client_keys, server_keys
from worldwarp_protocol.messages import Diffusion

from ..weights.tiny import register, tiny_transformer, tiny_wan_home
from .peers import Server, serving

ASKED = Diffusion(prompt="a hall", steps=2)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Of a server whose weights lack nothing but the transformer."""
    monkeypatch.setenv("WORLDWARP_HOME", str(tiny_wan_home(tmp_path / "home")))
    with serving(tmp_path) as server, client_of(server) as connected:
        yield connected


def client_of(server: Server) -> Client:
    keys, public = client_keys(server.home), server_keys(server.home).public
    return Client(server.address, keys=keys, server_public=public, name="test", timeout=60)


@pytest.mark.slow
def test_a_picture_is_that_of_the_command_line(client: Client, tmp_path: Path) -> None:
    (source,) = client.connect().pictures
    assert (source.name, source.available) == ("words", False)
    assert "get them with `worldwarp weights get transformer`" in source.missing
    with pytest.raises(Refused, match="not here: transformer") as refused:
        client.imagine(ASKED, 64, 48)
    assert refused.value.code == "missing_weights"

    tiny_transformer(seed=7).save_pretrained(needs.folder("transformer"))
    register("transformer")
    assert client.connect().pictures[0].available
    told: list[tuple[int, int]] = []
    answer, arrays = client.imagine(ASKED, 64, 48, seed=3, on_progress=lambda *at: told.append(at))
    words = "--prompt", "a hall", "--width", "64", "--height", "48", "--steps", "2", "--seed", "3"
    assert imagine.command([*words, "--out", str(tmp_path / "a.png")]) == 0
    np.testing.assert_array_equal(arrays["picture"][0], read_picture(tmp_path / "a.png"))
    assert answer.meta["seconds"] > 0
    assert told

    again, same = client.imagine(ASKED, 64, 48, seed=3)
    assert again.meta == answer.meta  # it was kept
    np.testing.assert_array_equal(same["picture"], arrays["picture"])
    styled = Diffusion(prompt="a hall", style="Film noir", steps=2)
    for asked, seed in ((ASKED, 4), (styled, 3)):
        _, other = client.imagine(asked, 64, 48, seed=seed)
        assert (other["picture"] != arrays["picture"]).any()
