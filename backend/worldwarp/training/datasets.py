"""Footage with cameras as clips: RealEstate10K and DL3DV, which the paper trained on.

RealEstate10K: ``<clip>.txt`` with cameras, and its frames ``<clip>/<microseconds>.png`` (or .jpg) beside it. Frames
that are gone are left out.
DL3DV: ``<scene>/transforms.json`` with pictures ``images/...``, or smaller ones in ``images_2``, ``_4``, ``_8``.

Neither holds depth; a source of geometry estimates it, clip by clip, at the scale of the cameras.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import torch
from PIL import Image
from torch.nn.functional import grid_sample
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from ..cameras import Cameras, nerfstudio, realestate10k
from ..cameras.cameras import Array, pixel_rays
from ..cameras.foreign import Given, in_order
from ..cameras.sizes import Size, frame_cameras, frame_picture, resample_picture
from ..geometry.alignment import geometry_of
from ..nouns import Bytes, Floats, Provenance, Source, View
from ..outputs.pictures import read_picture
from .clips import Clip

REDUCED = ("images_8", "images_4", "images_2", "images")
"""DL3DV's folders of pictures, the smallest first."""

COEFFICIENTS = ("k1", "k2", "p1", "p2")
"""Of OpenCV's distortion; DL3DV has no others."""


@dataclass(frozen=True)
class Footage:
    """A sequence on disk."""

    name: str
    pictures: tuple[Path, ...]
    """Of one size, in the order of the path."""
    cameras: Cameras
    """Of these pictures, in their pixels."""
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2 of their lens."""


@dataclass(frozen=True)
class Clips:
    """Clips cut from footage, one after the other; read, and their depth estimated, when they are asked for."""

    windows: tuple[tuple[Footage, tuple[int, ...]], ...]
    height: int
    width: int
    source: Source | None
    """Who estimates depth; None leaves it unknown (NaN)."""

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int, /) -> Clip:
        footage, frames = self.windows[index]
        return clip_of(footage, frames, self.height, self.width, self.source)


def cut(
    footage: Iterable[Footage], frames: int, step: int, height: int, width: int, source: Source | None = None
) -> Clips:
    """All clips of every ``step``-th frame that the footage holds end to end.

    Raises:
        InvalidShot: there is none that long.
    """
    reach = (frames - 1) * step + 1
    windows = [
        (one, tuple(range(first, first + reach, step)))
        for one in footage
        for first in range(0, len(one.pictures) - reach + 1, reach)
    ]
    if not windows:
        raise InvalidShot("data", f"no footage has {reach} frames; take a smaller step, or shorter clips.")
    return Clips(tuple(windows), height, width, source)


def realestate10k_footage(folder: Path) -> Iterator[Footage]:
    """The clips in a folder whose frames are there.

    Raises:
        InvalidShot: there are none, or a file is damaged.
    """
    found = False
    for path in sorted(folder.glob("*.txt")):
        pictures = {int(p.stem): p for p in path.with_suffix("").glob("*") if p.stem.isdigit()}
        there = [i for i, row in enumerate(realestate10k.rows_of(path)) if int(row[0]) in pictures]
        if not there:
            continue
        found = True
        names = tuple(pictures[time] for time in sorted(pictures))
        cameras = realestate10k.read(path, Given(*_size(names[0])))
        yield Footage(path.stem, names, cameras[there])
    if not found:
        raise InvalidShot("data", f"{folder} holds no <clip>.txt with its frames in <clip>/; see the documentation.")


def dl3dv_footage(folder: Path, least: Size = (0, 0)) -> Iterator[Footage]:
    """The scenes in a folder, their pictures the smallest of at least ``least`` (width, height) pixels.

    Raises:
        InvalidShot: there are none, or a file is damaged.
    """
    paths = sorted(folder.glob("*/transforms.json"))
    if not paths:
        raise InvalidShot("data", f"{folder} holds no <scene>/transforms.json; see the documentation.")
    for path in paths:
        transforms = nerfstudio.decoded(path)
        lens = tuple(getattr(transforms, name) or 0.0 for name in COEFFICIENTS)
        straight = msgspec.structs.replace(transforms, **dict.fromkeys(COEFFICIENTS))
        names = [frame.file_path for frame in transforms.frames]
        pictures = _pictures(path.parent, [Path(names[i]).name for i in in_order(names)[0]], least)
        cameras = nerfstudio.cameras_of(straight, path, Given())
        yield Footage(path.parent.name, pictures, _scaled(cameras, _size(pictures[0])), lens)


def clip_of(footage: Footage, frames: Sequence[int], height: int, width: int, source: Source | None = None) -> Clip:
    """Frames of footage, cropped and scaled to a size that is a multiple of 16.

    Raises:
        InvalidShot: a picture cannot be read; nothing ties the estimated depth to the cameras' scale.
    """
    cameras = footage.cameras[list(frames)]
    framing = frame_picture((cameras.width, cameras.height), (width, height), "crop")
    pictures = [
        straightened(read_picture(footage.pictures[i]), footage.cameras.K[i], footage.distortion) for i in frames
    ]
    rgb = np.stack([resample_picture(picture, framing) for picture in pictures])
    cameras = frame_cameras(cameras, framing)
    depth = np.full(rgb.shape[:3], np.nan, np.float32) if source is None else _depth(footage, rgb, cameras, source)
    return Clip(*(torch.from_numpy(part) for part in (rgb, depth, cameras.K, cameras.camera_to_world)))


def _picture(footage: Footage, i: int) -> Bytes:
    return straightened(read_picture(footage.pictures[i]), footage.cameras.K[i], footage.distortion)


def straightened(picture: Bytes, K: Array, distortion: Sequence[float]) -> Bytes:
    """The picture (H, W, 3) as a pinhole with the same K would have seen it (OpenCV's model, k1, k2, p1, p2).

    Bilinear; what the picture does not show repeats its border.
    """
    if not any(distortion):
        return picture
    height, width = picture.shape[:2]
    k1, k2, p1, p2 = distortion
    x, y, _ = np.moveaxis(pixel_rays(K, width, height), -1, 0)
    r = x * x + y * y
    radial = 1 + k1 * r + k2 * r * r
    bent = np.stack([
        x * radial + 2 * p1 * x * y + p2 * (r + 2 * x * x),
        y * radial + p1 * (r + 2 * y * y) + 2 * p2 * x * y,
        np.ones_like(x),
    ], axis=-1)  # fmt: skip
    places = (bent @ K.T)[..., :2] / [width, height] * 2 - 1
    values = torch.from_numpy(picture).permute(2, 0, 1)[None].double()
    seen = grid_sample(values, torch.from_numpy(places)[None], "bilinear", "border", align_corners=False)
    out: Bytes = seen[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
    return out


def _depth(footage: Footage, rgb: Bytes, cameras: Cameras, source: Source) -> Floats:
    """Depth (n, H, W), estimated, in the cameras' units: their baselines alone tell the scale."""
    picture = np.full(rgb.shape[1:3], Provenance.PICTURE, np.uint8)
    views = [View(i, rgb[i], None, picture) for i in range(len(rgb))]
    found = geometry_of(source, views, cameras, Settings())
    scale, guessed = (found.residuals.get(f"geometry_{name}") for name in ("baseline_scale", "scale"))
    if not isinstance(scale, float) or not isinstance(guessed, float):
        raise InvalidShot(
            "data",
            f"nothing ties the depth of {footage.name} to its cameras' scale: it hardly moves, or the source of "
            "geometry estimates no cameras; leave it out, or use ttt3r.",
        )
    return (found.depth * np.float32(scale / guessed)).astype(np.float32)


def _pictures(scene: Path, names: Sequence[str], least: Size) -> tuple[Path, ...]:
    """The scene's pictures in the smallest folder that will do, else in the largest that is there."""
    there = [scene / name for name in REDUCED if (scene / name / names[0]).is_file()]
    if not there:
        raise InvalidShot("data", f"{scene} has no pictures {names[0]} in {', '.join(reversed(REDUCED))}.")
    enough = [place for place in there if all(a >= b for a, b in zip(_size(place / names[0]), least, strict=True))]
    return tuple((enough[0] if enough else there[-1]) / name for name in names)


def _scaled(cameras: Cameras, size: Size) -> Cameras:
    """Cameras of the same pictures at another size."""
    factors = np.diag([size[0] / cameras.width, size[1] / cameras.height, 1.0])
    return replace(cameras, K=factors @ cameras.K, width=size[0], height=size[1])


def _size(path: Path) -> Size:
    """Width and height of a picture, which is not decoded for it."""
    with Image.open(path) as image:
        return image.size
