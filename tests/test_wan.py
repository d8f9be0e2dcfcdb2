"""The whole loop with every real stage, in tiny sizes: TTT3R, captioner, cache, UMT5, ST-Diff, VAE, read from files.

The networks are random, so the pictures show nothing; that all parts fit, go through the real loading code, stop
between steps and come out the same again is what is tested here.
"""

import io
import json
import threading
import weakref
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec import structs
from worldwarp import captions, chunks, contents, profiles, shots, wan
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.diffusion import loading, memory, st_diff
from worldwarp.diffusion.memory import OFFLOADED, STAGED, Plan
from worldwarp.engines import compute as engine
from worldwarp.engines import jobs
from worldwarp.engines.compute import compute, numerics
from worldwarp.generate import run
from worldwarp.geometry import checkpoint
from worldwarp.geometry.weights import convert
from worldwarp.nouns import Cancelled, Provenance, Shot
from worldwarp.outputs.pictures import decode_png, encode_png
from worldwarp.store import Store
from worldwarp.weights import needs
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.messages import Diffusion, Override, Settings

from .geometry.goldens import tiny_config, tiny_weights
from .geometry.test_weights import published
from .shots_for_tests import seen_from, straight_path
from .test_captions import save_tiny
from .weights.tiny import register, tiny_transformer, tiny_wan_home

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


def test_overscan_is_invented_around_the_picture(tmp_path: Path) -> None:
    asked, store = shot(9, geometry="given", given=True, diffusion=GIVEN, overscan=0.1), Store(tmp_path)
    manifest = next(manifest for manifest, _ in run(asked, store, quiet))
    margin, first = ~asked.known, contents.read_view(store, manifest.key, 0)
    assert margin.shape == (80, 96)
    np.testing.assert_array_equal(first.rgb[~margin], asked.pictures[0][~margin])
    assert (first.rgb[margin] != asked.pictures[0][margin]).mean() > 0.5
    np.testing.assert_array_equal(first.provenance == Provenance.GENERATED, margin)
    np.testing.assert_array_equal(contents.read_image(store, manifest.key, "holes", 0) > 0, margin)
    levels = np.load(io.BytesIO(store.read(manifest.key, contents.NOISE)))
    np.testing.assert_array_equal(levels[0], margin[::16, ::16])
    assert 0 < float(manifest.meta["seam_psnr"]) < 100


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

    def cancel(stage: str, step: int, _steps: int, _preview: object = None) -> None:
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


GIVEN = structs.replace(DIFFUSION, prompt="a hall")
"""Words that need no captioner."""

PLANS = {
    "by layers and stages": (Plan(STAGED, STAGED, OFFLOADED, STAGED, STAGED), 0),
    "both halves in one batch": (Plan(together=True), 0.5),
    "in tiles": (Plan(tiled=True), 8),
    "in eight bits": (Plan(eight_bits=("transformer", "captioner")), 8),
}
"""What the modes of a GPU are made of, and by how much, of 255, the mean pixel may differ from ``full`` on a CPU."""


@pytest.mark.parametrize("name", PLANS)
def test_what_memory_modes_are_made_of_makes_nearly_the_same_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = wide(diffusion=GIVEN)

    def frames(folder: str) -> np.ndarray:
        store = Store(tmp_path / folder)
        (made,) = [m for m, _ in run(asked, store, quiet)]
        return np.stack([contents.read_view(store, made.key, i).rgb for i in range(1, 9)]).astype(int)

    full = frames("full")
    plan, most = PLANS[name]
    monkeypatch.setattr(memory, "plan", lambda _mode, _device: plan)
    difference = np.abs(frames(name) - full)
    assert difference.mean() <= most
    assert (difference.max() > 0) == (most > 0)


def wide(**changes: object) -> Shot:
    """Wider than one of the VAE's tiles."""
    cameras = straight_path(9, width=288, height=32, step=0.05)
    rgb, depth = seen_from(cameras, 0)
    settings = structs.replace(SETTINGS, geometry="given", **changes)
    return shots.prepare("wide", rgb[None], depth[None], cameras, settings)[0]


def first_job(asked: Shot, store: Path) -> jobs.Job:
    job = jobs.make_job(asked, Store(store), [], numerics())
    assert job
    return job


def networks(mode: memory.Mode = "full") -> st_diff.Models:
    """Those that are kept, if it is these that are kept."""
    setup = loading.Setup(memory.plan(mode, "cpu"), torch.device("cpu"), tuple(needs.digests("wan")))
    return loading._models(setup, st_diff.STDiff, "st-diff")


def test_nothing_is_read_in_the_thread_that_describes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading sets torch's default type, which is the whole process's."""
    threads, load, describe = [], captions.load, captions.caption

    def recorded(call: Any, *arguments: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return call(*arguments)

    monkeypatch.setattr(captions, "load", partial(recorded, load))
    monkeypatch.setattr(captions, "caption", partial(recorded, describe))
    loading.forget()
    compute(first_job(shot(9, geometry="given", given=True), tmp_path), quiet)
    assert threads == [True, False]


def test_where_words_are_given_no_captioner_is_read(tmp_path: Path) -> None:
    loading.forget()
    compute(first_job(shot(9, geometry="given", given=True, diffusion=GIVEN), tmp_path), quiet)
    assert loading._captioner.cache_info().currsize == 0


def test_other_weights_are_read_and_make_other_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDWARP_HOME", str(tiny_wan_home(tmp_path / "home")))
    job = first_job(shot(9, geometry="given", given=True, diffusion=GIVEN), tmp_path / "store")
    before = compute(job, quiet).files
    tiny_transformer(seed=3).save_pretrained(needs.folder("st-diff"))
    register("st-diff")
    after = compute(job, quiet).files
    assert before.keys() == after.keys()
    last = contents.name("frames", 8)
    assert before[last] != after[last]


def test_what_was_read_for_one_memory_mode_is_freed_before_another(tmp_path: Path) -> None:
    asked = shot(9, geometry="given", given=True, diffusion=GIVEN)
    compute(first_job(asked, tmp_path), quiet)
    kept = weakref.ref(networks().transformer)
    assert networks().transformer is kept()
    wan.load(structs.replace(asked.settings, diffusion=structs.replace(GIVEN, memory="balanced")))
    assert kept() is None


def test_out_of_gpu_memory_is_one_sentence_and_frees_it_for_another_attempt(tmp_path: Path) -> None:
    job = first_job(shot(9, geometry="given", given=True, diffusion=GIVEN), tmp_path)
    kept = []

    def full(stage: str, step: int, _steps: int, _preview: object = None) -> None:
        if (stage, step) == ("denoise", 1):
            kept.append(weakref.ref(networks().transformer))
            raise torch.cuda.OutOfMemoryError

    with pytest.raises(WorldWarpError, match=r"about .* GB are needed in memory mode 'full'\): choose memory balanced"):
        compute(job, full)
    assert kept[0]() is None
    assert compute(job, quiet).files


def test_a_network_that_comes_for_its_stage_waits_where_there_is_a_gpu_and_is_dropped_on_a_cpu() -> None:
    for plan, kept in ((memory.PLANS["balanced"], 1), (memory.ON_CPU["balanced"], 0)):
        loading.forget()
        setup = loading.Setup(plan, torch.device("cpu"), ("digests",))
        loading._embedded(setup, f"new words {kept}")
        picture = np.zeros((28, 28, 3), np.uint8)
        loading._describe(setup, nullcontext(), [picture], "", quiet)
        found = [cache.cache_info().currsize for cache in (loading._text_encoder, loading._captioner)]
        assert found == [kept, kept]
    loading.forget()


def test_the_vae_is_float32_and_float32_is_no_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    loading.forget()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(loading.Setup, "dtype", torch.bfloat16)  # as on a GPU
    wan.load(structs.replace(SETTINGS, diffusion=GIVEN))
    found = networks()
    assert (found.transformer.dtype, found.vae.dtype) == (torch.bfloat16, torch.float32)
    assert not torch.backends.cudnn.allow_tf32
    loading.forget()


def test_embeddings_of_another_precision_or_library_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    loading.forget()
    setup = loading.Setup(memory.plan("full", "cpu"), torch.device("cpu"), ())
    assert loading._embedded(setup, "a precise hall")["a precise hall"].dtype == torch.float32
    kept = len(list((needs.root() / "texts").iterdir()))
    monkeypatch.setattr(loading, "version", lambda _name: "0")
    loading._embedded(setup, "a precise hall")
    assert len(list((needs.root() / "texts").iterdir())) == kept + 1
    loading.forget()
    monkeypatch.setattr(loading.Setup, "dtype", torch.bfloat16)
    assert loading._embedded(setup, "a precise hall")["a precise hall"].dtype == torch.bfloat16
    loading.forget()


def test_a_chunk_says_which_attention_it_used_and_what_of_its_words_was_not_read(tmp_path: Path) -> None:
    long = structs.replace(GIVEN, prompt="a hall " * 100)
    meta = compute(first_job(shot(9, geometry="given", given=True, diffusion=long), tmp_path), quiet).meta
    assert meta["attention"] == "native"
    assert "longer than the 512" in str(meta["prompt_warning"])
    fits = compute(first_job(shot(9, geometry="given", given=True, diffusion=GIVEN), tmp_path), quiet).meta
    assert "prompt_warning" not in fits


def test_reading_is_reported_before_it_begins(tmp_path: Path) -> None:
    loading.forget()
    read = []

    def report(stage: str, step: int, steps: int, _preview: object = None) -> None:
        caches = {"caption": loading._captioner, "encode": loading._models}
        if stage in caches and not any(stage == seen for seen, *_ in read):
            read.append((stage, step, steps, caches[stage].cache_info().currsize))

    compute(first_job(shot(9, geometry="given", given=True), tmp_path), report)
    assert read == [("caption", 0, 1, 0), ("encode", 0, 1, 0)]


def test_what_computes_is_named_with_what_chooses_the_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    assert numerics() == "cpu-float32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(engine, "device", lambda: torch.device("cpu"))
    found = set()
    for capability in ((8, 6), (9, 0)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda capability=capability: capability)
        for flash in (None, "here"):
            monkeypatch.setattr(engine, "find_spec", lambda _name, flash=flash: flash)
            monkeypatch.setattr(engine, "version", lambda _name: "2.8")
            found.add(numerics())
    assert found == {f"cpu-float32-networks-cuda-sm{sm}{flash}" for sm in (86, 90) for flash in ("", "-flash-2.8")}


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
    monkeypatch.setattr(needs, "digests_of", lambda _part: ["other"])
    assert key() != before


@pytest.mark.parametrize(("prompt", "matters"), [("", True), ("a hall", False)])
def test_the_captioner_is_part_of_the_recipe_where_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, prompt: str, matters: bool
) -> None:
    settings = structs.replace(SETTINGS, diffusion=structs.replace(DIFFUSION, prompt=prompt))
    before, digests = wan.recipe(settings), needs.digests_of
    monkeypatch.setattr(needs, "digests_of", lambda part: ["other"] if part == "captioner" else digests(part))
    assert (wan.recipe(settings) != before) == matters


def test_the_words_code_and_torch_are_part_of_the_recipe_also_with_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = structs.replace(SETTINGS, diffusion=GIVEN)
    before = wan.recipe(settings)
    assert version("torch") in str(before)
    monkeypatch.setattr(captions, "VERSION", "another")
    assert wan.recipe(settings) != before


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
    assert json.loads((out / "shot.json").read_text())["settings"]["diffusion"]["prompt"] == "a hall"


def test_a_picture_from_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_transformer(seed=7).save_pretrained(needs.folder("transformer"))
    arguments = ["picture", "--prompt", "a hall", "--width", "64", "--height", "48", "--steps", "2", "--out"]
    assert main([*arguments, str(tmp_path / "a.png")]) == 1
    assert "not here: transformer; get them with `worldwarp weights get transformer`" in capsys.readouterr().err
    register("transformer")
    for name in ("a", "b"):
        assert main([*arguments, str(tmp_path / f"{name}.png")]) == 0
    assert decode_png((tmp_path / "a.png").read_bytes()).shape == (48, 64, 3)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert main([*arguments, str(tmp_path / "c.png"), "--seed", "1"]) == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()


def test_without_words_and_a_captioner_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "absent", lambda part: "not here" if part.name == "captioner" else "")
    with pytest.raises(InvalidShot, match="weights get captioner"):
        shot(13)
    words = (Override(chunk=0, prompt="a hall"), Override(chunk=1, prompt="a court"))
    cameras = straight_path(13, width=64, height=48, step=0.05)
    shots.prepare("words", seen_from(cameras, 0)[0][None], None, cameras, SETTINGS, overrides=words)
