"""A finished shot as a video file."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from worldwarp_protocol.errors import WorldWarpError

from ..nouns import Bytes


@dataclass(frozen=True)
class Form:
    """How frames are written."""

    codec: str
    """FFmpeg's encoder."""
    pixels: str
    """Its pixel format."""
    options: dict[str, str]
    container: str
    """The suffix that other programs expect."""
    even: bool = False
    """Whether sides have to be even: chroma is halved."""

    @property
    def is_rgb(self) -> bool:
        """Whether the pixels themselves are written, without a change to luma and chroma."""
        return self.pixels == "bgr0"


FORMS = {
    # visually lossless; the frames themselves lie beside the video without any loss
    "h264": Form("libx264", "yuv420p", {"crf": "14", "preset": "medium"}, ".mp4", even=True),
    "prores": Form("prores_ks", "yuv422p10le", {"profile": "hq", "vendor": "apl0"}, ".mov", even=True),
    "prores4444": Form("prores_ks", "yuv444p10le", {"profile": "4444", "vendor": "apl0"}, ".mov"),
    # version 3, every frame a key frame, with checksums: what archives ask for
    "ffv1": Form("ffv1", "bgr0", {"level": "3", "g": "1", "slicecrc": "1"}, ".mkv"),
}
"""For players, for editing (ProRes 422 HQ and 4444, 10 bits), and without any loss (FFV1, RGB)."""

BT709, SRGB, RGB = 1, 13, 0
"""Codes of ITU-T H.273: of primaries, transfer and matrix; of sRGB's transfer; of no matrix at all."""


def has_encoder(form: str = "h264") -> bool:
    """Whether this machine's FFmpeg can write a form."""
    return FORMS[form].codec in av.codecs_available


def write_video(path: Path, frames: Iterable[Bytes], fps: float, form: str = "h264") -> None:
    """Write frames (H, W, 3) uint8 to ``path``, tagged BT.709 (FFV1: sRGB, full range), in one of ``FORMS``.

    H.264 fits .mp4, .mov and .mkv, the others go with their container. Where chroma is halved, sides of odd length are
    extended by a repeated row or column. Nothing is seen under ``path`` before it is whole.

    Raises:
        WorldWarpError: there is no encoder here, or no frame.
    """
    if not has_encoder(form):
        raise WorldWarpError(f"This machine's FFmpeg cannot write {form}; install PyAV from its own wheels (pip).")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise WorldWarpError(f"There is no frame to write to {path}.")
    part = path.with_name(f".{path.stem}-{uuid.uuid4().hex}{path.suffix}")
    try:
        _encode(str(part), chain([first], frames), frame_rate(fps), FORMS[form])
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


def _encode(name: str, frames: Iterator[Bytes], rate: Fraction, form: Form) -> None:
    first = _fitted(next(frames), form)
    with av.open(name, "w", options={"movflags": "+faststart"} if name.endswith((".mp4", ".mov")) else {}) as file:
        stream = file.add_stream(form.codec, rate=rate, options=form.options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = form.pixels
        _tag(stream.codec_context, form)
        for image in chain([first], (_fitted(image, form) for image in frames)):
            file.mux(stream.encode(_frame(image, form)))
        file.mux(stream.encode(None))


def _tag(context: av.VideoCodecContext, form: Form) -> None:
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG
    if form.is_rgb:
        context.color_trc, context.colorspace, context.color_range = SRGB, RGB, ColorRange.JPEG


def _fitted(image: Bytes, form: Form) -> Bytes:
    if not form.even:
        return image
    return np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), "edge")


def _frame(image: Bytes, form: Form) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    if form.is_rgb:
        return frame.reformat(format=form.pixels)
    return frame.reformat(
        format=form.pixels,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation="BICUBIC",
    )
