"""Frames at the size of the user's picture, or another: its own detail where it is seen, a good upscaler elsewhere.

A generated frame is smaller than the picture it came from. What it lost is the picture's fine detail: the difference
between the picture and the same picture brought to the generated size and back. Where the picture's surface is seen
again that difference is carried to the frame by its depth and added; the colours stay the frame's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from worldwarp_protocol.errors import InvalidShot

from ..cache.visibility import confirmed
from ..cameras import Cameras
from ..cameras.overscan import Canvas, canvas
from ..cameras.sizes import Framing, Size, frame_cameras, resample_depth, resample_picture
from ..nouns import Bytes, Floats, Provenance
from .exr import Passes
from .motion import landing
from .sampling import cubic

TOLERANCE = 0.02
"""Of depth: what lies this near to where the picture saw something is that."""
EDGE = 3
"""Pixels of a generated frame over which the detail fades in from where it ends."""


@dataclass(frozen=True)
class Source:
    """The picture that detail is taken from."""

    rgb: Bytes
    """(H, W, 3), of its own size."""
    depth: Floats
    """(h, w), planar, of the first frame; inf is sky, NaN is not known."""
    cameras: Cameras
    """Of the whole path, at the picture's size."""
    framed: Cameras
    """The same, at the frames' size."""
    framing: Framing
    """How the picture becomes a frame."""


def delivery(size: Size | None, picture: Size, framings: Sequence[Framing]) -> Canvas:
    """How a picture becomes a delivered one of ``size``; None is the picture's own.

    Args:
        framings: what may be delivered, each at any scale: the first one of the same proportions counts.

    Raises:
        InvalidShot: a side is odd, or none has such proportions (to a pixel); says which size would do.
    """
    if size is None:
        return canvas(Framing(*picture, 1, 0, 0), picture)
    wanted = [_at(framing, size) for framing in framings if abs(size[1] - _height(framing, size[0])) <= 1]
    if not wanted or size[0] % 2 or size[1] % 2:
        near = 2 * max(round(size[0] / 2), 1)
        would = " or ".join(dict.fromkeys(f"{near}x{2 * max(round(_height(f, near) / 2), 1)}" for f in framings))
        text = f"is {size[0]}x{size[1]}; give even sides of the picture's or the frames' proportions, such as {would}."
        raise InvalidShot("size", text)
    return canvas(wanted[0], picture)


def source_at(
    target: Canvas, picture: Bytes, depth: Floats, cameras: Cameras, framed: Cameras, framing: Framing
) -> Source:
    """Where the detail of frames comes from that are delivered as ``target`` says; the rest as in ``Source``."""
    t, s = target.framing, framing.scale / target.framing.scale
    relative = Framing(framing.width, framing.height, s, framing.left - s * t.left, framing.top - s * t.top)
    return Source(laid(picture, target), depth, frame_cameras(cameras, t), framed, relative)


def laid(picture: Bytes, target: Canvas) -> Bytes:
    """A picture as it is delivered, its edge carried on where the delivered one shows more."""
    return target.spread(resample_picture(picture, target.inner))


def full_size(frame: Passes, index: int, source: Source) -> Bytes:
    """The frame at ``index`` of the path, at the picture's size (H, W, 3).

    Detail is added where the frame shows the picture (provenance) and its depth says that the picture saw that point.
    What framing had cut off is the picture itself where it was seen, otherwise the frame's border carried on.
    """
    size = source.cameras.width, source.cameras.height
    back = _inverse(source.framing, size)
    base = _enlarged(frame.rgb, source.framing, size)
    depth = resample_depth(frame.depth, back)
    seen = _seen(depth, frame.provenance, index, source)
    warped = np.rint(np.clip(np.where(seen[..., None], _sample(depth, index, source), base), 0, 255))
    shown = canvas(source.framing, size)
    small = shown.spread(resample_picture(warped.astype(np.uint8), shown.inner))
    coarse = _enlarged(small, source.framing, size)
    coarse = np.where(_inside(source.framing, size)[..., None], coarse, base)
    weight = _faded(seen, EDGE / source.framing.scale)[..., None]
    detailed = np.clip(base + weight * (warped - coarse), 0, 255)
    return np.asarray(np.rint(detailed), np.uint8)


def _height(framing: Framing, width: int) -> float:
    return framing.height * width / framing.width


def _at(framing: Framing, size: Size) -> Framing:
    """The same field at another size; what its height is rounded by is cut, or shown, evenly."""
    k = size[0] / framing.width
    return Framing(*size, framing.scale * k, framing.left * k, framing.top * k + (framing.height * k - size[1]) / 2)


def _inverse(framing: Framing, size: tuple[int, int]) -> Framing:
    """From the frame's pixels to the picture's."""
    s = 1 / framing.scale
    return Framing(size[0], size[1], s, -framing.left * s, -framing.top * s)


def _seen(depth: Floats, provenance: Bytes, index: int, source: Source) -> NDArray[np.bool_]:
    """(H, W): where the picture's surface shows."""
    K, pose = source.cameras.K[index], source.cameras.camera_to_world[index]
    known = confirmed(depth, K, pose, source.depth[None], source.framed[:1], TOLERANCE)
    if index == 0:
        known |= np.isnan(depth)  # what was left out of the world shows in its own frame, whatever its depth
    x, y = _places(source.framing, (depth.shape[1], depth.shape[0]))
    columns, rows = (np.clip(at, 0, side - 1) for at, side in zip((x, y), provenance.shape[::-1], strict=True))
    from_picture = provenance[rows.astype(np.int64)[:, None], columns.astype(np.int64)] == Provenance.PICTURE
    return np.asarray(known & from_picture)


def _sample(depth: Floats, index: int, source: Source) -> Floats:
    """(H, W, 3): the picture where the frame's points lie in it, cubic."""
    here, first = ((source.cameras.K[i], source.cameras.camera_to_world[i]) for i in (index, 0))
    pixels, _ = landing(np.where(np.isnan(depth), np.inf, depth), *here, *first)
    return cubic(source.rgb.astype(np.float32), np.nan_to_num(pixels, posinf=0, neginf=0))


def _enlarged(image: Bytes, framing: Framing, size: tuple[int, int]) -> Floats:
    """A frame (h, w, 3) at the picture's size, Lanczos, its border carried on over what framing cut off."""
    pad = int(np.ceil(max(framing.left, framing.top, 0))) + 1
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), "edge").astype(np.float32)
    left, top = pad - framing.left, pad - framing.top
    box = left, top, left + framing.scale * size[0], top + framing.scale * size[1]
    return _resized(padded, size, box)


def _resized(image: Floats, size: tuple[int, int], box: tuple[float, float, float, float]) -> Floats:
    channels = (Image.fromarray(np.ascontiguousarray(image[..., i])) for i in range(3))
    return np.stack([np.asarray(one.resize(size, Image.Resampling.LANCZOS, box=box)) for one in channels], axis=-1)


def _inside(framing: Framing, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W): which pixels of the picture a frame shows."""
    x, y = _places(framing, size)
    across, down = (x >= 0) & (x < framing.width), (y >= 0) & (y < framing.height)
    return np.asarray(down[:, None] & across)


def _places(framing: Framing, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the centres of the picture's columns and rows lie in a frame."""
    x, y = (np.arange(side, dtype=np.float64) + 0.5 for side in size)
    return np.asarray(framing.scale * x - framing.left), np.asarray(framing.scale * y - framing.top)


def _faded(mask: NDArray[np.bool_], distance: float) -> Floats:
    """(H, W): 0 outside of a mask and at its border, 1 at ``distance`` pixels inside."""
    reach = max(round(distance / 2), 1)
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    inner = image.filter(ImageFilter.MinFilter(2 * reach + 1)).filter(ImageFilter.BoxBlur(reach))
    return np.asarray(inner, np.float32) / np.float32(255) * mask.astype(np.float32)
