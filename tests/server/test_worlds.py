"""Files of a run's world over a real socket: of what is committed, for the run's own client, made once."""

import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worldwarp.cli import main
from worldwarp.engines import worlds
from worldwarp_protocol import inputs, messages
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Cancel, Error, Estimated, Estimating, MakeWorld, WorldMade
from worldwarp_protocol.results import ResultFolder

from .peers import Caller, Server, calling, serving, small_shot, wait_for
from .test_estimates import busy, other_keys, question, room
from .test_path_checks import client_of


def ask(caller: Caller, run: str, *products: Any, **fields: Any) -> tuple[Any, dict[str, np.ndarray]]:
    caller.say(MakeWorld(request=secrets.token_hex(16), run=run, products=list(products), **fields))
    return caller.hear_arrays(WorldMade, Error)


def finished(caller: Caller, seed: int) -> str:
    run = caller.submit(small_shot(seed=seed, steps=2)).info.run
    wait_for(lambda: caller.status(run).state == "done")
    return run


def test_the_files_are_those_of_the_command_line_and_a_restarted_server_has_them(tmp_path: Path) -> None:
    shot, arrays = small_shot(seed=80, steps=2)
    with serving(tmp_path) as server, client_of(server) as client:
        run, folder = client.submit(shot, arrays).info.run, ResultFolder(tmp_path / "out")
        assert client.receive(run, folder, made_of=inputs.pack(shot, arrays)).state == "done"
        message, _ = client.make_world(run, ["points", "mesh", "gaussians"], folder, steps=5)
        assert (message.chunks, message.frames) == (3, 17)
        kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").glob("derived/*/*")}
    with serving(tmp_path) as server, client_of(server) as client:
        again, found = client.make_world(run, ["gaussians", "points"], steps=5)
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").glob("derived/*/*")}
    assert again.meta["points.count"] == message.meta["points.count"]
    assert message.meta["gaussians.psnr"] == again.meta["gaussians.psnr"]
    store = ["--store", str(tmp_path / "store")]
    assert main(["world", str(tmp_path / "out"), "--out", str(tmp_path / "world"), "--steps", "5", *store]) == 0
    for name in ("points.ply", "mesh.ply", "mesh.glb", "gaussians.ply", "gaussians.splat"):
        here = (tmp_path / "out" / "world" / name).read_bytes()
        assert here == (tmp_path / "world" / name).read_bytes()
    assert found["gaussians_ply"].tobytes() == (tmp_path / "world" / "gaussians.ply").read_bytes()
    # and the folder holds what its run was made of
    again_words = ["generate", "--from", str(tmp_path / "out"), "--out", str(tmp_path / "again"), *store]
    assert main(again_words) == 0
    keys = [[chunk.key for chunk in ResultFolder(tmp_path / name).record.chunks] for name in ("out", "again")]
    assert keys[0] == keys[1]


def test_a_world_grows_with_its_run(caller: Caller) -> None:
    run = caller.submit(small_shot(frames=25, seed=81, steps=60)).info.run
    answer, _ = ask(caller, run, "points")
    assert (answer.code, answer.field) == ("busy", "run")
    assert "ask again" in answer.text
    wait_for(lambda: caller.status(run).chunks_done)
    first, _ = ask(caller, run, "points")
    assert isinstance(first, WorldMade), first
    wait_for(lambda: caller.status(run).state == "done")
    last, arrays = ask(caller, run, "points")
    assert 1 <= first.chunks < last.chunks == caller.status(run).chunks_done
    assert first.meta["points.count"] < last.meta["points.count"]
    assert arrays.keys() == {"points_ply"}


def test_only_who_asked_for_the_run_may_ask_for_its_world(server: Server, caller: Caller) -> None:
    run = finished(caller, 82)
    with calling(server, keys=other_keys(server, "stranger")) as other:
        answer, _ = ask(other, run, "points")
    assert answer.code == "unknown_run"
    assert ask(caller, secrets.token_hex(16), "points")[0].code == "unknown_run"
    twice, _ = ask(caller, run, "points", "points")
    assert (twice.code, twice.field) == ("invalid_shot", "products")
    with client_of(server) as client, pytest.raises(InvalidShot, match="products"):
        client.make_world(run, ["plans"])  # type: ignore[list-item]


def test_a_world_lets_estimates_pass_and_ends_between_two_steps(caller: Caller) -> None:
    run = finished(caller, 83)
    other = busy(caller, seed=84)
    mine = MakeWorld(request=secrets.token_hex(16), run=run, products=["gaussians"], steps=3_000)
    caller.say(mine)
    caller.hear(Estimating)
    caller.say(question(), room(85))
    assert isinstance(caller.hear(Estimated, WorldMade, Error), Estimated)
    while not caller.hear(Estimating).steps:
        pass
    assert caller.ask(Cancel(mine.request), messages.RunStatus).code == "cancelled"
    assert caller.hear(Error).about == mine.request
    assert caller.ask(Cancel(other), messages.RunStatus).info.state == "cancelled"
    assert isinstance(ask(caller, run, "points")[0], WorldMade)


def test_what_a_message_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidShot, match=r"points\.ply has 300 MiB, a file may have 256 MiB"):
        worlds._check_sizes({"points.ply": 300 << 20})
    with pytest.raises(InvalidShot, match="have 400 MiB together, a message carries 384 MiB"):
        worlds._check_sizes({"points.ply": 200 << 20, "mesh.ply": 200 << 20})
