"""``worldwarp path check``: what is known along a path, before it is paid for."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings
from worldwarp_protocol.results import INPUTS

from ..geometry import sources
from ..geometry.anchor import read_anchor
from ..geometry.picture import describe, within
from ..masks import as_sky, cut_out, read_mask
from ..nouns import Bytes, Floats
from ..outputs.finished import Finished, open_finished
from ..outputs.pictures import check_ending, encode_png, read_depth, read_picture
from ..outputs.plot import plot
from ..store import Store, default_root
from .cameras import Cameras
from .checks import check_cameras
from .formats import read_cameras
from .health import Health, health, sentences
from .overscan import overscan
from .retiming import mismatches
from .sampling import recommend
from .sizes import frame_cameras, frame_picture, scale_cameras

ROWS = 10
"""Of the table, about."""


def command(arguments: Sequence[str]) -> int:
    """Check a path and say, or draw, what was found."""
    options = _parser().parse_args(arguments)
    if options.plot:
        check_ending("plot", options.plot, ".png")
    _, depth, cameras = first_view(options)
    found, (every, advice) = health(depth, cameras), recommend(cameras, depth)
    notes = mismatches(cameras, *_timeline(options))
    if options.json:
        print(as_json(found, every, notes))
    else:
        print("\n".join([table(found), *notes, advice]))
    if options.plot:
        files.write(options.plot, encode_png(plot(found)))
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What ``first_view`` reads."""
    parser.add_argument("--cameras", type=Path, help="the path (cameras.npz); its first camera took the picture")
    parser.add_argument("--image", type=Path, help="the picture (PNG, JPEG, TIFF, ...)")
    parser.add_argument("--depth", type=Path, help="its planar depth in world units (.exr or .npy)")
    parser.add_argument("--mask", type=Path, help="white is what must not become part of the world")
    parser.add_argument("--sky", type=Path, help="white is sky: infinitely far away, whatever depth says")
    parser.add_argument("--geometry", choices=sources.NAMES, help="who estimates the depth, where it is not given")
    parser.add_argument("--depth-scale", type=float, default=1.0, help="that estimated depth is multiplied by (1)")
    parser.add_argument("--anchor", help="u,v,distance: it is scaled so that this point (0 to 1) is so far away")
    parser.add_argument("--far", type=float, default=Settings().far, help="given depth beyond it is sky")
    parser.add_argument("--result", type=Path, help="or the folder of a finished shot, for its picture and depth")
    parser.add_argument("--store", type=Path, help="where chunks are kept, for --result")


def first_view(options: argparse.Namespace) -> tuple[Bytes | None, Floats, Cameras]:
    """The picture (H, W, 3) where one is named, its depth (H, W), and the path, of the same size.

    Raises:
        InvalidShot: something is missing, or the path is for pictures of other proportions.
    """
    picture, depth, cameras = _of_result(options) if options.result else _of_files(options)
    if options.mask:
        depth = cut_out(depth, read_mask(options.mask, (cameras.width, cameras.height)))
    return picture, depth, cameras


def table(found: Health) -> str:
    """Every n-th frame, the last and the worst, and the sentences."""
    count = len(found.frame)
    rows = {*range(0, count, max(1, count // ROWS)), count - 1, found.worst}
    lines = [f"{'frame':>7} {'known':>7} {'rotation':>9} {'parallax: median':>17} {'95 %':>7}"]
    for i in sorted(rows):
        values = (
            f"{found.known[i]:7.0%} {found.rotation[i]:9.2f} {found.parallax[i]:17.1f} {found.parallax_most[i]:7.1f}"
        )
        marks = (
            ["worst"] * (i == found.worst) + ["outside"] * bool(found.outside[i]) + ["through"] * bool(found.through[i])
        )
        lines.append(f"{found.frame[i]:7} {values}  {', '.join(marks)}".rstrip())
    lines.append("Rotation in degrees, parallax in pixels, both since the frame before.")
    return "\n".join(lines + (sentences(found) or ["Nothing to warn of."]))


def as_json(found: Health, every: int, notes: Sequence[str]) -> str:
    """All numbers by their names, every how many frames to generate, and the sentences."""
    about = {field.name: getattr(found, field.name) for field in fields(found)}
    numbers = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in about.items()}
    return json.dumps({**numbers, "every": every, "sentences": [*sentences(found), *notes]})


def _timeline(options: argparse.Namespace) -> tuple[float | None, int | None]:
    """Frame rate and first frame of what the path goes into: as given, or of the finished shot that it is for."""
    if not (options.result and options.cameras):
        return options.fps, options.first_frame
    shot = open_finished(options.result).cameras
    first = int(shot.frame[0]) if options.first_frame is None else options.first_frame
    return shot.fps if options.fps is None else options.fps, first


def _of_result(options: argparse.Namespace) -> tuple[Bytes, Floats, Cameras]:
    """Of a finished shot; another path may be given for it."""
    shot = open_finished(options.result)
    depth = shot.depth(Store(options.store or default_root()), 0)
    cameras = _framed(_path(options), shot) if options.cameras else shot.cameras
    return shot.frame(0), _with_sky(depth, options), cameras


def _framed(cameras: Cameras, shot: Finished) -> Cameras:
    """A path at the size of a shot's frames: framed as its picture was, where it is for that."""
    size, frames = (cameras.width, cameras.height), (shot.cameras.width, shot.cameras.height)
    given = shot.record.given
    if size == frames or given is None:
        return cameras if size == frames else scale_cameras(cameras, frames)
    first = read_cameras(shot.folder.path / INPUTS / given.cameras)
    if size != (first.width, first.height):
        return scale_cameras(cameras, frames)
    asked = frame_picture(size, (given.settings.width, given.settings.height), given.settings.framing)
    return frame_cameras(cameras, overscan(asked, given.settings.overscan)[0])


def _path(options: argparse.Namespace) -> Cameras:
    cameras = read_cameras(options.cameras)
    check_cameras(cameras)
    return cameras


def _of_files(options: argparse.Namespace) -> tuple[Bytes | None, Floats, Cameras]:
    if options.cameras is None:
        raise InvalidShot("cameras", "is missing; name the path with --cameras, or a finished shot with --result.")
    cameras = _path(options)
    picture = read_picture(options.image) if options.image else None
    if options.depth:
        depth = within(_with_sky(read_depth(options.depth), options), options.far)
        return picture, depth, scale_cameras(cameras, (depth.shape[1], depth.shape[0]))
    if picture is None or options.geometry in (None, "given"):
        raise InvalidShot("depth", "is missing; give --depth, or --image and --geometry ttt3r, or --result.")
    print(f"Estimating depth with {options.geometry}.", file=sys.stderr)
    anchor = None if options.anchor is None else read_anchor(options.anchor)
    cameras = scale_cameras(cameras, (picture.shape[1], picture.shape[0]))
    found = describe(picture, sources.load(options.geometry), cameras.K[0], options.depth_scale, anchor)
    return picture, _with_sky(found.depth, options), cameras


def _with_sky(depth: Floats, options: argparse.Namespace) -> Floats:
    size = depth.shape[1], depth.shape[0]
    return as_sky(depth, read_mask(options.sky, size, "sky")) if options.sky else depth


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp path check", description="What is known along a path.")
    add_options(parser)
    parser.add_argument("--fps", type=float, help="of the timeline that it goes into; another one is warned of")
    parser.add_argument("--first-frame", type=int, help="of that timeline, likewise")
    parser.add_argument("--json", action="store_true", help="all numbers, frame by frame")
    parser.add_argument("--plot", type=Path, help="and draw them (.png)")
    return parser
