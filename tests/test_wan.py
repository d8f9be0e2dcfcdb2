"""The whole loop with every real stage, in tiny sizes: TTT3R, captioner, cache, UMT5, ST-Diff, VAE, read from files.

The networks are random, so the pictures show nothing; that all parts fit, go through the real loading code, stop
between steps and come out the same again is what is tested here.
"""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from worldwarp import chunks, contents, profiles, shots
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.engines import jobs
from worldwarp.engines.compute import compute, numerics
from worldwarp.generate import run
from worldwarp.geometry import checkpoint
from worldwarp.geometry.weights import convert
from worldwarp.nouns import Cancelled, Provenance, Shot
from worldwarp.outputs.pictures import decode_png, encode_png
from worldwarp.store import Store
from worldwarp.weights import needs
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Diffusion, Override, Settings

from .geometry.goldens import tiny_config, tiny_weights
from .geometry.test_weights import published
from .shots_for_tests import seen_from, straight_path
from .test_captions import save_tiny
from .weights.tiny import register, tiny_wan_home

pytestmark = pytest.mark.slow

DIFFUSION = Diffusion(steps=3, guidance=2.0, style="Van Gogh style")
SETTINGS = Settings(
    profile="wan", geometry="ttt3r", chunk_frames=9, context_frames=5, cache_steps=3, seed=5, diffusion=DIFFUSION
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("home")
        patch.setenv("WORLDWARP_HOME", str(root))
        tiny_wan_home(root)
        save_tiny(needs.folder("captioner"))
        register("captioner")
        torch.save(published(tiny_weights()), root / checkpoint.FILE)
        convert(root / checkpoint.FILE, checkpoint.default_path(), True, tiny_config())
    return root


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDWARP_HOME", str(home))


def shot(frames: int = 17, given: bool = False, **changes: object) -> Shot:
    cameras = straight_path(frames, width=64, height=48, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    settings = structs.replace(SETTINGS, **changes)
    return shots.prepare("tiny", rgb[None], depth[None] if given else None, cameras, settings)[0]


def quiet(_stage: str, _step: int, _steps: int, preview: object = None) -> None:
    pass


def test_three_chunks_with_every_real_stage(tmp_path: Path) -> None:
    store, seen = Store(tmp_path), []

    def report(stage: str, _step: int, _steps: int, preview: np.ndarray | None = None) -> None:
        seen.append((stage, None if preview is None else preview.shape))

    asked = shot()
    manifests = [manifest for manifest, _ in run(asked, store, report)]
    assert [(m.first, m.count) for m in manifests] == [(0, 9), (9, 4), (13, 4)]
    assert {stage for stage, _ in seen} >= {"caption", "geometry", "cache", "priors", "encode", "denoise", "decode"}
    assert {shape for stage, shape in seen if stage == "denoise"} == {(3, 6, 8, 3)}
    first = contents.read_view(store, manifests[0].key, 0)
    np.testing.assert_array_equal(first.rgb, asked.pictures[0])
    for manifest in manifests:
        assert str(manifest.meta["prompt"]).startswith("Van Gogh style")
        assert {"seam_psnr", "geometry_scale", "seconds_caption"} <= manifest.meta.keys()
        for i in range(manifest.first, manifest.first + manifest.count):
            view = contents.read_view(store, manifest.key, i)
            assert view.depth is not None
            assert (view.depth > 0).all()
            holes = contents.read_image(store, manifest.key, "holes", i) > 0
            assert (view.provenance[holes] == Provenance.GENERATED).all()
        levels = np.load(io.BytesIO(store.read(manifest.key, contents.NOISE)))
        assert levels.shape == (3, 3, 4)
        assert (levels[: 1 if manifest.first == 0 else 2] == 0).all()
        assert decode_png(store.read(manifest.key, contents.FIGURE)).shape[2] == 3


def test_the_same_seed_gives_the_same_bits_and_another_one_other_pictures(tmp_path: Path) -> None:
    def digests(folder: str, seed: int) -> list[str]:
        return [m.digest for m, _ in run(shot(13, seed=seed), Store(tmp_path / folder), quiet)]

    first, again, other = digests("a", 5), digests("b", 5), digests("c", 6)
    assert first == again
    assert not set(first) & set(other)


def test_cancelled_between_two_denoising_steps_the_rest_equals_an_uninterrupted_run(tmp_path: Path) -> None:
    asked, store = shot(13), Store(tmp_path / "a")
    job = jobs.make_job(asked, store, [], numerics())
    assert job

    def cancel(stage: str, step: int, _steps: int, **_: object) -> None:
        if (stage, step) == ("denoise", 1):
            raise Cancelled

    with pytest.raises(Cancelled):
        compute(job, cancel)
    resumed = [m.digest for m, _ in run(asked, store, quiet)]
    assert resumed == [m.digest for m, _ in run(asked, Store(tmp_path / "b"), quiet)]


def test_words_of_one_chunk_change_that_chunk_only(tmp_path: Path) -> None:
    asked, store = shot(13), Store(tmp_path)
    plain = [m.key for m, _ in run(asked, store, quiet)]
    other = replace(asked, overrides=(Override(chunk=1, prompt="a garden"),))
    made = list(run(other, store, quiet))
    assert [computed for _, computed in made] == [False, True]
    assert made[0][0].key == plain[0]
    assert made[1][0].meta["prompt"] == "Van Gogh style, a garden"


def test_given_depth_needs_no_estimator_and_says_what_it_does_instead(tmp_path: Path) -> None:
    cameras = straight_path(9, width=64, height=48, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    settings = structs.replace(SETTINGS, geometry="given")
    asked, warnings = shots.prepare("given", rgb[None], depth[None], cameras, settings)
    assert any("carried on smoothly" in warning for warning in warnings)
    (made,) = [m for m, _ in run(asked, Store(tmp_path), quiet)]
    assert "geometry_scale" not in made.meta


@pytest.mark.parametrize("mode", ["balanced", "low"])
def test_every_memory_mode_makes_nearly_the_same_pictures_on_a_cpu(tmp_path: Path, mode: str) -> None:
    def frames(diffusion: Diffusion) -> np.ndarray:
        store = Store(tmp_path)
        (made,) = [m for m, _ in run(shot(9, given=True, diffusion=diffusion), store, quiet)]
        return np.stack([contents.read_view(store, made.key, i).rgb for i in range(9)]).astype(int)

    difference = np.abs(frames(DIFFUSION) - frames(structs.replace(DIFFUSION, memory=mode)))
    assert difference.mean() < 1


def test_without_weights_the_profile_says_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    with pytest.raises(InvalidShot, match="worldwarp weights get wan"):
        profiles.check("wan")


def test_other_weights_are_another_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = shot(9)
    (chunk,) = chunks.plan(9, SETTINGS)

    def key() -> str:
        return chunks.key(chunks.recipe(asked, chunk, None, "cpu-float32"))

    before = key()
    monkeypatch.setattr(needs, "digests", lambda _profile: ["other"])
    assert key() != before


def test_the_command_line_runs_it(tmp_path: Path) -> None:
    cameras = straight_path(9, width=64, height=48, step=0.05)
    (tmp_path / "a.png").write_bytes(encode_png(seen_from(cameras, 0)[0]))
    write_cameras(tmp_path / "c.npz", cameras)
    out = tmp_path / "out"
    arguments = ["generate", "--image", tmp_path / "a.png", "--cameras", tmp_path / "c.npz", "--out", out]
    chosen = ["--profile", "wan", "--geometry", "ttt3r", "--chunk-frames", "9", "--steps", "2", "--cache-steps", "2"]
    more = ["--prompt", "a hall", "--tau", "0.5", "--extend", "4", "--store", tmp_path / "store"]
    assert main([str(a) for a in [*arguments, *chosen, *more]]) == 0
    assert len(list((out / "frames").glob("*.png"))) == 13
    assert (out / "noise" / "chunk_0001.png").is_file()
    assert json.loads((out / "shot.json").read_text())["shot"]["settings"]["diffusion"]["prompt"] == "a hall"
