"""Settings that act together, by real processes: frames between generated ones, overscan, both masks, and a kill."""

import os
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from worldwarp.cli import main
from worldwarp_protocol import inputs, messages
from worldwarp_protocol.results import ResultFolder

from .peers import KILL, calling, serving, small_shot
from .test_kills import hear_progress
from .test_path_checks import client_of

pytestmark = pytest.mark.slow

FRAMES = 22
"""Every 4th and the last: 7 are generated, in two chunks that share one."""


def shot() -> tuple[messages.Shot, dict[str, np.ndarray]]:
    plain, arrays = small_shot(frames=FRAMES, seed=90, steps=20)
    settings = structs.replace(plain.settings, chunk_frames=5, context_frames=1, every=4, overscan=0.1)
    arrays["mask"], arrays["sky"] = np.zeros((2, 1, 48, 64), np.uint8)
    arrays["mask"][:, 30:40, 10:18] = 255
    arrays["sky"][:, :8] = 255
    return structs.replace(plain, settings=settings), arrays


def test_a_killed_run_of_every_4th_frame_is_the_same_and_leaves_the_same_world(tmp_path: Path) -> None:
    asked, arrays = shot()
    folders = [ResultFolder(tmp_path / name / "out") for name in ("whole", "killed")]
    for folder in folders:
        with serving(folder.path.parent) as server, client_of(server) as client, calling(server) as caller:
            run = client.submit(asked, arrays).info.run
            if folder.path.parent.name == "killed":
                hear_progress(caller, run, chunk=1)
                os.kill(server.workers[-1], KILL)
            ended = client.receive(run, folder, made_of=inputs.pack(asked, arrays))
            assert ended.state == "done", ended.text
            message, _ = client.make_world(run, ["points", "mesh"], folder)
            assert message.frames == FRAMES
    whole, killed = folders
    assert [chunk.digest for chunk in whole.record.chunks] == [chunk.digest for chunk in killed.record.chunks]
    assert sum(chunk.count for chunk in whole.record.chunks) == FRAMES
    for name in ("points.ply", "mesh.ply"):
        assert (whole.path / "world" / name).read_bytes() == (killed.path / "world" / name).read_bytes()
    store = ["--store", str(tmp_path / "other")]
    assert main(["generate", "--from", str(whole.path), "--out", str(tmp_path / "again"), *store]) == 0
    assert main(["export", str(tmp_path / "again"), "--plate", "--colmap", *store]) == 0
    again = ResultFolder(tmp_path / "again").record
    assert [chunk.key for chunk in again.chunks] == [chunk.key for chunk in whole.record.chunks]
    assert [chunk.digest for chunk in again.chunks] == [chunk.digest for chunk in whole.record.chunks]
