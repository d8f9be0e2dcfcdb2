"""Focal lengths between millimetres, pixels and EXIF."""

import math

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational
from worldwarp.geometry import lens
from worldwarp_protocol.errors import InvalidShot

TAGS = ExifTags.Base


def photo(tmp_path, size=(90, 60), **tags):
    """A picture whose camera wrote these EXIF tags."""
    image = Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8))
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({TAGS[name]: value for name, value in tags.items()})
    image.save(tmp_path / "photo.jpg", exif=exif)
    return tmp_path / "photo.jpg"


@pytest.mark.parametrize("size", [(1800, 1200), (1200, 1800)])
def test_full_frame_is_its_own_equivalent(tmp_path, size):
    """36 mm wide, 50 mm away: the angle of view is that of the textbook, whichever way the camera was held."""
    equivalent = lens.from_exif(photo(tmp_path, size, FocalLengthIn35mmFilm=50))
    by_sensor = lens.from_exif(photo(tmp_path, size, FocalLength=IFDRational(50)), 36.0)
    assert equivalent.focal == pytest.approx(by_sensor.focal)
    assert 2 * math.degrees(math.atan(900 / by_sensor.focal)) == pytest.approx(39.598, abs=1e-3)


def test_the_equivalent_counts_across_the_diagonal(tmp_path):
    """A phone's 26 mm on a 4:3 sensor sees 79.5 degrees from corner to corner."""
    found = lens.from_exif(photo(tmp_path, (4000, 3000), FocalLengthIn35mmFilm=26, FocalLength=IFDRational(57, 10)))
    assert 2 * math.degrees(math.atan(2500 / found.focal)) == pytest.approx(79.5, abs=0.1)
    assert "26" in found.source


def test_the_sensor_s_resolution_counts_where_nothing_else_does(tmp_path):
    """6000 pixels over 23.5 mm, 35 mm away; the picture was halved since."""
    tags = {
        "FocalLength": IFDRational(35),
        "FocalPlaneXResolution": IFDRational(60000, 235),
        "FocalPlaneResolutionUnit": 4,
        "ExifImageWidth": 6000,
        "ExifImageHeight": 4000,
    }
    assert lens.from_exif(photo(tmp_path, (3000, 2000), **tags)).focal == pytest.approx(3000 * 35 / 23.5, rel=1e-4)
    inches = {**tags, "FocalPlaneXResolution": IFDRational(60000 * 254, 2350), "FocalPlaneResolutionUnit": 2}
    assert lens.from_exif(photo(tmp_path, (3000, 2000), **inches)).focal == pytest.approx(3000 * 35 / 23.5, rel=1e-4)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"FocalLength": IFDRational(35)},
        {"FocalLengthIn35mmFilm": 0},
        {"FocalLength": IFDRational(0, 0), "FocalPlaneXResolution": IFDRational(1, 0)},
    ],
)
def test_a_camera_that_says_too_little_says_nothing(tmp_path, tags):
    assert lens.from_exif(photo(tmp_path, **tags)) is None


def test_a_lens_may_be_written_in_either_unit():
    assert lens.parse("36mm", 36, (1000, 500)).focal == pytest.approx(1000)
    assert lens.parse(" 1200 px", 36, (1000, 500)).focal == 1200
    for wrong in ("35", "mm", "-3mm", "nanpx", "35cm", ""):
        with pytest.raises(InvalidShot, match=r"35mm or 1200px"):
            lens.parse(wrong, 36, (1000, 500))


def test_pixels_and_millimetres_go_both_ways():
    for width, height in lens.SENSORS.values():
        assert width > height
        assert lens.to_mm(lens.to_pixels(35, width, (640, 480)), width, (640, 480)) == pytest.approx(35)


def test_lenses_differ_from_fifteen_percent_on():
    assert not lens.differs(1.14, 1)
    assert lens.differs(1.16, 1)
    assert lens.differs(0.84, 1)
