"""Tears, patches, hiding and mixed pixels, each where the answer is known."""

import numpy as np
import torch
from worldwarp.cache.arbitrate import visible
from worldwarp.cache.priors import main_disparity
from worldwarp.cache.rasterise import rotations
from worldwarp.cache.surface import disparity, patches, quaternions, silhouettes
from worldwarp.cameras.cameras import pixel_rays

K = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
WIDTH, HEIGHT = 64, 48


def plane(normal: list[float], distance: float) -> np.ndarray:
    """Planar depth of the plane normal . x = distance in camera axes."""
    return distance / (pixel_rays(K, WIDTH, HEIGHT) @ np.array(normal))


def test_a_slanted_plane_is_whole():
    depth = plane([0.0, 0.8, 0.45], 1.5)
    assert depth.max() / depth.min() > 4
    near, far = silhouettes(disparity(depth))
    assert not near.any()
    assert not far.any()


def test_a_step_is_torn_along_its_edge():
    depth = np.full((HEIGHT, WIDTH), 4.0)
    depth[10:20, 30:40] = 2.0
    near, far = silhouettes(disparity(depth))
    inner = np.zeros_like(near)
    inner[10:20, 30:40] = True
    inner[11:19, 31:39] = False
    outer = np.zeros_like(far)
    outer[9, 30:40] = outer[20, 30:40] = outer[10:20, 29] = outer[10:20, 40] = True
    np.testing.assert_array_equal(near, inner)
    np.testing.assert_array_equal(far, outer)


def test_sky_is_torn_from_what_stands_before_it():
    depth = np.full((HEIGHT, WIDTH), np.inf)
    depth[20:] = 5.0
    near, far = silhouettes(disparity(depth))
    assert near[20].all()
    assert far[19].all()
    assert near.sum() + far.sum() == 2 * WIDTH


def test_patches_lie_in_the_plane_and_look_round_from_where_they_were_seen():
    normal = np.array([0.3, 0.5, 0.8]) / np.linalg.norm([0.3, 0.5, 0.8])
    depth = plane(list(normal), 2.0)
    axes, size = patches(depth, K)
    np.testing.assert_allclose(np.abs(axes[..., 2] @ normal), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(axes), 1, atol=1e-9)
    # projected to the image the two axes give the covariance of a circle of one pixel
    rays = pixel_rays(K, WIDTH, HEIGHT)
    J = np.zeros((HEIGHT, WIDTH, 2, 3))
    J[..., 0, 0], J[..., 1, 1] = K[0, 0] / depth, K[1, 1] / depth
    J[..., 0, 2], J[..., 1, 2] = -K[0, 0] * rays[..., 0] / depth, -K[1, 1] * rays[..., 1] / depth
    edges = J @ axes[..., :2] * size[..., None, :2]
    round_ones = edges @ np.swapaxes(edges, -1, -2)
    np.testing.assert_allclose(round_ones, np.broadcast_to(np.eye(2), round_ones.shape), atol=1e-2)


def test_quaternions_are_the_rotations():
    draw = torch.Generator().manual_seed(0)
    R = rotations(torch.randn(200, 4, dtype=torch.float64, generator=draw)).numpy()
    half_turns = np.stack([np.diag(d) for d in ([1.0, -1, -1], [-1.0, 1, -1], [-1.0, -1, 1], [1.0, 1, 1])])
    R = np.concatenate([R, half_turns])
    np.testing.assert_allclose(rotations(torch.from_numpy(quaternions(R))).numpy(), R, atol=1e-12)


def shown_of_sheet_behind(columns: list[int]) -> np.ndarray:
    """(H, W): what shows of a sheet at depth 4 behind one at depth 2 that has these columns; all of that one shows."""

    def sheet(z: float, columns: list[int]) -> torch.Tensor:
        u, v = np.meshgrid(np.array(columns) + 0.5, np.arange(HEIGHT) + 0.5)
        rays = np.stack([(u - 32) / 50, (v - 24) / 50, np.ones_like(u)], -1).reshape(-1, 3)
        return torch.tensor(rays * z)

    front, back = sheet(2.0, columns), sheet(4.0, list(range(WIDTH)))
    means = torch.cat([back, front])
    scales = 0.45 * means[:, 2:] / 50 * torch.ones(1, 3)
    quats = torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64).expand(len(means), 4)
    shown = visible(means, quats, scales, K, np.eye(4), WIDTH, HEIGHT).numpy()
    assert shown[len(back) :].all()
    return shown[: len(back)].reshape(HEIGHT, WIDTH)


def test_a_surface_hides_what_is_behind_it_and_only_that():
    behind = shown_of_sheet_behind(list(range(32)))
    assert not behind[:, :31].any()
    assert behind[:, 32:].all()


def test_nothing_shines_through_a_crack_but_through_a_gap():
    """Fitting shrinks Gaussians at sharp edges, and a camera that comes closer pulls them apart."""
    cracked = shown_of_sheet_behind([c for c in range(40) if c not in (12, 13)])
    assert not cracked[:, :39].any()
    gaping = shown_of_sheet_behind([c for c in range(40) if not 10 <= c < 16])
    assert gaping[:, 11:15].all()


def test_of_two_surfaces_in_a_pixel_the_larger_gives_the_depth():
    for share in (0.7, 0.85, 0.98):
        weights, values = np.array([share, 1 - share]), np.array([0.25, 0.5])
        moments = np.array([(weights * values**power).sum() for power in (1, 2, 3)])
        for flipped in (False, True):
            if flipped:
                moments = np.array([(weights[::-1] * values**power).sum() for power in (1, 2, 3)])
            found, believed = main_disparity(moments, np.asarray(0.0))
            assert believed
            np.testing.assert_allclose(found, 0.5 if flipped else 0.25, rtol=1e-6)
    even = np.array([(0.5 * np.array([0.25, 0.5]) ** power).sum() for power in (1, 2, 3)])
    assert not main_disparity(even, np.asarray(0.0))[1]
