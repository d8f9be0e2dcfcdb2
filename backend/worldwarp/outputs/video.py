"""A finished shot as a video file."""

import uuid
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from worldwarp_protocol.errors import WorldWarpError

from ..nouns import Bytes

CODEC = "libx264"
QUALITY = {"crf": "14", "preset": "medium"}
"""Visually lossless; the frames themselves lie beside the video without any loss."""


BT709 = 1
"""Its code for primaries, transfer and matrix (ITU-T H.273)."""


def has_encoder() -> bool:
    """Whether this machine's FFmpeg can write H.264."""
    return CODEC in av.codecs_available


def write_video(path: Path, frames: Iterable[Bytes], fps: float) -> None:
    """Write frames (H, W, 3) uint8 as H.264 in ``path`` (.mp4, .mov or .mkv), for players: 4:2:0, tagged BT.709.

    Sides of odd length are extended by a repeated row or column. Nothing is seen under ``path`` before it is whole.

    Raises:
        WorldWarpError: there is no encoder here, or no frame.
    """
    if not has_encoder():
        raise WorldWarpError("This machine's FFmpeg has no H.264 encoder; install PyAV from its own wheels (pip).")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise WorldWarpError(f"There is no frame to write to {path}.")
    part = path.with_name(f".{path.stem}-{uuid.uuid4().hex}{path.suffix}")
    try:
        _encode(str(part), chain([first], frames), frame_rate(fps))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def frame_rate(fps: float) -> Fraction:
    """The exact rate that is meant: 23.976 is 24000/1001."""
    for whole in (24, 30, 48, 60, 120):
        ntsc = Fraction(whole * 1000, 1001)
        if abs(fps - ntsc) < 0.005:
            return ntsc
    return Fraction(fps).limit_denominator(1000)


def _encode(name: str, frames: Iterator[Bytes], rate: Fraction) -> None:
    first = _even(next(frames))
    with av.open(name, "w", options={"movflags": "+faststart"} if name.endswith((".mp4", ".mov")) else {}) as file:
        stream = file.add_stream(CODEC, rate=rate, options=QUALITY)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = ColorRange.MPEG
        for image in chain([first], map(_even, frames)):
            file.mux(stream.encode(_frame(image)))
        file.mux(stream.encode(None))


def _even(image: Bytes) -> Bytes:
    return np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), "edge")


def _frame(image: Bytes) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation="BICUBIC",
    )
