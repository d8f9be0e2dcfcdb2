"""The demo, as a newcomer runs it: once from nothing, once more when everything is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def run_demo(folder: Path) -> str:
    """What ``scripts/demo.py --out folder`` prints."""
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--out", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_demo_leaves_what_it_promises_and_computes_it_once(tmp_path: Path) -> None:
    first = run_demo(tmp_path)
    assert "2 of 2 chunks computed" in first
    assert "Frame  93: valid" in first
    for name in ("video.mp4", "points.ply", "contact_sheet.png", "result.blend", "result.png", "points.png"):
        assert (tmp_path / name).stat().st_size > 1000, name
    frames = sorted((tmp_path / "frames").iterdir())
    assert [frame.name for frame in frames] == [f"{number:04}.png" for number in range(1, 94)]
    with np.load(tmp_path / "cameras.npz") as cameras, Image.open(frames[0]) as frame:
        assert cameras["R"].shape == (93, 3, 3)
        assert (int(cameras["width"]), int(cameras["height"])) == frame.size == (240, 160)
    digests = [chunk["digest"] for chunk in json.loads((tmp_path / "shot.json").read_text())["chunks"]]

    second = run_demo(tmp_path)
    assert "0 of 2 chunks computed" in second
    assert [chunk["digest"] for chunk in json.loads((tmp_path / "shot.json").read_text())["chunks"]] == digests
