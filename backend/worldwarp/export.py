"""``worldwarp export``: a finished shot as the files that other programs take."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_SIDE

from . import terminal
from .cameras import colmap, nerfstudio
from .cameras.colmap.points import Points, seen, unseen
from .cameras.overscan import Canvas, overscan
from .cameras.sizes import Framing, Size, frame_picture
from .outputs import exr, plate
from .outputs.finished import Finished, open_finished
from .outputs.pictures import encode_png, tagged
from .outputs.video import FORMS, write_video
from .shotfile import Request, unpack
from .store import Store, StoreError, default_root


@dataclass(frozen=True)
class Work:
    """What is exported."""

    finished: Finished
    store: Store
    size: Size | None = None
    """Of the plate; None is the picture's own."""
    timeline: bool = False
    """Whether files are numbered as the timeline is, in a folder of their own."""


def command(arguments: Sequence[str]) -> int:
    """Write what the options ask for into the result folder.

    Raises:
        InvalidShot: nothing was asked for.
        WorldWarpError: the folder holds no finished shot, or the store not its chunks.
    """
    options = _parser().parse_args(arguments)
    chosen = [name for name in WRITERS if getattr(options, name.replace("-", "_"))]
    if not (chosen or options.timeline_numbers):
        raise InvalidShot("export", f"of what? Give one or more of --{', --'.join(WRITERS)}.")
    if options.size and not options.plate:
        raise InvalidShot("size", "is that of the plate; give --plate, too, or leave it out.")
    work = Work(open_finished(options.result), Store(options.store or default_root()), options.size)
    work = replace(work, timeline=options.timeline_numbers)
    for write in [*([_frames] if work.timeline else []), *(WRITERS[name][0] for name in chosen)]:
        written = write(work)
        terminal.wipe()
        print(options.result / written)
    return 0


def _frames(work: Work) -> str:
    for i in _each(work):
        files.write(_numbered(work, "frames", i, "png"), work.finished.folder.frame_path(i).read_bytes())
    return _folder(work, "frames")


def _exr(work: Work) -> str:
    finished = work.finished
    for i in _each(work):
        path = _numbered(work, "exr", i, "exr")
        exr.write_passes(path, finished.passes(work.store, i), finished.taken, i, finished.record.colour_space)
    return _folder(work, "exr")


def _linear(work: Work) -> str:
    finished, space = work.finished, work.finished.record.colour_space
    if space != "sRGB":
        print(f"Note: its colours stay as displayed in {space}, not scene-linear, as the files say.", file=sys.stderr)
    for i in _each(work):
        exr.write_linear(_numbered(work, "linear", i, "exr"), finished.frame(i), finished.taken, i, space)
    return _folder(work, "linear")


def _prores(work: Work) -> str:
    return _video(work.finished, "prores")


def _prores4444(work: Work) -> str:
    return _video(work.finished, "prores4444")


def _ffv1(work: Work) -> str:
    return _video(work.finished, "ffv1")


def _colmap(work: Work) -> str:
    colmap.write_text(work.finished.folder.path / "colmap", work.finished.taken, _seen_points(work))
    return "colmap"


def _colmap_binary(work: Work) -> str:
    colmap.write_binary(work.finished.folder.path / "colmap_binary", work.finished.taken, _seen_points(work))
    return "colmap_binary"


def _seen_points(work: Work) -> Points:
    """The points of the shot and where they are seen; where the store is gone, that is left out."""
    cloud = files.read_ply(work.finished.folder.path / "points.ply")
    xyz, rgb = (np.stack([cloud[name] for name in names], 1) for names in (("x", "y", "z"), ("red", "green", "blue")))
    try:
        return seen(xyz, rgb, work.finished.taken, lambda i: work.finished.depth(work.store, i))
    except StoreError as error:
        print(f"Note: the points are written without the pictures that see them. {error}", file=sys.stderr)
        return unseen(xyz, rgb)


def _transforms(work: Work) -> str:
    nerfstudio.write(work.finished.folder.path / "transforms.json", work.finished.taken)
    return "transforms.json"


def _plate(work: Work) -> str:
    finished, request = work.finished, unpack(work.finished.folder.path)
    target, source = plate_source(work, request)
    folder = "plate" if work.size is None else "plate_{}x{}".format(*work.size)
    for i in _each(work):
        given = plate.laid(request.pictures[i], target) if i < len(request.pictures) else None
        if given is None:
            image = plate.full_size(finished.passes(work.store, i), i, source)
        elif target.known is None:
            image = given
        else:
            made = plate.full_size(finished.passes(work.store, i), i, source)
            image = np.where(target.known[..., None], given, made)
        files.write(_numbered(work, folder, i, "png"), tagged(encode_png(image), finished.record.colour_space))
    return _folder(work, folder)


def plate_source(work: Work, request: Request) -> tuple[Canvas, plate.Source]:
    """How a finished shot's pictures are delivered, and what the detail of its frames is taken from."""
    settings, picture = request.settings, request.pictures[0]
    size = picture.shape[1], picture.shape[0]
    asked = frame_picture(size, (settings.width, settings.height), settings.framing)
    framing, window = overscan(asked, settings.overscan)
    own = Framing(*size, 1, 0, 0)
    if window and work.size is None:
        larger = f"--size {framing.width}x{framing.height}, or a multiple of that"
        print(f"Note: at the picture's own size overscan is left out; {larger}, delivers it.", file=sys.stderr)
    target = plate.delivery(work.size, size, [framing, own, asked] if window else [own, framing])
    depth, taken = work.finished.depth(work.store, 0), work.finished.taken
    path = replace(request.cameras, camera_to_world=taken.camera_to_world)
    return target, plate.source_at(target, picture, depth, path, taken, framing)


def _video(finished: Finished, form: str) -> str:
    name = f"{form}{FORMS[form].container}"
    write_video(finished.folder.path / name, finished.frames(), finished.record.fps, form)
    return name


def _each(work: Work) -> Iterator[int]:
    """The frames, and a word of how far it is."""
    for i in range(work.finished.record.frames):
        terminal.show("export", i, work.finished.record.frames)
        yield i


def _folder(work: Work, name: str) -> str:
    """In the result, of numbered files."""
    return f"timeline/{name}" if work.timeline else name


def _numbered(work: Work, folder: str, index: int, suffix: str) -> Path:
    number = int(work.finished.cameras.frame[index]) if work.timeline else index + 1
    path = work.finished.folder.path / _folder(work, folder) / f"{number:04d}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


WRITERS: dict[str, tuple[Callable[[Work], str], str]] = {
    "exr": (_exr, "multilayer EXR: colour, depth, motion vectors, provenance, holes"),
    "linear": (_linear, "scene-linear EXR of the colours alone"),
    "prores": (_prores, "video for editing: ProRes 422 HQ"),
    "prores4444": (_prores4444, "the same without halved chroma: ProRes 4444"),
    "ffv1": (_ffv1, "video without any loss: FFV1 in Matroska"),
    "colmap": (_colmap, "cameras and points as a COLMAP model (text)"),
    "colmap-binary": (_colmap_binary, "the same in binary"),
    "transforms": (_transforms, "the cameras as transforms.json (nerfstudio, instant-ngp)"),
    "plate": (_plate, "frames at the picture's own size or --size, with its detail where it is seen"),
}
"""By option: what writes into the result folder and says the name of what it wrote, and what that is."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worldwarp export", description="Write a finished shot as other files.")
    parser.add_argument("result", type=Path, metavar="RESULT", help="its folder; the files are written there")
    parser.add_argument("--store", type=Path, help="where its chunks are kept")
    for name, (_, text) in WRITERS.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument(
        "--timeline-numbers",
        action="store_true",
        help="frames, EXR and plate in RESULT/timeline, numbered as the timeline is: 1001.png",
    )
    parser.add_argument("--size", type=_size, metavar="WxH", help="of the plate, such as 1920x1080 (the picture's own)")
    return parser


def _size(text: str) -> Size:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= MAX_SIDE >= int(height) >= 16):
        raise InvalidShot("size", f"is {text!r}; write width x height, such as 1920x1080, of 16 to {MAX_SIDE} pixels.")
    return int(width), int(height)
