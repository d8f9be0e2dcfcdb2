"""What a COLMAP model says about its pictures, whichever way it is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..cameras import Array, Cameras, inverse
from ..foreign import Given, check_count, check_finite, fault, in_order, intrinsics, size_of
from ..quaternions import SMALLEST, from_rotations, to_rotations


class Model(NamedTuple):
    """One of COLMAP's camera models: its number, and how many parameters of each kind follow each other."""

    number: int
    focals: int
    distortions: int

    @property
    def parameters(self) -> int:
        """Of all kinds; two are the principal point."""
        return self.focals + 2 + self.distortions


MODELS = {
    "SIMPLE_PINHOLE": Model(0, 1, 0),
    "PINHOLE": Model(1, 2, 0),
    "SIMPLE_RADIAL": Model(2, 1, 1),
    "RADIAL": Model(3, 1, 2),
    "OPENCV": Model(4, 2, 4),
}
"""Those that can be pinhole cameras (COLMAP, Camera Models)."""

UNDISTORT = "undistort the pictures (colmap image_undistorter) and give that model"


class Lens(NamedTuple):
    """A line of ``cameras.txt``."""

    model: str
    width: int
    height: int
    parameters: tuple[float, ...]
    """Focal lengths, principal point, distortion; pixels, the centre of the first one at (0.5, 0.5)."""
    place: str
    """Where it stands, for errors."""


class Image(NamedTuple):
    """A picture's line of ``images.txt``."""

    name: str
    lens: int
    q: tuple[float, ...]
    """World to camera, (w, x, y, z)."""
    t: tuple[float, ...]
    place: str


def pinhole(lens: Lens) -> Array:
    """(3, 3) intrinsics.

    Raises:
        InvalidShot: the lens bends lines.
    """
    focals = MODELS[lens.model].focals
    cx, cy, *bent = lens.parameters[focals:]
    if any(bent):
        raise fault(lens.place, f"the lens is distorted; {UNDISTORT}")
    return intrinsics(lens.parameters[0], lens.parameters[focals - 1], cx, cy)


def to_cameras(path: Path, lenses: Mapping[int, Lens], images: Sequence[Image], given: Given) -> Cameras:
    """The path of the pictures, by name.

    Raises:
        InvalidShot: there are none, they differ in size, or a lens is missing, distorted, or not a number.
    """
    check_count(len(images), path)
    order, frame = in_order([image.name for image in images])
    images = [images[i] for i in order]
    for image in images:
        if image.lens not in lenses:
            raise fault(image.place, f"camera {image.lens} is missing")
        check_finite([*image.q, *image.t, *lenses[image.lens].parameters], image.place)
        if np.linalg.norm(image.q) < SMALLEST:
            raise fault(image.place, "the quaternion is 0")
    width, height = _size([lenses[image.lens] for image in images], given)
    w2c = np.zeros((len(images), 3, 4))
    w2c[:, :, :3] = to_rotations(np.array([image.q for image in images]))
    w2c[:, :, 3] = [image.t for image in images]
    K = np.stack([pinhole(lenses[image.lens]) for image in images])
    return Cameras(K, inverse(w2c), width, height, frame, given.fps or 24.0)


def of_cameras(cameras: Cameras) -> tuple[dict[int, Lens], list[Image]]:
    """Lenses by number and pictures ``0001.png`` ...; one lens where the path has one only, else one for each."""
    same = bool((cameras.K[0] == cameras.K).all())
    lenses = {}
    for i, K in enumerate(cameras.K[:1] if same else cameras.K, 1):
        parameters = (float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]))
        lenses[i] = Lens("PINHOLE", cameras.width, cameras.height, parameters, "")
    w2c = cameras.world_to_camera
    poses = zip(from_rotations(w2c[:, :3, :3]).tolist(), w2c[:, :3, 3].tolist(), strict=True)
    images = [Image(f"{i:04}.png", 1 if same else i, tuple(q), tuple(t), "") for i, (q, t) in enumerate(poses, 1)]
    return lenses, images


def _size(lenses: Sequence[Lens], given: Given) -> tuple[int, int]:
    first = lenses[0]
    for lens in lenses:
        if (lens.width, lens.height) != (first.width, first.height):
            size = f"{lens.width} x {lens.height} pixels where another has {first.width} x {first.height}"
            raise fault(lens.place, f"has {size}; bring the pictures to one size")
    return size_of(first.place, (first.width, first.height), given)
