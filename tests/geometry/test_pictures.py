"""Pictures of any size have depth in every pixel, whatever their proportions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worldwarp.geometry.focal import focal
from worldwarp.geometry.pictures import picture_geometry
from worldwarp.geometry.sizing import crop_of, network_input
from worldwarp.geometry.ttt3r import advance, begin, estimate

from .goldens import load, tiny_network

SIZES = [(72, 48), (96, 54), (60, 60), (54, 96), (64, 48)]
"""3:2, 16:9, 1:1, 9:16, and 4:3 of the network's own size, whose long edge is 64."""


def pictures(width, height, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_in_front_has_depth(size):
    network, clip = tiny_network(), pictures(*size)
    found, stream = picture_geometry(network, begin(network), clip)
    assert found.depth.shape == found.confidence.shape == clip.shape[:3]
    crop = crop_of(size, 64)
    points = estimate(network, torch.from_numpy(np.stack([network_input(p, crop) for p in clip]))).points
    behind = (points[..., 2] <= 0).float().mean()  # random weights put some points there
    assert np.isnan(found.depth).mean() < 2 * behind + 0.02
    assert np.array_equal(found.confidence > 0, ~np.isnan(found.depth))
    assert (found.depth[found.confidence > 0] > 0).all()
    assert stream.seen == 2


def test_a_picture_of_the_network_s_size_is_the_network_s_estimate():
    network, clip = tiny_network(), load("ttt3r_golden")["frames_uint8"]
    found, _ = picture_geometry(network, begin(network), clip)
    golden = load("ttt3r_golden")["ttt3r/pts3d_in_self_view"][..., 2]
    seen = ~np.isnan(found.depth)
    assert np.array_equal(seen, golden > 0)
    assert np.abs(found.depth / golden - 1)[seen].max() < 1e-3
    assert np.allclose(
        found.focal, focal(torch.from_numpy(load("ttt3r_golden")["ttt3r/pts3d_in_self_view"])), rtol=1e-3
    )


def test_further_looks_at_a_square_leave_the_stream_alone():
    network, clip = tiny_network(), pictures(60, 60)
    _, stream = picture_geometry(network, begin(network), clip)
    frames = torch.from_numpy(np.stack([network_input(p, crop_of((60, 60), 64)) for p in clip]))
    _, plain = advance(network, begin(network), frames)
    assert torch.equal(stream.state.tokens, plain.state.tokens)
    assert replace(stream, state=plain.state).seen == plain.seen


def test_a_focal_length_is_in_the_picture_s_pixels():
    network, clip = tiny_network(), load("ttt3r_golden")["frames_uint8"][:1]
    own, _ = picture_geometry(network, begin(network), clip)
    doubled, _ = picture_geometry(network, begin(network), clip.repeat(2, 1).repeat(2, 2))
    assert doubled.focal[0] / own.focal[0] == pytest.approx(2, rel=0.2)
