"""A proxy mesh lies on the surfaces that a ray cast finds, and nowhere between them."""

import io
from dataclasses import replace

import numpy as np
import plyfile
import pytest
from worldwarp.world.mesh import Mesh, depth_mesh, encode_ply, one_surface

from ..cache import scene


def off_surfaces(points: np.ndarray) -> np.ndarray:
    """Distance (n,) of world points (n, 3) to the nearest of the scene's surfaces."""
    distances = []
    for axis, position, extent in scene.PLANES:
        offset = np.zeros_like(points)
        offset[:, axis] = points[:, axis] - position
        for other, (low, high) in zip([a for a in range(3) if a != axis], extent, strict=True):
            offset[:, other] = points[:, other] - np.clip(points[:, other], low, high)
        distances.append(np.linalg.norm(offset, axis=1))
    q = np.abs(points - scene.BOX.mean(0)) - (scene.BOX[1] - scene.BOX[0]) / 2
    distances.append(np.abs(np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0)))
    centre, radius = scene.BALL
    distances.append(np.abs(np.linalg.norm(points - centre, axis=1) - radius))
    return np.min(distances, axis=0)


def room(width=480, height=320, pose=None):
    cameras = scene.path(1, width, height)
    if pose is not None:
        cameras = replace(cameras, camera_to_world=pose[None])
    shot = scene.picture(cameras, 0, samples=1)
    return cameras, shot, np.rint(shot.rgb * 255).astype(np.uint8)


def mesh_of(cameras, shot, rgb, **options) -> tuple[Mesh, np.ndarray]:
    """The mesh, and its vertices in the world."""
    mesh = depth_mesh(shot.depth.astype(np.float32), rgb, cameras.K[0], **options)
    pose = cameras.camera_to_world[0]
    return mesh, mesh.xyz @ pose[:3, :3].T + pose[:3, 3]


@pytest.mark.parametrize("most", [500_000, 20_000, 1_000])
def test_vertices_lie_on_surfaces_and_triangles_bridge_no_jump(most):
    cameras, shot, rgb = room()
    mesh, world = mesh_of(cameras, shot, rgb, max_vertices=most)
    assert len(mesh.xyz) <= most
    assert off_surfaces(world).max() < 1e-5
    corners = world[mesh.faces]
    side = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    middle = off_surfaces(np.concatenate([corners.mean(1), *((corners + np.roll(corners, 1, 1)) / 2).swapaxes(0, 1)]))
    assert (middle < 0.3 * np.tile(side, 4) + 1e-5).all()  # of a bridge the middle hangs in the air: half its length
    assert middle.max() < (0.02 if most > 100_000 else 0.15)


def test_all_that_is_seen_is_in_the_mesh_and_the_sky_is_not():
    cameras, shot, rgb = room()
    mesh, _ = mesh_of(cameras, shot, rgb)
    seen = np.isfinite(shot.depth).sum()
    assert 0.995 * seen < len(mesh.xyz) <= seen
    assert len(mesh.faces) > 1.98 * seen * 0.98
    assert np.array_equal(np.unique(mesh.faces), np.arange(len(mesh.xyz)))


def test_vertices_stand_at_centres_of_pixels_and_have_their_colour():
    cameras, shot, rgb = room()
    mesh, _ = mesh_of(cameras, shot, rgb, max_vertices=5_000)
    pixels = mesh.xyz.astype(np.float64) @ cameras.K[0].T
    pixels = pixels[:, :2] / pixels[:, 2:] - 0.5
    at = np.rint(pixels).astype(int)
    assert np.abs(pixels - at).max() < 1e-3
    assert np.array_equal(mesh.rgb, rgb[at[:, 1], at[:, 0]])
    assert at.max(0)[1] == 319  # thinning leaves out no edge of the picture
    assert at.min(0)[0] == 0
    assert at.max(0)[0] == 479


def test_normals_face_the_camera():
    cameras, shot, rgb = room()
    for most in (500_000, 3_000):
        mesh, _ = mesh_of(cameras, shot, rgb, max_vertices=most)
        a, b, c = np.moveaxis(mesh.xyz[mesh.faces].astype(np.float64), 1, 0)
        assert (np.einsum("ni,ni->n", np.cross(b - a, c - a), a) < 0).all()


def test_triangles_do_not_overlap():
    cameras, shot, rgb = room(120, 80)
    mesh, _ = mesh_of(cameras, shot, rgb)
    pixels = mesh.xyz.astype(np.float64) @ cameras.K[0].T
    corners = (pixels[:, :2] / pixels[:, 2:])[mesh.faces]
    cells = np.floor(corners.mean(1) - 0.5).astype(int)
    _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    assert count.max() == 2
    for two in (np.flatnonzero(cell.ravel() == i) for i in np.flatnonzero(count == 2)):
        shared = np.intersect1d(*mesh.faces[two])
        assert len(shared) == 2  # they meet along the cell's diagonal


def test_a_floor_is_whole_up_to_the_horizon():
    """Near the horizon neighbouring depths differ by a tenth and more: they are one plane all the same."""
    v = np.arange(60) + 0.5
    depth = np.repeat(np.where(v > 20, 30 / np.maximum(v - 20, 1e-9), np.inf)[:, None], 40, 1).astype(np.float32)
    assert one_surface(depth.T)[:, 20:].all()
    assert not one_surface(depth.T)[:, :20].any()


def test_nothing_is_made_of_sky_or_of_what_is_unknown():
    picture = np.zeros((20, 30, 3), np.uint8)
    for nothing in (np.inf, np.nan):
        mesh = depth_mesh(np.full((20, 30), nothing, np.float32), picture, np.diag([30, 30, 1.0]))
        assert mesh.xyz.shape == (0, 3)
        assert mesh.faces.shape == (0, 3)
        assert len(plyfile.PlyData.read(io.BytesIO(encode_ply(mesh)))["vertex"]) == 0


def test_others_read_the_file():
    cameras, shot, rgb = room(120, 80)
    mesh, _ = mesh_of(cameras, shot, rgb)
    found = plyfile.PlyData.read(io.BytesIO(encode_ply(mesh)))
    assert np.array_equal(np.stack([found["vertex"][axis] for axis in "xyz"], 1), mesh.xyz)
    assert np.array_equal(np.stack([found["vertex"][c] for c in ("red", "green", "blue")], 1), mesh.rgb)
    assert np.array_equal(np.stack(found["face"]["vertex_indices"]), mesh.faces)
