"""``worldwarp path convert``: paths from and to the files of other tools."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from worldwarp_protocol.errors import InvalidShot

from ..geometry import lens
from ..outputs.pictures import check_ending
from . import colmap, formats, nerfstudio, npz, realestate10k, tum
from .cameras import Array, Cameras
from .checks import check_cameras
from .foreign import Given, fault, text_lines
from .retime import summary
from .retiming import exact_rate
from .sizes import scale_cameras


class Format(NamedTuple):
    """A way to write paths down."""

    read: Callable[[Path, Given], Cameras]
    write: Callable[[Path, Cameras], None]
    out: str
    """Usual name of its file or folder."""
    loses: str = ""
    """What a path has and it has not."""


def _read_cameras(path: Path, given: Given) -> Cameras:
    cameras = formats.read_cameras(path)
    return cameras if given.fps is None else replace(cameras, fps=given.fps)


NUMBERS = "frame numbers; pictures count from 1"

FORMATS = {
    "cameras": Format(_read_cameras, formats.write_cameras, "cameras.npz"),
    "colmap": Format(colmap.read, colmap.write_text, "colmap", f"fps and {NUMBERS}"),
    "colmap-binary": Format(colmap.read, colmap.write_binary, "colmap", f"fps and {NUMBERS}"),
    "transforms": Format(nerfstudio.read, nerfstudio.write, "transforms.json", f"fps and {NUMBERS}"),
    "realestate10k": Format(realestate10k.read, realestate10k.write, "path.txt", "the picture's size and first frame"),
    "tum": Format(tum.read, tum.write, "path.txt", "the lens, the picture's size and first frame"),
    "npz": Format(npz.read, npz.write, "path.npz"),
}

WORLDS: dict[str, Array] = {
    "z-up": np.eye(3),
    "y-up": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "y-down": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
}
"""Rotations to Z up; x stays, and what a first camera of OpenCV's axes sees lies ahead along Y."""


def command(arguments: Sequence[str]) -> int:
    """Read a path, write it in another format and say what it is."""
    options = _parser().parse_args(arguments)
    to = FORMATS[options.to]
    out = options.out or Path(to.out)
    if out.suffix and (ending := Path(to.out).suffix) in (".npz", ".json"):  # a text may be called anything
        check_ending("out", out, ending)
    cameras = _sized(read(options.path, options.format, _given(options)), options)
    if options.world is None and (world := likely_world(cameras)) != "z-up":
        print(f"Its cameras stand upright where the world is {world}; add --world {world} if it is.", file=sys.stderr)
    cameras = turned(cameras, options.world or "z-up")
    to.write(out, cameras)
    if to.loses:
        print(f"{options.to} does not keep {to.loses}.", file=sys.stderr)
    print(f"{out}: {summary(cameras)}")
    return 0


def read(path: Path, name: str | None, given: Given) -> Cameras:
    """The path in a file of the format ``name``, or of the one that it looks like.

    Raises:
        InvalidShot: naming the file and the place; the path cannot be walked.
    """
    name = name or recognise(path)
    if given.focal is not None and name != "tum":
        raise InvalidShot("lens", f"is for files without one; {name} says it itself: leave --lens out.")
    cameras = FORMATS[name].read(path, given)
    check_cameras(cameras)
    return cameras


def recognise(path: Path) -> str:
    """The format's name, by what is in the file or folder.

    Raises:
        InvalidShot: nothing is there, or nothing known.
    """
    if not path.exists():
        raise fault(path, "is not there; check the path")
    if colmap.find(path):
        return "colmap"
    if path.is_dir():
        raise fault(path, "is a folder without a COLMAP model; name a file in it")
    if names := npz.entries(path):
        return "cameras" if {"K", "R", "t"} <= names else "npz"
    return _recognise_text(path)


def likely_world(cameras: Cameras) -> str:
    """The world in which the cameras stand most upright on average."""
    up = -cameras.camera_to_world[:, :3, 1].mean(axis=0)
    return max(WORLDS, key=lambda world: (WORLDS[world] @ up)[2])


def turned(cameras: Cameras, world: str) -> Cameras:
    """The path in a world with Z up, from one of ``WORLDS``."""
    if world == "z-up":
        return cameras
    turn = np.eye(4)
    turn[:3, :3] = WORLDS[world]
    return replace(cameras, camera_to_world=turn @ cameras.camera_to_world)


def _sized(cameras: Cameras, options: argparse.Namespace) -> Cameras:
    """The path at the size that is asked for; of one side the other follows."""
    width, height = options.width, options.height
    if width is None and height is None:
        return cameras
    width = round(cameras.width * height / cameras.height) if width is None else width
    height = round(cameras.height * width / cameras.width) if height is None else height
    return cameras if (width, height) == (cameras.width, cameras.height) else scale_cameras(cameras, (width, height))


def _recognise_text(path: Path) -> str:
    for _, line in text_lines(path):
        words = line.split()
        if line.startswith("{"):
            return "transforms"
        if len(words) == realestate10k.COLUMNS or (words and "://" in words[0]):
            return "realestate10k"
        if len(words) == tum.COLUMNS:
            return "tum"
        if words:
            break
    raise fault(path, f"is not recognised; if it is one of {', '.join(FORMATS)}, say so by --from")


def _given(options: argparse.Namespace) -> Given:
    fps = options.fps
    if fps is not None and not 0 < fps <= 1000:
        raise InvalidShot("fps", f"is {fps:g}; give frames per second, such as 24 or 23.976.")
    return Given(options.width, options.height, _focal(options), None if fps is None else exact_rate(fps))


def _focal(options: argparse.Namespace) -> float | None:
    if options.lens is None:
        return None
    if not (options.width and options.height):
        raise InvalidShot("lens", "needs the picture's size beside it; give --width and --height.")
    if options.sensor not in lens.SENSORS:
        raise InvalidShot("sensor", f"is {options.sensor!r}; choose one of {', '.join(lens.SENSORS)}.")
    return lens.parse(options.lens, lens.SENSORS[options.sensor][0], (options.width, options.height)).focal


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp path convert", description=__doc__.split(":")[-1].strip())
    parser.add_argument("path", type=Path, help="a file, or a folder with a COLMAP model")
    parser.add_argument("--from", dest="format", choices=FORMATS, help="its format, where it is not recognised")
    parser.add_argument("--to", choices=FORMATS, default="cameras", help="(cameras)")
    parser.add_argument("--out", type=Path, help="a file; for COLMAP a folder")
    parser.add_argument("--world", choices=WORLDS, help="what is up in it; turned to z-up, which it is taken for")
    parser.add_argument("--width", type=int, help="of the pictures, where the file does not say, or to bring it to")
    parser.add_argument("--height", type=int, help="likewise; of one side the other follows")
    parser.add_argument("--lens", "--focal", help="35mm, or 1200px of the picture, where the file does not say")
    parser.add_argument("--sensor", default="full-frame", help="of a lens in mm, by name (full-frame)")
    parser.add_argument("--fps", type=float, help="of the timeline (24, or as the file has it)")
    return parser
