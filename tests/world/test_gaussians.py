"""One Gaussian scene of all frames: it shows them, keeps its cap, and viewers can read its file."""

import dataclasses
import io

import numpy as np
import plyfile
import pytest
import torch
from worldwarp.cache.gaussians import GaussianCache
from worldwarp.world import gaussians
from worldwarp.world.cloud import merged

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
