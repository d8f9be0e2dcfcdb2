"""Multilayer EXR in real Blenders: as passes of the Image node, by OpenImageIO, and beside what Cycles writes."""

import numpy as np
import OpenEXR
from worldwarp.cameras.cameras import pixel_rays
from worldwarp.cameras.formats import write_cameras
from worldwarp.outputs.exr import Passes, write_passes

from tests.cache import scene


def channels(path):
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels for part in file.parts for name, channel in part.channels.items()}


def test_blender_reads_the_passes_and_cycles_writes_the_same_vectors(in_blender, tmp_path):
    cameras = scene.path(3, 48, 32, reach=0.4)
    pose = cameras.camera_to_world[1]
    rays = pixel_rays(cameras.K[1], 48, 32) @ pose[:3, :3].T
    depth = ((6 - pose[1, 3]) / rays[..., 1]).astype(np.float32)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    frame = Passes(rgb, depth, rng.integers(0, 3, depth.shape, dtype=np.uint8), depth > 5)
    write_passes(tmp_path / "0002.exr", frame, cameras, 1, "sRGB")
    write_cameras(tmp_path / "cameras.npz", cameras)
    files = "0002.exr", "read.npz", "cameras.npz", "cycles.exr"
    report = in_blender("passes.py", *(tmp_path / name for name in files))

    names = {"Combined", "Depth", "Vector", "Provenance", "Hole"}
    assert names <= report["passes"].keys()
    assert report["passes"]["Combined"] == "RGBA"
    assert report["passes"]["Depth"] == "VALUE"
    written = channels(tmp_path / "0002.exr")
    if report["openimageio"]:
        with np.load(tmp_path / "read.npz") as read:
            assert set(read) == set(written)
            for name in read:
                np.testing.assert_array_equal(read[name], written[name], err_msg=name)
    rendered = channels(tmp_path / "cycles.exr")
    np.testing.assert_allclose(written["ViewLayer.Depth.Z"], rendered["ViewLayer.Depth.Z"], rtol=1e-5)
    for name in (f"ViewLayer.Vector.{axis}" for axis in "XYZW"):
        assert np.abs(rendered[name]).max() > 0.3
        np.testing.assert_allclose(written[name], rendered[name], atol=5e-3, err_msg=name)
