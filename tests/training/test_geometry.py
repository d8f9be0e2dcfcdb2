"""The geometry network's training: what it is given is true, it learns, and the product reads the result."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from worldwarp import mini
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.geometry import VERSION, sources, ttt3r, weights
from worldwarp.geometry.checkpoint import about
from worldwarp.geometry.network import TTT3R
from worldwarp.training import configs, curves, geometry
from worldwarp.training.clips import Clip
from worldwarp.training.geometry_losses import in_world
from worldwarp.training.loop import Options, draws, train

from ..shots_for_tests import straight_path

TINY = {
    "state_size": 16,
    "local_mem_size": 8,
    "ray_enc_depth": 0,
    "img_size": (32, 48),
    "enc_embed_dim": 32,
    "enc_depth": 2,
    "enc_num_heads": 2,
    "dec_embed_dim": 32,
    "dec_depth": 4,
    "dec_num_heads": 2,
    "state_dec_num_heads": 2,
    "dpt_feature_dim": 16,
    "dpt_layer_dims": (8, 8, 8, 8),
    "dpt_last_dim": 8,
}
CPU = torch.device("cpu")


def clip(n: int, height: int = 32, width: int = 48) -> Clip:
    """A camera that glides to the right and forward past a slanted wall: z = 3 + 0.4 X, sky in the top rows.

    Red tells the world's X, green its Y.
    """
    K = torch.tensor([[40.0, 0, width / 2], [0, 40, height / 2], [0, 0, 1]], dtype=torch.float64).repeat(n, 1, 1)
    poses = torch.eye(4, dtype=torch.float64).repeat(n, 1, 1)
    poses[:, 0, 3], poses[:, 2, 3] = 0.1 * torch.arange(n), 0.05 * torch.arange(n)
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    a, b = (x - width / 2) / 40, (y - height / 2) / 40
    across, along = (poses[:, i, 3, None, None].float() for i in (0, 2))
    z = (3 + 0.4 * across - along) / (1 - 0.4 * a)
    rgb = torch.stack([127 + 60 * (across + a * z), 127 + 60 * b * z, 40 * z], -1).clamp(0, 255).byte()
    depth = z.clone()
    depth[:, :4] = torch.inf
    return Clip(rgb, depth, K, poses)


def tiny(seed: int = 0) -> TTT3R:
    return geometry.make(TINY, seed, CPU)


@pytest.mark.parametrize("way", ["as it is", "mirrored", "flatter", "backwards"])
def test_what_it_is_given_is_true(way: str) -> None:
    """All frames' points lie on one plane of the first camera's world: the wall, wherever the first camera stands."""
    one = clip(5, height=64)
    if way == "backwards":
        one = geometry.taken(one, np.arange(5)[::-1])
    one = geometry.mirrored(one) if way == "mirrored" else one
    given = geometry.seen(one, flatter=way == "flatter")
    truth, slope = given.truth, -0.4 if way == "mirrored" else 0.4
    assert given.video.shape == (1, 5, 3, 48 if way == "flatter" else 64, 48)
    world = in_world(truth.points, truth.camera_to_first)[truth.surface]
    distance = world[:, 2] - slope * world[:, 0]
    torch.testing.assert_close(distance, torch.full_like(distance, float(distance[0])), atol=1e-4, rtol=0)
    # what a pixel shows stands where its point is: blue is depth in the camera
    blue = (given.video[0, :, 2] + 1) * 127.5 / 40
    assert float((blue - truth.points[0, ..., 2])[truth.surface[0]].abs().max()) < 1 / 40 + 1e-3
    assert float(truth.points[..., 2].max()) == pytest.approx(float(truth.points[..., 2][truth.surface].max()))


def test_a_mirrored_picture_sees_mirrored_points() -> None:
    one = clip(3)
    truth, other = (geometry.seen(c).truth for c in (one, geometry.mirrored(one)))
    flipped = other.points.flip(3) * torch.tensor([-1.0, 1, 1])
    torch.testing.assert_close(flipped, truth.points)
    assert float(other.camera_to_first[0, 2, 0, 3]) == pytest.approx(-float(truth.camera_to_first[0, 2, 0, 3]))


def test_a_batch_is_a_pure_function_of_its_generator_and_has_one_to_eight_frames() -> None:
    pool, objective = [clip(17, height=64), clip(17, height=64)], geometry.Objective(batch=2)
    shapes = set()
    for step in range(60):
        one, same = (geometry.batch(pool, objective, draws(0, step, 0)[1]) for _ in range(2))
        assert torch.equal(one.video, same.video)
        assert torch.equal(one.truth.camera_to_first, same.truth.camera_to_first)
        shapes.add(tuple(one.video.shape))
    assert {shape[1] for shape in shapes} == set(range(1, 9))
    assert {shape[3] for shape in shapes} == {48, 64}


def test_through_time_is_what_inference_sees_by_the_same_rule() -> None:
    network, video = tiny(), torch.rand(2, 3, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for rule in ("cut3r", "ttt3r"):
        guess = geometry.through_time(network, video, rule)
        for clip_, points, confidence, pose in zip(video, guess.points, guess.confidence, guess.pose, strict=True):
            there = ttt3r.estimate(network, clip_, rule)
            torch.testing.assert_close(points, there.points, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(confidence, there.confidence, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(pose, there.pose, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 8])
def test_a_clip_of_one_frame_and_one_of_eight_teach_all_that_images_need(frames: int) -> None:
    network, one = tiny(), clip(frames)
    objective = geometry.Objective(batch=1, frames=frames)
    task = geometry.task(network, [one], [one], objective)
    step = next(k for k in range(100) if geometry.batch([one], objective, draws(0, k, 0)[1]).video.shape[1] == frames)
    losses = task.loss(network, step, draws(0, step, 0)[1])
    losses["loss"].backward()  # type: ignore[no-untyped-call]
    untaught = {name for name, p in network.named_parameters() if p.grad is None or not bool(p.grad.any())}
    parts = {name.split(".")[0] for name in untaught}
    assert not parts & {"patch_embed", "enc_blocks", "dec_blocks", "decoder_embed", "pose_token"}
    assert ("pose_retriever" in {n.split(".")[0] for n, p in network.named_parameters() if p.grad is not None}) == (
        frames > 1
    )
    assert all(value.isfinite() for value in losses.values())
    assert task.evaluate(network).keys() == {"log_depth", "delta", "focal", "rotation", "translation"}


def test_measures_know_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    one = clip(9)
    chosen = geometry.taken(one, np.array([0, 3, 5, 8]))
    points = geometry.unprojected(chosen.depth.clamp_max(10), chosen.K)
    right = ttt3r.Estimate(3 * points, points[..., 0], torch.zeros(4, 7), chosen.camera_to_world)
    monkeypatch.setattr(ttt3r, "estimate", lambda *_: right)
    found = geometry.measure(tiny(), chosen)
    assert found["delta"] == 1
    assert found["log_depth"] == pytest.approx(0, abs=1e-6)
    assert found["focal"] == pytest.approx(0, abs=0.01)
    assert found["rotation"] == pytest.approx(0, abs=1e-3)
    assert found["translation"] == pytest.approx(0, abs=1e-6)
    halves = points.clone()
    halves[..., 24:, :] *= 1.5
    monkeypatch.setattr(ttt3r, "estimate", lambda *_: replace(right, points=halves))
    assert geometry.measure(tiny(), chosen)["delta"] == pytest.approx(0.5, abs=0.01)


def test_the_plans_fit_into_a_file_that_is_shipped() -> None:
    for plan in configs.GEOMETRY.values():
        with torch.device("meta"):
            network = TTT3R(ttt3r.TTT3RConfig(**plan.network))
        assert 2 * sum(p.numel() for p in network.parameters()) < 16 * 2**20 - 2**16
        assert plan.network["img_size"] == (plan.footage.height, plan.footage.width)


def test_what_is_saved_is_loaded_to_the_last_bit_of_float16(tmp_path: Path) -> None:
    network = tiny()
    geometry.task(network, [clip(1)], [clip(1)], geometry.Objective()).save(network, tmp_path)
    path = tmp_path / geometry.FILE
    read = weights.load(path)
    assert list(read.config.img_size) == [32, 48]
    for (name, value), (other, kept) in zip(network.named_parameters(), read.named_parameters(), strict=True):
        assert name == other
        assert kept.dtype == torch.float32
        assert torch.equal(kept, value.detach().half().float())
    weights.verify(path)
    assert about(path)["licence"] == "CC0-1.0"
    assert path.stat().st_size < 2.2 * sum(p.numel() for p in network.parameters()) + 100_000


@pytest.mark.slow
def test_a_clip_is_learned_by_heart_and_the_source_mini_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = clip(6)
    task = geometry.task(tiny(), [one], [one], geometry.Objective(batch=1, frames=3))
    before = task.evaluate(task.network)
    options = Options(steps=150, lr=4e-3, warmup=10, ema=0.9, report_every=20, evaluate_every=75, checkpoint_every=75)
    train(task, options, tmp_path / "out")
    after = curves.read(tmp_path / "out" / curves.HELD_OUT)[-1]
    assert after["log_depth"] < before["log_depth"] / 3
    assert after["delta"] > 0.95
    assert (tmp_path / "out" / "sheets" / f"{options.steps:08d}.png").exists()

    monkeypatch.setattr(mini, "FOLDER", tmp_path / "out" / "best")
    found = sources.load("mini")(one.rgb[:2].numpy(), None)
    surface = one.depth[:2].isfinite().numpy()
    ratio = np.log(found.depth[surface] / one.depth[:2].numpy()[surface])
    assert np.abs(ratio - np.median(ratio)).mean() < 2 * after["log_depth"] + 0.02
    assert found.camera_to_world is not None
    assert found.focal is not None


@pytest.mark.slow
def test_mini_is_a_source_like_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mini, "FOLDER", tmp_path)
    parameters = dict(tiny().named_parameters())
    weights.write(parameters, tmp_path / geometry.FILE, "CC0-1.0", "test", tiny().config, torch.float16)
    assert ("mini", True, "") in sources.status()
    image = tmp_path / "wall.png"
    Image.fromarray(clip(1, 48, 64).rgb[0].numpy()).save(image)
    seen = ["geometry", "--image", str(image), "--focal", "40px", "--geometry", "mini", "--out", str(tmp_path / "seen")]
    assert main(seen) == 0
    assert json.loads((tmp_path / "seen" / "geometry.json").read_text("utf-8"))["source"] == "mini"
    assert sources.recipe("mini") == ["mini", VERSION, about(tmp_path / geometry.FILE)["digest"]]

    write_cameras(tmp_path / "cameras.npz", straight_path(5))
    words = ["--image", str(image), "--cameras", str(tmp_path / "cameras.npz"), "--store", str(tmp_path / "store")]
    more = ["--geometry", "mini", "--cache-steps", "0", "--chunk-frames", "5", "--context-frames", "1"]
    assert main(["generate", *words, *more, "--out", str(tmp_path / "walk")]) == 0
    assert len(list((tmp_path / "walk").glob("frames/*.png"))) == 5


def test_the_source_says_where_its_file_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mini, "FOLDER", tmp_path)
    assert sources.recipe("mini") == ["mini", VERSION, ""]
    Image.new("RGB", (96, 64)).save(tmp_path / "grey.png")
    said = ["geometry", "--image", str(tmp_path / "grey.png"), "--geometry", "mini", "--out", str(tmp_path / "seen")]
    assert main(said) == 1
    told = capsys.readouterr().err.strip()
    assert len(told.splitlines()) == 1
    assert "geometry.safetensors" in told
    assert "install worldwarp again" in told
    assert ("mini", False) in [(name, usable) for name, usable, _ in sources.status()]


def test_the_command_trains_it_and_has_no_full_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "geometry", "--config", "wan", "--out", str(tmp_path / "out")]) == 1
    assert "smoke, mini" in capsys.readouterr().err
