"""Frames of a video file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from worldwarp_protocol.errors import InvalidShot

from ..cameras.sizes import Size, shrink_picture
from ..nouns import Bytes

MAX_FRAMES = 2000
"""That are kept of one clip: one gigabyte of them at 512 pixels a side."""


@dataclass(frozen=True)
class Clip:
    """Frames of a video, made smaller."""

    frames: Bytes
    """(n, h, w, 3)."""
    size: Size
    """Width and height of the video's own frames, turned upright."""
    fps: float
    """Of the video, whatever part of its frames was taken."""


def read_clip(path: Path, every: int = 1, long_side: int = 512) -> Clip:
    """Every ``every``-th frame of a video, turned as its player would and scaled so that no side exceeds ``long_side``.

    Raises:
        InvalidShot: no such file, not a video, or more frames than can be kept; says what to do.
    """
    if not path.is_file():
        raise InvalidShot("video", f"there is no file {path}; check the path.")
    if every < 1:
        raise InvalidShot("every", f"is {every}; give 1 or more.")
    try:
        with av.open(str(path)) as file:
            if not file.streams.video:
                raise InvalidShot("video", f"{path} holds no pictures; give a video file.")
            stream = file.streams.video[0]
            stream.thread_type = "AUTO"
            fps = float(stream.average_rate or stream.guessed_rate or 24)
            frames, size = _frames(path, file.decode(stream), every, long_side)
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidShot("video", f"{path} cannot be read as a video ({error}); give an MP4 or MOV file.") from None
    return Clip(frames, size, fps)


def _frames(path: Path, decoded: Iterator[av.VideoFrame], every: int, long_side: int) -> tuple[Bytes, Size]:
    kept: list[Bytes] = []
    size = 0, 0
    for index, frame in enumerate(decoded):
        if index % every:
            continue
        if len(kept) == MAX_FRAMES:
            raise InvalidShot(
                "video", f"{path} has more than {MAX_FRAMES * every:,} frames; look at fewer: --every {2 * every}."
            )
        turned = np.rot90(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False), frame.rotation // 90)
        size = turned.shape[1], turned.shape[0]
        kept.append(shrink_picture(turned, long_side))
    if not kept:
        raise InvalidShot("video", f"{path} holds no frame that can be read; give an MP4 or MOV file.")
    if len({one.shape for one in kept}) > 1:
        raise InvalidShot("video", f"{path} changes its size on the way; cut it to one shot.")
    return np.stack(kept), size
