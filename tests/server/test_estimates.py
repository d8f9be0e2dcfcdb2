"""Geometry of a picture over a real socket from a real worker: before queued chunks, for as long as somebody waits."""

import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from worldwarp.cameras.cameras import pixel_rays, project
from worldwarp_protocol import messages
from worldwarp_protocol.client import Client
from worldwarp_protocol.errors import Refused
from worldwarp_protocol.keys import KeyPair, client_keys, enrol, server_keys
from worldwarp_protocol.messages import Cancel, Error, Estimated, EstimateGeometry, Estimating, Subscribe

from .peers import KILL, Caller, Server, calling, serving, small_shot, wait_for

HEIGHT, PITCH = 1.6, np.radians(15)


def room(seed: int = 0, width: int = 96, height: int = 64) -> dict[str, np.ndarray]:
    """Floor and wall as a camera 1.6 above the floor sees them that looks down by 15 degrees; exact depth."""
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    rays = pixel_rays(K, width, height) @ looking_down()[:3, :3].T
    with np.errstate(divide="ignore"):
        floor = np.where(rays[..., 2] < 0, -HEIGHT / rays[..., 2], np.inf)
    depth = np.minimum(floor, 6 / rays[..., 1]).astype(np.float32)
    depth[:4] = np.inf
    picture = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), np.uint8)
    return {"picture": picture, "depth": depth[None], "K": K[None]}


def looking_down() -> np.ndarray:
    """The camera's pose: OpenCV axes, along Blender's +Y."""
    sine, cosine = np.sin(PITCH), np.cos(PITCH)
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1, 0, 0], [0, -sine, cosine], [0, -cosine, -sine]])
    pose[2, 3] = HEIGHT
    return pose


def question(what: Any = "picture", source: Any = "given", request: str | None = None) -> EstimateGeometry:
    return EstimateGeometry(request=request or secrets.token_hex(16), what=what, source=source)


def asked(caller: Caller, arrays: dict[str, np.ndarray], **fields: Any) -> tuple[Any, dict[str, np.ndarray]]:
    caller.say(question(**fields), arrays)
    return caller.hear_arrays(Estimated, Error)


def busy(caller: Caller, seed: int, frames: int = 17, steps: int = 80) -> str:
    """A run of chunks that take a moment, the first of which is in work."""
    run = caller.submit(small_shot(frames=frames, name="busy", seed=seed, steps=steps)).info.run
    caller.say(Subscribe(run=run, credit=1))
    caller.hear(messages.Progress)
    return run


def kept(server: Server) -> set[Path]:
    return set(server.store.glob("derived/*/answer"))


def other_keys(server: Server, name: str) -> KeyPair:
    keys = KeyPair(*zmq.curve_keypair())
    enrol(server.home, name, keys.public.decode())
    return keys


def test_a_picture_of_known_depth(caller: Caller) -> None:
    arrays = room(1)
    message, found = asked(caller, arrays)
    assert isinstance(message, Estimated), message
    assert (message.focal, message.focal_given) == (96.0, True)
    np.testing.assert_array_equal(found["depth"], arrays["depth"])
    np.testing.assert_array_equal(found["confidence"], 1)
    np.testing.assert_array_equal(found["K"], arrays["K"])
    np.testing.assert_array_equal(found["camera_to_world"], np.eye(4)[None])
    np.testing.assert_allclose(found["level"], looking_down(), atol=0.02)
    pixels, depth = project(found["xyz"].astype(np.float64), arrays["K"][0], np.eye(4))
    column, row = (pixels - 0.5).round().astype(int).T
    np.testing.assert_allclose(pixels, np.stack([column, row], 1) + 0.5, atol=1e-3)
    np.testing.assert_allclose(depth, arrays["depth"][0, row, column], rtol=1e-5)
    np.testing.assert_array_equal(found["rgb"], arrays["picture"][0, row, column])
    assert len(found["faces"]) > 1000
    assert found["faces"].max() == len(found["xyz"]) - 1


def test_the_same_question_costs_no_work(tmp_path: Path) -> None:
    """Not even after a restart: the answer is the first one, to the seconds that it took."""
    arrays = room(2)
    with serving(tmp_path) as server, calling(server) as caller:
        first, found = asked(caller, arrays)
        found = {name: array.copy() for name, array in found.items()}
        again = asked(caller, arrays)
    with serving(tmp_path) as server, calling(server) as caller:
        later = asked(caller, arrays)
        other, _ = asked(caller, {**arrays, "K": arrays["K"] * [[1.01, 1, 1], [1, 1.01, 1], [1, 1, 1]]})
    for message, same in (again, later):
        assert message.request != first.request
        assert (message.meta, message.focal, message.warnings) == (first.meta, first.focal, first.warnings)
        for name, array in found.items():
            np.testing.assert_array_equal(same[name], array)
    assert other.meta["seconds"] != first.meta["seconds"]


def test_a_damaged_answer_is_made_again(tmp_path: Path) -> None:
    arrays = room(3)
    with serving(tmp_path) as server, calling(server) as caller:
        first, _ = asked(caller, arrays)
        (path,) = kept(server)
        for harm in (lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda _: b"\1"):
            path.write_bytes(harm(path.read_bytes()))
            message, found = asked(caller, arrays)
            assert message.meta["seconds"] != first.meta["seconds"]
            np.testing.assert_array_equal(found["depth"], arrays["depth"])
            first = message


def without(name: str) -> dict[str, np.ndarray]:
    return {key: array for key, array in room().items() if key != name}


NAN = np.full((1, 64, 96), np.nan, np.float32)

WRONG = {
    "nan": ("picture", "given", {**room(), "depth": NAN}, "invalid_shot", "depth", "is NaN"),
    "all sky": ("picture", "given", {**room(), "depth": np.full_like(NAN, np.inf)}, "invalid_shot", "depth", "is sky"),
    "no depth": ("picture", "given", without("depth"), "invalid_shot", "depth", "is missing"),
    "no lens": ("picture", "given", without("K"), "invalid_shot", "K", "does not estimate the lens"),
    "no focal": ("picture", "given", {**room(), "K": np.eye(3)[None] * 0}, "invalid_shot", "K", "focal length of 0"),
    "skew": ("picture", "given", {**room(), "K": room()["K"] + np.eye(3, k=1)}, "invalid_shot", "K", "skew"),
    "tiny": ("picture", "given", room(width=48, height=15), "invalid_shot", "picture", "is 48 x 15"),
    "two": ("picture", "ttt3r", {"picture": room()["picture"].repeat(2, 0)}, "invalid_shot", "picture", "2 frames"),
    "still": ("path", "ttt3r", {"picture": room()["picture"]}, "invalid_shot", "picture", "1 frame"),
    "a path of depth": ("path", "given", room(), "invalid_shot", "source", "nothing of cameras"),
    "weights": ("picture", "ttt3r", {"picture": room()["picture"]}, "missing_weights", "source", "worldwarp weights"),
}


@pytest.mark.parametrize(("what", "source", "arrays", "code", "field", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_before_any_work(
    caller: Caller, what: str, source: str, arrays: dict[str, np.ndarray], code: str, field: str, says: str
) -> None:
    caller.say(question(what, source), arrays)
    answer = caller.hear(Estimated, Error)
    assert (answer.code, answer.field) == (code, field)
    assert says in answer.text


def test_the_welcome_names_the_sources(server: Server) -> None:
    with calling(server, hello=False) as caller:
        caller.say(messages.Hello(1, 1, "test"))
        sources = {source.name: source for source in caller.hear(messages.Welcome).sources}
    assert sources.keys() == {"given", "ttt3r", "depth-anything", "mini"}
    assert sources["given"] == messages.SourceStatus("given", True)
    assert not sources["ttt3r"].available
    assert "worldwarp weights" in sources["ttt3r"].missing


def test_it_comes_before_queued_chunks_and_interrupts_none(caller: Caller) -> None:
    run = busy(caller, seed=60)
    caller.say(question(), room(4))
    waits = caller.hear(Estimating)
    assert (waits.step, waits.steps) == (0, 0)
    assert isinstance(caller.hear(Estimated, Error), Estimated)
    assert caller.status(run).chunks_done == 1
    caller.say(messages.Unsubscribe(run))
    stream = caller.stream(run)
    assert stream.ended.state == "done"
    assert {progress.attempt for progress in stream.progress} == {1}


def test_cancel_ends_one_that_waits(server: Server, caller: Caller) -> None:
    before = kept(server)
    run = busy(caller, seed=61)
    mine, arrays = question(), room(5)
    caller.say(mine, arrays)
    caller.hear(Estimating)
    caller.say(Cancel(mine.request))
    for _ in range(2):  # the estimate's answer, then the cancel's
        answer = caller.hear(Estimated, Error, messages.RunStatus)
        assert (answer.code, answer.about) == ("cancelled", mine.request)
    assert caller.ask(Cancel(mine.request), messages.RunStatus).code == "unknown_run"
    assert isinstance(asked(caller, room(6))[0], Estimated)
    assert len(kept(server) - before) == 1
    assert caller.ask(Cancel(run), messages.RunStatus).info.state == "cancelled"


def test_nobody_cancels_the_estimate_of_another(server: Server, caller: Caller) -> None:
    run = busy(caller, seed=62)
    mine = question()
    caller.say(mine, room(7))
    caller.hear(Estimating)
    with calling(server, keys=other_keys(server, "meddler")) as other:
        assert other.ask(Cancel(mine.request), messages.RunStatus).code == "unknown_run"
    assert isinstance(caller.hear(Estimated, Error), Estimated)
    caller.ask(Cancel(run), messages.RunStatus)


def test_who_is_gone_is_not_worked_for(server: Server, caller: Caller) -> None:
    before = kept(server)
    run = busy(caller, seed=63, frames=9, steps=400)
    with calling(server) as leaving:
        leaving.say(question(), room(8))
        leaving.hear(Estimating)
    caller.say(messages.Unsubscribe(run))
    assert caller.stream(run).ended.state == "done"
    assert isinstance(asked(caller, room(9))[0], Estimated)
    assert len(kept(server) - before) == 1


def test_equal_questions_are_one_piece_of_work(server: Server, caller: Caller) -> None:
    run, arrays = busy(caller, seed=64), room(10)
    with calling(server, keys=other_keys(server, "twin")) as other, calling(server) as leaving:
        for asker in (caller, other, leaving):
            asker.say(question(), arrays)
            asker.hear(Estimating)
        leaving.close()
        found = [asker.hear_arrays(Estimated, Error) for asker in (caller, other)]
    (first, arrays), (second, same) = found
    assert first.meta == second.meta
    assert first.request != second.request
    np.testing.assert_array_equal(arrays["xyz"], same["xyz"])
    caller.ask(Cancel(run), messages.RunStatus)


def test_a_client_may_not_fill_the_memory(server: Server, caller: Caller) -> None:
    run = busy(caller, seed=65, frames=9, steps=400)
    for i in range(8):
        caller.say(question(), room(100 + i))
    caller.say(question(), room(108))
    assert caller.hear(Error, Estimated).code == "busy"
    with calling(server, keys=other_keys(server, "neighbour")) as other:
        other.say(question(), room(109))
        other.hear(Estimating)
    caller.ask(Cancel(run), messages.RunStatus)
    for _ in range(8):
        assert isinstance(caller.hear(Error, Estimated), Estimated)


def large(seed: int) -> dict[str, np.ndarray]:
    """So that the worker has it in work for seconds."""
    return room(seed, width=2048, height=1536)


def in_work(caller: Caller, seed: int) -> EstimateGeometry:
    """A question that the worker has begun."""
    mine = question()
    caller.say(mine, large(seed))
    while not caller.hear(Estimating).steps:
        pass
    return mine


def test_cancel_ends_one_in_work(server: Server, caller: Caller) -> None:
    before = kept(server)
    mine = in_work(caller, 11)
    assert caller.ask(Cancel(mine.request), messages.RunStatus).code == "cancelled"
    assert caller.hear(Error).code == "cancelled"
    assert isinstance(asked(caller, room(12))[0], Estimated)
    assert len(kept(server) - before) == 1


@pytest.mark.slow
def test_a_worker_that_dies_fails_the_estimate_and_no_other(tmp_path: Path) -> None:
    with serving(tmp_path) as server, calling(server) as caller:
        wait_for(lambda: server.workers)
        mine = in_work(caller, 13)
        os.kill(server.workers[-1], KILL)
        answer = caller.hear(Error)
        assert (answer.code, answer.about) == ("internal", mine.request)
        assert (
            "The estimate failed. The worker was killed, often because memory ran out: choose a smaller" in answer.text
        )
        assert isinstance(asked(caller, room(14))[0], Estimated)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be halted there")
def test_a_worker_that_does_not_come_to_an_end_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as server, calling(server) as caller:
        wait_for(lambda: server.workers)
        mine = in_work(caller, 15)
        os.kill(server.workers[-1], signal.SIGSTOP)
        assert caller.ask(Cancel(mine.request), messages.RunStatus).code == "cancelled"
        assert caller.hear(Error).code == "cancelled"
        assert isinstance(asked(caller, room(16))[0], Estimated)
        assert len(server.workers) == 2


# The client that Blender and the command line use


def client_of(server: Server) -> Client:
    keys, public = client_keys(server.home), server_keys(server.home).public
    return Client(server.address, keys=keys, server_public=public, name="test", timeout=60)


def test_the_client_asks(server: Server) -> None:
    arrays, steps = room(17), []
    with client_of(server) as client:
        message, found = client.estimate("picture", "given", **arrays, on_progress=lambda *at: steps.append(at))
        np.testing.assert_array_equal(found["depth"], arrays["depth"])
        assert message.focal == 96.0
        assert steps == sorted(steps)
        with pytest.raises(Refused, match="source: 'ttt3r' cannot be used here"):
            client.estimate("picture", "ttt3r", arrays["picture"])
        assert client.runs() is not None


def test_the_client_cancels(server: Server, caller: Caller) -> None:
    run = busy(caller, seed=66)
    with client_of(server) as client:
        with pytest.raises(Refused) as caught:
            client.estimate("picture", "given", **room(18), should_stop=lambda: True)
        assert caught.value.code == "cancelled"
        assert client.cancel(run).state == "cancelled"
        assert client.estimate("picture", "given", **room(18))[0].focal_given


@pytest.mark.slow
def test_the_client_asks_again_when_the_front_door_is_killed(tmp_path: Path) -> None:
    servers = [Server(tmp_path)]

    def kill(_step: int, steps: int) -> None:
        if steps and len(servers) == 1:
            servers[-1].kill()
            servers.append(Server(tmp_path, servers[-1].port))

    try:
        with client_of(servers[0]) as client:
            message, _ = client.estimate("picture", "given", **large(19), on_progress=kill)
            assert message.focal == 2048.0
    finally:
        servers[-1].close()
    assert len(servers) == 2
