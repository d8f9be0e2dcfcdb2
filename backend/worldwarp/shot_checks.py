"""What must be true of a shot before any work: each check says in one sentence what is wrong and what to do.

All raise ``InvalidShot``, naming the field.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_NAME, MAX_SIDE
from worldwarp_protocol.messages import Override, Settings
from worldwarp_protocol.words import in_words

from . import captions, wan
from .cameras import Cameras
from .cameras.sizes import Framing, Size
from .chunks import plan
from .geometry import sources
from .masks import as_sky, extent
from .nouns import Bytes, Floats
from .weights import needs


def check_name(name: str) -> None:
    """Refuse a name that cannot become a folder's and a collection's."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidShot("name", f"has to be 1 to {MAX_NAME} printable characters; choose another one.")


def check_settings(settings: Settings) -> None:
    """Refuse settings that are out of bounds, or do not go together."""
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


def check_pictures(pictures: Bytes) -> Size:
    """Width and height of the first frames (f, H, W, 3), which are 4k + 1."""
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


def check_size(cameras: Cameras, size: Size) -> None:
    """Refuse cameras that are not the picture's."""
    if (cameras.width, cameras.height) != size:
        raise InvalidShot(
            "cameras",
            f"are for {cameras.width} x {cameras.height} pixels, the picture is {size[0]} x {size[1]}; "
            "give the picture those cameras were made for, or bring them to the picture's size: "
            f"worldwarp path convert --width {size[0]} --height {size[1]}.",
        )


def check_count(pictures: int, frames: int, settings: Settings) -> None:
    """Refuse first frames that leave nothing new to make."""
    if pictures > 1 and pictures >= min(frames, settings.chunk_frames):
        raise InvalidShot(
            "picture",
            f"holds {pictures} first frames, which leaves nothing new in a path of {frames} frames "
            f"and chunks of {settings.chunk_frames}; give fewer.",
        )


def check_every(pictures: int, settings: Settings) -> None:
    """Refuse to leave frames out between first frames, which have every one."""
    if pictures > 1 and settings.every > 1:
        text = f"is {settings.every}, but the shot begins with {pictures} pictures, one for each frame; make it 1."
        raise InvalidShot("settings.every", text)


def check_overrides(overrides: Sequence[Override], frames: int, settings: Settings) -> None:
    """Refuse what differs in chunks that are not there, or twice in one."""
    count = len(plan(frames, settings))
    for i, override in enumerate(overrides):
        if override.chunk >= count:
            text = f"is for chunk {override.chunk + 1}, but this path has {count}; leave it out."
            raise InvalidShot(f"overrides[{i}]", text)
        if override.chunk in {other.chunk for other in overrides[:i]}:
            raise InvalidShot(f"overrides[{i}]", f"is for chunk {override.chunk + 1} a second time; put both into one.")


def check_depth(depth: Floats, shape: tuple[int, ...], far: float, sky: NDArray[np.bool_] | None) -> Floats:
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


def check_anchor(settings: Settings, sky: NDArray[np.bool_]) -> None:
    """Refuse an anchor in what the sky mask (H, W) sets."""
    if settings.anchor is None:
        return
    at = (int(min(share * side, side - 1)) for share, side in zip(settings.anchor[1::-1], sky.shape, strict=True))
    if sky[tuple(at)]:
        raise InvalidShot("settings.anchor", "lies in what the sky mask calls sky; choose a pixel of something solid.")


def check_invention(settings: Settings, overrides: Sequence[Override], frames: int, framing: Framing) -> list[str]:
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
