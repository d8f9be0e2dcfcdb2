"""Points of one size against scenes whose depth is known exactly, ray-cast in float64."""

from importlib import import_module

import numpy as np
import pytest
import torch
from worldwarp.cache.splat import one_to_all, splat, unprojected, winners
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project, unproject

from .scene import Picture, path, picture, trace

K = np.array([[40.0, 0, 16], [0, 40, 12], [0, 0, 1]])
HERE = np.eye(4)
WIDTH, HEIGHT = 32, 24


def at(u: float, v: float, z: float) -> list[float]:
    """The point that is seen at pixel (u, v), z away."""
    return [(u - 16) / 40 * z, (v - 12) / 40 * z, z]


def shot(points: list[list[float]], radius: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features are 1, 2, ... in the order of the points."""
    features = torch.arange(1, len(points) + 1)[:, None]
    return splat(torch.tensor(points, dtype=torch.float64), features, K, HERE, WIDTH, HEIGHT, radius)


@pytest.fixture(scope="module")
def cameras() -> Cameras:
    return path(17)


@pytest.fixture(scope="module")
def truth(cameras: Cameras) -> list[Picture]:
    return [picture(cameras, i, samples=1) for i in range(len(cameras))]


def warped(frame: Picture, cameras: Cameras, radius: float, source: int = 0) -> tuple[np.ndarray, ...]:
    """``one_to_all`` from camera ``source``; what each point is travels as its second and third channel."""
    seen = np.stack([frame.rgb[..., 0], frame.surface, frame.rgb[..., 2]], axis=-1)
    depth = torch.from_numpy(frame.depth)
    found = one_to_all(
        torch.from_numpy(seen), depth, cameras.K[source], cameras.camera_to_world[source], cameras, radius
    )
    return tuple(t.numpy() for t in found)


def test_a_point_covers_the_disc_around_it():
    for u, v, radius in ((10.5, 8.5, 0.5), (10.5, 8.5, 1.5), (10.2, 8.9, 2.3), (0.1, 23.8, 3.0), (10.0, 8.0, 0.75)):
        features, depth, covered = shot([at(u, v, 2.0)], radius)
        y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
        disc = np.hypot(x - u, y - v) < radius
        np.testing.assert_array_equal(covered.numpy(), disc)
        np.testing.assert_array_equal(features[..., 0].numpy(), disc)
        np.testing.assert_array_equal(depth.numpy(), np.where(disc, np.float32(2), np.inf))


def test_the_nearest_wins_whatever_the_order():
    points = [at(10.5, 8.5, 3.0), at(11.5, 8.5, 2.0), at(12.5, 8.5, 2.5)]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        _, depth, _ = shot([points[i] for i in order], 1.5)
        assert depth[8, 9:15].tolist() == [3.0, 2.0, 2.0, 2.0, 2.5, torch.inf]


def test_at_one_depth_the_closest_to_the_pixels_centre_wins_and_then_the_first():
    features, _, _ = shot([at(10.5, 8.5, 2.0), at(11.5, 8.5, 2.0), at(11.5, 8.5, 2.0)], 1.5)
    assert features[8, 9:13, 0].tolist() == [1, 1, 2, 2]


def test_within_the_tolerance_rank_decides():
    points = torch.tensor([at(10.5, 8.5, 2.0), at(10.5, 8.5, 2.05), at(10.5, 8.5, 2.3)], dtype=torch.float64)
    for tolerance, ranks, winner in (
        (0.0, (2, 1, 0), 0), (0.05, (2, 1, 0), 1), (0.2, (2, 1, 0), 2), (0.2, (0, 1, 2), 0),
    ):  # fmt: skip
        won = winners(points, K, HERE, WIDTH, HEIGHT, 0.5, torch.tensor(ranks), tolerance)
        assert won.point[8, 10] == winner
        assert won.nearest[8, 10] == 2.0
        assert won.depth[8, 10] == points[winner, 2]


def test_what_is_behind_the_camera_or_beside_the_image_or_unknown_is_not_seen():
    nowhere = [at(10.5, 8.5, -2.0), at(-4, 8, 2.0), at(40, 8, 2.0), [torch.nan] * 3, [1e30, 0, 1e-30], [0.0, 0, 0]]
    assert not shot(nowhere, 1.5)[2].any()
    assert not splat(torch.zeros(0, 3), torch.zeros(0, 2), K, HERE, WIDTH, HEIGHT)[2].any()


def test_a_direction_is_at_infinity_behind_everything_and_knows_no_parallax():
    there = [*at(10.5, 8.5, 1.0), 0.0]
    moved = HERE.copy()
    moved[:3, 3] = [5.0, -3.0, 2.0]
    points = torch.tensor([there, [*at(10.5, 8.5, 1e6), 1.0]], dtype=torch.float64)
    features = torch.tensor([[1], [2]])
    seen = splat(points[:1], features[:1], K, moved, WIDTH, HEIGHT, 0.5)
    assert seen.covered.nonzero().tolist() == [[8, 10]]
    assert seen.depth.isinf().all()
    assert splat(points, features, K, HERE, WIDTH, HEIGHT, 0.5).features[8, 10, 0] == 2
    assert not splat(points[:1], features[:1], K, np.diag([-1.0, 1, -1, 1]), WIDTH, HEIGHT, 0.5).covered.any()


def test_unprojecting_is_that_of_the_cameras(cameras: Cameras):
    depth = np.random.default_rng(0).uniform(1, 9, (80, 120))
    pose = cameras.camera_to_world[9]
    found = unprojected(torch.from_numpy(depth), cameras.K[9], pose).numpy()
    np.testing.assert_allclose(found[..., :3], unproject(depth, cameras.K[9], pose), atol=1e-12)
    assert (found[..., 3] == 1).all()


def test_the_source_itself_is_reproduced_to_the_bit(cameras: Cameras, truth: list[Picture]):
    for source in (0, 9):
        frame = truth[source]
        rgb = torch.from_numpy(np.rint(frame.rgb * 255).astype(np.uint8))
        depth = torch.from_numpy(frame.depth.astype(np.float32))
        own = cameras.K[source], cameras.camera_to_world[source]
        seen, valid, there = one_to_all(rgb, depth, *own, cameras[[source]], 0.5)
        assert valid.all()
        assert torch.equal(seen[0], rgb)
        assert torch.isfinite(there[0]).equal(torch.isfinite(depth))
        torch.testing.assert_close(there[0], depth, rtol=1e-6, atol=0)


def seen_from(cameras: Cameras, source: int, target: int, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of ``target`` whose surface ``source`` saw, and those whose surface something hid from it or that is
    outside its image."""
    points = unproject(np.where(np.isinf(depth), 1, depth), cameras.K[target], cameras.camera_to_world[target])
    origin = cameras.centres[source]
    hidden = trace(origin, points - origin)[0] < 1 - 1e-6
    pixels, z = project(points, cameras.K[source], cameras.world_to_camera[source])
    inside = (z > 0) & ((pixels > 0) & (pixels < [cameras.width, cameras.height])).all(axis=-1)
    solid = np.isfinite(depth)
    return solid & inside & ~hidden, solid & (hidden | ~inside)


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask and all within ``pixels`` of it, along both axes."""
    padded = np.pad(mask, pixels)
    side = 2 * pixels + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    return windows.any(axis=(-1, -2))


def test_another_view_sees_what_a_ray_cast_sees(cameras: Cameras, truth: list[Picture]):
    """Where the source saw the surface it is there, at its depth to a footprint; its nearer neighbours may reach over
    an edge by the radius, and no further."""
    seen, valid, depth = warped(truth[0], cameras, 1.5)
    for i in (4, 8, 16):
        frame = truth[i]
        visible, hidden = seen_from(cameras, 0, i, frame.depth)
        edges = np.zeros_like(visible)
        edges[:, 1:] |= frame.surface[:, 1:] != frame.surface[:, :-1]
        edges[1:] |= frame.surface[1:] != frame.surface[:-1]
        edges[0] = edges[-1] = edges[:, 0] = edges[:, -1] = True
        inner = visible & ~grown(edges | hidden, 3)
        assert inner.sum() > 1500
        assert (valid[i] & inner).sum() > 0.97 * inner.sum()
        shown = inner & valid[i]
        # nothing of another surface shows, whether before or behind this one
        assert (seen[i][..., 1] == frame.surface)[shown].mean() > 0.999
        # the point shown is within the radius, and the surface falls off by its slope over as many pixels
        near = np.stack([np.roll(frame.depth, (dy, dx), (0, 1)) for dy in (-2, 0, 2) for dx in (-2, 0, 2)])
        low, high = near.min(0), near.max(0)
        assert ((depth[i] > low - 1e-3) & (depth[i] < high + 1e-3))[shown].mean() > 0.999


def test_what_the_source_did_not_see_is_a_hole(cameras: Cameras, truth: list[Picture]):
    _, valid, depth = warped(truth[0], cameras, 1.5)
    holes = 0
    for i in (4, 8, 16):
        _, hidden = seen_from(cameras, 0, i, truth[i].depth)
        inner = hidden & ~grown(~hidden, 2)
        holes += inner.sum()
        # a surface that should hide what is seen here cannot have been seen through
        assert not (valid[i] & inner & (depth[i] > 1.02 * truth[i].depth)).any()
        assert (valid[i] & inner).sum() <= 0.01 * max(inner.sum(), 1)
        assert np.isinf(depth[i][~valid[i]]).all()
    assert holes > 300


def test_the_sky_turns_but_does_not_move(cameras: Cameras, truth: list[Picture]):
    """What shows is where it would be without parallax: each pixel has a direction within the radius of its own."""
    points = unprojected(torch.from_numpy(truth[0].depth), cameras.K[0], cameras.camera_to_world[0]).reshape(-1, 4)
    camera, sky = cameras[[6]], points[points[:, 3] == 0]
    seen = splat(sky, sky[:, :3], camera.K[0], camera.world_to_camera[0], camera.width, camera.height, 1.5)
    shown = seen.covered.numpy() & (truth[6].surface == 0)
    assert shown.sum() > 300
    assert seen.depth.isinf().all()
    turned = seen.features.numpy() @ camera.camera_to_world[0, :3, :3] @ camera.K[0].T
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    off = np.hypot(turned[..., 0] - u * turned[..., 2], turned[..., 1] - v * turned[..., 2])
    assert (off < 1.5 * turned[..., 2])[shown].all()


def test_same_bits_in_any_order_and_on_any_number_of_threads(cameras: Cameras, truth: list[Picture]):
    points = unprojected(torch.from_numpy(truth[0].depth), cameras.K[0], cameras.camera_to_world[0]).reshape(-1, 4)
    colours = torch.from_numpy(truth[0].rgb).reshape(-1, 3)
    shuffled = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))
    target = cameras.K[12], cameras.world_to_camera[12], cameras.width, cameras.height
    first = splat(points, colours, *target)
    again = splat(points[shuffled], colours[shuffled], *target)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = splat(points, colours, *target)
    finally:
        torch.set_num_threads(threads)
    for a, b, c in zip(first, again, alone, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_the_same(cameras: Cameras, truth: list[Picture]):
    depth, rgb = torch.from_numpy(truth[0].depth), torch.from_numpy(truth[0].rgb)
    here = one_to_all(rgb, depth, cameras.K[0], cameras.camera_to_world[0], cameras)
    there = one_to_all(rgb.cuda(), depth.cuda(), cameras.K[0], cameras.camera_to_world[0], cameras)
    for a, b in zip(here, there, strict=True):
        assert (a == b.cpu()).float().mean() > 0.999


def test_pytorch3d_covers_the_same_pixels_at_the_same_depth(cameras: Cameras, truth: list[Picture]):
    """Against its rasterizer of points, the first part of its PointsRenderer. Not run so far: it needs a compiled
    PyTorch3D, which no package index holds for this Python."""
    pytest.importorskip("pytorch3d")
    renderer = import_module("pytorch3d.renderer")
    side, radius = 64, 1.5
    lens = np.array([[60.0, 0, 32], [0, 60, 32], [0, 0, 1]])
    solid = torch.from_numpy(np.where(np.isinf(truth[0].depth), np.nan, truth[0].depth))
    points = unprojected(solid, cameras.K[0], cameras.camera_to_world[0]).reshape(-1, 4)
    points = points[~points.isnan().any(dim=1)][:, :3]
    pose = cameras.world_to_camera[10]
    own = splat(points, points, lens, pose, side, side, radius)
    convert = import_module("pytorch3d.utils").cameras_from_opencv_projection
    R, t = torch.from_numpy(pose[None, :3, :3]).float(), torch.from_numpy(pose[None, :3, 3]).float()
    camera = convert(R, t, torch.from_numpy(lens[None]).float(), torch.tensor([[side, side]]))
    settings = renderer.PointsRasterizationSettings(image_size=side, radius=2 * radius / side, points_per_pixel=1)
    cloud = import_module("pytorch3d.structures").Pointclouds(points=[points.float()])
    depth = renderer.PointsRasterizer(cameras=camera, raster_settings=settings)(cloud).zbuf[0, ..., 0]
    assert ((depth > 0) == own.covered).float().mean() > 0.999
    both = (depth > 0) & own.covered
    assert ((depth - own.depth).abs() < 1e-3)[both].float().mean() > 0.999
