"""The shipped small networks: what is in the package, what they ask for, and a short shot on a place they never saw."""

from pathlib import Path

import numpy as np
import pytest
from worldwarp import mini
from worldwarp.cameras import Cameras
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.outputs.pictures import encode_png, read_picture
from worldwarp.training import clips
from worldwarp_protocol.messages import Diffusion, Settings

FRAMES, SIZE = 17, (96, 64)


def test_the_package_holds_weights_that_fit_into_it() -> None:
    sizes = {path: path.stat().st_size for path in mini.FOLDER.rglob("*.safetensors")}
    assert {path.name for path in sizes} == {"diffusion_pytorch_model.safetensors", "geometry.safetensors"}
    assert len(sizes) == 3
    assert max(sizes.values()) <= 16e6
    assert sum(sizes.values()) <= 40e6
    assert "CC0" in (mini.FOLDER / "LICENSE").read_text("utf-8")


def test_it_says_what_it_changes_and_leaves_what_was_chosen() -> None:
    known = mini.trained()
    settings, notes = mini.adapted(Settings(profile="mini"), (1920, 1080))
    assert settings.chunk_frames == known["frames"]
    assert settings.diffusion.sigma == known["sigma"]
    assert settings.width % 16 == settings.height % 16 == 0
    assert 0.7 < settings.width * settings.height / (known["width"] * known["height"]) < 1.4
    assert known["label"] in notes[0]
    assert f"{known['sigma']:g}" in notes[1]
    mine = Settings(profile="mini", width=240, height=160, diffusion=Diffusion(sigma=0.7, prompt="a barn"))
    settings, notes = mini.adapted(mine, (240, 160))
    assert (settings.diffusion.sigma, settings.width) == (0.7, 240)
    assert any("no words" in note for note in notes)


@pytest.mark.slow
def test_a_short_shot_of_an_unseen_place_keeps_what_is_known_and_is_the_same_again(tmp_path: Path) -> None:
    clip = clips.clip(clips.HELD_OUT + 100, FRAMES, SIZE[1], SIZE[0])
    (tmp_path / "picture.png").write_bytes(encode_png(clip.rgb[0].numpy()))
    np.save(tmp_path / "depth.npy", clip.depth[0].numpy())
    K = np.broadcast_to(np.asarray(clip.K, np.float64), (FRAMES, 3, 3))
    poses = np.asarray(clip.camera_to_world, np.float64)
    write_cameras(tmp_path / "cameras.npz", Cameras(np.array(K), poses, *SIZE, np.arange(1, FRAMES + 1)))

    def shot(name: str) -> list[np.ndarray]:
        words = {"--image": "picture.png", "--depth": "depth.npy", "--cameras": "cameras.npz"}
        given = [part for option, file in words.items() for part in (option, str(tmp_path / file))]
        asked = [*given, "--profile", "mini", "--steps", "8", "--width", str(SIZE[0]), "--height", str(SIZE[1])]
        asked += ["--store", str(tmp_path / f"store-{name}"), "--out", str(tmp_path / name)]
        assert main(["generate", *asked]) == 0
        return [read_picture(tmp_path / name / "frames" / f"{i:04}.png") for i in range(1, FRAMES + 1)]

    frames, again = shot("one"), shot("two")
    np.testing.assert_array_equal(frames, again)
    np.testing.assert_array_equal(frames[0], clip.rgb[0].numpy())
    wrong = np.square(np.asarray(frames[1:], float) - clip.rgb[1:].numpy()).mean()
    still = np.square(np.asarray(frames[0], float) - clip.rgb[1:].numpy()).mean()
    assert wrong < 0.6 * still, "no nearer to the truth than the picture itself"
