"""Footage in the layouts of RealEstate10K and DL3DV, written by hand as these lay it out."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from worldwarp.nouns import Estimate
from worldwarp.training import datasets
from worldwarp_protocol.errors import InvalidShot

from .plane import cast, clip, colours, path

FRAMES, HEIGHT, WIDTH = 5, 48, 80
K, POSES = path(FRAMES, HEIGHT, WIDTH)
CLIP = clip(FRAMES, HEIGHT, WIDTH)
RGB = CLIP.rgb.numpy()


def realestate(folder: Path, gone: tuple[int, ...] = ()) -> Path:
    """One clip; of the frames ``gone`` no picture is there."""
    lines = ["https://www.youtube.com/watch?v=none"]
    (folder / "0a1b").mkdir(parents=True)
    for i, pose in enumerate(POSES):
        time = 1_000_000 + 40_000 * i
        lens = K[i][0, 0] / WIDTH, K[i][1, 1] / HEIGHT, 0.5, 0.5
        matrix = np.linalg.inv(pose)[:3].ravel()
        lines.append(" ".join(map(repr, [time, *map(float, lens), 0, 0, *map(float, matrix)])))
        if i not in gone:
            Image.fromarray(RGB[i]).save(folder / "0a1b" / f"{time}.png")
    (folder / "0a1b.txt").write_text("\n".join(lines) + "\n")
    return folder


def dl3dv(folder: Path, distortion: float = 0.0) -> Path:
    """One scene, its file about pictures of twice the size of those that are there, in ``images_2``."""
    scene = folder / "9f3c"
    (scene / "images_2").mkdir(parents=True)
    frames = []
    for i, pose in enumerate(POSES):
        name = f"frame_{i + 1:05}.png"
        Image.fromarray(RGB[i]).save(scene / "images_2" / name)
        matrix = pose @ np.diag([1, -1, -1, 1])
        frames.append({"file_path": f"images/{name}", "transform_matrix": matrix.tolist()})
    top = {"camera_model": "OPENCV", "w": 2 * WIDTH, "h": 2 * HEIGHT, "fl_x": 2 * K[0][0, 0], "fl_y": 2 * K[0][1, 1]}
    lens = {"cx": WIDTH, "cy": HEIGHT, "k1": distortion, "k2": 0.0, "p1": 0.0, "p2": 0.0}
    (scene / "transforms.json").write_text(json.dumps({**top, **lens, "frames": frames}))
    return folder


def half_size(frames: np.ndarray, _: np.ndarray | None) -> Estimate:
    """A source that sees the truth, in a world half as large."""
    height, width = frames.shape[1:3]
    lens = cropped(height, width)
    depth = np.stack([cast(lens, pose, size=(height, width))[1] for pose in POSES[: len(frames)]])
    poses = POSES[: len(frames)].copy()
    poses[:, :3, 3] /= 2
    return Estimate((depth / 2).astype(np.float32), np.ones_like(depth, np.float32), poses)


def cropped(height: int, width: int) -> np.ndarray:
    """K of pictures cut to this size about their middle."""
    out = K[0].copy()
    out[:2, 2] = width / 2, height / 2
    return out


@pytest.mark.parametrize("layout", ["realestate10k", "dl3dv"])
def test_a_clip_has_the_pictures_cameras_and_depth_that_were_written(layout: str, tmp_path: Path) -> None:
    if layout == "realestate10k":
        footage = datasets.realestate10k_footage(realestate(tmp_path))
    else:
        footage = datasets.dl3dv_footage(dl3dv(tmp_path))
    clips = datasets.cut(footage, FRAMES, 1, 48, 64, half_size)
    assert len(clips) == 1
    found = clips[0]
    assert np.array_equal(found.rgb.numpy(), RGB[:, :, 8:72])
    assert np.allclose(found.camera_to_world, POSES, atol=1e-9)
    assert np.allclose(found.K, cropped(48, 64), atol=1e-6)
    assert np.allclose(found.depth, CLIP.depth[:, :, 8:72], rtol=0.02)


def test_frames_that_are_gone_are_left_out(tmp_path: Path) -> None:
    (footage,) = datasets.realestate10k_footage(realestate(tmp_path, gone=(1, 4)))
    assert [int(p.stem) for p in footage.pictures] == [1_000_000, 1_080_000, 1_120_000]
    assert np.allclose(footage.cameras.camera_to_world, POSES[[0, 2, 3]], atol=1e-9)


def test_footage_is_cut_end_to_end(tmp_path: Path) -> None:
    (footage,) = datasets.realestate10k_footage(realestate(tmp_path))
    windows = datasets.cut([footage], 2, 1, 48, 64).windows
    assert [frames for _, frames in windows] == [(0, 1), (2, 3)]
    assert [frames for _, frames in datasets.cut([footage], 2, 3, 48, 64).windows] == [(0, 3)]
    with pytest.raises(InvalidShot, match="no footage has 9 frames"):
        datasets.cut([footage], 9, 1, 48, 64)


def test_without_a_source_depth_is_not_known(tmp_path: Path) -> None:
    assert datasets.cut(datasets.realestate10k_footage(realestate(tmp_path)), FRAMES, 1, 48, 64)[0].depth.isnan().all()


def test_a_source_without_cameras_has_no_scale(tmp_path: Path) -> None:
    def blind(frames: np.ndarray, K: np.ndarray | None) -> Estimate:
        seen = half_size(frames, K)
        return Estimate(seen.depth, seen.confidence)

    clips = datasets.cut(datasets.realestate10k_footage(realestate(tmp_path)), FRAMES, 1, 48, 64, blind)
    with pytest.raises(InvalidShot, match="nothing ties the depth of 0a1b"):
        clips[0]


def test_a_distorted_picture_is_straightened() -> None:
    """The bent picture is ray cast: pixel p' shows what lies along the ray that bends to it."""
    lens, k1 = K[0], 0.12
    v, u = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    bent = np.stack([(u - WIDTH / 2) / lens[0, 0], (v - HEIGHT / 2) / lens[1, 1]], axis=-1)
    straight = bent.copy()
    for _ in range(50):  # x (1 + k1 r^2) = x', solved by iteration
        straight = bent / (1 + k1 * (straight**2).sum(-1, keepdims=True))
    pixels = straight * [lens[0, 0], lens[1, 1]] + [WIDTH / 2, HEIGHT / 2]
    picture = np.rint(colours(cast(lens, POSES[0], pixels)[0]) * 255).astype(np.uint8)
    found = datasets.straightened(picture, lens, (k1, 0, 0, 0)).astype(int)
    before, after = (np.abs(a.astype(int) - RGB[0])[6:-6, 6:-6] for a in (picture, found))
    assert np.quantile(after, 0.95) <= 2
    assert after.mean() < 0.3 * before.mean()


def test_a_distorted_lens_is_known_and_the_cameras_are_pinholes(tmp_path: Path) -> None:
    (footage,) = datasets.dl3dv_footage(dl3dv(tmp_path, distortion=0.03))
    assert footage.distortion == (0.03, 0, 0, 0)
    assert (footage.cameras.width, footage.cameras.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("footage", [datasets.realestate10k_footage, datasets.dl3dv_footage])
def test_an_empty_folder_is_refused(footage, tmp_path: Path) -> None:
    with pytest.raises(InvalidShot, match=str(tmp_path)):
        list(footage(tmp_path))
