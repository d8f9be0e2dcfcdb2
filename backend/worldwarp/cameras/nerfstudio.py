"""``transforms.json``: nerfstudio's (docs.nerf.studio, Data conventions), instant-ngp's and the original NeRF's.

``transform_matrix`` is camera to world in OpenGL's camera axes (x right, y up, z back); the world is Z up. Intrinsics
are in pixels from the picture's corner as ours are, for all frames or in each; ``camera_angle_x`` is the angle across
the width in radians. ``aabb_scale``, ``scale``, ``offset`` and ``applied_transform`` are for training and change
nothing here.
"""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from worldwarp_protocol import files

from ..outputs.pictures import check_file
from .cameras import Array, Cameras
from .foreign import Given, check_count, check_finite, fault, in_order, intrinsics, size_of

MAX_BYTES = 256 << 20
"""Of a file, which is read at once: 10,000 frames are 10 MB, with tracked corners and the like a few times that."""

GL = np.array([1.0, -1, -1, 1])
"""OpenGL's camera axes in OpenCV's."""

PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "")
"""Camera models that are pinholes where their distortion is 0."""

DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")


class Lens(msgspec.Struct):
    """Keys that stand at the top or in a frame."""

    camera_model: str | None = None
    camera_angle_x: float | None = None
    camera_angle_y: float | None = None
    fl_x: float | None = None
    fl_y: float | None = None
    cx: float | None = None
    cy: float | None = None
    w: float | None = None
    h: float | None = None
    k1: float | None = None
    k2: float | None = None
    k3: float | None = None
    k4: float | None = None
    p1: float | None = None
    p2: float | None = None


class Frame(Lens, kw_only=True):
    """One picture."""

    transform_matrix: list[list[float]]
    file_path: str = ""


class Transforms(Lens, kw_only=True):
    """The file."""

    frames: list[Frame]


def read(path: Path, given: Given) -> Cameras:
    """The path of the frames, by name where they have names; cameras have to be pinholes, without distortion.

    Args:
        path: the file.
        given: ``width`` and ``height`` count where the file has none; ``fps``.

    Raises:
        InvalidShot: naming the file and the frame.
    """
    return cameras_of(decoded(path), path, given)


def cameras_of(transforms: Transforms, path: Path, given: Given) -> Cameras:
    """As ``read``, of a file's contents; ``path`` is for errors."""
    check_count(len(transforms.frames), path)
    named = all(frame.file_path for frame in transforms.frames)
    order, numbers = in_order([frame.file_path if named else "" for frame in transforms.frames])
    placed = [(f"{path}, frames[{i}]", _merged(transforms, transforms.frames[i]), transforms.frames[i]) for i in order]
    sizes = [size_of(place, (lens.w, lens.h), given) for place, lens, _ in placed]
    for (place, _, _), (width, height) in zip(placed, sizes, strict=True):
        if (width, height) != sizes[0]:
            raise fault(place, f"has {width} x {height} pixels where another has {sizes[0][0]} x {sizes[0][1]}")
    K = np.stack([_intrinsics(lens, *sizes[0], place) for place, lens, _ in placed])
    poses = np.stack([_pose(frame, place) for place, _, frame in placed]) * GL
    return Cameras(K, poses, *sizes[0], numbers, given.fps or 24.0)


def write(path: Path, cameras: Cameras) -> None:
    """Write a ``transforms.json`` of pictures ``frames/0001.png`` ... beside it."""
    lenses = [_lens(K) for K in cameras.K]
    same = all(lens == lenses[0] for lens in lenses)
    frames = [
        {"file_path": f"frames/{i:04}.png", **({} if same else lens), "transform_matrix": (pose * GL).tolist()}
        for i, (pose, lens) in enumerate(zip(cameras.camera_to_world, lenses, strict=True), 1)
    ]
    top = {"camera_model": "OPENCV", "w": cameras.width, "h": cameras.height, **(lenses[0] if same else {})}
    files.write(path, json.dumps({**top, "frames": frames}, indent=1).encode())


def decoded(path: Path) -> Transforms:
    """The file's contents.

    Raises:
        InvalidShot: it cannot be read.
    """
    check_file("path", path)
    if path.stat().st_size > MAX_BYTES:
        raise fault(path, f"is larger than {MAX_BYTES >> 20} MB, too large for a transforms.json")
    try:
        return msgspec.json.decode(path.read_text("utf-8-sig"), type=Transforms)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise fault(path, f"cannot be read as transforms.json ({error})") from None


def _merged(top: Lens, frame: Lens) -> Lens:
    """The frame's own keys before those of all frames."""
    names = Lens.__struct_fields__
    own = {name: getattr(frame, name) for name in names}
    return Lens(**{name: getattr(top, name) if value is None else value for name, value in own.items()})


def _intrinsics(lens: Lens, width: int, height: int, place: str) -> Array:
    model = (lens.camera_model or "").upper()
    if model not in PINHOLES or any(getattr(lens, name) for name in DISTORTION):
        raise fault(place, f"the lens {model} is distorted or no pinhole; undistort the pictures first")
    fx = _focal(lens.fl_x, lens.camera_angle_x, width, place)
    fy = _focal(lens.fl_y, lens.camera_angle_y, height, place)
    if fx is None:
        raise fault(place, "has no focal length; it needs fl_x or camera_angle_x")
    cx = width / 2 if lens.cx is None else lens.cx
    cy = height / 2 if lens.cy is None else lens.cy
    K = intrinsics(fx, fx if fy is None else fy, cx, cy)
    check_finite(K, place)
    return K


def _focal(focal: float | None, angle: float | None, side: int, place: str) -> float | None:
    """In pixels, as it stands or by the angle across a side."""
    if focal is not None or angle is None:
        return focal
    if not 1e-6 < angle < math.pi:
        raise fault(place, f"a camera sees {angle:g} radians; camera_angle_x and _y are between 0 and pi")
    return side / 2 / math.tan(angle / 2)


def _pose(frame: Frame, place: str) -> Array:
    rows = frame.transform_matrix
    if len(rows) not in (3, 4) or any(len(row) != 4 for row in rows):
        raise fault(place, "transform_matrix is not 4 rows of 4 numbers")
    pose = np.array([*rows[:3], rows[3] if len(rows) == 4 else [0, 0, 0, 1]], np.float64)
    check_finite(pose, place)
    return pose


def _lens(K: Array) -> dict[str, Any]:
    return {name: float(K[at]) for name, at in (("fl_x", (0, 0)), ("fl_y", (1, 1)), ("cx", (0, 2)), ("cy", (1, 2)))}
