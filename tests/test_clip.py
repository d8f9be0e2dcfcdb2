"""The README's clip: what is there, and how it is put together."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image, ImageSequence

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "docs" / "images" / "clip.webp"
ROWS = [[1, 49, "kept"], [50, 93, "kept"], [94, 137, "again"]]
TOLD = {"first": 90.0, "second": 30.0, "plan": {"kept": 93, "new": 44, "why": "camera at frame 94", "rows": ROWS}}


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("clip_sheet", ROOT / "scripts" / "clip_sheet.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_clip_loops_and_is_neither_long_nor_large() -> None:
    with Image.open(CLIP) as clip:
        assert clip.info["loop"] == 0
        assert clip.width == 720
        durations = [frame.copy().info["duration"] for frame in ImageSequence.Iterator(clip)]
    assert 15_000 < sum(durations) <= 30_000
    assert CLIP.stat().st_size <= 4 << 20


def test_it_is_put_together_without_blenders_window_too(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text(json.dumps(TOLD))
    for name, count in (("preview", 9), ("results/Walk_v001/frames", 9), ("results/Walk_v002/frames", 9), ("cg", 2)):
        (tmp_path / name).mkdir(parents=True)
        for number in range(1, count + 1):
            Image.new("RGB", (48, 32), (number * 20, 90, 10)).save(tmp_path / name / f"{number:04}.png")
    script.main(tmp_path, tmp_path / "clip.webp")
    with Image.open(tmp_path / "clip.webp") as clip:
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(clip)]
    assert len(shown) == 3 + 3 + 2 + 3
    last = shown[-1]
    assert near(last, (250, 380), script.KEPT)
    assert near(last, (680, 384), script.COMPUTED)


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Whether about that colour is there: the clip is compressed."""
    found = image.getpixel(place)
    assert isinstance(found, tuple)
    return max(abs(a - b) for a, b in zip(found, colour, strict=True)) < 40
