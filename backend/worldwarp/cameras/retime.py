"""``worldwarp path retime``: a path faster, slower, smoother, at another frame rate or in a number of frames."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.smoothing import smoothed

from ..outputs.pictures import check_ending
from .cameras import Cameras
from .checks import check_cameras
from .formats import read_cameras, write_cameras
from .retiming import at_rate, at_speed, in_frames


def command(arguments: Sequence[str]) -> int:
    """Read a path, change its time, write it and say what it is."""
    options = _parser().parse_args(arguments)
    check_ending("out", options.out, ".npz")
    cameras = read_cameras(options.path)
    check_cameras(cameras)
    result = retimed(cameras, options)
    check_cameras(result)
    if options.out.exists() and options.out.samefile(options.path):
        print(f"Note: {options.path} is replaced by what was made of it.", file=sys.stderr)
    write_cameras(options.out, result)
    print(f"{options.path}: {summary(cameras)}", file=sys.stderr)
    print(f"{options.out}: {summary(result)}")
    return 0


def retimed(cameras: Cameras, options: argparse.Namespace) -> Cameras:
    """What the options ask for: first smoothed, then in its new time."""
    if all(wanted is None for wanted in (options.smooth, options.speed, options.frames, options.fps)):
        raise InvalidShot("retime", "has nothing to do; give --speed, --frames, --fps or --smooth.")
    if options.smooth is not None:
        cameras = smoothed(cameras, options.smooth)
    if options.speed is not None:
        return at_speed(cameras, options.speed)
    if options.frames is not None:
        return in_frames(cameras, options.frames)
    return at_rate(cameras, options.fps) if options.fps is not None else cameras


def summary(cameras: Cameras) -> str:
    """A path in a line: how many cameras, which frames, how long it takes."""
    first, last = cameras.frame[[0, -1]]
    return (
        f"{len(cameras)} cameras, frames {first} to {last} at {cameras.fps:.5g} a second, "
        f"{(last - first) / cameras.fps:.2f} s."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp path retime", description=__doc__.split(":")[-1].strip())
    parser.add_argument("path", type=Path, help="cameras.npz")
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--speed", type=float, help="2 is twice as fast, in half as many frames")
    time.add_argument("--frames", type=int, help="from the first camera to the last in so many")
    time.add_argument("--fps", type=float, help="another frame rate, as long as before (23.976, 24, 25, 30, ...)")
    parser.add_argument("--smooth", type=int, metavar="FRAMES", help="take jitter out; over so many, odd, such as 9")
    parser.add_argument("--out", type=Path, required=True, help="a cameras.npz")
    return parser
