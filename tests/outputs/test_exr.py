"""What stands in the EXR files, read back by the OpenEXR package; Blender and OpenImageIO do in tests/blender."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import OpenEXR
import pytest
from worldwarp.cameras.cameras import project
from worldwarp.outputs.exr import Passes, linear, write_linear, write_passes
from worldwarp.outputs.motion import motion_vectors
from worldwarp.outputs.pictures import read_depth
from worldwarp_protocol.errors import WorldWarpError

from tests.cache import scene

CAMERAS = scene.path(3, 48, 32)


def passes(cameras, i):
    shot = scene.picture(cameras, i)
    rng = np.random.default_rng(i)
    return Passes(
        rgb=np.rint(shot.rgb * 255).astype(np.uint8),
        depth=shot.depth.astype(np.float32),
        provenance=rng.integers(0, 3, shot.depth.shape, dtype=np.uint8),
        hole=rng.random(shot.depth.shape) < 0.3,
    )


def read(path):
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels for name, channel in file.channels().items()}, dict(file.header())


def test_every_pass_comes_back(tmp_path):
    cameras = scene.path(3, 48, 32)
    frame = passes(cameras, 1)
    write_passes(tmp_path / "0002.exr", frame, cameras, 1, "sRGB")
    channels, header = read(tmp_path / "0002.exr")
    kinds = {name.removeprefix("ViewLayer."): pixels.dtype.name for name, pixels in channels.items()}
    halves = [*(f"Combined.{c}" for c in "RGBA"), "Provenance.X", "Hole.X"]
    assert kinds == dict.fromkeys(halves, "float16") | dict.fromkeys(
        ["Depth.Z", *(f"Vector.{c}" for c in "XYZW")], "float32"
    )
    sky = np.isinf(frame.depth)
    assert sky.any()
    np.testing.assert_array_equal(channels["ViewLayer.Depth.Z"], np.where(sky, np.float32(1e10), frame.depth))
    np.testing.assert_array_equal(channels["ViewLayer.Provenance.X"], frame.provenance)
    np.testing.assert_array_equal(channels["ViewLayer.Hole.X"], frame.hole)
    vectors = np.stack([channels[f"ViewLayer.Vector.{c}"] for c in "XYZW"], -1)
    np.testing.assert_array_equal(vectors, motion_vectors(frame.depth, cameras, 1))
    assert header["worldwarp:colourSpace"] == "scene-linear Rec.709"
    assert header["Frame"] == "002"
    np.testing.assert_array_equal(read_depth(tmp_path / "0002.exr"), channels["ViewLayer.Depth.Z"])


def test_the_header_says_where_the_camera_stands_as_openexr_defines_it(tmp_path):
    """By the text of OpenEXR's standard attributes, for points as Imath multiplies them: rows from the left."""
    cameras = replace(CAMERAS, fps=24000 / 1001)
    write_passes(tmp_path / "a.exr", passes(cameras, 2), cameras, 2, "sRGB")
    write_linear(tmp_path / "b.exr", np.zeros((32, 48, 3), np.uint8), cameras, 2, "sRGB")
    point = cameras.centres[2] + cameras.camera_to_world[2, :3, :3] @ [0.3, 0.2, 4]  # right, down, ahead
    pixel, _ = project(point, cameras.K[2], cameras.world_to_camera[2])
    for name in "ab":
        _, header = read(tmp_path / f"{name}.exr")
        assert (header["framesPerSecond"], header["Frame"]) == (Fraction(24000, 1001), "003")
        np.testing.assert_allclose([*point, 1] @ header["worldToCamera"], [0.3, -0.2, 4, 1], atol=1e-5)
        x, y, z, w = [*point, 1] @ header["worldToNDC"]
        np.testing.assert_allclose([x / w * 48, y / w * 32, z / w], [*pixel, 1 / 4], atol=1e-4)


def test_what_was_left_out_has_the_skys_depth_no_motion_and_is_a_hole(tmp_path):
    cameras = scene.path(3, 48, 32)
    frame = passes(cameras, 1)
    frame.depth[4:9, 6:12] = np.nan
    write_passes(tmp_path / "0002.exr", frame, cameras, 1, "sRGB")
    channels, _ = read(tmp_path / "0002.exr")
    out = np.isnan(frame.depth)
    assert (channels["ViewLayer.Depth.Z"][out] == np.float32(1e10)).all()
    np.testing.assert_array_equal(channels["ViewLayer.Hole.X"], frame.hole | out)
    for c in "XYZW":
        assert (channels[f"ViewLayer.Vector.{c}"][out] == 0).all()
        assert np.isfinite(channels[f"ViewLayer.Vector.{c}"]).all()


def test_linear_colours_are_those_of_the_standard_and_lose_nothing(tmp_path):
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    values = linear(every, "sRGB")[0, :, 0]
    # IEC 61966-2-1: ends, the linear part, middle grey
    np.testing.assert_allclose(values[[0, 10, 128, 255]], [0, 0.0030353, 0.2158605, 1], rtol=1e-5, atol=1e-9)
    write_linear(tmp_path / "a.exr", every, CAMERAS, 0, "sRGB")
    channels, _ = read(tmp_path / "a.exr")
    half = np.stack([channels[c] for c in "RGB"], -1).astype(np.float64)
    back = np.where(half <= 0.0031308, half * 12.92, 1.055 * half ** (1 / 2.4) - 0.055)
    np.testing.assert_array_equal(np.rint(back * 255), every)


def test_other_spaces_stay_as_displayed_and_say_so(tmp_path):
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    write_linear(tmp_path / "a.exr", every, CAMERAS, 0, "AgX Base sRGB")
    channels, header = read(tmp_path / "a.exr")
    assert header["worldwarp:colourSpace"] == "AgX Base sRGB"
    assert "colorInteropID" not in header
    np.testing.assert_allclose(channels["R"][0], np.arange(256) / 255, atol=3e-4)


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WorldWarpError, match="cannot be written"):
        write_linear(tmp_path / "file" / "a.exr", np.zeros((4, 4, 3), np.uint8), CAMERAS, 0, "sRGB")
