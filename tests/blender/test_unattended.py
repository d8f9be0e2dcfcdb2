"""scripts/render_unattended.py as a farm runs it: processes of their own, a real server, real signals."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import ROOT, SCRIPTS
from test_backend_process import WORLDWARP
from test_extension import _address, server  # noqa: F401  (a fixture)
from worldwarp_protocol import keys
from worldwarp_protocol.client import Client

LONG = ("--frames", "1-900", "--seed", "7")


@pytest.fixture
def render(blender_python, extension, server, tmp_path):  # noqa: F811
    """``render(*options)`` begins to render the shot: a process whose output is read as text."""
    environment = {
        **os.environ,
        "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
        "WORLDWARP_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / "blender").mkdir()
    begun = []

    def begin(*options: str, zip_file: object = extension) -> subprocess.Popen:
        script = [str(blender_python), str(SCRIPTS / "unattended.py"), str(zip_file), str(tmp_path / "shot.blend")]
        command = [*script, server, "--", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        begun.append(subprocess.Popen(command, env=environment, **pipes))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.stdout.close()
        process.wait()


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """Its exit code, and what it said last: a sentence and the code again."""
    output, _ = process.communicate(timeout=120)
    last = output.strip().splitlines()[-1]
    assert last.startswith("WorldWarp: "), output
    assert last.endswith(f" [{process.returncode}]"), output
    return process.returncode, last


def wait_until_it_runs(process: subprocess.Popen) -> None:
    for line in process.stdout:
        if re.match(r"WorldWarp: +\d+%", line):
            return
    raise AssertionError(f"it never ran and ended with {process.wait()}")


@pytest.mark.slow
def test_each_end_has_its_code(render, tmp_path):
    assert ended(render("--save", "//done.blend")) == (
        0,
        f"WorldWarp: 5 frames in {tmp_path}/worldwarp/Walk_v001 [0]",
    )
    assert len(list((tmp_path / "worldwarp" / "Walk_v001" / "frames").glob("*.png"))) == 5
    assert (tmp_path / "done.blend").stat().st_size > (tmp_path / "shot.blend").stat().st_size
    for options, code, word in (
        (("--frames", "one"), 2, "No shot"),
        (("--frames", "3-3"), 2, "at least 2"),
        (("--frames=-3--3",), 2, "at least 2"),
        (("--profile", "best"), 2, "choose one of"),
        (("--server", "tcp://127.0.0.1:9"), 3, "No server"),
        (("--profile", "wan"), 4, "worldwarp weights"),
        ((*LONG, "--timeout", "5"), 7, "within 5 seconds"),
    ):
        found = ended(render(*options))
        assert found[0] == code, found
        assert word in found[1]
    found = ended(render(zip_file=""))
    assert found[0] == 2
    assert "not enabled" in found[1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_run(render, tmp_path, number):
    process = render(*LONG)
    wait_until_it_runs(process)
    process.send_signal(number)
    code, said = ended(process)
    assert code == 6
    assert number.name in said
    assert states(tmp_path) == ["cancelled"]


@pytest.mark.slow
def test_a_run_can_be_left_going(render, tmp_path):
    process = render(*LONG, "--leave")
    wait_until_it_runs(process)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 6
    assert states(tmp_path) == ["running"]


@pytest.fixture
def mortal(tmp_path):
    """A server that may be killed: its process, its address and its log."""
    path = tmp_path / "mortal.log"
    command = [WORLDWARP, "serve", "--port", "0", "--store", str(tmp_path / "mortal")]
    with path.open("w") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "WORLDWARP_HOME": str(tmp_path / "home")}, stdout=log, stderr=subprocess.STDOUT
        )
    yield process, _address(process, path), path
    process.kill()
    process.wait()


@pytest.mark.slow
def test_a_server_that_is_lost_is_given_up_in_time(render, mortal):
    process, address, log = mortal
    rendering = render(*LONG, "--server", address, "--patience", "2")
    wait_until_it_runs(rendering)
    process.kill()
    os.kill(worker(log), signal.SIGKILL)
    code, said = ended(rendering)
    assert code == 3, said
    assert "given up after 2 seconds" in said


@pytest.mark.slow
def test_a_run_that_fails_says_why(render, mortal):
    _, address, log = mortal
    rendering = render(*LONG, "--server", address)
    wait_until_it_runs(rendering)
    killed: set[int] = set()
    while rendering.poll() is None:  # the server tries a part again before it gives up
        if (number := worker(log)) not in killed:
            os.kill(number, signal.SIGKILL)
            killed.add(number)
        time.sleep(1)
    code, said = ended(rendering)
    assert code == 5, said
    assert "worker was killed" in said


def worker(log: Path) -> int:
    """The process that computes, as the server's log names it."""
    return int(re.findall(r"The worker, process (\d+)", log.read_text())[-1])


def states(folder: Path) -> list[str]:
    """Of all runs, as the server tells."""
    address = (folder / "serve.log").read_text().split("serves at ")[1].split()[0]
    home = folder / "home"
    public = keys.server_keys(home).public
    with Client(address, keys=keys.client_keys(home), server_public=public) as client:
        client.connect()
        return [run.state for run in client.runs()]
