"""Sources: what is missing is said, depth comes back at the pictures' own size, and the loop runs on it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worldwarp import mini
from worldwarp.cache.gaussians import initialise
from worldwarp.cache.priors import render_priors
from worldwarp.cameras import Cameras
from worldwarp.geometry import checkpoint, depth_anything, pictures, sources, views
from worldwarp.geometry.alignment import geometry_of
from worldwarp.geometry.ttt3r import Estimate as Seen
from worldwarp.nouns import Provenance, View
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from .goldens import tiny_network

SIZES = [(96, 64), (128, 72), (64, 64), (72, 128)]
"""3:2, 16:9, 1:1, 9:16."""


def still(width, height, count=1):
    """Cameras that stand still."""
    K = np.array([[0.9 * width, 0, width / 2], [0, 0.9 * width, height / 2], [0, 0, 1.0]])
    return Cameras(np.repeat(K[None], count, 0), np.repeat(np.eye(4)[None], count, 0), width, height, np.arange(count))


def clip(width, height, count=1):
    """Frames whose red is their distance: 2 to 4.55 units, a slope; and that depth."""
    y, x = np.mgrid[:height, :width]
    red = (40 + 120 * y / height + 60 * x / width).astype(np.uint8)
    frames = np.stack([red, 255 - red, 0 * red], axis=-1)[None].repeat(count, 0)
    return frames, (2 + frames[..., 0] / 100).astype(np.float32)


def reads_the_red(_network, stream, frames, *_others):
    """In place of ``advance``: depth is exact where the picture comes through undistorted."""
    z = 2 + (frames[:, 0] / 2 + 0.5) * 2.55
    points = torch.stack([0 * z, 0 * z, z], -1)
    return Seen(points, 1 + 0 * z, torch.zeros(len(frames), 7), torch.eye(4)[None].repeat(len(frames), 1, 1)), stream


def as_views(frames):
    kinds = np.full(frames.shape[1:3], Provenance.PICTURE, np.uint8)
    return [View(i, frame, None, kinds) for i, frame in enumerate(frames)]


@pytest.mark.parametrize("size", SIZES)
def test_with_a_camera_that_stands_still_every_pixel_is_known(size, monkeypatch):
    monkeypatch.setattr(pictures, "advance", reads_the_red)
    monkeypatch.setattr(pictures, "focal", lambda _points: torch.tensor(60.0))
    monkeypatch.setattr(sources, "load", lambda _name: sources.ttt3r(tiny_network()))
    frames, truth = clip(*size)
    cameras, history = still(*size), as_views(frames)
    geometry = views.geometry(history, cameras, Settings(geometry="ttt3r"))
    assert np.abs(geometry.depth / truth - 1).max() < 0.02
    cache = initialise(history, geometry, cameras)
    priors = render_priors(cache, history, cameras, geometry, cameras, lambda *_: None)
    assert priors.valid.all()
    assert np.abs(priors.depth / truth - 1).max() < 0.03


@pytest.mark.parametrize("size", SIZES)
def test_the_network_s_depth_comes_back_at_the_pictures_own_size(size):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, size[1], size[0], 3), np.uint8)
    found = sources.ttt3r(tiny_network())(frames, None)
    assert found.depth.shape == found.confidence.shape == (2, size[1], size[0])
    assert found.camera_to_world.shape == (2, 4, 4)
    assert found.camera_to_world.dtype == found.focal.dtype == np.float64
    assert not found.affine
    geometry = geometry_of(sources.ttt3r(tiny_network()), as_views(frames), still(*size, 2), Settings(depth_scale=3.0))
    assert (geometry.depth > 0).all()  # also where random weights put points behind the camera
    assert all(np.isfinite(value) for value in geometry.residuals.values() if isinstance(value, float))


def tiny_depth_anything():
    """The class from transformers with random weights."""
    transformers = pytest.importorskip("transformers", reason="the extra 'depth' is not installed")
    backbone = {
        "model_type": "dinov2",
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
        "reshape_hidden_states": False,
        "apply_layernorm": True,
    }
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 16, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = transformers.DepthAnythingForDepthEstimation(config)
    network.head.conv3.bias.data += 1  # random weights leave disparity around zero
    return network


@pytest.mark.parametrize("size", SIZES)
def test_depth_anything_gives_every_pixel_a_disparity(size):
    frames = np.random.default_rng(0).integers(0, 256, (2, size[1], size[0], 3), np.uint8)
    source = depth_anything.source(tiny_depth_anything(), short_side=56)
    found = source(frames, None)
    assert found.affine
    assert found.depth.shape == (2, size[1], size[0])
    assert (found.depth > 0).all()
    assert np.array_equal(found.depth[1], source(frames[1:], None).depth[0])  # picture by picture
    geometry = geometry_of(source, as_views(frames), still(*size, 2), Settings(depth_scale=3.0))
    assert np.median(geometry.depth[0]) == pytest.approx(3, rel=0.02)


def test_depth_anything_is_read_from_a_folder_on_this_machine(monkeypatch, tmp_path):
    network = tiny_depth_anything()
    monkeypatch.setattr(depth_anything, "default_root", lambda: tmp_path / "store")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    place = tmp_path / "weights" / "Depth-Anything-V2-Small-hf"
    network.save_pretrained(place)
    assert depth_anything.missing() == ""
    before = sources.recipe("depth-anything")
    loaded = depth_anything.load()
    frames, _ = clip(96, 64)
    assert np.array_equal(loaded(frames, None).depth, depth_anything.source(network)(frames, None).depth)
    (place / "config.json").write_text((place / "config.json").read_text("utf-8") + " ", "utf-8")
    assert sources.recipe("depth-anything") != before


def test_depth_anything_sees_pictures_as_it_was_trained():
    assert depth_anything.input_size((720, 480)) == (784, 518)
    assert depth_anything.input_size((2000, 1000)) == (1036, 518)
    assert depth_anything.input_size((576, 576)) == (518, 518)
    grey = np.full((48, 72, 3), 124, np.uint8)
    pixels = depth_anything.network_input(grey)
    assert pixels.shape == (3, 350, 518)
    expected = (124 / 255 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    assert np.allclose(pixels, expected[:, None, None], atol=1e-5)


def test_disparity_keeps_its_place_and_its_sky():
    height, width = 40, 60
    x = (np.arange(2 * width) + 0.5) / 2
    disparity = np.broadcast_to(0.5 + 0.01 * x, (2 * height, 2 * width)).astype(np.float32).copy()
    disparity[:20] = 0
    depth = depth_anything.depth_of(disparity, (width, height))
    assert np.isinf(depth[:9]).all()
    assert np.median(depth[11:]) == pytest.approx(1, rel=0.01)
    truth = 0.5 + 0.01 * (np.arange(width) + 0.5)
    assert np.allclose(1 / depth[11:], truth / truth[width // 2], rtol=0.01)
    assert np.ptp(depth[11:] * truth) < 1e-4


def test_missing_weights_are_named_with_size_licence_and_command(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "default_root", lambda: tmp_path / "store")
    monkeypatch.setattr(depth_anything, "default_root", lambda: tmp_path / "store")
    monkeypatch.setattr(depth_anything, "folder", lambda: None)
    monkeypatch.setattr(mini, "FOLDER", tmp_path / "mini")
    status = {name: (available, sentence) for name, available, sentence in sources.status()}
    assert status["given"] == (True, "")
    wanted = {"ttt3r": ["cut3r_512_dpt_4_64.pth", "3.2 GB", "non-commercial", "`worldwarp weights"]}
    wanted["mini"] = ["geometry.safetensors", "not in this installation"]
    wanted["depth-anything"] = ["model.safetensors", "0.1 GB", "Apache-2.0", "`worldwarp weights get"]
    for name, words in wanted.items():
        with pytest.raises(InvalidShot, match=r"settings.geometry: .* cannot be used here") as caught:
            sources.check(name)
        assert all(word in caught.value.text for word in words)
        assert not status[name][0]
        assert sources.recipe(name)[2] == ""
    with pytest.raises(InvalidShot, match="There is no source 'zoe'; choose one of given, ttt3r, depth-anything, mini"):
        sources.check("zoe")
    with pytest.raises(InvalidShot, match=r"depth: is missing"):
        sources.load("given")


def test_depth_that_is_there_is_not_estimated():
    frames, truth = clip(64, 48, 2)
    history = [replace(view, depth=truth[view.index]) for view in as_views(frames)]
    geometry = views.geometry(history, still(64, 48, 2), Settings(geometry="ttt3r"))
    assert np.array_equal(geometry.depth, truth)
    assert geometry.residuals == {}


def test_other_weights_are_another_network(monkeypatch):
    read = []
    monkeypatch.setattr(sources, "_missing", lambda name: "")  # noqa: ARG005
    monkeypatch.setattr(depth_anything, "load", lambda: read.append(1) or (lambda frames, K: None))  # noqa: ARG005
    sources._loaded.cache_clear()
    for digest, times in (("a", 1), ("a", 1), ("b", 2)):
        monkeypatch.setattr(depth_anything, "digest", lambda digest=digest: digest)
        sources.load("depth-anything")
        assert len(read) == times
    sources._loaded.cache_clear()
