"""A result folder makes its own shot again: the same keys, whoever moved it."""

import hashlib
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from PIL import Image
from worldwarp import shotfile
from worldwarp.cameras import Cameras
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.geometry import sources
from worldwarp.nouns import Estimate
from worldwarp.outputs.lens import Distortion
from worldwarp.outputs.pictures import encode_png
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.messages import Settings, Shot
from worldwarp_protocol.results import ResultFolder

from .shots_for_tests import seen_from, straight_path


def turned(cameras: Cameras, seed: int = 5) -> Cameras:
    """The path in a world turned and moved at random, where no number is round."""
    rng = np.random.default_rng(seed)
    world = np.eye(4)
    world[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    world[:3, :3] *= np.sign(np.linalg.det(world[:3, :3]))
    world[:3, 3] = rng.normal(size=3) * 7
    return Cameras(cameras.K, world @ cameras.camera_to_world, cameras.width, cameras.height, cameras.frame)


def given(tmp_path: Path, depth: bool) -> list[str]:
    plain = straight_path(6, width=100, height=72, step=0.05)
    rgb, far = seen_from(plain, 0)
    Image.fromarray(rgb).save(tmp_path / "picture.png")
    np.save(tmp_path / "depth.npy", far)
    write_cameras(tmp_path / "path.npz", turned(plain))
    words = ["--image", "picture.png", "--cameras", "path.npz", *(["--depth", "depth.npy"] if depth else [])]
    return [str(tmp_path / word) if "." in word else word for word in words]


def keys(folder: Path) -> list[str]:
    return [chunk["key"] for chunk in json.loads((folder / "shot.json").read_text("utf-8"))["chunks"]]


SMALL = ["--width", "64", "--height", "48", "--chunk-frames", "5", "--context-frames", "1", "--cache-steps", "2"]


def test_a_request_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    cameras = turned(straight_path(6, width=100, height=72))
    rgb, depth = seen_from(straight_path(1, width=100, height=72), 0)
    depth[0, 0] = np.inf
    request = shotfile.Request("a", rgb[None], depth[None], cameras, Settings(anchor=(1 / 3, 0.1, 7.7)))
    packed, files = shotfile.pack(request)
    again, same = shotfile.pack(request)
    assert (packed, files) == (again, same)
    folder = ResultFolder(tmp_path / "shot")
    wire = Shot(name=request.name, settings=request.settings, fps=24.0, colour_space="sRGB")
    folder.begin(wire, 100, 72, cameras.K, cameras.camera_to_world, cameras.frame, given=packed)
    for name, content in files.items():
        folder.keep_input(name, content)
    found = shotfile.unpack(tmp_path / "shot" / "shot.json")
    assert found.settings == request.settings
    for name in ("pictures", "depth"):
        np.testing.assert_array_equal(getattr(found, name), getattr(request, name))
    for name in ("K", "camera_to_world", "frame"):
        np.testing.assert_array_equal(getattr(found.cameras, name), getattr(cameras, name))


@pytest.mark.slow
@pytest.mark.parametrize("depth", [True, False])
def test_a_shot_is_made_again_under_the_same_keys(
    depth: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not depth:
        estimate_flat(monkeypatch)
    words = [*given(tmp_path, depth), *SMALL, *([] if depth else ["--geometry", "ttt3r"])]
    words += ["--anchor", "0.31,0.42,3.7"]
    first, moved, other = tmp_path / "first", tmp_path / "moved", tmp_path / "other"
    assert main(["generate", *words, "--out", str(first), "--store", str(tmp_path / "store")]) == 0
    for path in ("picture.png", "depth.npy", "path.npz"):
        (tmp_path / path).unlink()
    first.rename(moved)
    capsys.readouterr()
    again = ["generate", "--from", str(moved / "shot.json"), "--out", str(other), "--store", str(tmp_path / "anew")]
    assert main(again) == 0
    assert "computed" in capsys.readouterr().out
    assert keys(other) == keys(moved)
    for frame in sorted((moved / "frames").iterdir()):
        assert frame.read_bytes() == (other / "frames" / frame.name).read_bytes()
    assert main(["generate", "--from", str(other), "--store", str(tmp_path / "store")]) == 0
    assert "computed" not in capsys.readouterr().out


def estimate_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of geometry that needs no weights."""

    def flat(frames: np.ndarray, K: np.ndarray | None) -> Estimate:  # noqa: ARG001
        depth = np.full(frames.shape[:3], 3.0, np.float32)
        return Estimate(depth, np.ones_like(depth), np.repeat(np.eye(4)[None], len(frames), 0))

    monkeypatch.setattr(sources, "load", lambda *_: flat)
    monkeypatch.setattr(sources, "check", lambda *_: None)
    monkeypatch.setattr(sources, "recipe", lambda *_: {"flat": 1})


def test_what_cannot_be_made_again_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--from", str(tmp_path)]) == 1
    assert "holds no shot.json" in capsys.readouterr().err
    assert main(["generate", "--out", str(tmp_path / "out")]) == 1
    assert "image" in capsys.readouterr().err
    for option in ("--image=a.png", "--frames=9", "--lens=35mm"):
        assert main(["generate", "--from", str(tmp_path), option]) == 1
        assert f"{option[2:].split('=')[0]}: is in the folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_take_with_another_seed_keeps_the_rest(tmp_path: Path) -> None:
    store = ["--store", str(tmp_path / "store")]
    first, take = tmp_path / "first", tmp_path / "take"
    words = [*given(tmp_path, depth=True), *SMALL, "--cache", "points", "--chunk-prompt", "1:fog"]
    assert main(["generate", *words, "--out", str(first), *store]) == 0
    assert main(["generate", "--from", str(first), "--seed", "2", "--out", str(take), *store]) == 0
    before, after = (shotfile.unpack(folder) for folder in (first, take))
    assert after.settings == structs.replace(before.settings, seed=2)
    assert after.overrides == before.overrides != ()
    assert keys(take) != keys(first)


def test_damaged_inputs_are_refused(tmp_path: Path) -> None:
    cameras = straight_path(2, width=32, height=32)
    request = shotfile.Request("a", np.zeros((1, 32, 32, 3), np.uint8), None, cameras, Settings())
    packed, files = shotfile.pack(request)
    folder = ResultFolder(tmp_path)
    wire = Shot(name="a", settings=request.settings, fps=24.0, colour_space="sRGB")
    folder.begin(wire, 32, 32, cameras.K, cameras.camera_to_world, cameras.frame)
    with pytest.raises(FolderError, match="does not hold what"):
        shotfile.unpack(tmp_path)
    folder.begin(wire, 32, 32, cameras.K, cameras.camera_to_world, cameras.frame, given=packed)
    with pytest.raises(FolderError, match="cannot be read"):
        shotfile.unpack(tmp_path)
    for name, content in files.items():
        folder.keep_input(name, content[:-1])
    with pytest.raises(FolderError, match="damaged"):
        shotfile.unpack(tmp_path)
    packed.pictures[0] = "../shot.json"
    folder.begin(wire, 32, 32, cameras.K, cameras.camera_to_world, cameras.frame, given=packed)
    with pytest.raises(FolderError, match="damaged"):
        shotfile.unpack(tmp_path)


def npy_header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG that says to be of 60,000 x 60,000 pixels."""
    content = bytearray(encode_png(np.zeros((8, 8, 3), np.uint8)))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("pictures", encode_png(np.zeros((30, 32, 3), np.uint8))),
        ("pictures", encode_png(np.zeros((32, 32), np.uint8))),
        ("pictures", b"no picture"),
        ("pictures", bomb()),
        ("depth", npy_header((1 << 20, 1 << 20))),
        ("depth", npy_header((32, 32))),
        ("depth", b""),
        ("mask", encode_png(np.zeros((32, 32, 3), np.uint8))),
    ],
)
def test_inputs_that_others_made_are_refused_by_name(kind: str, content: bytes, tmp_path: Path) -> None:
    cameras = straight_path(2, width=32, height=32)
    request = shotfile.Request("a", np.zeros((1, 32, 32, 3), np.uint8), None, cameras, Settings())
    packed, files = shotfile.pack(request)
    name = hashlib.sha256(content).hexdigest() + ".bin"
    getattr(packed, kind).append(name)
    folder = ResultFolder(tmp_path)
    wire = Shot(name="a", settings=request.settings, fps=24.0, colour_space="sRGB")
    folder.begin(wire, 32, 32, cameras.K, cameras.camera_to_world, cameras.frame, given=packed)
    for each, data in {**files, name: content}.items():
        folder.keep_input(each, data)
    with pytest.raises(FolderError, match=name):
        shotfile.unpack(tmp_path)


def test_the_lens_that_pictures_were_straightened_of_comes_back(tmp_path: Path) -> None:
    cameras = straight_path(2, width=32, height=32)
    request = shotfile.Request("a", np.zeros((1, 32, 32, 3), np.uint8), None, cameras, Settings())
    for lens in (Distortion(0.1, -0.02, 1 / 3), None):
        packed, _ = shotfile.pack(request, lens)
        folder = ResultFolder(tmp_path / str(lens is None))
        wire = Shot(name="a", settings=request.settings, fps=24.0, colour_space="sRGB")
        folder.begin(wire, 32, 32, cameras.K, cameras.camera_to_world, cameras.frame, given=packed)
        assert shotfile.distortion_of(folder.path) == lens
