"""``transforms.json``: OpenGL's axes, lenses at the top and in frames, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from worldwarp.cameras import nerfstudio
from worldwarp.cameras.foreign import Given
from worldwarp_protocol.errors import InvalidShot

from tests.cameras.paths_for_tests import assert_same, looking, pixels

# OpenGL's camera looks along -Z with Y up: turned by a quarter about X it looks along the world's +Y, Z up
AHEAD = [[1, 0, 0, 0.5], [0, 0, -1, -2], [0, 1, 0, 1], [0, 0, 0, 1]]
LENS = {"fl_x": 500, "fl_y": 510, "cx": 320, "cy": 240, "w": 640.0, "h": 480}
FRAMES = [
    {"file_path": "images/frame_10.png", "transform_matrix": AHEAD},
    {"file_path": "./images/frame_9.png", "transform_matrix": AHEAD[:3]},
]


def read(tmp_path, content, given=None):
    path = tmp_path / "transforms.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return nerfstudio.read(path, given or Given())


def test_a_file_written_by_hand_sees_points_where_they_are(tmp_path):
    cameras = read(tmp_path, {**LENS, "aabb_scale": 16, "scale": 0.3, "applied_transform": [[1]], "frames": FRAMES})
    # (1.5, 2, 2): 4 ahead, 1 to the right, 1 up
    np.testing.assert_allclose(pixels(cameras, np.array([1.5, 2, 2])), [[445, 112.5]] * 2)
    assert cameras.frame.tolist() == [9, 10]
    assert (cameras.width, cameras.height, cameras.fps) == (640, 480, 24)


def test_the_original_nerfs_files_have_an_angle_only(tmp_path):
    content = {"camera_angle_x": np.pi / 2, "frames": [{**frame, "rotation": 0.01} for frame in FRAMES]}
    with pytest.raises(InvalidShot, match=r"frames\[1\]: does not say the pictures' width; give --width and --height"):
        read(tmp_path, content)
    cameras = read(tmp_path, content, Given(800, 600))
    np.testing.assert_allclose(cameras.K, [[[400, 0, 400], [0, 400, 300], [0, 0, 1]]] * 2)


def test_a_frames_own_lens_counts_before_the_one_of_all(tmp_path):
    frames = [{**FRAMES[0], "fl_x": 700}, FRAMES[1]]
    cameras = read(tmp_path, {**LENS, "frames": frames})
    assert cameras.K[:, 0, 0].tolist() == [500, 700]
    assert cameras.K[:, 1, 1].tolist() == [510, 510]


@pytest.mark.parametrize("one_lens", [True, False])
def test_a_path_survives(tmp_path, one_lens):
    cameras = looking(12, one_lens)
    nerfstudio.write(tmp_path / "out.json", cameras)
    got = nerfstudio.read(tmp_path / "out.json", Given())
    assert_same(got, cameras, 0)
    paths = [frame["file_path"] for frame in json.loads((tmp_path / "out.json").read_text())["frames"]]
    assert paths[:2] == ["frames/0001.png", "frames/0002.png"]


def test_pictures_of_a_path_with_other_numbers_count_from_1(tmp_path):
    nerfstudio.write(tmp_path / "out.json", replace(looking(3), frame=np.array([1001, 1003, 1005])))
    assert nerfstudio.read(tmp_path / "out.json", Given()).frame.tolist() == [1, 2, 3]


def test_frames_without_names_stay_in_their_order(tmp_path):
    frames = [{"transform_matrix": AHEAD, "fl_x": 500 + i} for i in range(11)]
    cameras = read(tmp_path, {**LENS, "frames": frames})
    assert cameras.K[:, 0, 0].tolist() == list(range(500, 511))
    assert cameras.frame.tolist() == list(range(1, 12))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"k1": 0.01}, r"frames\[1\]: the lens  ?is distorted or no pinhole; undistort"),
        ({"camera_model": "OPENCV_FISHEYE"}, r"OPENCV_FISHEYE is distorted or no pinhole"),
        ({"fl_x": None}, r"has no focal length; it needs fl_x or camera_angle_x"),
        ({"fl_x": "long"}, r"Expected `float \| null`, got `str` - at `\$.fl_x`"),
        ({"w": 0}, r"has a width of 0 pixels"),
        ({"w": 640.5}, r"has a width of 640.5 pixels"),
        ({"frames": []}, r"holds no cameras"),
        ({"frames": [{"transform_matrix": AHEAD[:2]}]}, r"frames\[0\]: transform_matrix is not 4 rows of 4 numbers"),
        ({"frames": [{"transform_matrix": [[1e99] * 4] * 4}]}, r"frames\[0\]: holds a value that is not finite"),
        ({"frames": [FRAMES[0], {**FRAMES[1], "w": 64}]}, r"frames\[0\]: has 640 x 480 pixels where another has 64 x"),
    ],
)
def test_each_fault_gets_its_sentence(tmp_path, change, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        read(tmp_path, {**LENS, "frames": FRAMES, **change})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"frames": 3}', '{"frames": ' + "[" * 100_000, "\x00", '{"w": NaN}'])
def test_what_is_no_such_file_is_said(tmp_path, text):
    with pytest.raises(InvalidShot, match=r"transforms.json: cannot be read as transforms.json"):
        read(tmp_path, text)


def test_a_size_that_the_file_says_counts(tmp_path):
    assert read(tmp_path, {**LENS, "frames": FRAMES}, Given(width=320)).width == 640
