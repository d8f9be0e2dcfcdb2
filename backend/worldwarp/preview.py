"""What is known along a path, drawn at once: the picture carried into every frame, with the holes shown.

Nothing is fitted and nothing filled: each pixel shows the picture's pixel that ``cameras.reach`` finds for it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot

from .cameras import Cameras
from .cameras.check_command import add_options, first_view
from .cameras.health import shrunk, small
from .cameras.reach import reach
from .cameras.sizes import resample_picture
from .nouns import Bytes, Floats
from .outputs.pictures import check_ending, encode_png
from .outputs.video import write_video

WIDTH = 240
"""Pixels of a preview's longer side, unless the user says otherwise."""

CHECKER = np.array([(204, 0, 153), (64, 0, 48)], np.uint8)
"""Magenta and a dark shade of it: told from any picture by its squares as well as by its colour."""

VIDEOS = (".mp4", ".mov", ".mkv")

SQUARE = 6
"""Pixels of a square of it."""


def preview(
    picture: Bytes, depth: Floats, cameras: Cameras, longest: int = WIDTH, checker: bool = True
) -> tuple[Bytes, NDArray[np.bool_]]:
    """The frames of a path as far as the picture knows them.

    Args:
        picture: (H, W, 3), display-referred; camera 0 took it.
        depth: (H, W), planar, world units; inf is sky, NaN is left out.
        cameras: n of them, for pictures of that size.
        longest: pixels of a frame's longer side; no more than the picture's.
        checker: whether holes are drawn; they are black otherwise.

    Returns:
        frames (n, h, w, 3), display-referred, and holes (n, h, w).
    """
    thinned, path = shrunk(depth, cameras, longest)
    seen = reach(thinned, path, (path.width, path.height))
    colours = resample_picture(picture, small(cameras, longest)).reshape(-1, 3)
    holes = seen < 0
    frames = colours[seen]
    frames[holes] = np.broadcast_to(pattern(path.width, path.height), frames.shape)[holes] if checker else 0
    return frames, holes


def longest_side(cameras: Cameras, width: int) -> int:
    """Pixels of the longer side of frames of that width, which is no larger than the cameras' own."""
    return round(max(cameras.width, cameras.height) * min(1, width / cameras.width))


def pattern(width: int, height: int) -> Bytes:
    """(height, width, 3): what holes look like."""
    row, column = np.mgrid[:height, :width] // SQUARE
    return np.asarray(CHECKER[(row + column) % 2])


def command(arguments: Sequence[str]) -> int:
    """Draw a path's preview into a video or a folder of pictures."""
    options = _parser().parse_args(arguments)
    as_video = bool(options.out.suffix) and not options.out.is_dir()
    if as_video:
        check_ending("out", options.out, *VIDEOS)
    if options.width < 16:
        raise InvalidShot("width", f"is {options.width}; give at least 16 pixels.")
    picture, depth, cameras = first_view(options)
    if picture is None:
        raise InvalidShot("image", "is missing; name the picture with --image.")
    if picture.shape[:2] != depth.shape:
        here, there = (f"{shape[1]} x {shape[0]}" for shape in (depth.shape, picture.shape))
        raise InvalidShot("depth", f"is {here}, the picture is {there}; render or export both at the same size.")
    frames, holes = preview(picture, depth, cameras, longest_side(cameras, options.width))
    if as_video:
        write_video(options.out, frames, cameras.fps)
    else:
        for number, frame in zip(cameras.frame, frames, strict=True):
            files.write(options.out / f"{number:06d}.png", encode_png(frame))
    print(
        f"{options.out}: {len(frames)} frames; {1 - holes.mean():.0%} of them known, {1 - holes[-1].mean():.0%} last."
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp path preview", description="What is known along a path, as frames.")
    add_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="a video (.mp4, .mov, .mkv), or a folder for pictures")
    parser.add_argument("--width", type=int, default=WIDTH, help=f"of the frames, in pixels ({WIDTH})")
    return parser
