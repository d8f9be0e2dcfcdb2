"""The server as a process of its own, which outlives Blender. Needs no Blender.

While it runs there is a file, ``serving`` in the folder of this user's keys; the server makes it and ends when somebody
removes it. So nobody is killed by a number that may be another process's by now, and it is the same on every system.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from .problems import Problem

PROBE_SECONDS = 0.05
"""Longest wait for a server on this machine to take a connection; where none is, the answer comes at once."""

INSTALL = "python scripts/install_backend.py" if os.name == "nt" else "python3 scripts/install_backend.py"
"""What installs the backend, run in a terminal in the folder of the download."""

LAST_LINES = 20
"""Of the log, that are shown."""


def find(command: str, home: Path) -> Path:
    """The ``worldwarp`` program: what the user names, else on the PATH, in ``env`` beside the keys, in a checkout.

    Raises:
        Problem: there is none.
    """
    if command:
        named = shutil.which(Path(command).expanduser())
        if named is None:
            raise Problem(f"The preferences' Backend Command {command} is no program: choose another, or empty it")
        return Path(named)
    folder, name = ("Scripts", "worldwarp.exe") if os.name == "nt" else ("bin", "worldwarp")
    there = [home / "env" / folder / name, Path(__file__).resolve().parents[1] / ".venv" / folder / name]
    if found := shutil.which("worldwarp"):
        there.insert(0, Path(found))
    program = next((path for path in there if path.is_file()), None)
    if program is None:
        raise Problem(
            f"The backend is not installed here (looked on the PATH and in {there[0].parent}): run `{INSTALL}` in the "
            "folder of the download, or name it in the preferences (Backend Command)"
        )
    return program


def log_file(home: Path) -> Path:
    return home / "serve.log"


def sign(home: Path) -> Path:
    """The file that is there while a server runs that was started from Blender, or was killed."""
    return home / "serving"


def start(program: Path, address: str, home: Path) -> subprocess.Popen:
    """Start the server at ``address`` of this machine, apart from this process; its words go into the log.

    Raises:
        Problem: it cannot be started.
    """
    host, port = where(address)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [str(program), "serve", "--host", host, "--port", str(port), "--sign", str(sign(home))]
    try:
        with log_file(home).open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=home, **_apart()
            )
    except OSError as error:
        raise Problem(f"{program} cannot be started ({error.strerror}): name another in the preferences") from None


def _apart() -> dict:
    """How a process is made independent of this one: no signal, no closed window and no end of Blender's reaches it."""
    if os.name == "nt":
        # With a console that nobody sees: without any, each child would open one
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def stop(home: Path) -> None:
    """Ask the server that was started from Blender to end; it does so within about a second.

    Raises:
        Problem: there is none.
    """
    try:
        sign(home).unlink()
    except FileNotFoundError:
        raise Problem("No server runs here that Blender started: end another where it was started (Ctrl+C)") from None


def started_here(home: Path) -> bool:
    """Whether a server that was started from Blender runs, as far as a look at a file can tell."""
    return sign(home).is_file()


def answers(address: str) -> bool:
    """Whether anything takes connections at ``address``, which is of this machine."""
    try:
        socket.create_connection(where(address), PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def where(address: str) -> tuple[str, int]:
    """Host and port of ``tcp://HOST:PORT``.

    Raises:
        Problem: it is not of that form.
    """
    try:
        parts = urlsplit(address)
        if parts.scheme == "tcp" and parts.hostname and parts.port:
            return parts.hostname, parts.port
    except ValueError:  # the port is no number, or none that there is
        pass
    raise Problem(f"{address!r} is no server's address: write tcp://HOST:PORT in the extension's preferences")


def last_words(home: Path) -> list[str]:
    """The end of the log, [] where there is none."""
    try:
        text = log_file(home).read_bytes()[-(1 << 16) :].decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-LAST_LINES:]
