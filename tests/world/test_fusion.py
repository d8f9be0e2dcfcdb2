"""The fused mesh against the surfaces it stands for."""

import io

import numpy as np
import plyfile
import pytest
from worldwarp.cameras.cameras import project
from worldwarp.world import fusion, mesh
from worldwarp.world.cloud import footprint, merged

from .worlds import quiet, reached, to_scene, world


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    frames, _ = world(tmp_path_factory.mktemp("store"), width=144, height=96)
    points = merged(frames, quiet)
    return frames, points, fusion.fused(frames, points, quiet)


def centres(found):
    return found.xyz[found.faces].mean(axis=1)


def test_vertices_and_faces_lie_on_the_scene_and_cover_it(fused):
    frames, _, found = fused
    pixel = footprint(frames)
    distance = to_scene(found.xyz)
    assert np.median(distance) < 0.01 * pixel
    assert np.quantile(distance, 0.99) < 0.6 * pixel
    assert np.quantile(to_scene(centres(found)), 0.99) < 0.6 * pixel
    assert reached(np.concatenate([found.xyz, centres(found)]), frames, 3 * pixel) > 0.95


def test_faces_look_at_the_camera_that_saw_them(fused):
    frames, _, found = fused
    a, b, c = (found.xyz[found.faces[:, k]] for k in range(3))
    towards = frames.cameras.centres[0] - centres(found)
    assert (((np.cross(b - a, c - a)) * towards).sum(axis=1) > 0).mean() > 0.99


def test_noise_of_single_frames_is_averaged(tmp_path):
    rng = np.random.default_rng(5)

    def change(_i, _rgb, depth, _provenance):
        depth *= (1 + 0.01 * rng.standard_normal(depth.shape)).astype(np.float32)

    frames, _ = world(tmp_path, frames=17, reach=0.3, change=change)
    points = merged(frames, quiet)
    found = fusion.fused(frames, points, quiet)
    assert np.median(to_scene(found.xyz)) < 0.6 * np.median(to_scene(points.xyz))


def test_faces_are_bounded_and_stay_on_the_scene(fused):
    frames, _, found = fused
    small = fusion.simplified(found, 2000, footprint(frames))
    assert 800 < len(small.faces) <= 2000
    assert np.quantile(to_scene(small.xyz), 0.99) < 2 * footprint(frames)
    assert small.faces.max() == len(small.xyz) - 1


def test_cells_grow_where_the_world_is_large(fused):
    _, points, _ = fused
    assert fusion.empty(points.xyz, 0.01, most=500).voxel > 0.05
    assert len(fusion.empty(points.xyz, 0.01, most=500).blocks) <= 500


def test_nothing_gives_an_empty_mesh(tmp_path):
    def change(_i, _rgb, depth, _provenance):
        depth[:] = np.inf

    frames, _ = world(tmp_path, frames=2, change=change)
    found = fusion.fused(frames, merged(frames, quiet), quiet)
    assert found.faces.shape == found.xyz.shape == (0, 3)


def test_the_picture_lies_where_it_shows_the_vertex(fused):
    frames, _, found = fused
    uv = fusion.texture_coordinates(found, frames)
    shown = np.isfinite(uv[:, 0])
    assert 0.5 < shown.mean() < 1
    pixels, _ = project(found.xyz[shown].astype(float), frames.cameras.K[0], frames.cameras.world_to_camera[0])
    assert np.allclose(uv[shown] * [144, 96], pixels, atol=1e-3)
    columns, rows = pixels.astype(int).T
    difference = np.abs(frames.view(0).rgb[rows, columns].astype(float) - found.rgb[shown])
    assert np.median(difference) < 12
    ply = plyfile.PlyData.read(io.BytesIO(mesh.encode_ply(found, uv)))["vertex"]
    assert np.allclose(ply["t"][shown], 1 - uv[shown, 1])
    assert (ply["s"][~shown] == -1).all()
