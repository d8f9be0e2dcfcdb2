"""The house has rooms: what may know what, held by importing each in a process of its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LOOP = [
    "pipeline",
    "generate",
    "describe",
    "track",
    "weights.command",
    "engines.compute",
    "world.points",
    "outputs.video",
]
FRONT_DOOR = [
    "server.serve",
    "server.command",
    "shots",
    "chunks",
    "store",
    "contents",
    "engines.local",
    "cli",
    "weights.needs",
]


def modules_after(imported: str) -> set[str]:
    code = f"import sys, {imported}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", LOOP)
def test_nothing_in_the_loop_knows_the_network_or_blender(module: str) -> None:
    assert not modules_after(f"worldwarp.{module}") & {"zmq", "bpy"}


@pytest.mark.parametrize("module", FRONT_DOOR)
def test_the_front_door_starts_without_torch(module: str) -> None:
    assert not modules_after(f"worldwarp.{module}") & {"torch", "numba", "gsplat"}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_extension_knows_blender_and_its_own_wheels_only() -> None:
    wheels = {"worldwarp_protocol", "msgspec", "zmq"}
    blender = {"bpy", "bpy_extras", "gpu", "gpu_extras", "mathutils", "numpy"}
    presets = {"bl_operators", "bl_ui"}  # Blender's own scripts: AddPresetBase and PresetPanel have no other place
    allowed = {*blender, *presets, *wheels, *sys.stdlib_module_names}
    for path in (ROOT / "blender_addon").rglob("*.py"):
        assert imports_of(path) <= allowed, path


def test_the_protocol_knows_no_other_package_of_ours() -> None:
    allowed = {"numpy", "msgspec", "zmq", *sys.stdlib_module_names}
    for path in (ROOT / "protocol" / "worldwarp_protocol").rglob("*.py"):
        assert imports_of(path) <= allowed, path


def test_nothing_unpickles() -> None:
    for folder in ("backend", "protocol", "blender_addon"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            assert "allow_pickle=True" not in text, path
            assert not imports_of(path) & {"shelve", "marshal", "dill", "joblib"}, path
            assert "torch.load" not in text, path
