"""Where the Blenders are, and how a test runs a script inside one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
MARK = "WORLDWARP-RESULT "

sys.path.insert(0, str(ROOT))  # blender_addon is no installed package: its maths is imported from the repository


def blender_pythons() -> list[Path]:
    """The Pythons with a ``bpy`` wheel: from WORLDWARP_BPY_PYTHONS, or .venv-blender-<version> in the repository."""
    named = os.environ.get("WORLDWARP_BPY_PYTHONS")
    if named:
        return [Path(name) for name in named.split(os.pathsep)]
    inside = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return [folder / inside for folder in sorted(ROOT.glob(".venv-blender-*"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "blender_python" in metafunc.fixturenames:
        pythons = blender_pythons()
        names = [python.parents[1].name for python in pythons]
        metafunc.parametrize("blender_python", pythons, ids=names, scope="session")


@pytest.fixture
def in_blender(blender_python, tmp_path):
    """``in_blender(script, *arguments)`` runs scripts/<script> in a Blender with fresh preferences.

    The script reports by ``print(MARK + json)``; what it reported is returned.
    """

    def run(script: str, *arguments: object, timeout: float = 240, **extra: str) -> dict:
        environment = {
            **os.environ,
            "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
            "WORLDWARP_HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(ROOT),
            **extra,
        }
        (tmp_path / "blender").mkdir(exist_ok=True)
        command = [str(blender_python), str(SCRIPTS / script), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, cwd=tmp_path)
        assert done.returncode == 0, (
            f"{script} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
        assert lines, f"{script} reported nothing\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return json.loads(lines[-1].removeprefix(MARK))

    return run


@pytest.fixture(scope="session")
def extension(tmp_path_factory) -> Path:
    """The zip for this machine."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(ROOT / "scripts" / "build_extension.py"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.zip"))
