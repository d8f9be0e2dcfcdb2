"""What is said of a picture, against rooms that are ray-cast: floor, horizon, scale, lens."""

from dataclasses import replace

import numpy as np
import pytest
from worldwarp.cameras.cameras import unproject
from worldwarp.geometry.floor import UPRIGHT
from worldwarp.geometry.picture import describe, given
from worldwarp.geometry.sources import ttt3r
from worldwarp.nouns import Estimate
from worldwarp_protocol.errors import InvalidShot

from ..cache import scene
from .goldens import tiny_network


def turned(pitch, roll, width=480, height=320, where=(0.2, 0.3, 1.4)):
    """A camera in the room, turned up and to the side, what it sees and its picture."""
    cameras = scene.path(1, width, height)
    (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (pitch, roll))
    pose = np.eye(4)
    pose[:3, :3] = UPRIGHT[:3, :3] @ [[1, 0, 0], [0, cp, -sp], [0, sp, cp]] @ [[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]
    pose[:3, 3] = where
    cameras = replace(cameras, camera_to_world=pose[None])
    shot = scene.picture(cameras, 0, samples=1)
    return cameras, shot, np.rint(shot.rgb * 255).astype(np.uint8)


def oracle(depth, focal=None, affine=False):
    """A source that knows the truth."""
    depth = depth.astype(np.float32)[None]
    return lambda frames, K: Estimate(  # noqa: ARG005
        depth, np.ones_like(depth), focal=None if focal is None else np.array([focal]), affine=affine
    )


def tilt(found, cameras):
    """Angle in degrees between the up direction that was found and the true one."""
    up, truth = found.level[2, :3], cameras.camera_to_world[0][2, :3]
    return float(np.degrees(np.arccos(np.clip(up @ truth, -1, 1))))


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (-0.2, 0.1), (0.1, -0.15), (-0.6, 0.2), (-0.05, 0.3)])
def test_the_floor_comes_to_zero_and_the_horizon_level(pitch, roll):
    cameras, shot, rgb = turned(pitch, roll)
    found = describe(rgb, given(shot.depth.astype(np.float32)), cameras.K[0])
    assert tilt(found, cameras) < 0.05
    assert found.level[2, 3] == pytest.approx(1.4, rel=2e-3)
    assert found.floor_confidence > 0.9
    assert found.warnings == []
    floor = shot.surface == 1
    heights = unproject(np.where(floor, shot.depth, np.nan), cameras.K[0], found.level)[floor][:, 2]
    assert np.abs(heights).max() < 0.01


def test_the_level_is_a_rigid_turn_that_looks_along_y():
    cameras, shot, rgb = turned(-0.2, 0.3)
    level = describe(rgb, given(shot.depth.astype(np.float32)), cameras.K[0]).level
    assert np.allclose(level[:3, :3] @ level[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(level[:3, :3]) == pytest.approx(1)
    assert level[0, 2] == pytest.approx(0, abs=1e-12)
    assert level[1, 2] > 0.9
    assert np.array_equal(level[:2, 3], [0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_outliers_hardly_move_the_floor(seed):
    cameras, shot, rgb = turned(-0.15, 0.1)
    random = np.random.default_rng(seed)
    depth = shot.depth * (1 + 0.03 * random.standard_normal(shot.depth.shape))
    wrong = random.random(shot.depth.shape[0] // 20 * (shot.depth.shape[1] // 20)) < 0.15
    wrong = np.kron(wrong.reshape(shot.depth.shape[0] // 20, -1), np.ones((20, 20), bool))
    depth = np.where(wrong, random.uniform(0.5, 2, shot.depth.shape) * depth, depth)
    found = describe(rgb, given(depth.astype(np.float32)), cameras.K[0])
    assert tilt(found, cameras) < 0.5
    assert found.level[2, 3] == pytest.approx(1.4, rel=0.02)


def test_the_floor_is_below_the_table():
    """A table that fills most of the picture is not the floor."""
    cameras, _, rgb = turned(-0.35, 0.0)
    v, u = np.mgrid[:320, :480] + 0.5
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(cameras.K[0]).T @ cameras.camera_to_world[0][:3, :3].T
    with np.errstate(divide="ignore"):
        floor, table = (np.where(rays[..., 2] < 0, -height / rays[..., 2], np.inf) for height in (1.4, 0.65))
    on_table = (np.abs(u - 240) < 200) & (v > 90)
    depth = np.where(on_table, table, floor)
    assert on_table.sum() > 1.3 * (np.isfinite(depth) & ~on_table).sum()
    found = describe(rgb, given(depth.astype(np.float32)), cameras.K[0])
    assert found.level[2, 3] == pytest.approx(1.4, rel=0.01)


def test_without_a_floor_the_picture_is_taken_as_upright_and_that_is_said():
    depth = np.full((60, 80), 3, np.float32)  # a wall
    found = describe(np.zeros((60, 80, 3), np.uint8), given(depth), np.array([[70, 0, 40], [0, 70, 30], [0, 0, 1.0]]))
    assert np.array_equal(found.level, UPRIGHT)
    assert found.floor_confidence == 0
    assert any("No floor" in warning for warning in found.warnings)


def test_a_floor_of_a_large_picture_is_found_where_it_is():
    """Large pictures are looked at in steps; that moves nothing."""
    v, u = np.mgrid[:1500, :2100] + 0.5
    K = np.array([[1800, 0, 1000], [0, 1800, 800], [0, 0, 1.0]])
    normal = np.array([0.05, -0.9, -0.3]) / np.linalg.norm([0.05, -0.9, -0.3])
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(K).T
    falls = -(rays @ normal)
    depth = np.where(falls > 0.02, 1.7 / np.maximum(falls, 0.02), np.inf).astype(np.float32)
    found = describe(np.zeros((1500, 2100, 3), np.uint8), given(depth), K)
    assert np.abs(found.level[2, :3] - normal).max() < 1e-5
    assert found.level[2, 3] == pytest.approx(1.7, rel=1e-5)


def test_the_user_s_scale_counts():
    cameras, shot, rgb = turned(-0.2, 0)
    source, K = oracle(0.37 * shot.depth), cameras.K[0]
    assert describe(rgb, source, K).scale == 1
    doubled = describe(rgb, source, K, depth_scale=2)
    assert np.allclose(doubled.depth, 2 * 0.37 * shot.depth, rtol=1e-6)
    u, v = 0.5, 0.9
    there = float(shot.depth[int(v * 320), int(u * 480)])
    anchored = describe(rgb, source, K, depth_scale=2, anchor=(u, v, there))
    assert anchored.scale == pytest.approx(1 / 0.37, rel=0.01)
    assert anchored.level[2, 3] == pytest.approx(1.4, rel=0.01)


def test_the_lens_is_estimated_where_none_is_given_and_compared_where_one_is():
    cameras, shot, rgb = turned(-0.2, 0)
    focal = float(cameras.K[0, 0, 0])
    free = describe(rgb, oracle(shot.depth, focal))
    assert np.allclose(free.K, cameras.K[0])
    assert not free.focal_given
    near = describe(rgb, oracle(shot.depth, 1.1 * focal), cameras.K[0])
    assert near.focal_given
    assert near.warnings == []
    far = describe(rgb, oracle(shot.depth, 1.2 * focal), cameras.K[0])
    assert ["lens" in warning for warning in far.warnings] == [True]
    assert np.array_equal(far.K, cameras.K[0])


def test_what_cannot_be_is_refused():
    cameras, shot, rgb = turned(-0.1, 0)
    K, depth = cameras.K[0], shot.depth.astype(np.float32)
    sky = tuple(np.argwhere(np.isinf(depth))[0] / depth.shape)
    for field, call in {
        "focal": lambda: describe(rgb, oracle(depth)),
        "focal ": lambda: describe(rgb, oracle(depth, 0.0)),
        "depth_scale": lambda: describe(rgb, oracle(depth), K, depth_scale=0),
        "anchor": lambda: describe(rgb, oracle(depth), K, anchor=(0.5, 1.5, 2)),
        "settings.anchor": lambda: describe(rgb, oracle(depth), K, anchor=(sky[1], sky[0], 2)),
        "picture": lambda: describe(rgb, oracle(np.full_like(depth, np.inf)), K),
        "depth": lambda: describe(rgb[:10], given(depth), K),
    }.items():
        with pytest.raises(InvalidShot) as refusal:
            call()
        assert refusal.value.field.endswith(field.strip().rpartition(".")[2])
    with pytest.raises(InvalidShot, match="NaN"):
        given(np.full((4, 4), np.nan, np.float32))


def test_a_network_describes_a_picture():
    """Random weights know nothing, but all that they say is finite and of the right size."""
    picture = np.random.default_rng(0).integers(0, 256, (48, 72, 3), np.uint8)
    source = ttt3r(tiny_network())
    found = describe(picture, source, np.array([[60, 0, 36], [0, 60, 24], [0, 0, 1.0]]))
    assert found.depth.shape == found.confidence.shape == (48, 72)
    assert np.array_equal(np.isfinite(found.depth), found.confidence > 0)
    assert np.isfinite(found.level).all()


def test_uneven_ground_is_said_to_be_so():
    cameras, _, rgb = turned(-0.3, 0)
    v, u = np.mgrid[:320, :480] + 0.5
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(cameras.K[0]).T @ cameras.camera_to_world[0][:3, :3].T
    bumps = 1 + 0.1 * np.sin(u / 25) * np.sin(v / 20)
    with np.errstate(divide="ignore"):
        depth = np.where(rays[..., 2] < -0.02, -1.4 / rays[..., 2] * bumps, np.inf).astype(np.float32)
    found = describe(rgb, given(depth), cameras.K[0])
    assert found.floor_confidence < 0.5
    assert any("uneven" in warning for warning in found.warnings)


@pytest.mark.filterwarnings("error")
def test_a_strip_of_floor_too_thin_for_a_plane_is_no_floor():
    """Its points lie on one line, through which any number of planes go."""
    K = np.array([[60.0, 0, 40], [0, 60, 24], [0, 0, 1]])
    v = np.arange(48) + 0.5
    for width in range(1, 6):
        depth = np.full((48, 80), np.inf, np.float32)
        depth[28:, 30 : 30 + width] = (1.5 * 60 / (v[28:] - 24))[:, None]
        found = describe(np.zeros((48, 80, 3), np.uint8), given(depth), K)
        assert np.isfinite(found.level).all()
        if width == 3:  # normals along one column only
            assert found.floor_confidence == 0
            assert any("No floor" in warning for warning in found.warnings)
