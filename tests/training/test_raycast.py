"""The ray caster against closed forms, its own plain twin and itself seen from elsewhere."""

import numpy as np
import pytest
import torch
from worldwarp.training import rays
from worldwarp.training.clips import clip
from worldwarp.training.journeys import intrinsics, journey
from worldwarp.training.raycast import render
from worldwarp.training.scenes import scene
from worldwarp.training.solids import Form, Light, Material, Pattern, Scene, Sky, Solid, box, cylinder, sphere

WHITE = Material(Pattern.PLASTER, (0.5, 0.5, 0.5), (0, 0, 0))
MATT = Material(Pattern.STRIPES, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
HEIGHT, WIDTH = 24, 36
K = intrinsics(70, HEIGHT, WIDTH)


def holding(*solids: Solid, lights: tuple[Light, ...] = ()) -> Scene:
    sky = Sky((0.2, 0.3, 0.6), (0.7, 0.7, 0.8), (0.1, 0.2, 0.1), 3)
    return Scene("room", tuple((solid,) for solid in solids), lights, sky, ((0.2, 0.2, 0.2), (0.1, 0.1, 0.1)), ())


def looking(position: tuple[float, float, float], at: tuple[float, float, float]) -> np.ndarray:
    ahead = np.subtract(at, position) / np.linalg.norm(np.subtract(at, position))
    right = np.cross(ahead, [0, 0, 1]) / np.linalg.norm(np.cross(ahead, [0, 0, 1]))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.stack([right, np.cross(ahead, right), ahead], 1), position
    return pose


def directions(pose: np.ndarray) -> np.ndarray:
    """World directions (H, W, 3) of a view's pixels, whose camera z is 1."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(K).T @ pose[:3, :3].T


def depth_of(place: Scene, pose: np.ndarray, dtype: torch.dtype = torch.float64) -> np.ndarray:
    return render(place, pose[None], K[None], HEIGHT, WIDTH, dtype=dtype)[1][0].double().numpy()


def of_sphere(pose: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    d, o = directions(pose), pose[:3, 3] - centre
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), o @ o - radius**2
    root = b * b - a * c
    return np.where(root > 0, (-b - np.sqrt(root.clip(0))) / a, np.inf)


def of_box(pose: np.ndarray, centre: np.ndarray, half: np.ndarray, yaw: float) -> np.ndarray:
    """By the six planes of its faces: the nearest of the hits that lie within the face."""
    turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    d, o = directions(pose) @ turn.T, turn @ (pose[:3, 3] - centre)
    best = np.full(d.shape[:2], np.inf)
    for axis in range(3):
        for side in (-1, 1):
            t = (side * half[axis] - o[axis]) / d[..., axis]
            others = [i for i in range(3) if i != axis]
            on_face = (np.abs((o + t[..., None] * d)[..., others]) <= half[others]).all(-1)
            best = np.where(on_face & (t > 0) & (t < best), t, best)
    return best


POSES = [
    looking((0.3, -3, 1.4), (0, 0, 0.8)),
    looking((2.5, 1.7, 0.4), (0.1, 0.2, 1.1)),
    looking((-1, 4, 3), (0, 0, 0)),
]


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_depth_of_a_sphere_is_where_the_quadratic_has_its_root(
    pose: np.ndarray, dtype: torch.dtype, error: float
) -> None:
    found = depth_of(holding(sphere(0.2, 0.1, 0.9, 0.7, WHITE)), pose, dtype)
    truth = of_sphere(pose, np.array([0.2, 0.1, 0.9]), 0.7)
    both = np.isfinite(found) & np.isfinite(truth)
    assert both.sum() > 20
    assert (np.isfinite(found) != np.isfinite(truth)).sum() <= (0 if dtype == torch.float64 else 1)
    assert np.abs(found[both] - truth[both]).max() < error * 10


@pytest.mark.parametrize("pose", POSES)
def test_depth_of_a_turned_box_is_on_the_nearest_of_its_faces(pose: np.ndarray) -> None:
    centre, half = np.array([0.1, -0.2, 0.6]), np.array([0.5, 0.8, 0.4])
    found = depth_of(holding(Solid(Form.BOX, tuple(centre), tuple(half), WHITE, 0.6)), pose)
    np.testing.assert_allclose(found, of_box(pose, centre, half, 0.6), atol=1e-9)


def test_depth_of_a_floor_is_planar_and_not_along_the_ray() -> None:
    pose = looking((0, 0, 1.5), (0, 4, 0.5))
    found, down = depth_of(holding(box((-1e3, -1e3, -1), (1e3, 1e3, 0), WHITE)), pose), directions(pose)[..., 2]
    np.testing.assert_allclose(found, np.where(down < 0, -1.5 / down, np.inf), rtol=1e-9)


def test_a_cylinder_is_hit_on_its_side_and_on_its_cap() -> None:
    pole = holding(cylinder(0, 0, 0, 1, 0.5, WHITE))
    solids = rays.pack(pole, "cpu", torch.float64)
    origin = torch.tensor([[3.0, 0.2, 3.0], [0, 0.1, 0.6], [0.5, 4, 0.5]], dtype=torch.float64)
    direction = torch.tensor([[-1.0, 0, -1], [0, 0, 0], [0, -1, 0]], dtype=torch.float64)
    t, which = rays.nearest(solids, origin, direction)
    assert t.tolist() == pytest.approx([2.5, 3.0, float("inf")])
    assert which.tolist() == [0, 0, -1]


@pytest.mark.parametrize("seed", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kernels_and_plain_torch_agree(seed: int, dtype: torch.dtype) -> None:
    place = scene(seed)
    kernel, plain = (rays.pack(place, "cpu", dtype, plain=p) for p in (False, True))
    generator = torch.Generator().manual_seed(0)
    origin = torch.rand(3, 3000, generator=generator, dtype=dtype) * torch.tensor([[4.0], [4], [2]], dtype=dtype)
    direction = torch.randn(3, 3000, generator=generator, dtype=dtype)
    (t, which), (u, whose) = (rays.nearest(s, origin, direction) for s in (kernel, plain))
    same = which == whose
    assert same.float().mean() > 0.995  # where solids touch, either is right
    torch.testing.assert_close(t, u, rtol=1e-4, atol=1e-4 if dtype == torch.float32 else 1e-9)
    first, second = (rays.blocked(s, origin, direction, 1.0) for s in (kernel, plain))
    assert (first == second).float().mean() > 0.999
    assert 0.05 < first.float().mean() < 0.95
    torch.testing.assert_close(
        rays.distance(kernel, origin, 0.5), rays.distance(plain, origin, 0.5), rtol=1e-4, atol=1e-4
    )


def test_distance_is_that_of_the_corner_the_edge_and_the_face() -> None:
    solids = rays.pack(holding(box((0, 0, 0), (1, 1, 1), WHITE), sphere(5, 0, 0, 1, WHITE)), "cpu", torch.float64)
    points = torch.tensor([[2.0, 0.5, 0.5, 3.5], [2, 2, 0.5, 0], [2, 2, 0.5, 0]], dtype=torch.float64)
    expected = [3**0.5, 2**0.5, -0.5, 0.5]
    assert rays.distance(solids, points).tolist() == pytest.approx(expected)


def test_float32_pictures_are_those_of_the_float64_twin() -> None:
    place = scene(2)
    poses, fov = journey(place, 2, 2)
    lens = np.tile(intrinsics(fov, 48, 72), (2, 1, 1))
    (rgb, depth), (twin, exact) = (render(place, poses, lens, 48, 72, dtype=t) for t in (torch.float32, torch.float64))
    assert ((rgb - twin).abs().amax(-1) < 2e-3).float().mean() > 0.99  # but for a few edges
    assert ((depth - exact).abs() <= 1e-4 * exact).float().mean() + exact.isinf().float().mean() > 0.998


def test_a_shadow_is_where_the_sun_is_hidden_and_nowhere_else() -> None:
    sun = (1.0, 0.0, 1.0)
    place = holding(box((-9, -9, -1), (9, 9, 0), MATT), sphere(0, 0, 2, 0.5, MATT), lights=(Light(sun, (1, 1, 1)),))
    pose = looking((-2, -4, 2.5), (-2, 0, 0))
    rgb, depth = render(place, pose[None], K[None], HEIGHT, WIDTH, dtype=torch.float64)
    points = pose[:3, 3] + depth[0].clamp_max(1e3).numpy()[..., None] * directions(pose)
    floor = (np.abs(points[..., 2]) < 1e-6) & (depth[0].numpy() < 6)  # beyond, pixels are blends with its rim
    away = points - [0, 0, 2]
    towards = np.array(sun) / 2**0.5
    aside = np.linalg.norm(away - (away @ towards)[..., None] * towards, axis=-1)
    light = -np.log(1 - rgb[0, ..., 0].numpy() ** 2.2)
    dark, lit = floor & (aside < 0.4), floor & (aside > 0.65)
    assert dark.sum() > 5
    np.testing.assert_allclose(light[dark], 0.5 * 0.2, rtol=1e-6)
    np.testing.assert_allclose(light[lit], 0.5 * (0.2 + 0.5**0.5), rtol=1e-6)


def test_a_window_shines_inward_only_and_fades_with_distance() -> None:
    lamp = Light((0, 0, 1), (1, 1, 1), 1e-6, (0, 1, 0))
    place = holding(box((-50, -50, -1), (50, 50, 0), MATT), lights=(lamp,))
    pose = looking((0, -9, 5), (0, 0, 0))
    rgb, depth = render(place, pose[None], K[None], HEIGHT, WIDTH, dtype=torch.float64)
    x, y, _ = np.moveaxis(pose[:3, 3] + depth[0].clamp_max(1e3).numpy()[..., None] * directions(pose), -1, 0)
    light = -np.log(1 - rgb[0, ..., 0].numpy() ** 2.2) / 0.5 - 0.2
    square, seen = x * x + y * y + 1, np.isfinite(depth[0].numpy())
    bright = seen & (y > 0.5) & (y < 4) & (np.abs(x) < 3)
    assert bright.sum() > 20
    np.testing.assert_allclose(light[bright], (y / square**2)[bright], atol=2e-2)
    assert np.abs(light[seen & (y < -0.5)]).max() < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_a_point_has_one_colour_from_wherever_it_is_seen(seed: int) -> None:
    shot = clip(seed, 5, 64, 96)
    lens, poses = shot.K[0].numpy(), shot.camera_to_world.numpy()
    depth = shot.depth.double()
    y, x = np.mgrid[:64, :96] + 0.5
    rays_out = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    points = (
        poses[2, :3, :3] @ (np.linalg.inv(lens) @ rays_out * depth[2].clamp_max(1e6).numpy().ravel()) + poses[2, :3, 3:]
    )
    sky = depth[2].isinf().numpy().ravel()
    u, v, z = lens @ (poses[0, :3, :3].T @ (np.where(sky, 0, points) - poses[0, :3, 3:]))
    i, j = (np.floor(a / np.where(z > 0, z, 1)).astype(int) for a in (v, u))
    inside = ~sky & (z > 0) & (i >= 0) & (i < 64) & (j >= 0) & (j < 96)
    i, j = np.where(inside, i, 0), np.where(inside, j, 0)
    same = inside & (np.abs(depth[0].clamp_max(1e6).numpy()[i, j] - z) < 0.02 * z)
    apart = np.abs(shot.rgb[0].numpy()[i, j].astype(int) - shot.rgb[2].numpy().reshape(-1, 3)).max(1)[same]
    assert same.mean() > 0.2
    assert np.median(apart) <= 4  # of 255; edges and textures lie up to half a pixel apart
    assert (apart < 32).mean() > 0.85
    shuffled = np.random.default_rng(0).permutation(same.sum())
    stray = np.abs(shot.rgb[0].numpy()[i, j][same].astype(int) - shot.rgb[2].numpy().reshape(-1, 3)[same][shuffled])
    assert np.median(stray.max(1)) > 4 * max(np.median(apart), 1)


def test_the_same_bits_come_twice() -> None:
    first, second = (clip(5, 3, 32, 48) for _ in range(2))
    assert torch.equal(first.rgb, second.rgb)
    assert torch.equal(first.depth, second.depth)
