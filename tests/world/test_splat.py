"""``gaussians.splat`` as its viewers read it: 32 bytes a Gaussian, by their own few lines."""

import struct

import numpy as np
import torch
from worldwarp.cache.gaussians import GaussianCache
from worldwarp.world.gaussians import encode_gaussians
from worldwarp.world.splat import encode_splat


def some(count: int) -> GaussianCache:
    draw = torch.Generator().manual_seed(4)
    return GaussianCache(
        means=torch.randn(count, 3, generator=draw),
        quats=torch.randn(count, 4, generator=draw) * 3,
        scales=torch.rand(count, 3, generator=draw) + 0.01,
        opacities=torch.rand(count, generator=draw) * 0.9 + 0.05,
        colours=torch.rand(count, 3, generator=draw) * 1.2 - 0.1,  # a fit may leave the range
        provenance=torch.zeros(count, dtype=torch.uint8),
        sky=torch.zeros(count, dtype=torch.bool),
    )


def read(data: bytes) -> list[tuple]:
    """As the published viewer does: ``3f 3f 4B 4B``, quaternion (byte - 128) / 128."""
    assert len(data) % 32 == 0
    return [struct.unpack_from("<3f3f4B4B", data, at) for at in range(0, len(data), 32)]


def test_a_viewer_reads_what_was_fitted_the_largest_and_most_opaque_first() -> None:
    g = some(50)
    rows = read(encode_splat(encode_gaussians(g)))
    size = (g.scales.prod(1) * g.opacities).double().numpy()
    order = np.argsort(-size)
    assert len(rows) == 50
    for row, i in zip(rows, order, strict=True):
        np.testing.assert_allclose(row[:3], g.means[i], rtol=1e-6)
        np.testing.assert_allclose(row[3:6], g.scales[i], rtol=1e-5)
        np.testing.assert_allclose(np.array(row[6:9]) / 255, g.colours[i].clip(0, 1), atol=0.51 / 255)
        np.testing.assert_allclose(row[9] / 255, g.opacities[i], atol=0.51 / 255)
        turned = (np.array(row[10:]) - 128) / 128
        unit = (g.quats[i] / g.quats[i].norm()).numpy()
        np.testing.assert_allclose(turned, unit, atol=0.009)


def test_a_scene_of_nothing_is_an_empty_file() -> None:
    assert encode_splat(encode_gaussians(some(0))) == b""
