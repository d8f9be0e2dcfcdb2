"""The Python environments that the scripts run in, made on first use and kept beside the repository's files.

``.venv`` is for backend and tests; ``.venv-blender-VERSION`` holds Blender as a Python module, apart from it as a
real Blender is (their numpy versions clash). Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "constraints.txt"
TORCH = "torch==2.13.0"
BLENDERS = ("4.2.23", "4.5.15", "5.0.1")
"""The Blenders that are tested as Python modules (Python 3.11), the oldest first."""
OLDEST_AND_NEWEST = (BLENDERS[0], BLENDERS[-1])


def backend() -> Path:
    """The Python of the backend's environment; made, or brought up to date with the lock, where needed."""
    parts = [LOCK, ROOT / "backend/pyproject.toml", ROOT / "protocol/pyproject.toml"]
    steps = [
        [TORCH],  # first and exactly: whatever else asks for torch takes this one
        ["-c", str(LOCK), "-e", str(ROOT / "protocol"), "-e", f"{ROOT / 'backend'}[test]"],
    ]
    return _environment(ROOT / ".venv", steps, b"".join(part.read_bytes() for part in parts))


def blender(version: str = BLENDERS[-1]) -> Path:
    """The Python of an environment that holds Blender ``version`` as the module ``bpy``, and nothing of ours."""
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"Blender as a Python module needs Python 3.11, and this is {found}: run this with python3.11.")
    return _environment(ROOT / f".venv-blender-{version}", [[f"bpy=={version}", "numpy==1.26.4"]], b"")


def _environment(folder: Path, steps: list[list[str]], inputs: bytes) -> Path:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "made-from"
    wanted = hashlib.sha256(repr(steps).encode() + inputs).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Making {folder.name} (once; this downloads from the package registry) ...", flush=True)
    if not has_pip(python):
        venv.create(folder, with_pip=True, clear=True)
    for step in steps:
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *step]
        if subprocess.run(command, check=False).returncode:
            sys.exit(f"Could not install {' '.join(step)} into {folder}: see pip's message above, then run this again.")
    stamp.write_text(wanted)
    return python


def has_pip(python: Path) -> bool:
    """Whether an environment is there whole; what an interrupted run left is not."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
