"""The merged cloud: on the scene, each place once, by what is most trusted, the same however chunks are cut."""

from dataclasses import replace

import numpy as np
import pytest
from worldwarp.nouns import Provenance
from worldwarp.world import cloud
from worldwarp.world.cloud import Cloud, alone, merged, packed, unpacked
from worldwarp_protocol.errors import WorldWarpError

from .worlds import quiet, reached, to_scene, world


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    frames, _ = world(tmp_path_factory.mktemp("store"))
    return frames, merged(frames, quiet)


def test_points_lie_on_the_scene_and_cover_it(whole):
    frames, points = whole
    distance = to_scene(points.xyz)
    assert np.median(distance) < 1e-5
    assert np.quantile(distance, 0.99) < 0.05 * cloud.footprint(frames)
    assert reached(points.xyz, frames, 2 * cloud.footprint(frames)) > 0.95


def test_each_voxel_has_one_point_and_the_picture_comes_first(whole):
    frames, points = whole
    keys = packed(cloud.cells_of(points.xyz, points.voxel))
    assert len(np.unique(keys)) > 0.999 * len(keys)  # a mean may round into the neighbouring voxel
    first = merged(frames_of(frames, 5), quiet, points.voxel)
    assert (points.provenance == Provenance.PICTURE).sum() >= len(first) - 10
    assert (points.provenance == Provenance.GENERATED).any()


def frames_of(frames, n):
    return type(frames)(frames.store, frames.keys[:n], frames.cameras[:n])


def test_what_was_filled_can_be_left_out(tmp_path):
    def change(i, _rgb, _depth, provenance):
        if i >= 5:
            provenance[:, 48:] = Provenance.FILLED

    frames, _ = world(tmp_path, change=change)
    assert (merged(frames, quiet).provenance == Provenance.FILLED).any()
    assert (merged(frames, quiet, filled=False).provenance != Provenance.FILLED).all()


def test_points_in_the_air_are_left_out(tmp_path):
    air = np.array([[20, 30], [35, 70], [50, 12]])

    def change(_i, _rgb, depth, _provenance):
        depth[tuple(air.T)] = 0.8

    frames, _ = world(tmp_path, change=change)
    rows, _ = cloud.seen(frames, 0)
    assert not (to_scene(merged(frames, quiet).xyz) > 0.3).any()
    assert len(rows) > 3000


def test_a_lonely_point_is_told_from_a_surface():
    sheet = np.stack([*np.meshgrid(np.arange(8.0), np.arange(8.0)), np.zeros((8, 8))], -1).reshape(-1, 3)
    xyz = np.concatenate([sheet, [[40.0, 40, 40]]])
    n = len(xyz)
    blank = np.zeros((n, 3), np.float32)
    found = alone(Cloud(xyz, blank, blank, np.zeros(n, np.uint8), np.ones(n, np.float32), 1.0))
    assert found.tolist() == [False] * 64 + [True]


def test_memory_is_bounded_by_growing_voxels(whole, monkeypatch):
    frames, points = whole
    monkeypatch.setattr(cloud, "MAX_POINTS", 2000)
    few = merged(frames, quiet)
    assert 200 < len(few) <= 2000
    assert few.voxel in (2 * points.voxel, 4 * points.voxel)
    assert np.median(to_scene(few.xyz)) < 0.01


def test_the_same_chunks_give_the_same_bits_and_keys_come_back(whole):
    frames, points = whole
    again = merged(frames, quiet)
    assert np.array_equal(points.xyz, again.xyz)
    assert np.array_equal(points.rgb, again.rgb)
    cells = np.array([[-5, 0, 7], [123, -4567, 89]])
    assert np.array_equal(unpacked(packed(cells)), cells)


def test_a_world_far_from_its_origin_gives_the_same_points(whole):
    frames, points = whole
    far = np.array([3e6, -2e6, 5e5]) * points.voxel
    poses = frames.cameras.camera_to_world.copy()
    poses[:, :3, 3] += far
    moved = merged(replace(frames, cameras=replace(frames.cameras, camera_to_world=poses)), quiet, points.voxel)
    assert len(moved) == pytest.approx(len(points), rel=0.01)
    assert np.quantile(to_scene(moved.xyz - far), 0.99) < 0.05 * points.voxel


def test_voxels_grow_until_all_that_is_seen_has_numbers(whole):
    frames, _ = whole
    rows, _ = cloud.seen(frames, 0)
    tiny = np.abs(rows[:, :3]).max() / 1e6
    sums = cloud.reaching(cloud.nothing(tiny), rows[:, :3])
    assert sums.voxel == 2 * tiny
    with pytest.raises(WorldWarpError, match="larger --voxel"):
        packed(cloud.cells_of(rows[:, :3], tiny))


@pytest.mark.timeout(20)
def test_voxels_that_meet_at_the_origin_end_the_growth():
    corners = np.stack(np.meshgrid([-1.0, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3)
    sums = cloud.summed(np.concatenate([corners, np.ones((8, 8))], 1), np.ones(8), 0.5)
    assert len(cloud.bounded(sums, 3).key) == 8
    assert len(cloud.rethinned(cloud.averaged(sums), 3)) <= 8
