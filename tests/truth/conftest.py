"""One scene, rendered once, for all tests of this room."""

import os
from pathlib import Path

import pytest
from worldwarp_protocol.messages import Settings

from .truth import Run, Truth, draft

ROOT = Path(__file__).parents[2]
MEASURED = [24, 48, 93]
"""Frames (from 1) that are held against Cycles' renders."""


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The scene in the newest Blender: WORLDWARP_BPY_PYTHONS names them, or the environments scripts/test.py makes."""
    named = [Path(name) for name in os.environ.get("WORLDWARP_BPY_PYTHONS", "").split(os.pathsep) if name]
    inside = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    pythons = named or [folder / inside for folder in sorted(ROOT.glob(".venv-blender-*"))]
    assert pythons, "no Python with bpy: run scripts/test.py, which makes one"
    scene = Truth(pythons[-1], tmp_path_factory.mktemp("truth"))
    scene.build([1, *MEASURED])
    return scene


@pytest.fixture(scope="session")
def whole(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole walk with the default settings."""
    return draft(truth, tmp_path_factory.mktemp("whole"), Settings(), truth.cameras, truth.depth)
