"""COLMAP's models: what the specification says, and what COLMAP itself makes of ours."""

import struct

import numpy as np
import pytest
from worldwarp.cameras import colmap
from worldwarp.cameras.foreign import Given
from worldwarp_protocol.errors import InvalidShot

from tests.cameras.paths_for_tests import POINT, assert_same, looking, pixels

CAMERAS = "# Camera list\n1 PINHOLE 640 480 500 510 320 240\n7 SIMPLE_RADIAL 640 480 400 310 230 0\n"
# the second turned by a quarter about the world's Y: what lies along +X is in front of it
IMAGES = """# Image list with two lines of data per image:
4 1 0 0 0 0 0 2 1 shot/frame_0010.png
10.5 20.5 -1 11 22 3
2 0.7071067811865476 0 -0.7071067811865476 0 0 0 0 7 shot/frame_0009.png

"""


@pytest.fixture
def model(tmp_path):
    (tmp_path / "cameras.txt").write_text(CAMERAS)
    (tmp_path / "images.txt").write_text(IMAGES)
    return tmp_path


def test_a_model_written_by_hand_sees_points_where_they_are(model):
    cameras = colmap.read(model, Given(fps=30))
    assert cameras.frame.tolist() == [9, 10]
    assert (cameras.width, cameras.height, cameras.fps) == (640, 480, 30)
    # frame 10: (1, 1, 2) is 4 ahead; x = 500 / 4 + 320, y = 510 / 4 + 240
    np.testing.assert_allclose(pixels(cameras, np.array([1.0, 1, 2]))[1], [445, 367.5])
    # frame 9: (2, 1, 0) lies straight ahead, 2 away and 1 below; f = 400
    np.testing.assert_allclose(pixels(cameras, np.array([2.0, 1, 0]))[0], [310, 430])


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(model):
    wanted = colmap.read(model, Given())
    for name in ("cameras.txt", "images.txt"):
        text = (model / name).read_text()
        (model / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert_same(colmap.read(model, Given()), wanted, 0)


def test_a_model_is_found_in_its_project(model):
    folder = model / "sparse" / "0"
    folder.mkdir(parents=True)
    for name in ("cameras.txt", "images.txt"):
        (model / name).rename(folder / name)
    assert len(colmap.read(model, Given())) == 2
    assert len(colmap.read(folder / "images.txt", Given())) == 2


@pytest.mark.parametrize("write", [colmap.write_text, colmap.write_binary])
@pytest.mark.parametrize("one_lens", [True, False])
def test_a_path_survives(tmp_path, write, one_lens):
    cameras = looking(12, one_lens)
    write(tmp_path / "model", cameras)
    got = colmap.read(tmp_path / "model", Given())
    assert_same(got, cameras)
    assert got.frame.tolist() == list(range(1, 13))


def test_the_binary_layout_is_the_documented_one(tmp_path):
    colmap.write_binary(tmp_path, looking(2))
    data = (tmp_path / "cameras.bin").read_bytes()
    assert struct.unpack("<QIiQQ4d", data) == (1, 1, 1, 640, 360, 613.7, 607.1, 321.3, 177.9)
    data = (tmp_path / "images.bin").read_bytes()
    assert len(data) == 8 + 2 * (4 + 7 * 8 + 4 + len("0001.png") + 1 + 8)
    assert data[8 + 64 : 8 + 64 + 9] == b"0001.png\0"
    assert (tmp_path / "points3D.bin").read_bytes() == bytes(8)


@pytest.mark.parametrize("write", [colmap.write_text, colmap.write_binary])
def test_colmap_reads_what_is_written(tmp_path, write):
    pycolmap = pytest.importorskip("pycolmap")
    cameras = looking(5, one_lens=False)
    write(tmp_path, cameras)
    model = pycolmap.Reconstruction(str(tmp_path))
    images = sorted(model.images.values(), key=lambda image: image.name)
    assert [image.name for image in images] == [f"{i:04}.png" for i in range(1, 6)]
    seen = [image.project_point(POINT) for image in images]
    np.testing.assert_allclose(seen, pixels(cameras), atol=1e-9)


@pytest.mark.parametrize("write", ["write_text", "write_binary"])
def test_what_colmap_writes_is_read(tmp_path, write):
    pycolmap = pytest.importorskip("pycolmap")
    colmap.write_text(tmp_path, looking(5, one_lens=False))
    model = pycolmap.Reconstruction(str(tmp_path))
    (tmp_path / "theirs").mkdir()
    getattr(model, write)(str(tmp_path / "theirs"))
    assert_same(colmap.read(tmp_path / "theirs", Given()), looking(5, one_lens=False))


@pytest.mark.parametrize(
    ("cameras", "images", "sentence"),
    [
        (CAMERAS.replace("230 0", "230 0.01"), IMAGES, r"cameras.txt, line 3: the lens is distorted; undistort the"),
        (CAMERAS.replace("SIMPLE_RADIAL", "FOV"), IMAGES, r"cameras.txt, line 3: 'FOV' is none of SIMPLE_PINHOLE"),
        (CAMERAS.replace(" 240", ""), IMAGES, r"cameras.txt, line 2: PINHOLE has 3 parameters, not 4"),
        (CAMERAS.replace("510", "wide"), IMAGES, r"cameras.txt, line 2: 'wide' is not a number"),
        (CAMERAS.replace("510", "nan"), IMAGES, r"cameras.txt, line 2: holds a value that is not finite"),
        (CAMERAS.replace("7 SIMPLE", "8 SIMPLE"), IMAGES, r"images.txt, line 4: camera 7 is missing"),
        (CAMERAS.replace("640 480 400", "64 480 400"), IMAGES, r"cameras.txt, line .* bring the pictures to one size"),
        (CAMERAS.replace("640 480", "0 480"), IMAGES, r"has a width of 0 pixels"),
        (CAMERAS, IMAGES.replace("10.5 20.5 -1 11 22 3\n", ""), r"images.txt, line 3: is not a picture's points"),
        (CAMERAS, IMAGES.replace("4 1 0 0 0 ", "4 0 0 0 0 "), r"images.txt, line 2: the quaternion is 0"),
        (CAMERAS, "# nothing\n", r"holds no cameras"),
        (CAMERAS, "1 2 3\n", r"images.txt, line 1: is not a picture's IMAGE_ID QW"),
    ],
)
def test_each_fault_gets_its_sentence(model, cameras, images, sentence):
    (model / "cameras.txt").write_text(cameras)
    (model / "images.txt").write_text(images)
    with pytest.raises(InvalidShot, match=sentence):
        colmap.read(model, Given())


def test_a_binary_model_that_is_cut_or_lies_about_its_length_is_refused(tmp_path):
    colmap.write_binary(tmp_path, looking(3))
    for name in ("cameras.bin", "images.bin"):
        whole = (tmp_path / name).read_bytes()
        for length in range(len(whole)):
            (tmp_path / name).write_bytes(whole[:length])
            with pytest.raises(InvalidShot, match=rf"^path: .*{name}"):
                colmap.read(tmp_path, Given())
        (tmp_path / name).write_bytes(struct.pack("<Q", 2**63) + whole[8:])
        with pytest.raises(InvalidShot, match=name):
            colmap.read(tmp_path, Given())
        (tmp_path / name).write_bytes(whole)
    points = struct.pack("<Q", 2**60)
    (tmp_path / "images.bin").write_bytes(whole[:-8] + points)
    with pytest.raises(InvalidShot, match=r"1,152,921,504,606,846,976 entries do not fit into the rest"):
        colmap.read(tmp_path, Given())


def test_a_binary_lens_that_bends_lines_is_named(tmp_path):
    colmap.write_binary(tmp_path, looking(3))
    data = bytearray((tmp_path / "cameras.bin").read_bytes())
    data[12:16] = struct.pack("<i", 5)
    (tmp_path / "cameras.bin").write_bytes(data)
    with pytest.raises(InvalidShot, match=r"cameras.bin, byte 8: camera model 5 is none of .*; undistort"):
        colmap.read(tmp_path, Given())


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(InvalidShot, match="holds no COLMAP model"):
        colmap.read(tmp_path, Given())
