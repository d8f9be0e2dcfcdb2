"""A shot as it arrives becomes a shot that can be worked on: checked, and brought to the size that is generated.

Whatever is wrong is said here, in one sentence, before any work.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import messages
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_NAME, MAX_SIDE
from worldwarp_protocol.messages import Settings

from .cameras import Cameras
from .cameras.checks import check_cameras, path_warnings
from .cameras.sizes import (
    Framing,
    Size,
    frame_cameras,
    frame_picture,
    nearest_bucket,
    resample_depth,
    resample_picture,
)
from .nouns import Bytes, Floats, Shot

WIRE_ARRAYS: dict[str, str] = {
    "picture": "uint8",
    "K": "float64",
    "camera_to_world": "float64",
    "frame": "int32",
}

MUCH_CUT = 0.15
"""A crop that removes more than this share of the picture is worth a warning."""


def prepare(
    name: str,
    pictures: Bytes,
    depth: Floats | None,
    cameras: Cameras,
    settings: Settings,
    colour_space: str = "sRGB",
) -> tuple[Shot, list[str]]:
    """Check one request and bring it to the generated size.

    Args:
        name: what the user calls it.
        pictures: (f, H, W, 3) uint8, display-referred in ``colour_space``; f is 1 for now.
        depth: (f, H, W) float32, planar, world units; infinite or beyond ``settings.far`` is sky.
        cameras: of the picture's size; camera 0 took the first picture.

    Returns:
        The shot, and sentences that the user should read before waiting for it.

    Raises:
        InvalidShot: naming the field and the remedy.
    """
    _check_name(name)
    _check_settings(settings)
    size = _check_pictures(pictures)
    check_cameras(cameras)
    if (cameras.width, cameras.height) != size:
        raise InvalidShot(
            "cameras",
            f"are for {cameras.width} x {cameras.height} pixels, the picture is {size[0]} x {size[1]}; "
            "give the picture those cameras were made for, or sample the cameras at the picture's size.",
        )
    framing = frame_picture(size, (settings.width, settings.height), settings.framing)
    warnings = _size_warnings(size, framing)
    if depth is not None:
        depth = _check_depth(depth, pictures.shape[:3], settings.far)
        warnings += _depth_warnings(depth[0], cameras)
        depth = np.stack([resample_depth(one, framing) for one in depth])
    elif settings.profile == "draft":
        raise InvalidShot(
            "depth",
            "is missing and the draft profile does not estimate it; "
            "render the depth from this camera, or give a depth file beside the picture.",
        )
    resampled = np.stack([resample_picture(one, framing) for one in pictures])
    cameras = frame_cameras(cameras, framing)
    return Shot(name, resampled, depth, cameras, settings, colour_space), warnings


def from_wire(wire: messages.Shot, arrays: Mapping[str, NDArray[Any]]) -> tuple[Shot, list[str]]:
    """``prepare`` for a shot that came over the wire; ``messages.Shot`` says which arrays lie beside it."""
    for key, dtype in WIRE_ARRAYS.items():
        if key not in arrays:
            raise InvalidShot(key, "is missing; send picture, K, camera_to_world and frame beside the shot.")
        if arrays[key].dtype != np.dtype(dtype):
            raise InvalidShot(key, f"is {arrays[key].dtype}; send it as {dtype}.")
    picture = arrays["picture"]
    if picture.ndim != 4:
        raise InvalidShot("picture", f"has shape {picture.shape}; send (pictures, height, width, 3).")
    cameras = Cameras(
        K=arrays["K"],
        camera_to_world=arrays["camera_to_world"],
        width=picture.shape[2],
        height=picture.shape[1],
        frame=arrays["frame"].astype(np.int64),
        fps=wire.fps,
    )
    return prepare(wire.name, picture, arrays.get("depth"), cameras, wire.settings, wire.colour_space)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidShot("name", f"has to be 1 to {MAX_NAME} printable characters; choose another one.")


def _check_settings(settings: Settings) -> None:
    if settings.framing not in ("crop", "fit"):
        raise InvalidShot("settings.framing", f"is {settings.framing!r}; use crop or fit.")
    try:
        msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`")
        value = getattr(settings, field, "this")
        raise InvalidShot(f"settings.{field}", f"is {value!r}; {expected[0].lower()}{expected[1:]}.") from None
    for field in ("chunk_frames", "context_frames"):
        value = getattr(settings, field)
        if value % 4 != 1:
            near = (value - 1) // 4 * 4 + 1
            raise InvalidShot(f"settings.{field}", f"{value} is not of the form 4k + 1; use {near} or {near + 4}.")
    if settings.context_frames >= settings.chunk_frames:
        raise InvalidShot(
            "settings.context_frames",
            f"{settings.context_frames} leaves nothing new in a chunk of {settings.chunk_frames}; make it smaller.",
        )


def _check_pictures(pictures: Bytes) -> Size:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3:
        raise InvalidShot(
            "picture",
            f"is {pictures.dtype} of shape {pictures.shape}; give 8-bit RGB of shape (pictures, height, width, 3).",
        )
    count, height, width, _ = pictures.shape
    if count != 1:
        raise InvalidShot(
            "picture",
            f"holds {count} first frames; give exactly 1, more need an estimator of geometry that is not there yet.",
        )
    if not 16 <= min(width, height) <= max(width, height) <= MAX_SIDE:
        raise InvalidShot("picture", f"is {width} x {height}; each side has to be 16 to {MAX_SIDE} pixels: scale it.")
    return width, height


def _check_depth(depth: Floats, shape: tuple[int, ...], far: float) -> Floats:
    """Depth with every pixel of sky infinite."""
    if depth.dtype != np.float32:
        raise InvalidShot("depth", f"is {depth.dtype}; give 32-bit floats, in world units.")
    if depth.shape != shape:
        raise InvalidShot(
            "depth",
            f"is {_extent(depth.shape)}, the picture is {_extent(shape)}; "
            "render or export both at the same size from the same camera.",
        )
    bad = np.isnan(depth) | (depth <= 0)
    if bad.any():
        _, row, column = (int(i) for i in np.argwhere(bad)[0])
        value = depth[0, row, column]
        raise InvalidShot(
            "depth",
            f"is NaN, zero or negative in {int(bad.sum()):,} of {bad.size:,} pixels (the first, {value:g}, at "
            f"column {column}, row {row}); write the distance along the view axis there, and infinity for the sky.",
        )
    depth = np.where(depth > far, np.float32(np.inf), depth)
    if np.isinf(depth).all():
        raise InvalidShot(
            "depth",
            f"is sky everywhere (infinite or beyond settings.far = {far:g}), so there is nothing to move through; "
            "check the file, or raise far.",
        )
    return depth


def _extent(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] == 1:
        return f"{shape[2]} x {shape[1]}"
    return f"of shape {shape}"


def _size_warnings(size: Size, framing: Framing) -> list[str]:
    warnings = []
    if framing.scale < 1:
        warnings.append(
            f"The picture is {size[0]} x {size[1]}, the frames are generated at "
            f"{framing.width} x {framing.height}: finer detail of the picture is lost."
        )
    kept = framing.width * framing.height / (framing.scale**2 * size[0] * size[1])
    if 1 - kept > MUCH_CUT:
        bucket, near = nearest_bucket(size)
        warnings.append(
            f"Framing cuts {1 - kept:.0%} of the picture away; "
            f"{near[0]} x {near[1]} ({bucket}) is nearer to its proportions."
        )
    return warnings


def _depth_warnings(depth: Floats, cameras: Cameras) -> list[str]:
    warnings = path_warnings(depth, cameras)
    finite = depth[np.isfinite(depth)]
    if finite.min() == finite.max():
        warnings.append(f"The depth is {finite[0]:g} everywhere: the scene will look like a flat card.")
    return warnings
