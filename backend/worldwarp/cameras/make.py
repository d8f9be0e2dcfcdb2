"""``worldwarp path make``: a path from words."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.grammar import parse
from worldwarp_protocol.paths.presets import PRESETS
from worldwarp_protocol.paths.walking import Depth, walk

from ..geometry import lens
from ..outputs.pictures import check_ending, read_depth
from .cameras import Cameras
from .checks import check_cameras
from .formats import read_cameras, write_cameras
from .retime import summary
from .retiming import check_rate, exact_rate

LEVEL = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], np.float64)
"""Camera to world at the origin, level, looking along the world's +Y."""
SIDES = ("width", "height")


def command(arguments: Sequence[str]) -> int:
    """Make a path, write it and say what it is."""
    options = _parser().parse_args(arguments)
    check_ending("out", options.out, ".npz")
    _check_start(options)
    cameras = walked(options.words, options, options.frames, options.depth)
    write_cameras(options.out, cameras)
    print(f"{options.out}: {summary(cameras)}")
    return 0


def walked(words: str, start: argparse.Namespace, frames: int | None, depth: Path | None) -> Cameras:
    """The path of ``words`` from ``first_camera(start)``; ``depth`` is the picture's, for targets in it.

    Raises:
        InvalidShot: words that are none, a path that cannot be walked, or as ``first_camera``.
    """
    cameras = walk(parse(words), first_camera(start), frames, depth_of(depth) if depth else None)
    check_cameras(cameras)
    return cameras


def first_camera(options: argparse.Namespace) -> Cameras:
    """The camera that took the picture: of another path, or level at the origin.

    Raises:
        InvalidShot: options are missing or contradict each other.
    """
    start = _of_path(options.start, options.at) if options.start else _of_lens(options)
    if options.fps is not None:
        check_rate(options.fps)
    fps = start.fps if options.fps is None else exact_rate(options.fps)
    frame = start.frame if options.first_frame is None else np.array([options.first_frame])
    return replace(start, fps=fps, frame=frame)


def depth_of(path: Path) -> Depth:
    """``walking.Depth`` of a depth file: the pixel that (u, v) lies in."""
    depth = read_depth(path)
    height, width = depth.shape
    return lambda u, v: float(depth[min(int(v * height), height - 1), min(int(u * width), width - 1)])


def _check_start(options: argparse.Namespace) -> None:
    """Refuse what would be left aside."""
    for name in ("width", "height", "lens", "sensor"):
        if options.start and getattr(options, name) is not None:
            text = f"is that of --start, where the path begins; leave --{name} out"
            remedy = ", or bring it to another size by 'worldwarp path convert' first" if name in SIDES else ""
            raise InvalidShot(name, f"{text}{remedy}.")


def _of_path(path: Path, at: int | None) -> Cameras:
    cameras = read_cameras(path)
    check_cameras(cameras)
    found = np.flatnonzero(cameras.frame == (cameras.frame[0] if at is None else at))
    if not len(found):
        raise InvalidShot("at", f"{path} has no frame {at}; it has {cameras.frame[0]} to {cameras.frame[-1]}.")
    return cameras[[int(found[0])]]


def _of_lens(options: argparse.Namespace) -> Cameras:
    if not (options.width and options.height and options.lens):
        raise InvalidShot("path", "needs its first camera: give --width, --height and --lens, or --start.")
    size = options.width, options.height
    if min(size) < 1:
        raise InvalidShot("width", f"x height is {size[0]} x {size[1]}; give the picture's size in pixels.")
    sensor = options.sensor or "full-frame"
    if sensor not in lens.SENSORS:
        raise InvalidShot("sensor", f"is {sensor!r}; choose one of {', '.join(lens.SENSORS)}.")
    focal = lens.parse(options.lens, lens.SENSORS[sensor][0], size).focal
    return Cameras(lens.intrinsics(focal, size)[None], LEVEL[None].copy(), *size, np.array([1]))


def _parser() -> argparse.ArgumentParser:
    moves = "\n".join(f"  {name:14} {preset.unit:4} {preset.text}" for name, preset in PRESETS.items())
    parser = argparse.ArgumentParser(
        "worldwarp path make",
        description="A path from words, such as 'dolly_in 1.5m + pan_left 20deg ease, then orbit 45deg @target 3m'.",
        epilog=f"moves:\n{moves}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", help="moves: + at the same time, ', then' one after another")
    parser.add_argument("--width", type=int, help="of the picture, in pixels")
    parser.add_argument("--height", type=int, help="of the picture, in pixels")
    parser.add_argument("--lens", "--focal", help="35mm, or 1200px of the picture")
    parser.add_argument("--sensor", help="of a lens in mm, by name (full-frame)")
    parser.add_argument("--start", type=Path, help="a cameras.npz to start from instead: at its first camera")
    parser.add_argument("--at", type=int, metavar="FRAME", help="of --start, instead of its first")
    parser.add_argument("--frames", type=int, help="in all; left out, as many as the moves take")
    parser.add_argument("--fps", type=float, help="of the timeline (24, or as --start has it)")
    parser.add_argument("--first-frame", type=int, help="number of the first camera (1, or as --start has it)")
    parser.add_argument("--depth", type=Path, help="of the picture (.exr, .npy), for targets like @0.4,0.6")
    parser.add_argument("--out", type=Path, default=Path("cameras.npz"), help="(cameras.npz)")
    return parser
