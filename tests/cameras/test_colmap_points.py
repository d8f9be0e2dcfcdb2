"""The points of a COLMAP model: seen where they are, hidden where something stands before them, read by others."""

import struct
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras import colmap
from worldwarp.cameras.cameras import project, unproject
from worldwarp.cameras.colmap.points import seen

from tests.shots_for_tests import seen_from, straight_path


def model() -> tuple:
    """The wall and the column of the tests' scene, as the first frame of a sideways walk sees both."""
    cameras = straight_path(4)
    cameras.camera_to_world[:, 0, 3] = 0.25 * np.arange(4)
    depth = [seen_from(cameras, i)[1] for i in range(4)]
    rgb = seen_from(cameras, 0)[0]
    xyz = unproject(depth[0].astype(np.float64), cameras.K[0], cameras.camera_to_world[0]).reshape(-1, 3)
    return cameras, depth, xyz, rgb.reshape(-1, 3)


def truly_seen(cameras, xyz: np.ndarray, i: int) -> np.ndarray:
    """Whether the ray from camera i to the point passes the column, by the scene's own formula."""
    (pixels, z), centre = project(xyz, cameras.K[i], cameras.world_to_camera[i]), cameras.camera_to_world[i, :3, 3]
    on_column = np.abs(xyz[:, 1] - 2) < 1e-3
    crossing = centre[0] + (xyz[:, 0] - centre[0]) * (2 - centre[1]) / (xyz[:, 1] - centre[1])
    inside = (pixels >= 0).all(1) & (pixels < [cameras.width, cameras.height]).all(1) & (z > 0)
    return inside & (on_column | (np.abs(crossing - 0.3) >= 0.15))


def test_a_point_is_in_the_tracks_of_the_frames_that_see_it() -> None:
    cameras, depth, xyz, rgb = model()
    points = seen(xyz, rgb, cameras, depth.__getitem__, most=len(xyz))
    np.testing.assert_allclose(points.xyz, xyz, atol=1e-6)
    for i in range(4):
        found = np.zeros(len(xyz), bool)
        found[points.point[points.of(i)]] = True
        truth = truly_seen(cameras, xyz, i)
        assert truth.sum() > 1500
        assert (found != truth).mean() < 0.02  # a pixel beside the column's edge
        wanted, _ = project(points.xyz, cameras.K[i], cameras.world_to_camera[i])
        np.testing.assert_allclose(points.pixel[points.of(i)], wanted[points.point[points.of(i)]], atol=1e-9)
    for number, track in enumerate(points.tracks()):
        for picture, place in track:
            assert points.point[points.of(picture)][place] == number


def test_it_is_thinned_to_the_stated_number() -> None:
    cameras, depth, xyz, rgb = model()
    points = seen(xyz, rgb, cameras, depth.__getitem__, most=500)
    assert 480 <= len(points.xyz) <= 500


def by_hand(folder: Path) -> tuple[dict, dict]:
    """``points3D.bin`` and ``images.bin`` as COLMAP's documentation lays them out."""
    data, at, points = (folder / "points3D.bin").read_bytes(), 8, {}
    for _ in range(struct.unpack_from("<Q", data)[0]):
        number, x, y, z, r, g, b, _error, length = struct.unpack_from("<Q3d3BdQ", data, at)
        at += struct.calcsize("<Q3d3BdQ")
        points[number] = (x, y, z), (r, g, b), struct.unpack_from(f"<{2 * length}I", data, at)
        at += 8 * length
    assert at == len(data)
    data, at, images = (folder / "images.bin").read_bytes(), 8, {}
    for _ in range(struct.unpack_from("<Q", data)[0]):
        number = struct.unpack_from("<I7dI", data, at)[0]
        at = data.index(b"\0", at + struct.calcsize("<I7dI")) + 1
        (count,) = struct.unpack_from("<Q", data, at)
        images[number] = [struct.unpack_from("<ddQ", data, at + 8 + 24 * i) for i in range(count)]
        at += 8 + 24 * count
    assert at == len(data)
    return points, images


def test_text_and_binary_say_the_same_and_the_tracks_meet_the_pictures(tmp_path) -> None:
    cameras, depth, xyz, rgb = model()
    points = seen(xyz, rgb, cameras, depth.__getitem__, most=300)
    colmap.write_binary(tmp_path / "binary", cameras, points)
    colmap.write_text(tmp_path / "text", cameras, points)
    found, images = by_hand(tmp_path / "binary")
    lines = (tmp_path / "text" / "points3D.txt").read_text().splitlines()[1:]
    assert len(found) == len(lines) == len(points.xyz) > 250
    pictures = (tmp_path / "text" / "images.txt").read_text().splitlines()[2::2]
    for line in lines:
        number, *words = line.split()
        position, colour, track = found[int(number)]
        assert tuple(map(float, words[:3])) == position == tuple(points.xyz[int(number) - 1])
        assert tuple(map(int, words[3:6])) == colour == tuple(points.rgb[int(number) - 1].tolist())
        assert tuple(map(int, words[7:])) == track
        for picture, place in zip(track[::2], track[1::2], strict=True):
            assert images[picture][place][2] == int(number)
            x, y, same = pictures[picture - 1].split()[3 * place : 3 * place + 3]
            assert (float(x), float(y), int(same)) == images[picture][place]
    assert len(colmap.read(tmp_path / "binary", colmap.Given())) == len(colmap.read(tmp_path / "text", colmap.Given()))


@pytest.mark.parametrize("write", [colmap.write_text, colmap.write_binary])
def test_colmap_itself_projects_every_point_to_where_it_is_seen(tmp_path, write) -> None:
    pycolmap = pytest.importorskip("pycolmap")
    cameras, depth, xyz, rgb = model()
    points = seen(xyz, rgb, cameras, depth.__getitem__, most=300)
    write(tmp_path, cameras, points)
    found = pycolmap.Reconstruction(str(tmp_path))
    assert (found.num_images(), found.num_points3D()) == (4, len(points.xyz))
    apart = []
    for point in found.points3D.values():
        for element in point.track.elements:
            image = found.images[element.image_id]
            apart.append(np.abs(image.project_point(point.xyz) - image.points2D[element.point2D_idx].xy).max())
    assert len(apart) == len(points.point)
    assert max(apart) < 1e-6
