"""What a sky mask marks is infinitely far away, whatever a depth file or an estimate says."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from worldwarp import contents, shots
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.generate import run
from worldwarp.geometry import sources
from worldwarp.nouns import Estimate
from worldwarp.outputs.pictures import read_depth
from worldwarp.server import kept
from worldwarp.store import Store
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from .shots_for_tests import seen_from, straight_path

SETTINGS = Settings(chunk_frames=5, context_frames=1, cache_steps=2)


def quiet(*_: object) -> None:
    """A report that nobody reads."""


def upper() -> np.ndarray:
    sky = np.zeros((1, 48, 64), bool)
    sky[0, :20] = True
    return sky


def a_wall_everywhere(frames: np.ndarray, *_: object) -> Estimate:
    """A source that takes the sky for a wall, and doubts it."""
    depth = np.full(frames.shape[:3], 4, np.float32)
    return Estimate(depth, np.where(np.indices(depth.shape)[1] < 10, 0, 1).astype(np.float32))


@pytest.fixture
def estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_missing", lambda *_: "")
    monkeypatch.setattr(sources, "recipe", lambda *_: ["wall"])
    monkeypatch.setattr(sources, "load", lambda *_: a_wall_everywhere)


def test_given_depth_is_overruled_and_need_not_be_sound_in_the_sky() -> None:
    cameras = straight_path(3)
    rgb, depth = seen_from(cameras, 0)
    depth[:20] = np.nan
    shot, _ = shots.prepare("sky", rgb[None], depth[None], cameras, SETTINGS, sky=upper())
    np.testing.assert_array_equal(np.isinf(shot.depth), upper())


@pytest.mark.usefixtures("estimator")
def test_estimated_depth_is_overruled_in_every_chunk(tmp_path: Path) -> None:
    cameras = straight_path(9)
    rgb, _ = seen_from(cameras, 0)
    settings = Settings(chunk_frames=5, context_frames=1, cache_steps=2, geometry="ttt3r")
    keys = []
    for sky in (None, upper()):
        shot, _ = shots.prepare("sky", rgb[None], None, cameras, settings, sky=sky)
        store = Store(tmp_path)
        found = [manifest for manifest, _ in run(shot, store, quiet)]
        keys.append({manifest.key for manifest in found})
    assert not keys[0] & keys[1]
    np.testing.assert_array_equal(np.isinf(contents.read_depth(store, found[0].key, 0)), upper()[0])
    last = contents.read_depth(store, found[-1].key, 8)  # walking on, the horizon's place among rows hardly moves
    assert np.isinf(last[:17]).all()
    assert np.isfinite(last[23:]).all()
    np.testing.assert_array_equal(kept.read(tmp_path, kept.write(tmp_path, shot)).sky, upper())


def test_a_sky_mask_that_does_not_fit_is_refused() -> None:
    cameras = straight_path(3)
    rgb, depth = seen_from(cameras, 0)
    with pytest.raises(InvalidShot, match="32 x 48, the picture is 64 x 48"):
        shots.prepare("sky", rgb[None], depth[None], cameras, SETTINGS, sky=upper()[:, :, :32])
    with pytest.raises(InvalidShot, match="sky everywhere"):
        shots.prepare("sky", rgb[None], depth[None], cameras, SETTINGS, sky=np.ones((1, 48, 64), bool))


@pytest.mark.usefixtures("estimator")
def test_an_anchor_in_the_masked_sky_is_refused_before_any_work() -> None:
    cameras = straight_path(3)
    rgb, _ = seen_from(cameras, 0)
    for v, refused in ((0.2, True), (0.9, False)):
        settings = Settings(chunk_frames=5, context_frames=1, geometry="ttt3r", anchor=(0.5, v, 3.0))
        if refused:
            with pytest.raises(InvalidShot, match="sky"):
                shots.prepare("sky", rgb[None], None, cameras, settings, sky=upper())
        else:
            shots.prepare("sky", rgb[None], None, cameras, settings, sky=upper())


def test_the_command_line_takes_it_and_makes_the_shot_again(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    cameras = straight_path(3)
    rgb, depth = seen_from(cameras, 0)
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    Image.fromarray(upper()[0]).save(tmp_path / "sky.png")
    np.save(tmp_path / "depth.npy", depth)
    write_cameras(tmp_path / "path.npz", cameras)
    words = ["--image", "picture.png", "--depth", "depth.npy", "--cameras", "path.npz", "--sky", "sky.png"]
    words = [str(tmp_path / word) if "." in word else word for word in words]
    common = ["--store", str(tmp_path / "store"), "--chunk-frames", "5", "--context-frames", "1"]
    assert main(["generate", *words, *common, "--out", str(tmp_path / "a")]) == 0
    assert main(["generate", "--from", str(tmp_path / "a"), "--out", str(tmp_path / "b"), *common[:2]]) == 0
    first, again = (json.loads((tmp_path / name / "shot.json").read_text())["chunks"] for name in "ab")
    assert [chunk["key"] for chunk in first] == [chunk["key"] for chunk in again]
    capsys.readouterr()
    geometry = ["geometry", *words[:4], *words[6:], "--focal", "64px", "--out", str(tmp_path / "geometry")]
    assert main(geometry) == 0
    np.testing.assert_array_equal(np.isinf(read_depth(tmp_path / "geometry" / "depth.exr")), upper()[0])
    assert main([*geometry, "--anchor", "0.5,0.40,3"]) != 0  # just inside: what is solid is within its reach
    assert "sky" in capsys.readouterr().err
    masked = [word.replace("--sky", "--mask") for word in geometry]
    assert main(masked) == 0
    confidence = read_depth(tmp_path / "geometry" / "confidence.exr")
    np.testing.assert_array_equal(confidence == 0, upper()[0])
