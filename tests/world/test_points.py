"""The points that chunks add: on the scene, each thing once, marked by where it comes from."""

import numpy as np
from worldwarp import contents
from worldwarp.cameras.cameras import pixel_rays, project
from worldwarp.nouns import ChunkResult, Provenance
from worldwarp.store import Store
from worldwarp.world import points as world_points
from worldwarp.world.points import chunk_points, stored_points, surface

from tests.shots_for_tests import straight_path

WIDTH, HEIGHT = 96, 64
BALL, RADIUS = np.array([0.0, 3.0, 0.0]), 0.8
WALL = 6.0


def trace(cameras, i):
    """Exact planar depth and colour of a ball before a wall (y = 6, up to z = 1.5; above it is sky)."""
    rays = pixel_rays(cameras.K[i], WIDTH, HEIGHT) @ cameras.camera_to_world[i, :3, :3].T
    start = cameras.centres[i]
    wall = (WALL - start[1]) / rays[..., 1]
    with np.errstate(invalid="ignore"):
        wall = np.where(start[2] + wall * rays[..., 2] < 1.5, wall, np.inf)
    a = (rays**2).sum(-1)
    b = (rays * (start - BALL)).sum(-1)
    inside = b**2 - a * (((start - BALL) ** 2).sum() - RADIUS**2)
    ball = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
    depth = np.minimum(wall, ball)
    colour = np.where((ball < wall)[..., None], [200, 40, 40], [40, 40, 200]).astype(np.uint8)
    return depth.astype(np.float32), colour


def distance_to_scene(xyz):
    return np.minimum(np.abs(np.linalg.norm(xyz - BALL, axis=1) - RADIUS), np.abs(xyz[:, 1] - WALL))


def sideways(n, start=0.0, step=0.1):
    cameras = straight_path(n, WIDTH, HEIGHT, step=0)
    cameras.camera_to_world[:, 0, 3] = start + step * np.arange(n)
    return cameras


def scene(cameras):
    """Frames, provenance, depth and holes of a path: holes are what camera 0 does not see."""
    depth, frames = (np.stack(stack) for stack in zip(*[trace(cameras, i) for i in range(len(cameras))], strict=True))
    holes = np.zeros(depth.shape, bool)
    for i in range(1, len(cameras)):
        with np.errstate(invalid="ignore"):
            rays = pixel_rays(cameras.K[i], WIDTH, HEIGHT) * depth[i][..., None]
            world = rays @ cameras.camera_to_world[i, :3, :3].T + cameras.centres[i]
            pixels, z = project(world, cameras.K[0], cameras.world_to_camera[0])
            seen = ((pixels >= 0) & (pixels < [WIDTH, HEIGHT])).all(-1)
        x, y = np.where(seen[..., None], pixels, 0).astype(int).reshape(-1, 2).T
        behind = z.ravel() > 1.02 * depth[0][y, x]
        holes[i] = np.isfinite(depth[i]) & (~seen | behind.reshape(depth[i].shape))
    provenance = np.where(holes, Provenance.FILLED, Provenance.PICTURE).astype(np.uint8)
    return frames, provenance, depth, holes, cameras


def test_the_picture_gives_one_point_a_pixel_on_the_scene():
    frames, provenance, depth, holes, cameras = scene(sideways(1))
    xyz, rgb, origin = chunk_points(frames, provenance, depth, holes, cameras, first=True)
    assert xyz.dtype == np.float32
    assert rgb.dtype == origin.dtype == np.uint8
    assert 0.97 * np.isfinite(depth).sum() < len(xyz) <= np.isfinite(depth).sum()
    far = np.linalg.norm(xyz - cameras.centres[0], axis=1)
    assert np.mean(distance_to_scene(xyz) < 0.01 * far) > 0.999
    assert (origin == Provenance.PICTURE).all()
    on_ball = np.abs(np.linalg.norm(xyz - BALL, axis=1) - RADIUS) < 0.01
    assert (rgb[on_ball] == [200, 40, 40]).all()
    assert (rgb[~on_ball] == [40, 40, 200]).all()


def test_mutants_leave_the_scene():
    """Radial depth, half a pixel, a mirrored axis, 2 % of scale: each is seen by the measure above."""
    frames, provenance, depth, holes, cameras = scene(sideways(1))
    rays = pixel_rays(cameras.K[0], WIDTH, HEIGHT)
    radial = (depth * np.linalg.norm(rays, axis=-1)).astype(np.float32)
    mirrored = sideways(1)
    mirrored.camera_to_world[0, :3, 2] *= -1
    for wrong, path in ((radial, cameras), (depth * np.float32(1.02), cameras), (depth, mirrored)):
        xyz, _, _ = chunk_points(frames, provenance, wrong, holes, path, first=True)
        far = np.linalg.norm(xyz - cameras.centres[0], axis=1)
        assert np.mean(distance_to_scene(xyz) < 0.01 * far) < 0.95
    shifted = sideways(1)
    shifted.K[0, :2, 2] += 0.5
    xyz, _, _ = chunk_points(frames, provenance, depth, holes, cameras, first=True)
    moved, _, _ = chunk_points(frames, provenance, depth, holes, shifted, first=True)
    pixels, _ = project(xyz.astype(float), cameras.K[0], cameras.world_to_camera[0])
    assert np.abs(pixels % 1 - 0.5).max() < 1e-3
    assert np.abs(moved - xyz).max() > 0.01


def test_what_was_hidden_is_added_once():
    frames, provenance, depth, holes, cameras = scene(sideways(25))
    xyz, _, origin = chunk_points(frames, provenance, depth, holes, cameras, first=True)
    added = xyz[origin == Provenance.FILLED]
    assert np.mean(distance_to_scene(added) < 0.05) > 0.99
    one_frame = holes[-1].sum()
    assert 0.8 * one_frame < len(added) < 3 * one_frame < 0.3 * holes.sum()
    # nothing that the last frame shows is missing
    covered = world_points.stood_for(xyz.astype(float), depth[-1], cameras, len(cameras) - 1)
    assert covered[surface(depth[-1])].mean() > 0.97


def test_a_later_chunk_adds_its_holes_only():
    frames, provenance, depth, holes, cameras = scene(sideways(9))
    _, _, origin = chunk_points(frames, provenance, depth, holes, cameras, first=False)
    assert len(origin) > 0
    assert (origin == Provenance.FILLED).all()
    nothing = chunk_points(frames, provenance, depth, np.zeros_like(holes), cameras, first=False)
    assert [part.shape for part in nothing] == [(0, 3), (0, 3), (0,)]


def test_ramps_between_near_and_far_are_torn_and_slopes_are_not():
    step = np.array([2, 2, 2, 3, 4.5, 6, 6, 6, np.inf, np.inf, 2, 2, 4, np.inf, np.inf], np.float32)
    on = surface(np.repeat(step[None], 5, axis=0))[2]
    assert on.tolist() == [1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0]
    slope = np.repeat(np.linspace(2, 4, 60, dtype=np.float32)[None], 5, axis=0)
    assert surface(slope).all()


def test_what_was_filled_between_scene_and_sky_is_left_out():
    frames, provenance, depth, holes, cameras = scene(sideways(9))
    far = np.where(holes, np.float32(500), depth)
    xyz, _, _ = chunk_points(frames, provenance, far, holes, cameras, first=True)
    assert np.linalg.norm(xyz, axis=1).max() < 20


def test_points_are_bounded_and_the_same_each_time(monkeypatch):
    arguments = scene(sideways(9))
    whole = chunk_points(*arguments, first=True)
    assert all(np.array_equal(a, b) for a, b in zip(whole, chunk_points(*arguments, first=True), strict=True))
    monkeypatch.setattr(world_points, "MAX_POINTS", 1000)
    few = chunk_points(*arguments, first=True)
    assert [len(part) for part in few] == [1000, 1000, 1000]
    assert np.mean(distance_to_scene(few[0]) < 0.05) > 0.99
    monkeypatch.setattr(world_points, "MAX_PIXELS", WIDTH * HEIGHT // 4)
    assert len(chunk_points(*arguments, first=True)[0]) < 0.4 * len(whole[0])


def test_a_stored_chunk_gives_the_points_of_its_frames(tmp_path):
    frames, provenance, depth, holes, cameras = scene(sideways(5))
    result = ChunkResult(frames, provenance, depth, frames, holes, {})
    store = Store(tmp_path)
    files = contents.encode(result, 0, cameras)
    store.commit("a" * 64, {}, 0, 5, files, {})
    stored = stored_points(store, "a" * 64)
    kept = [0, 4]
    truth = chunk_points(frames[kept], provenance[kept], depth[kept], holes[kept], cameras[kept], first=True)
    assert all(np.array_equal(a, b) for a, b in zip(stored, truth, strict=True))
