"""TUM's trajectories."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from worldwarp.cameras import tum
from worldwarp.cameras.foreign import Given
from worldwarp.cameras.quaternions import from_rotations, to_rotations
from worldwarp_protocol.errors import InvalidShot

from tests.cameras.paths_for_tests import assert_same, looking, pixels

# at (1, 0, 0), turned by a quarter about Y so that it looks along +X; then at the origin along +Z, its length not 1
TEXT = """# ground truth trajectory
# timestamp tx ty tz qx qy qz qw
1305031098.6659 1 0 0 0 0.7071067811865476 0 0.7071067811865476

1305031098.7059 0 0 0 0 0 0 2
"""
LENS = Given(640, 480, focal=500.0)


def read(tmp_path, text, given=LENS):
    (tmp_path / "path.txt").write_text(text)
    return tum.read(tmp_path / "path.txt", given)


def test_a_file_written_by_hand_sees_points_where_they_are(tmp_path):
    cameras = read(tmp_path, TEXT)
    # (3, 1, 0) is 2 ahead of the first and 1 below; (1, 1, 2) is 2 ahead of the second, 1 right and 1 below
    np.testing.assert_allclose(pixels(cameras, np.array([3.0, 1, 0]))[0], [320, 490])
    np.testing.assert_allclose(pixels(cameras, np.array([1.0, 1, 2]))[1], [570, 490])
    assert cameras.frame.tolist() == [1, 2]
    assert cameras.fps == 25


def test_a_path_survives_without_its_lens(tmp_path):
    cameras = replace(looking(9), frame=np.arange(5, 14), fps=30.0)
    tum.write(tmp_path / "out.txt", cameras)
    got = tum.read(tmp_path / "out.txt", LENS)
    np.testing.assert_allclose(got.camera_to_world, cameras.camera_to_world, atol=1e-12)
    assert (got.fps, got.frame.tolist()) == (30, list(range(1, 10)))
    assert_same(read(tmp_path, (tmp_path / "out.txt").read_text().replace("\n", "\r\n")), got, 0)


def test_quaternions_are_scipys():
    q = np.random.default_rng(0).normal(size=(500, 4))
    q[:4] = [[1, 0, 0, 0], [0, 1, 0, 0], [-1, 1e-9, 0, 0], [1e-9, 0, 0, 1]]
    R = Rotation.from_quat(q, scalar_first=True).as_matrix()
    np.testing.assert_allclose(to_rotations(q), R, atol=1e-14)
    truth = Rotation.from_matrix(R).as_quat(canonical=True, scalar_first=True)
    got = from_rotations(R)
    np.testing.assert_allclose(got * np.sign((got * truth).sum(axis=1))[:, None], truth, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        (TEXT.replace(" 2\n", "\n"), LENS, r"path.txt, line 5: has 7 columns; it is timestamp tx ty tz qx qy qz qw"),
        (TEXT.replace(" 2\n", " 0\n"), LENS, r"path.txt, line 5: the quaternion is 0"),
        (TEXT.replace(" 2\n", " w\n"), LENS, r"path.txt, line 5: 'w' is not a number"),
        (TEXT.replace("8.7", "8.5"), LENS, r"path.txt: camera 2 is not later"),
        ("# nothing\n", LENS, r"path.txt: holds no cameras"),
        (TEXT, Given(640, 480), r"path.txt: does not say the focal length; give --lens, such as 35mm"),
        (TEXT, Given(focal=500.0), r"does not say the pictures' width"),
    ],
)
def test_each_fault_gets_its_sentence(tmp_path, text, given, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        read(tmp_path, text, given)


def test_what_is_no_text_is_said(tmp_path):
    (tmp_path / "path.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InvalidShot, match=r"path.txt: is not text"):
        tum.read(tmp_path / "path.txt", LENS)
