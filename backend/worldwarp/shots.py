"""A shot as it arrives becomes a shot that can be worked on: checked, and brought to the size that is generated.

Whatever is wrong is said here (``shot_checks``), in one sentence, before any work.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from worldwarp_protocol import messages
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_SIDE
from worldwarp_protocol.messages import Diffusion, Override, Settings

from . import profiles
from . import shot_checks as checks
from .cameras import Cameras
from .cameras.checks import check_cameras, path_warnings
from .cameras.overscan import Window, canvas, overscan
from .cameras.sampling import ordinal, recommend
from .cameras.sizes import (
    Framing,
    Size,
    frame_cameras,
    frame_picture,
    nearest_bucket,
    resample_depth,
    resample_picture,
)
from .geometry import sources
from .masks import SET, check_mask, frame_mask
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
    overrides: Sequence[Override] = (),
    mask: NDArray[np.bool_] | None = None,
    sky: NDArray[np.bool_] | None = None,
) -> tuple[Shot, list[str]]:
    """Check one request and bring it to the generated size.

    Args:
        name: what the user calls it.
        pictures: (f, H, W, 3) uint8, display-referred in ``colour_space``; the first frames, 4k + 1 of them.
        depth: (f, H, W) float32, planar, world units; infinite or beyond ``settings.far`` is sky. None where
            ``settings.geometry`` is to estimate it.
        cameras: of the picture's size; camera i took picture i.
        overrides: what differs in single chunks.
        mask: (f, H, W), what of the pictures must not become part of the world.
        sky: (f, H, W), what of them is infinitely far away, whatever their depth says.

    Returns:
        The shot (``settings.anchor`` is a pixel of its own pictures), and sentences that the user should read before
        waiting for it.

    Raises:
        InvalidShot: naming the field and the remedy.
    """
    checks.check_name(name)
    checks.check_settings(settings)
    size = checks.check_pictures(pictures)
    settings, warnings = profiles.adapted(settings, size)
    check_cameras(cameras)
    checks.check_count(len(pictures), len(cameras), settings)
    checks.check_every(len(pictures), settings)
    checks.check_overrides(overrides, len(cameras), settings)
    checks.check_size(cameras, size)
    for name_of, one in (("mask", mask), ("sky", sky)):
        if one is not None:
            check_mask(name_of, one, pictures.shape[:3])
    framing = frame_picture(size, (settings.width, settings.height), settings.framing)
    warnings += _size_warnings(size, framing)
    framing, window = _overscan(framing, settings.overscan)
    frame = canvas(framing, size)
    if depth is not None:
        depth = checks.check_depth(depth, pictures.shape[:3], settings.far, sky)
        warnings += _depth_warnings(depth[0], cameras) + _scale_warnings(settings)
        depth = np.stack([frame.spread(resample_depth(one, frame.inner)) for one in depth])
    elif settings.geometry == "given":
        raise InvalidShot(
            "depth",
            "is missing; render the depth from this camera, give a depth file beside the picture, "
            "or have it estimated (settings.geometry).",
        )
    else:
        sources.check(settings.geometry)
    if settings.profile == "draft":
        warnings += _words_warnings(settings, overrides)
    else:
        warnings += checks.check_invention(settings, overrides, len(cameras), framing)
    settings = _frame_anchor(settings, size, framing)
    resampled = np.stack([frame.spread(resample_picture(one, frame.inner)) for one in pictures])
    cameras = frame_cameras(cameras, framing)
    if depth is not None:
        warnings += _every_warnings(depth[0], cameras, settings)
    if mask is not None:
        mask = np.stack([frame.spread(frame_mask(one, frame.inner), "constant") for one in mask])
    if sky is not None:
        sky = np.stack([frame.spread(frame_mask(one, frame.inner, SET)) for one in sky])
        checks.check_anchor(settings, sky[0])
    given = name, resampled, depth, cameras, settings, colour_space, tuple(overrides)
    return Shot(*given, mask, sky, frame.known, window), warnings


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
    mask, sky = (None if name not in arrays else arrays[name] > SET for name in ("mask", "sky"))
    return prepare(
        wire.name,
        picture,
        arrays.get("depth"),
        cameras,
        wire.settings,
        wire.colour_space,
        wire.overrides,
        mask,
        sky,
    )


def _overscan(framing: Framing, share: float) -> tuple[Framing, Window | None]:
    framing, window = overscan(framing, share)
    if max(framing.width, framing.height) > MAX_SIDE:
        text = f"makes frames of {framing.width} x {framing.height}; {MAX_SIDE} pixels a side are the most: lower it."
        raise InvalidShot("settings.overscan", text)
    return framing, window


def _every_warnings(depth: Floats, cameras: Cameras, settings: Settings) -> list[str]:
    """A word where fewer frames would do to be generated (draft's cost nothing), or where these are too few."""
    every, advice = recommend(cameras, depth)
    if settings.every > every:
        return [f"{advice} Every {ordinal(settings.every)} was chosen: those between may smear."]
    return [advice] if settings.every < every and settings.profile != "draft" else []


def _frame_anchor(settings: Settings, size: Size, framing: Framing) -> Settings:
    """The settings with the anchor as a pixel of the generated pictures."""
    if settings.anchor is None:
        return settings
    u, v, distance = settings.anchor
    x, y, _ = framing.matrix @ [u * size[0], v * size[1], 1]
    u, v = float(x / framing.width), float(y / framing.height)
    if not (0 <= u <= 1 and 0 <= v <= 1):
        raise InvalidShot("settings.anchor", "lies where framing cuts the picture; choose a pixel that stays.")
    return structs.replace(settings, anchor=(u, v, distance))


def _words_warnings(settings: Settings, overrides: Sequence[Override]) -> list[str]:
    said: list[Diffusion | Override] = [settings.diffusion, *overrides]
    if not any(each.prompt or each.style or each.negative_prompt for each in said):
        return []
    return ["The draft profile reads no words: prompt, style and negative prompt do nothing."]


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


def _scale_warnings(settings: Settings) -> list[str]:
    if settings.depth_scale == 1 and settings.anchor is None:
        return []
    return ["The depth is given, so it is used as it is: depth_scale and anchor act on estimated depth only."]


def _depth_warnings(depth: Floats, cameras: Cameras) -> list[str]:
    warnings = path_warnings(depth, cameras)
    finite = depth[np.isfinite(depth)]
    if finite.min() == finite.max():
        warnings.append(f"The depth is {finite[0]:g} everywhere: the scene will look like a flat card.")
    return warnings
