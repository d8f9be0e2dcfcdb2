"""The server as a process that Blender starts, without Blender: it outlives who started it, and ends when asked to."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from blender_addon import backend_process
from blender_addon.problems import Problem

WORLDWARP = shutil.which("worldwarp", path=str(Path(sys.executable).parent))

STARTER = """
import sys, time
from pathlib import Path
from blender_addon import backend_process
started = backend_process.start(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
print(started.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder for keys, log and store; whatever serves there is ended."""
    folder = tmp_path / "home"
    monkeypatch.setenv("WORLDWARP_HOME", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield folder
    backend_process.sign(folder).unlink(missing_ok=True)


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_server_outlives_who_started_it_and_ends_when_asked_to(home, address):
    command = [sys.executable, "-c", STARTER, WORLDWARP, address, str(home)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    starter = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    with starter.stdout:
        pid = int(starter.stdout.readline())
        wait_until(lambda: backend_process.answers(address) and backend_process.started_here(home))
        if os.name == "posix":
            assert os.getsid(pid) == pid  # no terminal's end reaches it
        starter.kill()
        starter.wait(20)
    time.sleep(1.5)  # longer than it takes to look at its sign
    assert backend_process.answers(address)
    assert int(backend_process.sign(home).read_text()) == pid
    backend_process.stop(home)
    wait_until(lambda: any("has ended" in line for line in backend_process.last_words(home)), 20)
    assert not backend_process.answers(address)
    with pytest.raises(Problem, match="No server runs here"):
        backend_process.stop(home)


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why_in_its_log(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert backend_process.start(Path(WORLDWARP), address, home).wait(60) == 1
    assert "choose another port" in backend_process.last_words(home)[-1]
    assert not backend_process.started_here(home)


def test_the_program_is_found_where_the_guide_puts_it(home, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match="Backend Command nowhere is no program"):
        backend_process.find("nowhere", home)
    inside = home / "env" / ("Scripts/worldwarp.exe" if os.name == "nt" else "bin/worldwarp")
    inside.parent.mkdir(parents=True)
    inside.touch(mode=0o755)
    assert backend_process.find("", home) == inside
    assert backend_process.find(str(inside), home) == inside


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_process_is_started_apart_from_ours(home, tmp_path):
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\necho $@\nexec sleep 60\n")
    sleeper.chmod(0o755)
    started = backend_process.start(sleeper, "tcp://127.0.0.1:7000", home)
    try:
        assert os.getsid(started.pid) != os.getsid(0)
        wait_until(lambda: backend_process.last_words(home), 20)
        said = backend_process.last_words(home)
        assert said == [f"serve --host 127.0.0.1 --port 7000 --sign {backend_process.sign(home)}"]
    finally:
        os.kill(started.pid, signal.SIGKILL)
        started.wait(20)


def test_an_address_is_told_apart_from_what_is_none():
    assert backend_process.where("tcp://farm.studio:7654") == ("farm.studio", 7654)
    assert backend_process.where("tcp://[::1]:80") == ("::1", 80)
    for wrong in ("", "farm:7654", "tcp://farm", "tcp://farm:port", "tcp://farm:99999", "tcp://[::1", "http://farm:80"):
        with pytest.raises(Problem, match="HOST:PORT"):
            backend_process.where(wrong)
