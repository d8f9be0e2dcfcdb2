"""The server from the panel and a run while it goes, in real Blenders."""

import os
import re
import socket

import pytest
from conftest import ROOT
from test_backend_process import WORLDWARP


@pytest.mark.slow
def test_a_server_is_started_and_a_run_followed_a_little_at_a_time(in_blender, extension, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    home = {"PYTHONPATH": path, "XDG_DATA_HOME": str(tmp_path / "data"), "USER": "Ann Artist"}
    found = in_blender("live.py", extension, WORLDWARP, port, tmp_path, **home)
    assert "No server runs here that was started from Blender" in found["not yet"][0]
    assert "worldwarp serve" in found["not yet"][1]
    assert found["none yet"] == [None, "No server yet: press Start"]
    assert "answers at" in found["twice"]
    connection, machine, versions = found["told"]
    assert str(port) in connection
    assert "of memory" in machine
    assert versions.startswith("Server 0.")
    assert "protocol 1.4" in versions
    assert found["log"]
    assert found["this machine"] == ["tcp://127.0.0.1:7654", "This Machine", None]
    assert found["mine"] == [True, "Mine"]
    assert "Nobody" in found["nobody"]
    assert found["forgotten"] == 0
    assert found["enrol"].startswith("worldwarp keys enrol ann-artist '")
    assert len(found["enrol"].split("'")[1]) == 40
    assert found["goes on"]
    assert "ValueError: of ours" in found["fault"]
    assert found["run"] == ["done", 93, True, []]
    assert found["beside"] == [True, False, False, False, False]
    assert found["estimated"] == ["done", True]
    assert found["told below"]
    assert found["escaped"] == ["cancelled", "", "", "done"]
    assert found["offered"][0] is True
    there = re.fullmatch(
        r"Cancelled: (\d+) of (\d+) frames are there; Import What Is There, or Generate .*", found["offered"][1]
    )
    assert 0 < int(there[1]) < int(there[2])
    assert found["offered"][2:] == [False, True, f"Cancelled: {there[1]} of {there[2]} frames; Generate to go on"]
    assert found["most heard"] <= 64
    assert found["most pieces"] <= 2  # one of the run, one of the answer
    assert found["pieces"] > 3
    first, last, same, steps = found["shown"]
    assert first == [101, "SEQUENCE"]
    assert last == 93 or steps > 1
    assert same
    assert found["gone"] == [1, []]  # what is left is the result's own
    assert found["lines"] == [True, ""]
    assert found["untouched"] == [150, True, False]
    assert found["saved"] == [True, True, True]
    assert found["stopped"]
