"""One Gaussian scene of all frames: it shows them, keeps its cap, and viewers can read its file."""

import dataclasses
import io

import numpy as np
import plyfile
import pytest
import torch
from worldwarp import shots
from worldwarp.cache.gaussians import GaussianCache
from worldwarp.generate import run
from worldwarp.masks import grown
from worldwarp.store import Store
from worldwarp.world import gaussians
from worldwarp.world.cloud import merged
from worldwarp.world.frames import committed
from worldwarp_protocol.messages import Settings
from worldwarp_protocol.results import ChunkRecord

from tests.cache import scene

from .worlds import quiet, world


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    frames, _ = world(tmp_path_factory.mktemp("store"), frames=4, width=64, height=48)
    points = merged(frames, quiet)
    return frames, points, gaussians.fitted(frames, points, 3, quiet, cap=3000, steps=100)


def test_the_fit_gains_and_keeps_the_cap(fitted):
    _, _, found = fitted
    assert found.psnr > found.psnr_before + 4
    assert found.psnr > 23
    assert found.worst <= found.psnr
    assert 1000 < len(found.gaussians.means) <= 3000
    assert found.gaussians.sky.any()


def test_its_psnr_is_that_of_the_frames(fitted):
    frames, _, found = fitted
    again = gaussians.psnrs(found.gaussians, frames, quiet)
    assert np.mean(again) == pytest.approx(found.psnr, abs=1e-9)
    elsewhere = type(frames)(frames.store, frames.keys, dataclasses.replace(frames.cameras, K=1.1 * frames.cameras.K))
    assert np.mean(gaussians.psnrs(found.gaussians, elsewhere, quiet)) < found.psnr - 2


def test_the_same_seed_gives_the_same_bits(fitted):
    frames, points, _ = fitted
    a, b = (gaussians.fitted(frames, points, 3, quiet, cap=1500, steps=3).gaussians for _ in range(2))
    assert torch.equal(a.means, b.means)
    assert torch.equal(a.colours, b.colours)


def test_no_gaussian_has_the_colour_of_what_was_left_out(tmp_path):
    """A magenta person in the picture, by the real loop: not as a surface, not on the shell, not by the fit."""
    cameras = scene.path(5, 64, 48, reach=0.3)
    view, person = scene.view(cameras, 0), scene.picture(cameras, 0).surface == 5
    view.rgb[grown(person, 1)] = (255, 0, 255)
    settings = Settings(chunk_frames=5, context_frames=1, cache_steps=3)
    shot, _ = shots.prepare("m", view.rgb[None], view.depth[None], cameras, settings, mask=person[None])
    store = Store(tmp_path)
    records = [ChunkRecord(m.key, m.digest, m.first, m.count) for m, _ in run(shot, store, quiet)]
    frames = committed(store, records)
    assert not np.isinf(frames.solid(0)[1][person]).any()
    found = gaussians.fitted(frames, merged(frames, quiet), 3, quiet, cap=3000, steps=60)
    assert found.gaussians.sky.any()
    assert (found.gaussians.colours - torch.tensor([1.0, 0, 1])).abs().amax(dim=1).min() > 0.4
    assert found.psnr > found.psnr_before  # of what is known


def one(scale=(0.1, 0.2, 0.3)):
    return GaussianCache(
        means=torch.tensor([[1.0, 2, 3]]),
        quats=torch.tensor([[2.0, 0, 0, 0]]),
        scales=torch.tensor([scale]),
        opacities=torch.tensor([0.8]),
        colours=torch.tensor([[0.5, 1.0, 0.0]]),
        provenance=torch.zeros(1, dtype=torch.uint8),
        sky=torch.zeros(1, dtype=torch.bool),
    )


def test_the_file_has_the_layout_of_the_release():
    data = gaussians.encode_gaussians(one())
    vertex = plyfile.PlyData.read(io.BytesIO(data))["vertex"]
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    names += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    assert [p.name for p in vertex.properties] == names
    row = [float(vertex[name][0]) for name in names]
    dc = 0.5 / 0.28209479
    truth = [1, 2, 3, 0, 0, 0, 0, dc, -dc, np.log(4), np.log(0.1), np.log(0.2), np.log(0.3), 1, 0, 0, 0]
    assert np.allclose(row, truth, atol=1e-6)
    body = data.partition(b"end_header\n")[2]  # and without any reader of PLY
    assert np.allclose(np.frombuffer(body, "<f4"), truth, atol=1e-6)
