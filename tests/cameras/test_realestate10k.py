"""RealEstate10K's text files."""

from dataclasses import replace

import numpy as np
import pytest
from worldwarp.cameras import realestate10k
from worldwarp.cameras.foreign import Given
from worldwarp_protocol.errors import InvalidShot

from tests.cameras.paths_for_tests import assert_same, looking, pixels

# half a unit to the right, then one further ahead, too, as a video of 29.97 frames a second with a frame missing
TEXT = """https://www.youtube.com/watch?v=xyz
1000000 0.5 0.75 0.5 0.5 0 0 1 0 0 -0.5 0 1 0 0 0 0 1 0
1033367 0.5 0.75 0.5 0.5 0 0 1 0 0 -0.5 0 1 0 0 0 0 1 -1
1100100 0.5 0.75 0.5 0.5 0 0 1 0 0 -0.5 0 1 0 0 0 0 1 -1
"""
SIZE = Given(640, 360)


def read(tmp_path, text, given=SIZE):
    (tmp_path / "clip.txt").write_text(text)
    return realestate10k.read(tmp_path / "clip.txt", given)


def test_a_file_written_by_hand_sees_points_where_they_are(tmp_path):
    cameras = read(tmp_path, TEXT)
    # the camera is at (0.5, 0, 0); the point 0.5 to its right, 0.2 below, 2 ahead; then 1 ahead
    wanted = [[320 + 320 / 4, 180 + 27], [320 + 320 / 2, 180 + 54], [320 + 320 / 2, 180 + 54]]
    np.testing.assert_allclose(pixels(cameras, np.array([1, 0.2, 2])), wanted)
    assert cameras.frame.tolist() == [1, 2, 4]
    assert cameras.fps == pytest.approx(30000 / 1001, abs=1e-12)


def test_lines_may_end_as_windows_has_it_and_the_address_may_be_missing(tmp_path):
    wanted = read(tmp_path, TEXT)
    (tmp_path / "clip.txt").write_bytes(TEXT.split("\n", 1)[1].replace("\n", "\r\n").encode("utf-8-sig"))
    assert_same(realestate10k.read(tmp_path / "clip.txt", SIZE), wanted, 0)


def test_a_path_survives_with_its_time(tmp_path):
    cameras = replace(looking(9, one_lens=False), frame=np.array([1, 2, 3, 5, 6, 7, 8, 9, 20]), fps=24000 / 1001)
    realestate10k.write(tmp_path / "out.txt", cameras)
    got = realestate10k.read(tmp_path / "out.txt", Given(640, 360))
    assert_same(got, cameras)
    assert got.frame.tolist() == cameras.frame.tolist()
    assert got.fps == pytest.approx(cameras.fps, abs=1e-12)


def test_a_given_rate_numbers_the_frames(tmp_path):
    assert read(tmp_path, TEXT, replace(SIZE, fps=60.0)).frame.tolist() == [1, 3, 7]
    with pytest.raises(InvalidShot, match="several cameras in one frame at 10 frames a second; give a higher --fps"):
        read(tmp_path, TEXT, replace(SIZE, fps=10.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("0 1 -1\n1100", "0 1\n1100"), r"clip.txt, line 3: has 18 columns; .* has 19"),
        (TEXT.replace("1033367 0.5", "1033367 half"), r"clip.txt, line 3: 'half' is not a number"),
        (TEXT.replace("1033367", "inf"), r"clip.txt, line 3: holds a value that is not finite"),
        (TEXT.replace("1033367", "1000000"), r"clip.txt: camera 2 is not later than the one before"),
        (TEXT.split("\n")[0], r"clip.txt: holds no cameras"),
        ("", r"clip.txt: holds no cameras"),
    ],
)
def test_each_fault_gets_its_sentence(tmp_path, text, sentence):
    with pytest.raises(InvalidShot, match=sentence):
        read(tmp_path, text)


def test_a_size_is_needed(tmp_path):
    with pytest.raises(InvalidShot, match="does not say the pictures' height; give --width and --height"):
        read(tmp_path, TEXT, Given(width=640))
