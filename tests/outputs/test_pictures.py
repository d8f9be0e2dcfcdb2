"""Pictures of every kind become 8-bit RGB as documented; depth keeps its floats; what is wrong is said."""

import struct
import zlib
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image
from worldwarp.outputs.pictures import decode_png, encode_png, read_depth, read_picture, tagged
from worldwarp_protocol.errors import InvalidShot

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), np.uint8)


def saved(folder: Path, array, mode=None, name="picture.png", **options) -> Path:
    image = Image.fromarray(array)
    if mode:
        image = image.convert(mode)
    image.save(folder / name, **options)
    return folder / name


def png16(path: Path, pixels) -> Path:
    """A 16-bit PNG, written by hand since Pillow writes no 16-bit colour."""
    height, width, channels = pixels.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def part(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize(
    ("name", "options"), [("p.png", {}), ("p.tif", {}), ("p.webp", {"lossless": True}), ("p.bmp", {})]
)
def test_lossless_files_keep_every_pixel(tmp_path, name, options):
    assert np.array_equal(read_picture(saved(tmp_path, RGB, name=name, **options)), RGB)


def test_jpeg_is_close(tmp_path):
    smooth = np.linspace(0, 255, 20 * 30 * 3).reshape(20, 30, 3).astype(np.uint8)
    got = read_picture(saved(tmp_path, smooth, name="p.jpg", quality=95)).astype(int)
    assert np.abs(got - smooth).mean() < 3


def test_grey_becomes_three_equal_channels(tmp_path):
    got = read_picture(saved(tmp_path, RGB[..., 0]))
    assert np.array_equal(got, np.repeat(RGB[..., :1], 3, axis=2))


def test_transparency_is_laid_over_black(tmp_path):
    alpha = np.full((20, 30, 1), 255, np.uint8)
    alpha[:5], alpha[5:10] = 0, 128
    got = read_picture(saved(tmp_path, np.concatenate([RGB, alpha], axis=2)))
    assert (got[:5] == 0).all()
    assert np.abs(got[5:10] - RGB[5:10] * (128 / 255)).max() <= 1
    assert np.array_equal(got[10:], RGB[10:])


def test_palette_cmyk_and_one_bit_become_rgb(tmp_path):
    few = (RGB // 128 * 255).astype(np.uint8)
    assert np.array_equal(read_picture(saved(tmp_path, few, mode="P", name="p.gif")), few)
    assert np.abs(read_picture(saved(tmp_path, RGB, mode="CMYK", name="p.tif")).astype(int) - RGB).max() <= 1
    bits = Image.fromarray(RGB[..., 0]).convert("1")
    bits.save(tmp_path / "bits.png")
    assert np.array_equal(read_picture(tmp_path / "bits.png")[..., 0], np.asarray(bits) * 255)


@pytest.mark.parametrize(("channels", "error"), [(1, 0.51), (3, 1), (4, 1)])
def test_16_bit_becomes_8_bit(tmp_path, channels, error):
    pixels = np.repeat(RNG.integers(0, 65536, (20, 30, 1), np.uint16), channels, axis=2)
    pixels[0, 0], pixels[0, 1] = 0, 65535
    if channels == 4:
        pixels[..., 3] = 65535
    got = read_picture(png16(tmp_path / "p.png", pixels))
    assert got.dtype == np.uint8
    assert np.abs(got[..., 0] - pixels[..., 0] / 257).max() < error


def test_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter clockwise
    got = read_picture(saved(tmp_path, RGB, exif=exif))
    assert np.array_equal(got, np.rot90(RGB, -1))


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    few = (RGB // 128 * 255).astype(np.uint8)
    path = saved(tmp_path, few, mode="P", name="p.gif", save_all=True, append_images=[Image.fromarray(255 - few)])
    assert np.array_equal(read_picture(path), few)


def test_what_is_no_picture_is_said(tmp_path):
    with pytest.raises(InvalidShot, match=r"picture: there is no file .*missing.png; check the path"):
        read_picture(tmp_path / "missing.png")
    with pytest.raises(InvalidShot, match=r"picture: .* is a folder; name a file in it"):
        read_picture(tmp_path)
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InvalidShot, match=r"picture: .*text.png is not a picture; give a PNG"):
        read_picture(tmp_path / "text.png")
    whole = saved(tmp_path, RGB).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidShot, match=r"picture: .*cut.png is damaged or incomplete"):
        read_picture(tmp_path / "cut.png")
    saved(tmp_path, np.zeros((20, 30), np.float32), name="float.tif")
    with pytest.raises(InvalidShot, match=r"picture: .* holds floats"):
        read_picture(tmp_path / "float.tif")
    (tmp_path / "light.exr").write_bytes(b"")
    with pytest.raises(InvalidShot, match=r"picture: .* scene-linear .* save it as PNG"):
        read_picture(tmp_path / "light.exr")


@pytest.mark.parametrize("size", [(5000, 20), (10_000, 10_000), (20_000, 20_000)])
def test_pictures_that_are_too_large_are_refused_before_they_are_unpacked(tmp_path, size):
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    parts = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    )
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    with pytest.raises(InvalidShot, match=r"picture: .* at most 4096 a side"):
        read_picture(tmp_path / "large.png")


def test_png_bytes_are_the_same_each_time_and_exact():
    for image in (RGB, RGB[..., 0], RGB[:, ::2]):
        assert encode_png(image) == encode_png(image.copy())
        assert np.array_equal(decode_png(encode_png(image)), image)


DEPTH = RNG.uniform(0.5, 40, (20, 30)).astype(np.float32)
DEPTH[0] = 1e10
DEPTH[1] = np.inf


def exr(path: Path, channels, **header) -> Path:
    options = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    with OpenEXR.File(options, channels) as file:
        file.write(str(path))
    return path


@pytest.mark.parametrize(
    "names", [("Z",), ("V",), ("Y",), ("Depth.Z",), ("View Layer.Depth.Z", "View Layer.Combined.R"), tuple("RGB")]
)
def test_depth_from_exr_is_exact(tmp_path, names):
    channels = {name: DEPTH if "Combined" not in name else DEPTH * 2 for name in names}
    assert np.array_equal(read_depth(exr(tmp_path / "d.exr", channels)), DEPTH)


def test_half_floats_and_doubles_become_float32(tmp_path):
    half = np.clip(DEPTH, 0, 60000).astype(np.float16)
    assert np.array_equal(read_depth(exr(tmp_path / "d.exr", {"Z": half})), half.astype(np.float32))
    np.save(tmp_path / "d.npy", DEPTH.astype(np.float64))
    got = read_depth(tmp_path / "d.npy")
    assert got.dtype == np.float32
    assert np.array_equal(got, DEPTH)


def test_what_is_no_depth_is_said(tmp_path):
    with pytest.raises(InvalidShot, match=r"depth: there is no file"):
        read_depth(tmp_path / "missing.exr")
    png16(tmp_path / "d.png", RNG.integers(0, 65536, (20, 30, 1), np.uint16))
    with pytest.raises(InvalidShot, match=r"depth: .*no known scale.* 32-bit float EXR"):
        read_depth(tmp_path / "d.png")
    with pytest.raises(InvalidShot, match=r"depth: .* has no depth channel \(it has B, G, R\); turn on the Z"):
        read_depth(exr(tmp_path / "c.exr", {"R": DEPTH, "G": DEPTH * 2, "B": DEPTH}))
    (tmp_path / "text.exr").write_text("not an EXR")
    with pytest.raises(InvalidShot, match=r"depth: .*text.exr cannot be read as EXR"):
        read_depth(tmp_path / "text.exr")
    whole = exr(tmp_path / "whole.exr", {"Z": DEPTH}).read_bytes()
    (tmp_path / "cut.exr").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidShot, match=r"depth: .*cut.exr cannot be read as EXR"):
        read_depth(tmp_path / "cut.exr")
    window = (np.array([0, 0], np.int32), np.array([59, 39], np.int32))
    exr(tmp_path / "region.exr", {"Z": DEPTH}, displayWindow=window)
    with pytest.raises(InvalidShot, match=r"depth: .* region .* without a border"):
        read_depth(tmp_path / "region.exr")


def test_npy_files_are_read_without_pickle(tmp_path):
    np.save(tmp_path / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidShot, match=r"depth: .*object.npy cannot be read"):
        read_depth(tmp_path / "object.npy")
    np.save(tmp_path / "stack.npy", DEPTH[None])
    with pytest.raises(InvalidShot, match=r"depth: .*does not hold an array \(height, width\) of floats"):
        read_depth(tmp_path / "stack.npy")
    np.savez(tmp_path / "depth.npz", DEPTH)
    (tmp_path / "depth.npz").rename(tmp_path / "archive.npy")
    with pytest.raises(InvalidShot, match=r"depth: .*is an archive \(.npz or .zip\); give one array"):
        read_depth(tmp_path / "archive.npy")
    np.savez(tmp_path / "cameras.npz", K=DEPTH, R=DEPTH, t=DEPTH)
    with pytest.raises(InvalidShot, match=r"depth: .*cameras.npz is an archive of cameras; give one array"):
        read_depth(tmp_path / "cameras.npz")


def test_a_png_says_that_it_is_srgb_where_it_is(tmp_path):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    plain = encode_png(image)
    assert tagged(plain, "AgX Base sRGB") == plain
    (tmp_path / "a.png").write_bytes(tagged(plain, "sRGB"))
    with Image.open(tmp_path / "a.png") as found:
        assert found.info["srgb"] == 0
        np.testing.assert_array_equal(np.asarray(found), image)
