"""Paths survive their file formats; what is no path is said."""

import io
import zipfile

import numpy as np
import pytest
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project
from worldwarp.cameras.formats import read_cameras, write_cameras
from worldwarp_protocol.errors import InvalidShot

from tests.shots_for_tests import straight_path


def random_path(n=20):
    rng = np.random.default_rng(5)
    poses = np.tile(np.eye(4), (n, 1, 1))
    for pose in poses:
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        pose[:3, :3] = turn * np.sign(np.linalg.det(turn))
        pose[:3, 3] = rng.normal(size=3) * 10
    K = np.tile(np.eye(3), (n, 1, 1))
    K[:, 0, 0], K[:, 1, 1] = rng.uniform(200, 900, (2, n))
    K[:, 0, 2], K[:, 1, 2] = rng.uniform(50, 300, (2, n))
    return Cameras(K, poses, 640, 360, np.arange(n) * 2 - 5, 23.976)


def test_a_path_survives_its_file(tmp_path):
    cameras = random_path()
    write_cameras(tmp_path / "cameras.npz", cameras)
    got = read_cameras(tmp_path / "cameras.npz")
    assert np.array_equal(got.K, cameras.K)
    assert np.array_equal(got.camera_to_world[:, :3, :3], cameras.camera_to_world[:, :3, :3])
    assert np.abs(got.centres - cameras.centres).max() < 1e-13
    assert np.array_equal(got.frame, cameras.frame)
    assert (got.width, got.height, got.fps) == (640, 360, 23.976)


def test_the_file_holds_world_to_camera(tmp_path):
    """x_cam = R x_world + t, read without any of our code."""
    cameras = random_path()
    write_cameras(tmp_path / "cameras.npz", cameras)
    point = np.array([0.3, -2.0, 1.5])
    with np.load(tmp_path / "cameras.npz") as file:
        in_camera = file["R"] @ point + file["t"]
        pixels = np.einsum("nij,nj->ni", file["K"], in_camera)
    truth = [project(point, cameras.K[i], cameras.world_to_camera[i])[0] for i in range(len(cameras))]
    assert np.allclose(pixels[:, :2] / pixels[:, 2:], truth, atol=1e-9)


def entries():
    n = 4
    return {
        "K": np.tile(np.eye(3), (n, 1, 1)),
        "R": np.tile(np.eye(3), (n, 1, 1)),
        "t": np.zeros((n, 3)),
        "frame": np.arange(n),
        "width": 64,
        "height": 48,
        "fps": 24.0,
    }


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("K", None, r"cameras: .* lacks K; it needs K, R, t"),
        ("K", np.zeros((4, 9)), r"cameras.K: is float64 of shape \(4, 9\); write numbers of shape \(frames, 3, 3\)"),
        ("t", np.zeros((4, 4)), r"cameras.t: is float64 of shape \(4, 4\)"),
        ("t", np.zeros((5, 3)), r"cameras: .* differ in length \(K 4, R 4, t 5, frame 4\)"),
        ("frame", np.arange(4) + 0.5, r"cameras.frame: is float64 .* write integers"),
        ("width", np.array([64, 64]), r"cameras.width: is int64 of shape \(2,\)"),
        ("K", np.array([{"a": 1}], dtype=object), r"cameras: .* cannot be read \(it holds objects\); .* plain numbers"),
        ("fps", "fast", r"cameras: .* cannot be read \(fps.npy is <U4"),
    ],
)
def test_each_fault_gets_its_sentence(tmp_path, name, value, sentence):
    data = entries()
    if value is None:
        del data[name]
    else:
        data[name] = value
    np.savez(tmp_path / "cameras.npz", **data)
    with pytest.raises(InvalidShot, match=sentence):
        read_cameras(tmp_path / "cameras.npz")


def test_what_is_no_file_of_cameras_is_said(tmp_path):
    with pytest.raises(InvalidShot, match=r"cameras: there is no file"):
        read_cameras(tmp_path / "missing.npz")
    with pytest.raises(InvalidShot, match=r"cameras: .* is a folder; name a file in it"):
        read_cameras(tmp_path)
    (tmp_path / "text.npz").write_text("K = 1")
    with pytest.raises(InvalidShot, match=r"cameras: .*text.npz is not a NumPy archive \(.npz\); write it by"):
        read_cameras(tmp_path / "text.npz")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.eye(4))
    with pytest.raises(InvalidShot, match=r"cameras: .*single array"):
        read_cameras(tmp_path / "single.npz")
    np.savez(tmp_path / "whole.npz", **entries())
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidShot, match=r"cameras: .*cut.npz is damaged or incomplete"):
        read_cameras(tmp_path / "cut.npz")


def test_a_path_of_our_helpers_reads_back(tmp_path):
    write_cameras(tmp_path / "cameras.npz", straight_path(7))
    assert np.abs(read_cameras(tmp_path / "cameras.npz").camera_to_world - straight_path(7).camera_to_world).max() == 0


def test_a_small_file_that_says_to_be_huge_is_refused(tmp_path):
    path, header = tmp_path / "huge.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 3, 3)})
    np.savez(path, **{name: value for name, value in entries().items() if name != "K"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("K.npy", header.getvalue())
    with pytest.raises(InvalidShot, match=r"huge.npz cannot be read \(K.npy is float64 of shape"):
        read_cameras(path)
