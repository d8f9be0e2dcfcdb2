"""The focal length in picture files, as Pillow writes them."""

import math

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import IFDRational

from blender_addon.exif import Focal, orientation, read, turned

FOCAL, EQUIVALENT, PLANE_X, PLANE_UNIT, PIXELS_X = 0x920A, 0xA405, 0xA20E, 0xA210, 0xA002


def picture(path, tags: dict[int, object]):
    image, exif = Image.new("RGB", (300, 200)), Image.Exif()
    exif[0x0110] = "A camera with a long name"
    exif[0x8769] = tags
    image.save(path, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_what_cameras_write_is_read(tmp_path, suffix):
    found = read(picture(tmp_path / f"a.{suffix}", {FOCAL: IFDRational(57, 2), EQUIVALENT: 43}))
    assert found.millimetres == pytest.approx(28.5)
    assert found.equivalent == 43
    # the equivalent has the same angle across the diagonal
    assert math.hypot(300, 200) / found.pixels(300, 200) == pytest.approx(math.hypot(36, 24) / 43)


def test_the_sensors_resolution_gives_its_width(tmp_path):
    tags = {FOCAL: IFDRational(50), PLANE_X: IFDRational(3000, 36), PLANE_UNIT: 3, PIXELS_X: 300}
    found = read(picture(tmp_path / "a.jpg", tags))
    assert found.plane == pytest.approx(36, rel=1e-4)
    assert found.pixels(300, 200) == pytest.approx(50 / 36 * 300, rel=1e-4)
    assert found.pixels(200, 300) == found.pixels(300, 200)  # held upright


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"\xff\xd8Exif\0\0II*\0\xff\xff\xff\xff", b"II*\0" + b"\xff" * 40]
)
def test_nothing_comes_of_broken_files(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert read(path) == Focal()
    assert read(tmp_path / "nowhere.jpg") == Focal()


def test_millimetres_alone_tell_no_angle(tmp_path):
    assert read(picture(tmp_path / "a.jpg", {FOCAL: IFDRational(42, 10)})).pixels(300, 200) == 0
    Image.new("RGB", (300, 200)).save(tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg") == Focal()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("held", range(1, 9))
def test_pictures_are_turned_as_pillow_turns_them(tmp_path, suffix, held):
    pixels = np.random.default_rng(held).integers(0, 256, (5, 7, 3), np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = held
    image.save(tmp_path / f"a.{suffix}", exif=image.getexif())
    assert orientation(tmp_path / f"a.{suffix}") == held
    np.testing.assert_array_equal(turned(pixels, held), np.asarray(ImageOps.exif_transpose(image)))


def test_pictures_that_say_nothing_stay_as_they_are(tmp_path):
    assert orientation(picture(tmp_path / "a.jpg", {FOCAL: 40})) == 1
    assert orientation(tmp_path / "nowhere.jpg") == 1
