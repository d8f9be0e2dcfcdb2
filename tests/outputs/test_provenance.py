"""Provenance as a picture: viewers show three colours, readers find the numbers 0, 1 and 2."""

import io

import numpy as np
from PIL import Image
from worldwarp.outputs.pictures import COLOURS, decode_png, encode_provenance

GIVEN = np.random.default_rng(0).integers(0, 3, (33, 47)).astype(np.uint8)


def test_the_numbers_come_back_from_ours_and_from_pillow() -> None:
    data = encode_provenance(GIVEN)
    np.testing.assert_array_equal(decode_png(data), GIVEN)
    image = Image.open(io.BytesIO(data))
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), GIVEN)
    assert encode_provenance(GIVEN) == data


def test_a_viewer_shows_three_colours_none_of_them_black() -> None:
    shown = np.asarray(Image.open(io.BytesIO(encode_provenance(GIVEN))).convert("RGB"))
    for kind, colour in COLOURS.items():
        assert (shown[kind == GIVEN] == colour).all()
        assert max(colour) > 100
    brightness = sorted(sum(colour) for colour in COLOURS.values())
    assert np.diff(brightness).min() > 60


def test_a_picture_of_one_kind_only_keeps_its_number() -> None:
    for number in range(3):
        whole = np.full((16, 16), number, np.uint8)
        np.testing.assert_array_equal(decode_png(encode_provenance(whole)), whole)
