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


def run_demo(folder: Path, profile: str) -> str:
    """What ``scripts/demo.py --out folder --profile profile`` prints."""
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--out", str(folder), "--profile", profile]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_demo_leaves_what_it_promises_and_computes_it_once(tmp_path: Path) -> None:
    first = run_demo(tmp_path, "draft")
    assert "2 of 2 chunks computed" in first
    assert "Frame  93: valid" in first
    for name in ("video.mp4", "points.ply", "contact_sheet.png", "result.blend", "result.png", "points.png"):
        assert (tmp_path / name).stat().st_size > 1000, name
    frames = sorted((tmp_path / "frames").iterdir())
    assert [frame.name for frame in frames] == [f"{number:04}.png" for number in range(1, 94)]
    with np.load(tmp_path / "cameras.npz") as cameras, Image.open(frames[0]) as frame:
        assert cameras["R"].shape == (93, 3, 3)
        assert (int(cameras["width"]), int(cameras["height"])) == frame.size == (240, 160)
    digests = digests_in(tmp_path)

    second = run_demo(tmp_path, "draft")
    assert "0 of 2 chunks computed" in second
    assert digests_in(tmp_path) == digests


def test_the_demo_of_mini_shows_draft_beside_it_a_shadow_on_the_proxy_mesh_and_a_photograph(tmp_path: Path) -> None:
    first = run_demo(tmp_path, "mini")
    assert "5 of 5 chunks computed" in first  # three of mini, one of draft, one of the photograph
    assert "Frame  41, mini: valid" in first
    assert "Frame  41, draft: valid" in first
    for name in ("video.mp4", "contact_sheet.png", "result.blend", "world/mesh.ply", "photo_sheet.png"):
        assert (tmp_path / name).stat().st_size > 1000, name
    for folder, count in (("frames", 41), ("draft/frames", 41), ("photo/frames", 17)):
        assert len(list((tmp_path / folder).iterdir())) == count, folder
    assert shadow(tmp_path) > 0.003
    digests = digests_in(tmp_path)

    second = run_demo(tmp_path, "mini")
    assert "0 of 5 chunks computed" in second
    assert digests_in(tmp_path) == digests


def digests_in(folder: Path) -> list[str]:
    """Of the chunks that the result in ``folder`` is made of."""
    return [chunk["digest"] for chunk in json.loads((folder / "shot.json").read_text())["chunks"]]


def shadow(folder: Path) -> float:
    """Share of the picture where the CG layer is nothing but shadow: dark, and half seen through."""
    with Image.open(next(folder.glob("cg_*.png"))) as layer:
        pixels = np.asarray(layer.convert("RGBA")).astype(int)
    return float(((pixels[..., :3].max(axis=-1) < 8) & (pixels[..., 3] > 12) & (pixels[..., 3] < 230)).mean())
