"""The extension in a real Blender window, used by a real mouse and real keys: ``python scripts/gui_tests.py``.

Sets up a Blender of its own (``gui_blender.py``; once), installs the extension's zip in it, starts a server and runs
the scripts of ``tests/gui`` under Xvfb, one after the other, each in a Blender of its own. Screenshots go to
``output/gui``. Where there is no root that may do what that takes, or no Debian mirror, it says so and ends well;
whatever else keeps a script from running is a failure.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import environments
import gui_blender

SCRIPTS = environments.ROOT / "tests" / "gui"
ORDER = ("panel", "generating", "escaping", "opening", "quitting", "reopening")
"""Of the scripts: the later ones open what the earlier ones saved."""

PASSED = "WORLDWARP-GUI passed"
LIMIT_SECONDS = 400
"""Longest that one script may take; they take about one minute each on two idle cores."""

SCREEN = ("-screen", "0", "1600x1000x24", "+extension", "GLX", "+render", "-noreset")


@dataclass(frozen=True)
class Place:
    """Where things are. ``root``: of the system that holds Blender; ``shared``: a folder in it, seen from outside."""

    root: Path
    shared: Path

    @property
    def inside(self) -> Path:
        """``shared`` as it is called in there."""
        return Path("/") / self.shared.relative_to(self.root)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--suite", choices=gui_blender.SUITES, default=gui_blender.NEWEST, help="of Debian (default: sid)"
    )
    parser.add_argument("--folder", type=Path, help="where Blender is kept (default: in this user's cache)")
    parser.add_argument("--blender", type=Path, help="a folder with a system and Blender in it, to be used as it is")
    parser.add_argument("--out", type=Path, default=environments.ROOT / "output" / "gui", help="folder of the pictures")
    parser.add_argument("only", nargs="*", choices=[[], *ORDER], help="scripts to run (default: all)")
    options = parser.parse_args(argv)
    try:
        gui_blender.check_root()
        root = options.blender or gui_blender.real_blender(
            options.suite, options.folder or gui_blender.kept_in(options.suite)
        )
    except gui_blender.NotPossible as reason:
        print(f"THE WINDOW TESTS WERE NOT RUN: {reason}.", flush=True)
        return 0
    return run_all(root.resolve(), options.only or ORDER, options.out)


def run_all(root: Path, scripts: tuple[str, ...], out: Path) -> int:
    """Run ``scripts``; returns the exit code: 1 where one was not passed or left no picture."""
    with tempfile.TemporaryDirectory(prefix="worldwarp-gui-", dir=root / "tmp") as folder:
        place = Place(root, Path(folder))
        (place.shared / "pictures").mkdir()
        shutil.copytree(SCRIPTS, place.shared / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        with server(place) as address:
            install(place, address)
            passed = list(until_one_fails(run_script(place, name) for name in scripts))
        taken = sorted((place.shared / "pictures").glob("*.png"))
        out.mkdir(parents=True, exist_ok=True)
        for picture in taken:
            shutil.copy(picture, out / picture.name)
    print(f"{sum(passed)} of {len(scripts)} scripts passed; {len(taken)} pictures in {out}", flush=True)
    return 0 if sum(passed) == len(scripts) > 0 and taken else 1


def until_one_fails(results: Iterator[bool]) -> Iterator[bool]:
    """The later scripts need what the earlier ones left: after one that failed, none is run."""
    for result in results:
        yield result
        if not result:
            return


def install(place: Place, address: str) -> None:
    """Put the zip for this machine into that Blender, with preferences as of somebody who uses it."""
    build = [sys.executable, str(environments.ROOT / "scripts" / "build_extension.py"), "--out", str(place.shared)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    archive = place.inside / next(place.shared.glob("*.zip")).name
    line = ["blender", "-b", "--python-exit-code", "3", "--python", str(place.inside / "scripts" / "installing.py")]
    code, text = enter(place, [*line, "--", str(archive), address])
    if code:
        raise SystemExit(f"The extension could not be installed in the real Blender:\n{text[-4000:]}")


def run_script(place: Place, name: str) -> bool:
    """Run one script in a Blender with a window; says aloud how it went."""
    start = time.monotonic()
    blend = [str(place.inside / "scene.blend")] if (place.shared / "scene.blend").is_file() else []
    blender = ["blender", "--window-geometry", "0", "0", "1600", "1000", "--python-use-system-env", *blend]
    xvfb = ["xvfb-run", "-a", "-s", " ".join(SCREEN)]
    code, text = enter(place, [*xvfb, *blender, "--python", str(place.inside / "scripts" / f"{name}.py")])
    passed = code == 0 and PASSED in text
    print(f"{'passed' if passed else 'FAILED'} {name} ({time.monotonic() - start:.0f} s)", flush=True)
    if not passed:
        wrong = re.search(r"^WRONG: (.*)$", text, re.M)
        print(f"  {wrong[1]}" if wrong else f"Blender ended with {code}:\n{text[-4000:]}", flush=True)
    return passed


def enter(place: Place, command: list[str]) -> tuple[int, str]:
    """Run ``command`` in there; its exit code and all that it said."""
    settings = {
        "HOME": "/root",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "GALLIUM_DRIVER": "llvmpipe",
        "XDG_RUNTIME_DIR": "/tmp",
        "PYTHONPATH": str(place.inside / "scripts"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "BLENDER_USER_RESOURCES": str(place.inside / "blender"),
        "WORLDWARP_HOME": str(place.inside / "home"),
        "WORLDWARP_GUI": str(place.inside),
    }
    (place.shared / "blender").mkdir(exist_ok=True)
    with subprocess.Popen(
        ["chroot", str(place.root), *command],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            text, _ = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            kill(process)
            text, _ = process.communicate()
            text += f"\nWRONG: it had not ended after {LIMIT_SECONDS} s"
        finally:
            kill(process)  # also where we are ended: it has a session of its own
    return process.returncode, text


def kill(process: subprocess.Popen[str]) -> None:
    """End what is left of its session: xvfb-run's screen and Blender, too."""
    if os.name == "nt":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def server(place: Place) -> Iterator[str]:
    """A server of this repository's, for as long as it is needed; its address."""
    program = environments.backend().parent / "worldwarp"
    log = place.shared / "server.log"
    command = [str(program), "serve", "--port", "0", "--store", str(place.shared / "store")]
    environment = {**os.environ, "WORLDWARP_HOME": str(place.shared / "home"), "PYTHONUNBUFFERED": "1"}
    with log.open("w") as text:
        process = subprocess.Popen(command, env=environment, stdout=text, stderr=subprocess.STDOUT)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"serves at (tcp://\S+)", log.read_text())
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"The server did not start:\n{log.read_text()}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is cleaned up
    raise SystemExit(main(sys.argv[1:]))
