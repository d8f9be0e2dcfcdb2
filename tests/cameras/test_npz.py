"""NumPy archives of poses and intrinsics."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from numpy.lib import format as npy
from worldwarp.cameras import npz
from worldwarp.cameras.foreign import Given
from worldwarp_protocol.errors import InvalidShot

from tests.cameras.paths_for_tests import assert_same, looking, pixels

SIZE = Given(640, 360)


def read(tmp_path, given=SIZE, **arrays):
    np.savez(tmp_path / "path.npz", **arrays)
    return npz.read(tmp_path / "path.npz", given)


def test_a_path_survives_with_its_frames(tmp_path):
    cameras = replace(looking(9, one_lens=False), frame=np.arange(1001, 1010), fps=23.976)
    npz.write(tmp_path / "out.npz", cameras)
    got = npz.read(tmp_path / "out.npz", Given())
    assert_same(got, cameras)
    assert got.frame.tolist() == cameras.frame.tolist()
    assert got.fps == 23.976


@pytest.mark.parametrize("name", [*npz.WORLD_TO_CAMERA, *npz.CAMERA_TO_WORLD])
@pytest.mark.parametrize("rows", [3, 4])
def test_every_name_of_poses_is_read_the_right_way_round(tmp_path, name, rows):
    """The camera stands at x = 1 and looks along +Z; a point 2 ahead of it and 1 to the right."""
    pose = np.eye(4)
    pose[0, 3] = -1 if name in npz.WORLD_TO_CAMERA else 1
    K = np.array([[100, 0, 320], [0, 100, 180], [0, 0, 1]])
    cameras = read(tmp_path, **{name: np.stack([pose[:rows]] * 2).astype(np.float32), "intrinsics": K})
    np.testing.assert_allclose(pixels(cameras, np.array([2.0, 0, 2])), [[370, 180]] * 2)
    assert cameras.frame.tolist() == [1, 2]


def test_arrays_in_columns_first_are_read(tmp_path):
    cameras = looking(5)
    got = read(tmp_path, w2c=np.asfortranarray(cameras.world_to_camera), K=cameras.K[0])
    assert_same(got, cameras)


W2C = np.tile(np.eye(4), (3, 1, 1))
K = np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]])


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"K": K}, r"has no poses; call them w2c, world_to_camera, extrinsics or c2w"),
        ({"w2c": W2C}, r"has no intrinsics; call them K or intrinsics"),
        ({"w2c": W2C[:, :2], "K": K}, r"w2c has shape \(3, 2, 4\); it is \(frames, 3, 4\)"),
        ({"w2c": W2C[:0], "K": K}, r"holds no cameras"),
        ({"w2c": W2C * 2, "K": K}, r"w2c has a last row that is not 0 0 0 1"),
        ({"w2c": W2C * np.nan, "K": K}, r"w2c: holds a value that is not finite"),
        ({"w2c": W2C, "K": np.stack([K] * 2)}, r"K has shape \(2, 3, 3\); it is \(3, 3\) or \(3, 3, 3\)"),
        ({"w2c": W2C, "K": K / 100}, r"K is in shares of the picture; multiply its rows by width and height"),
        ({"w2c": W2C, "K": K, "frame": np.arange(2)}, r"frame is not 3 whole numbers"),
        ({"w2c": W2C, "K": K, "frame": np.arange(3) + 2**40}, r"frame is not 3 whole numbers"),
        ({"w2c": W2C, "K": K, "width": [1, 2]}, r"width has shape \(2,\); it is one number"),
        (
            {"w2c": np.array([{"a": 1}], object), "K": K},
            r"w2c.npy is object of shape \(1,\)\); write it by numpy.savez",
        ),
    ],
)
def test_each_fault_gets_its_sentence(tmp_path, arrays, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        read(tmp_path, **arrays)


def test_a_shape_that_is_not_in_the_file_takes_no_memory(tmp_path):
    header = io.BytesIO()
    npy.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 4, 4)})
    with zipfile.ZipFile(tmp_path / "path.npz", "w") as archive:
        archive.writestr("w2c.npy", header.getvalue())
    with pytest.raises(InvalidShot, match=r"w2c.npy is float64 of shape \(1099511627776, 4, 4\)"):
        npz.read(tmp_path / "path.npz", SIZE)


def test_a_damaged_archive_is_said(tmp_path):
    npz.write(tmp_path / "out.npz", looking(5))
    whole = (tmp_path / "out.npz").read_bytes()
    for length in range(0, len(whole), 31):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(InvalidShot, match=r"cut.npz: cannot be read"):
            npz.read(tmp_path / "cut.npz", SIZE)
