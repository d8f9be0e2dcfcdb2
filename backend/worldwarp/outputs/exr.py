"""Frames as OpenEXR: scene-linear colour, and all that is known of a frame as passes that Blender shows."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import contents
from ..cameras import Cameras
from ..nouns import Bytes, Floats
from ..store import Store
from .motion import motion_vectors
from .pictures import write_channels

LAYER = "ViewLayer"
"""Blender's own name for it: its Image node then shows the passes by their names."""
SKY = 1e10
"""Depth where there is nothing, or nothing known, as Cycles writes it."""


@dataclass(frozen=True)
class Passes:
    """What is known of one frame."""

    rgb: Bytes
    """(H, W, 3), display-referred."""
    depth: Floats
    """(H, W), planar, world units; inf is sky, NaN is not known."""
    provenance: Bytes
    """(H, W) of ``nouns.Provenance``."""
    hole: NDArray[np.bool_]
    """(H, W): where nothing was known before the frame was made."""


def read_passes(store: Store, key: str, index: int, rgb: Bytes | None = None) -> Passes:
    """What is known of the frame at ``index`` of the path, which chunk ``key`` holds; ``rgb`` in place of its colours.

    Raises:
        StoreError: the chunk is not in the store, or damaged.
    """
    return Passes(
        rgb=contents.read_image(store, key, "frames", index) if rgb is None else rgb,
        depth=contents.read_depth(store, key, index),
        provenance=contents.read_image(store, key, "provenance", index),
        hole=contents.read_image(store, key, "holes", index) > 0,
    )


def linear(rgb: Bytes, colour_space: str) -> Floats:
    """Scene-linear (H, W, 3), Rec.709 primaries, of 8-bit sRGB (IEC 61966-2-1).

    Other spaces are Blender's own (the inverse of AgX or Filmic): their values stay as displayed, 0 to 1, and the file
    says so in its attribute ``worldwarp:colourSpace``.
    """
    values = rgb.astype(np.float64) / 255
    if colour_space != "sRGB":
        return values.astype(np.float32)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def write_linear(path: Path, rgb: Bytes, cameras: Cameras, index: int, colour_space: str) -> None:
    """Write the colour of frame ``index`` alone: channels R, G, B, half floats, whole or not at all.

    Raises:
        WorldWarpError: it cannot be written.
    """
    colour = linear(rgb, colour_space).astype(np.float16)
    header = attributes(colour_space) | camera_attributes(cameras, index)
    write_channels(path, {name: colour[..., i] for i, name in enumerate("RGB")}, header)


def write_passes(path: Path, passes: Passes, cameras: Cameras, index: int, colour_space: str) -> None:
    """Write frame ``index`` of the path with everything that is known of it, whole or not at all.

    Channels below ``ViewLayer``: ``Combined.RGBA`` (half, scene-linear), ``Depth.Z`` (float, planar, world units, sky
    1e10), ``Vector.XYZW`` (float, ``motion.motion_vectors``), ``Provenance.X`` and ``Hole.X`` (half; 0 the picture,
    1 generated, 2 filled; 1 is a hole). What a mask left out has the sky's depth, no motion, and is a hole.

    Raises:
        WorldWarpError: it cannot be written.
    """
    vectors = motion_vectors(passes.depth, cameras, index)
    colour = linear(passes.rgb, colour_space).astype(np.float16)
    channels: dict[str, NDArray[Any]] = {f"Combined.{name}": colour[..., i] for i, name in enumerate("RGB")}
    channels["Combined.A"] = np.ones(passes.depth.shape, np.float16)
    channels["Depth.Z"] = np.where(np.isfinite(passes.depth), passes.depth, SKY).astype(np.float32)
    channels |= {f"Vector.{name}": vectors[..., i] for i, name in enumerate("XYZW")}
    channels["Provenance.X"] = passes.provenance.astype(np.float16)
    channels["Hole.X"] = (passes.hole | np.isnan(passes.depth)).astype(np.float16)
    header = attributes(colour_space) | camera_attributes(cameras, index)
    write_channels(path, {f"{LAYER}.{name}": pixels for name, pixels in channels.items()}, header)


def attributes(colour_space: str) -> dict[str, Any]:
    """What a file says of its colours."""
    known = {"colorInteropID": "lin_rec709_scene"} if colour_space == "sRGB" else {}
    return {"worldwarp:colourSpace": "scene-linear Rec.709" if known else colour_space, **known}


def camera_attributes(cameras: Cameras, index: int) -> dict[str, Any]:
    """What a file says of its frame: its number, as Blender writes it, and OpenEXR's standard attributes.

    ``worldToCamera`` has x right, y up, z ahead (left-handed); ``worldToNDC`` has (0, 0) at the picture's upper left
    corner, (1, 1) at its lower right one, and 1 / depth as z. Both are for points as rows, (x y z 1) M (Imath).
    """
    world_to_camera = cameras.world_to_camera[index]
    share = np.eye(4)
    share[:2, :3] = cameras.K[index][:2] / [[cameras.width], [cameras.height]]
    share[2:] = [[0, 0, 0, 1], [0, 0, 1, 0]]
    return {
        "Frame": f"{int(cameras.frame[index]):03d}",
        "framesPerSecond": Fraction(cameras.fps).limit_denominator(1001),
        "worldToCamera": _rows(np.diag([1, -1, 1, 1]) @ world_to_camera),
        "worldToNDC": _rows(share @ world_to_camera),
    }


def _rows(matrix: NDArray[np.float64]) -> Floats:
    """The matrix for points as rows; in memory as it is read there, for OpenEXR looks at nothing else."""
    return np.ascontiguousarray(matrix.T, np.float32)
