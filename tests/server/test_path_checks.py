"""The health of a path over a real socket from a real worker: the numbers of the command line, and what is refused."""

import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worldwarp.cameras import Cameras
from worldwarp.cameras.formats import write_cameras
from worldwarp.outputs.pictures import encode_png
from worldwarp.path import command
from worldwarp.preview import preview
from worldwarp_protocol import messages
from worldwarp_protocol.client import Client
from worldwarp_protocol.errors import InvalidShot, Refused
from worldwarp_protocol.keys import client_keys, server_keys
from worldwarp_protocol.messages import Cancel, CheckPath, Error, Estimating, PathChecked

from .peers import Caller, Server, calling, serving, small_shot
from .test_estimates import busy

NUMBERS = ("known", "rotation", "parallax", "parallax_most", "outside", "through")


def walk(frames: int = 9, seed: int = 0) -> dict[str, np.ndarray]:
    """A straight path of 0.1 a frame towards a box at 2, before a wall at 4."""
    _, arrays = small_shot(frames, seed)
    return arrays


def asked(caller: Caller, arrays: dict[str, np.ndarray], **fields: Any) -> tuple[Any, dict[str, np.ndarray]]:
    caller.say(CheckPath(request=secrets.token_hex(16), **fields), arrays)
    return caller.hear_arrays(PathChecked, Error)


def client_of(server: Server) -> Client:
    keys, public = client_keys(server.home), server_keys(server.home).public
    return Client(server.address, keys=keys, server_public=public, name="test", timeout=60)


def cameras_of(arrays: dict[str, np.ndarray]) -> Cameras:
    height, width = arrays["picture"].shape[1:3]
    return Cameras(arrays["K"], arrays["camera_to_world"], width, height, arrays["frame"].astype(np.int64))


@pytest.mark.parametrize("masked", ["", "mask", "sky"])
def test_the_numbers_are_those_of_the_command_line(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], masked: str
) -> None:
    arrays = walk()
    (tmp_path / "picture.png").write_bytes(encode_png(arrays["picture"][0]))
    np.save(tmp_path / "depth.npy", arrays["depth"][0])
    write_cameras(tmp_path / "path.npz", cameras_of(arrays))
    words = ["--cameras", "path.npz", "--depth", "depth.npy", "--image", "picture.png"]
    if masked:
        arrays[masked] = np.zeros((1, 48, 64), np.uint8)
        arrays[masked][:, 10:30, 5:25] = 255
        (tmp_path / "mask.png").write_bytes(encode_png(np.repeat(arrays[masked][0, ..., None], 3, 2)))
        words += [f"--{masked}", "mask.png"]
        if masked == "sky":
            arrays["depth"][arrays["sky"] > 0] = np.nan  # whatever depth says
            np.save(tmp_path / "depth.npy", arrays["depth"][0])
    paths = [str(tmp_path / word) if "." in word else word for word in words]
    assert command(["check", *paths, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    with client_of(server) as client:
        message, found = client.check_path(arrays, preview=32)
    assert message.warnings == said["sentences"]
    for name in NUMBERS:
        np.testing.assert_array_equal(found[name], said[name], err_msg=name)
    assert (found["known"][0] < 0.9) == (masked == "mask")
    assert (found["preview"].shape, found["holes"].shape) == ((9, 24, 32, 3), (9, 24, 32))
    if not masked:
        drawn, holes = preview(arrays["picture"][0], arrays["depth"][0], cameras_of(arrays), 32, checker=False)
        np.testing.assert_array_equal(found["preview"], drawn)
        np.testing.assert_array_equal(found["holes"], holes)


def test_a_path_through_a_wall_is_flagged(caller: Caller) -> None:
    arrays = walk(25)
    arrays["depth"] = np.full((1, 48, 64), 1.05, np.float32)
    # along the camera's own axis: through the wall between the frames at 1.0 and 1.1
    ahead = arrays["camera_to_world"][0, :3, 2]
    arrays["camera_to_world"] = arrays["camera_to_world"][:1].repeat(25, 0)
    arrays["camera_to_world"][:, :3, 3] += np.arange(25)[:, None] * 0.1 * ahead
    message, found = asked(caller, arrays)
    assert isinstance(message, PathChecked), message
    assert np.flatnonzero(found["through"]).tolist() == [11]
    assert any("passes through a surface" in sentence for sentence in message.warnings)
    assert "preview" not in found


def test_one_frame_is_asked_for_after_the_pictures_own(caller: Caller) -> None:
    arrays = walk(9)
    sideways = arrays["camera_to_world"][0, :3, 0]
    arrays["camera_to_world"][:, :3, 3] += np.arange(9)[:, None] * 0.1 * sideways
    _, whole = asked(caller, arrays)
    two = {**arrays, **{name: arrays[name][[0, 5]] for name in ("K", "camera_to_world", "frame")}}
    _, single = asked(caller, two)
    assert single["known"][1] == whole["known"][5] < 1


def rolled(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {**arrays, "camera_to_world": arrays["camera_to_world"] * [1.5, 1.5, 1.5, 1]}


def long_path(frames: int) -> dict[str, np.ndarray]:
    one = walk(2)
    names = ("K", "camera_to_world")
    many = {name: one[name][:1].repeat(frames, 0) for name in names}
    return {**one, **many, "frame": np.arange(frames, dtype=np.int32)}


WRONG = {
    "no depth": ({name: array for name, array in walk().items() if name != "depth"}, {}, "depth", "is missing"),
    "nan": ({**walk(), "depth": np.full((1, 48, 64), np.nan, np.float32)}, {}, "depth", "is NaN"),
    "far": (walk(), {"far": 1.0}, "depth", "sky everywhere"),
    "scaled": (rolled(walk()), {}, "cameras.camera_to_world", "is scaled"),
    "one camera": (long_path(1), {}, "cameras", "has 1 frame"),
    "all out": ({**walk(), "mask": np.full((1, 48, 64), 255, np.uint8)}, {}, "mask", "leaves a whole picture out"),
    "all sky": ({**walk(), "sky": np.full((1, 48, 64), 255, np.uint8)}, {}, "sky", "is sky everywhere"),
    "much": (long_path(10_000), {"preview": 64}, "preview", "ask for smaller pictures"),
}


@pytest.mark.parametrize(("arrays", "fields", "field", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_before_any_work(
    caller: Caller, arrays: dict[str, np.ndarray], fields: dict[str, Any], field: str, says: str
) -> None:
    answer, _ = asked(caller, arrays, **fields)
    assert (answer.code, answer.field) == ("invalid_shot", field)
    assert says in answer.text


def test_weights_that_are_missing_are_named(caller: Caller) -> None:
    arrays = {name: array for name, array in walk().items() if name != "depth"}
    answer, _ = asked(caller, arrays, source="ttt3r")
    assert (answer.code, answer.field) == ("missing_weights", "source")


def test_it_comes_before_queued_chunks_and_can_be_cancelled(caller: Caller) -> None:
    run = busy(caller, seed=70)
    mine = CheckPath(request=secrets.token_hex(16))
    caller.say(mine, walk(seed=71))
    waits = caller.hear(Estimating)
    assert (waits.step, waits.steps) == (0, 0)
    assert caller.ask(Cancel(mine.request), messages.RunStatus).code == "cancelled"
    assert caller.hear(Error).about == mine.request
    message, _ = asked(caller, walk(seed=72))
    assert isinstance(message, PathChecked)
    assert caller.status(run).chunks_done == 1
    caller.ask(Cancel(run), messages.RunStatus)


def test_a_restarted_server_knows_the_answer(tmp_path: Path) -> None:
    arrays = walk(seed=73)
    with serving(tmp_path) as server, calling(server) as caller:
        first, found = asked(caller, arrays, preview=32)
        found = {name: array.copy() for name, array in found.items()}
    (kept,) = (tmp_path / "store").glob("derived/*/answer")
    written = kept.stat().st_mtime_ns
    with serving(tmp_path) as server, calling(server) as caller:
        again, same = asked(caller, arrays, preview=32)
    assert (again.warnings, again.request == first.request) == (first.warnings, False)
    assert kept.stat().st_mtime_ns == written
    for name, array in found.items():
        np.testing.assert_array_equal(same[name], array)


def test_the_client_refuses_what_no_server_takes(server: Server) -> None:
    with client_of(server) as client:
        with pytest.raises(InvalidShot, match="preview"):
            client.check_path(walk(), preview=257)
        with pytest.raises(Refused, match="scaled"):
            client.check_path(rolled(walk()))
