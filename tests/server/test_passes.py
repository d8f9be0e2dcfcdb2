"""Frames with their depth over a real socket: the files of ``worldwarp export --exr``, one a message, and resumed."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from worldwarp.cli import main
from worldwarp.store import Store
from worldwarp_protocol import inputs
from worldwarp_protocol.errors import Refused
from worldwarp_protocol.messages import Error, MakePasses, PassesMade
from worldwarp_protocol.results import ResultFolder

from .peers import Caller, Server, calling, serving, small_shot, wait_for
from .test_estimates import other_keys
from .test_path_checks import client_of

FRAMES = 17


def ask(caller: Caller, run: str, index: int) -> Any:
    caller.say(MakePasses(request=secrets.token_hex(16), run=run, index=index))
    return caller.hear(PassesMade, Error)


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Channels by name, and the header in words."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        header = {name: str(value) for name, value in file.header().items() if name != "channels"}
        return {name: np.array(channel.pixels) for name, channel in file.channels().items()}, header


def after(count: int) -> Callable[[], bool]:
    """Something that stops what is under way when it was asked so often."""
    asked = iter(range(10_000))
    return lambda: next(asked) >= count


def test_the_files_are_those_of_the_command_line_and_only_missing_ones_come(tmp_path: Path) -> None:
    shot, arrays = small_shot(seed=70, steps=2)
    folder = ResultFolder(tmp_path / "out")
    with serving(tmp_path) as server, client_of(server) as client:
        run = client.submit(shot, arrays).info.run
        assert client.receive(run, folder, made_of=inputs.pack(shot, arrays)).state == "done"
        told: list[tuple[int, int]] = []
        with pytest.raises(Refused) as refused:
            client.fetch_passes(run, folder, lambda *step: told.append(step), after(8))
        assert refused.value.code == "cancelled"
        assert told[0] == (0, FRAMES)
        there = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "exr").glob("*")}
    with serving(tmp_path) as server, client_of(server) as client:
        assert client.fetch_passes(run, folder) == FRAMES - len(there)
        assert client.fetch_passes(run, folder) == 0
    fetched = tmp_path / "fetched"
    (tmp_path / "out" / "exr").rename(fetched)
    assert there == {name: (fetched / name).stat().st_mtime_ns for name in there}
    assert main(["export", str(tmp_path / "out"), "--exr", "--store", str(tmp_path / "store")]) == 0
    names = sorted(path.name for path in fetched.iterdir())
    assert names == [f"{number:04d}.exr" for number in range(1, FRAMES + 1)]
    for name in names:
        channels, header = read(fetched / name)
        expected, words = read(tmp_path / "out" / "exr" / name)
        assert channels.keys() == expected.keys()
        for channel, values in channels.items():
            np.testing.assert_array_equal(values, expected[channel], err_msg=f"{name} {channel}")
        assert header == words
    assert 1.9 < np.min(read(fetched / "0001.exr")[0]["ViewLayer.Depth.Z"]) < 2.1  # of ``small_shot``'s box


def test_only_who_asked_for_a_run_may_have_its_passes_and_when_it_is_over(server: Server, caller: Caller) -> None:
    run = caller.submit(small_shot(frames=25, seed=71, steps=60)).info.run
    answer = ask(caller, run, 0)
    assert (answer.code, answer.text) == ("busy", "This run goes on; ask for its depth when it is over.")
    wait_for(lambda: caller.status(run).state == "done")
    assert isinstance(ask(caller, run, 24), PassesMade)
    beyond = ask(caller, run, 25)
    assert (beyond.code, beyond.field) == ("invalid_shot", "index")
    assert "has 25 frames" in beyond.text
    with calling(server, keys=other_keys(server, "passer-by")) as other:
        assert ask(other, run, 0).code == "unknown_run"


def test_solved_cameras_of_the_frame_and_those_beside_it_count(tmp_path: Path) -> None:
    from worldwarp.cameras import Cameras
    from worldwarp.engines import passes
    from worldwarp_protocol.results import ChunkRecord

    from tests.shots_for_tests import straight_path

    store, asked = Store(tmp_path), straight_path(6)
    solved = np.array(asked.camera_to_world[2:4])
    solved[:, 0, 3] += 0.25
    buffer = tmp_path / "solved.npy"
    np.save(buffer, solved)
    files = {"solved.npy": buffer.read_bytes()}
    np.save(buffer, np.zeros((2, 3)))
    files["residuals.npy"] = buffer.read_bytes()
    chunks = [ChunkRecord(f"{i}" * 64, "0" * 64, 2 * i, 2) for i in range(3)]
    for chunk in chunks:
        store.commit(chunk.key, {}, chunk.first, 2, files if chunk.first == 2 else {}, {})
    moved = {}
    for index in range(6):
        taken: Cameras = passes._taken(store, chunks, asked, index)
        moved[index] = np.flatnonzero((taken.camera_to_world != asked.camera_to_world).any(axis=(1, 2))).tolist()
    assert moved == {0: [], 1: [2, 3], 2: [2, 3], 3: [2, 3], 4: [2, 3], 5: []}
