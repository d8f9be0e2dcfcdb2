"""A shot as it arrives becomes a shot that can be worked on: checked, and brought to the size that is generated.

Whatever is wrong is said here, in one sentence, before any work.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from worldwarp_protocol import messages
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_NAME, MAX_SIDE
from worldwarp_protocol.messages import Diffusion, Override, Settings
from worldwarp_protocol.words import in_words

from . import captions, profiles, wan
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
from .chunks import plan
from .geometry import sources
from .masks import SET, as_sky, check_mask, extent, frame_mask
from .nouns import Bytes, Floats, Shot
from .weights import needs

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
    _check_name(name)
    _check_settings(settings)
    size = _check_pictures(pictures)
    settings, warnings = profiles.adapted(settings, size)
    check_cameras(cameras)
    _check_count(len(pictures), len(cameras), settings)
    _check_every(len(pictures), settings)
    _check_overrides(overrides, len(cameras), settings)
    if (cameras.width, cameras.height) != size:
        raise InvalidShot(
            "cameras",
            f"are for {cameras.width} x {cameras.height} pixels, the picture is {size[0]} x {size[1]}; "
            "give the picture those cameras were made for, or sample the cameras at the picture's size.",
        )
    for name_of, one in (("mask", mask), ("sky", sky)):
        if one is not None:
            check_mask(name_of, one, pictures.shape[:3])
    framing = frame_picture(size, (settings.width, settings.height), settings.framing)
    warnings += _size_warnings(size, framing)
    framing, window = _overscan(framing, settings.overscan)
    frame = canvas(framing, size)
    if depth is not None:
        depth = _check_depth(depth, pictures.shape[:3], settings.far, sky)
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
        warnings += _check_invention(settings, overrides, len(cameras), framing)
    settings = _frame_anchor(settings, size, framing)
    resampled = np.stack([frame.spread(resample_picture(one, frame.inner)) for one in pictures])
    cameras = frame_cameras(cameras, framing)
    if depth is not None:
        warnings += _every_warnings(depth[0], cameras, settings)
    if mask is not None:
        mask = np.stack([frame.spread(frame_mask(one, frame.inner), "constant") for one in mask])
    if sky is not None:
        sky = np.stack([frame.spread(frame_mask(one, frame.inner, SET), "constant") for one in sky])
        _check_anchor(settings, sky[0])
    shot = Shot(
        name,
        resampled,
        depth,
        cameras,
        settings,
        colour_space,
        tuple(overrides),
        mask,
        sky,
        frame.known,
        window,
    )
    return shot, warnings


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


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidShot("name", f"has to be 1 to {MAX_NAME} printable characters; choose another one.")


def _check_settings(settings: Settings) -> None:
    for field, choices in (("framing", ("crop", "fit")), ("geometry", sources.NAMES)):
        if getattr(settings, field) not in choices:
            raise InvalidShot(f"settings.{field}", f"is {getattr(settings, field)!r}; use {' or '.join(choices)}.")
    try:
        msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        field, text = in_words(error)
        value: Any = settings
        for name in field.partition("[")[0].split("."):
            value = getattr(value, name, "this")
        raise InvalidShot(f"settings.{field}", f"is {value!r}; it {text}.") from None
    for field in ("chunk_frames", "context_frames"):
        value = getattr(settings, field)
        if value % 4 != 1:
            near = (value - 1) // 4 * 4 + 1
            raise InvalidShot(f"settings.{field}", f"{value} is not of the form 4k + 1; use {near} or {near + 4}.")
    diffusion = settings.diffusion
    if diffusion.guidance_valid is not None and diffusion.guidance_valid > diffusion.guidance:
        raise InvalidShot("settings.diffusion.guidance_valid", "is above guidance; it is for less of it: lower it.")
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
    if count % 4 != 1:
        near = max(count - 1, 0) // 4 * 4 + 1
        raise InvalidShot("picture", f"holds {count} first frames; give 4k + 1 of them: {near} or {near + 4}.")
    if not 16 <= min(width, height) <= max(width, height) <= MAX_SIDE:
        raise InvalidShot("picture", f"is {width} x {height}; each side has to be 16 to {MAX_SIDE} pixels: scale it.")
    return width, height


def _check_count(pictures: int, frames: int, settings: Settings) -> None:
    if pictures > 1 and pictures >= min(frames, settings.chunk_frames):
        raise InvalidShot(
            "picture",
            f"holds {pictures} first frames, which leaves nothing new in a path of {frames} frames "
            f"and chunks of {settings.chunk_frames}; give fewer.",
        )


def _check_overrides(overrides: Sequence[Override], frames: int, settings: Settings) -> None:
    count = len(plan(frames, settings))
    for i, override in enumerate(overrides):
        if override.chunk >= count:
            text = f"is for chunk {override.chunk + 1}, but this path has {count}; leave it out."
            raise InvalidShot(f"overrides[{i}]", text)
        if override.chunk in {other.chunk for other in overrides[:i]}:
            raise InvalidShot(f"overrides[{i}]", f"is for chunk {override.chunk + 1} a second time; put both into one.")


def _check_invention(settings: Settings, overrides: Sequence[Override], frames: int, framing: Framing) -> list[str]:
    """What a profile that invents needs besides its models: a source of depth for what it invented."""
    prompts = {override.chunk: override.prompt for override in overrides if override.prompt is not None}
    words = [prompts.get(chunk.index, settings.diffusion.prompt) for chunk in plan(frames, settings)]
    if settings.profile == "wan" and not all(text.strip() for text in words) and needs.absent(needs.part("captioner")):
        raise InvalidShot("settings.diffusion.prompt", captions.UNDESCRIBED)
    announced = [wan.announce(settings, framing.width, framing.height)] if settings.profile == "wan" else []
    if settings.geometry != "given":
        sources.check(settings.geometry)
        return announced
    return [
        *announced,
        "Depth of what is invented is not estimated (settings.geometry is 'given'): it is carried on smoothly from "
        "its surroundings. Choose ttt3r or depth-anything for better.",
    ]


def _overscan(framing: Framing, share: float) -> tuple[Framing, Window | None]:
    framing, window = overscan(framing, share)
    if max(framing.width, framing.height) > MAX_SIDE:
        text = f"makes frames of {framing.width} x {framing.height}; {MAX_SIDE} pixels a side are the most: lower it."
        raise InvalidShot("settings.overscan", text)
    return framing, window


def _check_every(pictures: int, settings: Settings) -> None:
    if pictures > 1 and settings.every > 1:
        text = f"is {settings.every}, but the shot begins with {pictures} pictures, one for each frame; make it 1."
        raise InvalidShot("settings.every", text)


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


def _check_anchor(settings: Settings, sky: NDArray[np.bool_]) -> None:
    if settings.anchor is None:
        return
    at = (int(min(share * side, side - 1)) for share, side in zip(settings.anchor[1::-1], sky.shape, strict=True))
    if sky[tuple(at)]:
        raise InvalidShot("settings.anchor", "lies in what the sky mask calls sky; choose a pixel of something solid.")


def _check_depth(depth: Floats, shape: tuple[int, ...], far: float, sky: NDArray[np.bool_] | None) -> Floats:
    """Depth with every pixel of sky infinite."""
    if depth.dtype != np.float32:
        raise InvalidShot("depth", f"is {depth.dtype}; give 32-bit floats, in world units.")
    if depth.shape != shape:
        raise InvalidShot(
            "depth",
            f"is {extent(depth.shape)}, the picture is {extent(shape)}; "
            "render or export both at the same size from the same camera.",
        )
    if sky is not None:
        depth = as_sky(depth, sky)
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
            f"is sky everywhere (infinite, masked, or beyond settings.far = {far:g}), so there is nothing to move "
            "through; check the file, or raise far.",
        )
    return depth


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
