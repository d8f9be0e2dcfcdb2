"""A finished shot on the command line as every file it can be."""

import dataclasses
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenEXR
import pytest
from PIL import Image
from worldwarp.cameras.convert import read
from worldwarp.cameras.foreign import Given
from worldwarp.cameras.formats import write_cameras
from worldwarp.cli import main
from worldwarp.export import WRITERS
from worldwarp.outputs.finished import open_finished
from worldwarp.outputs.pictures import read_picture
from worldwarp_protocol.files import add_solved, read_ply

from .cache import scene

FRAMES = 6


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A draft of the analytic scene at half the picture's size; the store lies beside it."""
    folder = tmp_path_factory.mktemp("shot")
    cameras = scene.path(FRAMES, 192, 128, reach=0.2)
    first = scene.view(cameras, 0, detail=20)
    Image.fromarray(first.rgb).save(folder / "picture.png")
    np.save(folder / "depth.npy", first.depth)
    write_cameras(folder / "path.npz", cameras)
    files = {"image": "picture.png", "depth": "depth.npy", "cameras": "path.npz", "out": "out", "store": "store"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(folder / file))]
    size = ["--width", "96", "--height", "64", "--chunk-frames", "5", "--context-frames", "1", "--cache-steps", "2"]
    assert main(["generate", *words, *size]) == 0
    return folder


def export(shot: Path, *names: str) -> Path:
    words = [f"--{name}" for name in names]
    assert main(["export", str(shot / "out"), "--store", str(shot / "store"), *words]) == 0
    return shot / "out"


@pytest.mark.slow
def test_the_first_plate_is_the_picture_itself(shot: Path) -> None:
    plates = sorted((shot / "out" / "plate").iterdir())
    assert plates[0].name == "0001.png"
    np.testing.assert_array_equal(read_picture(plates[0]), read_picture(shot / "picture.png"))


@pytest.mark.slow
def test_later_plates_have_its_size_and_more_of_its_detail(shot: Path) -> None:
    out = export(shot, "plate")
    cameras = scene.path(FRAMES, 192, 128, reach=0.2)
    np.testing.assert_array_equal(read_picture(out / "plate" / "0001.png"), read_picture(shot / "picture.png"))
    gained = []
    for i in range(1, FRAMES):
        found = read_picture(out / "plate" / f"{i + 1:04d}.png") / 255
        small = Image.open(out / "frames" / f"{i + 1:04d}.png")
        plain = np.asarray(small.resize((192, 128), Image.Resampling.LANCZOS)) / 255
        truth = scene.picture(cameras, i, detail=20).rgb
        changed = np.abs(found - plain).max(-1) > 0.02
        assert changed.mean() > 0.3
        gained.append(scene.psnr(found, truth, changed) - scene.psnr(plain, truth, changed))
    assert min(gained) > 1


@pytest.mark.slow
def test_exr_holds_every_frame_with_its_passes(shot: Path) -> None:
    out = export(shot, "exr", "linear")
    assert len(list((out / "linear").iterdir())) == FRAMES
    for i in range(FRAMES):
        with OpenEXR.File(str(out / "exr" / f"{i + 1:04d}.exr"), separate_channels=True) as file:
            channels = {name.removeprefix("ViewLayer."): channel.pixels for name, channel in file.channels().items()}
        provenance = np.asarray(Image.open(out / "provenance" / f"{i + 1:04d}.png"))
        np.testing.assert_array_equal(channels["Provenance.X"], provenance)
        assert channels["Hole.X"][provenance == 0].max() == 0 if i else True
        truth = scene.picture(scene.path(FRAMES, 96, 64, reach=0.2), i, samples=1).depth
        known = (provenance == 0) & np.isfinite(truth)
        assert np.median(np.abs(channels["Depth.Z"] / truth - 1)[known]) < 0.02


@pytest.mark.slow
def test_videos_hold_the_frames(shot: Path) -> None:
    out = export(shot, "prores", "prores4444", "ffv1")
    frames = [read_picture(out / "frames" / f"{i + 1:04d}.png") for i in range(FRAMES)]
    for name, most in (("prores.mov", 5), ("prores4444.mov", 3), ("ffv1.mkv", 0)):
        with av.open(out / name) as file:
            assert file.streams.video[0].average_rate == Fraction(24)
            space = {} if most == 0 else {"src_colorspace": "itu709"}
            found = [one.reformat(format="rgb24", **space).to_ndarray() for one in file.decode(video=0)]
        assert len(found) == FRAMES
        assert np.abs(np.stack(found).astype(float) - np.stack(frames)).mean() <= most


@pytest.mark.slow
def test_cameras_go_out_in_the_formats_of_others(shot: Path) -> None:
    out = export(shot, "colmap", "transforms")
    assert (out / "colmap" / "images.txt").is_file()
    assert (out / "transforms.json").is_file()


@pytest.mark.slow
def test_what_goes_with_points_and_depth_has_the_cameras_that_frames_were_taken_from(shot: Path) -> None:
    out = shutil.copytree(shot / "out", shot / "solved")
    requested = open_finished(out).cameras
    moved = requested.camera_to_world.copy()
    moved[1:, 0, 3] += 0.1
    add_solved(out / "cameras.npz", 0, moved, np.zeros((FRAMES, 3)))
    assert main(["export", str(out), "--store", str(shot / "store"), "--colmap", "--transforms"]) == 0
    for name in ("colmap", "transforms.json"):
        np.testing.assert_allclose(read(out / name, None, Given()).camera_to_world, moved, atol=1e-9)


@pytest.mark.slow
def test_a_colmap_model_keeps_its_points_where_the_store_is_gone(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(shot / "out"), "--store", str(shot / "other"), "--colmap-binary"]) == 0
    assert "without the pictures that see them" in capsys.readouterr().err
    count = np.frombuffer((shot / "out" / "colmap_binary" / "points3D.bin").read_bytes(), "<u8", 1)[0]
    assert count == min(len(read_ply(shot / "out" / "points.ply")), 20_000)


@pytest.mark.slow
def test_a_lens_is_undone_and_its_map_lies_with_the_frames(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"image": "picture.png", "depth": "depth.npy", "cameras": "path.npz", "out": "bent", "store": "store"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(shot / file))]
    size = ["--width", "96", "--height", "64", "--chunk-frames", "5", "--context-frames", "1", "--cache-steps", "2"]
    assert main(["generate", *words, *size, "--distortion=0.1,-0.02"]) == 0
    assert "border carried on" in capsys.readouterr().err
    with OpenEXR.File(str(shot / "bent" / "st_map.exr"), separate_channels=True) as file:
        assert file.channels()["R"].pixels.shape == (64, 96)
    assert (read_picture(shot / "bent" / "plate" / "0001.png") != read_picture(shot / "picture.png")).any()
    again = ["--from", str(shot / "bent"), "--out", str(shot / "again"), "--store", str(shot / "store")]
    assert main(["generate", *again]) == 0
    assert (shot / "again" / "st_map.exr").read_bytes() == (shot / "bent" / "st_map.exr").read_bytes()
    assert main(["generate", *words, "--distortion", "a"]) == 1
    assert "k1,k2,p1,p2,k3" in capsys.readouterr().err


def test_what_cannot_be_exported_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path)]) == 1
    assert "--exr" in capsys.readouterr().err
    for name in WRITERS:
        assert main(["export", str(tmp_path), f"--{name}"]) == 1
        assert "holds no shot.json" in capsys.readouterr().err


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    return -10 * float(np.log10(np.square(found - truth).mean()))


@pytest.mark.slow
def test_a_plate_of_another_size_has_more_detail_than_the_enlarged_frame(shot: Path) -> None:
    out = export(shot, "plate", "size=288x192")
    cameras = scene.path(FRAMES, 288, 192, reach=0.2)
    for i in range(1, FRAMES):
        found = read_picture(out / "plate_288x192" / f"{i + 1:04d}.png") / 255
        small = Image.open(out / "frames" / f"{i + 1:04d}.png")
        plain = np.asarray(small.resize((288, 192), Image.Resampling.LANCZOS)) / 255
        truth = scene.picture(cameras, i, detail=20).rgb
        assert psnr(found, truth) > psnr(plain, truth) + 1
    first = np.asarray(Image.open(shot / "picture.png").resize((288, 192), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(read_picture(out / "plate_288x192" / "0001.png"), first)


@pytest.mark.slow
def test_sizes_of_other_proportions_are_refused_and_one_that_would_do_is_said(shot: Path, capsys) -> None:
    for size, words in (
        ("289x192", "such as 288x192"),
        ("288x200", "such as 288x192"),
        ("288", "width x height"),
        ("9000x6000", "4096"),
    ):
        assert main(["export", str(shot / "out"), "--store", str(shot / "store"), "--plate", "--size", size]) == 1
        assert words in capsys.readouterr().err
    assert main(["export", str(shot / "out"), "--store", str(shot / "store"), "--exr", "--size", "288x192"]) == 1
    assert "plate" in capsys.readouterr().err


@pytest.mark.slow
def test_overscan_is_delivered_around_the_picture(shot: Path, capsys) -> None:
    words = ["--image", "picture.png", "--depth", "depth.npy", "--cameras", "path.npz"]
    words = [str(shot / word) if "." in word else word for word in words]
    size = ["--width", "96", "--height", "64", "--chunk-frames", "5", "--context-frames", "1", "--cache-steps", "2"]
    common = ["--store", str(shot / "store")]
    assert main(["generate", *words, *size, *common, "--overscan", "0.1", "--out", str(shot / "over")]) == 0
    assert main(["export", str(shot / "over"), *common, "--plate", "--size", "256x192"]) == 0
    picture = read_picture(shot / "picture.png")
    first = read_picture(shot / "over" / "plate_256x192" / "0001.png")
    np.testing.assert_array_equal(first[32:160, 32:224], picture)
    cameras = scene.path(FRAMES, 192, 128, reach=0.2)
    for i in range(1, FRAMES):
        found = read_picture(shot / "over" / "plate_256x192" / f"{i + 1:04d}.png")[32:160, 32:224] / 255
        small = Image.open(shot / "over" / "frames" / f"{i + 1:04d}.png")
        plain = np.asarray(small.resize((256, 192), Image.Resampling.LANCZOS))[32:160, 32:224] / 255
        truth = scene.picture(cameras, i, detail=20).rgb
        assert psnr(found, truth) > psnr(plain, truth) + 2
    capsys.readouterr()
    assert main(["export", str(shot / "over"), *common, "--plate"]) == 0
    assert "--size 128x96" in capsys.readouterr().err
    np.testing.assert_array_equal(read_picture(shot / "over" / "plate" / "0001.png"), picture)


@pytest.mark.slow
def test_files_are_numbered_as_the_timeline_is_where_that_is_asked_for(shot: Path, capsys) -> None:
    cameras = open_finished(shot / "out").cameras
    write_cameras(
        shot / "later.npz", dataclasses.replace(scene.path(FRAMES, 192, 128, reach=0.2), frame=cameras.frame + 1000)
    )
    files = {"image": "picture.png", "depth": "depth.npy", "cameras": "later.npz", "out": "later", "store": "store"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(shot / file))]
    size = ["--width", "96", "--height", "64", "--chunk-frames", "5", "--context-frames", "1", "--cache-steps", "2"]
    assert main(["generate", *words, *size, "--colour-space", "AgX Base sRGB"]) == 0
    before = sorted(shot.glob("later/frames/*"))
    capsys.readouterr()
    kinds = {"exr": "exr", "linear": "exr", "plate": "png"}
    options = [f"--{kind}" for kind in kinds]
    assert main(["export", str(shot / "later"), "--store", str(shot / "store"), *options, "--timeline-numbers"]) == 0
    for kind, ending in {"frames": "png", **kinds}.items():
        found = sorted(path.name for path in (shot / "later" / "timeline" / kind).iterdir())
        assert found == [f"{1001 + i}.{ending}" for i in range(FRAMES)]
    assert sorted(shot.glob("later/frames/*")) == before
    assert "colours stay as displayed in AgX Base sRGB" in capsys.readouterr().err
    assert b"sRGB" not in before[0].read_bytes()[:50]
    assert b"sRGB" in (shot / "out" / "frames" / "0001.png").read_bytes()[:50]
