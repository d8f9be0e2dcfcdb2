"""``worldwarp export``: a finished shot as the files that other programs take."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot

from .cameras import colmap, nerfstudio
from .cameras.sizes import frame_picture
from .outputs import exr, plate
from .outputs.finished import Finished, open_finished
from .outputs.pictures import encode_png
from .outputs.video import FORMS, write_video
from .shotfile import Request, unpack
from .store import Store, default_root


def command(arguments: Sequence[str]) -> int:
    """Write what the options ask for into the result folder.

    Raises:
        InvalidShot: nothing was asked for.
        WorldWarpError: the folder holds no finished shot, or the store not its chunks.
    """
    options = _parser().parse_args(arguments)
    chosen = [name for name in WRITERS if getattr(options, name)]
    if not chosen:
        raise InvalidShot("export", f"of what? Give one or more of --{', --'.join(WRITERS)}.")
    finished, store = open_finished(options.result), Store(options.store or default_root())
    for name in chosen:
        print(options.result / WRITERS[name][0](finished, store))
    return 0


def _exr(finished: Finished, store: Store) -> str:
    for i in range(finished.record.frames):
        path = _numbered(finished, "exr", i, "exr")
        exr.write_passes(path, finished.passes(store, i), finished.cameras, i, finished.record.colour_space)
    return "exr"


def _linear(finished: Finished, store: Store) -> str:  # noqa: ARG001 - a writer
    for i, frame in enumerate(finished.frames()):
        exr.write_linear(_numbered(finished, "linear", i, "exr"), frame, finished.record.colour_space)
    return "linear"


def _prores(finished: Finished, store: Store) -> str:  # noqa: ARG001
    return _video(finished, "prores")


def _prores4444(finished: Finished, store: Store) -> str:  # noqa: ARG001
    return _video(finished, "prores4444")


def _ffv1(finished: Finished, store: Store) -> str:  # noqa: ARG001
    return _video(finished, "ffv1")


def _colmap(finished: Finished, store: Store) -> str:  # noqa: ARG001
    colmap.write_text(finished.folder.path / "colmap", finished.cameras)
    return "colmap"


def _transforms(finished: Finished, store: Store) -> str:  # noqa: ARG001
    nerfstudio.write(finished.folder.path / "transforms.json", finished.cameras)
    return "transforms.json"


def _plate(finished: Finished, store: Store) -> str:
    request = unpack(finished.folder.path)
    source = plate_source(finished, store, request)
    for i in range(finished.record.frames):
        given = i < len(request.pictures)
        image = request.pictures[i] if given else plate.full_size(finished.passes(store, i), i, source)
        files.write(_numbered(finished, "plate", i, "png"), encode_png(image))
    return "plate"


def plate_source(finished: Finished, store: Store, request: Request) -> plate.Source:
    """What the detail of a finished shot's frames is taken from."""
    settings, picture = request.settings, request.pictures[0]
    framing = frame_picture((picture.shape[1], picture.shape[0]), (settings.width, settings.height), settings.framing)
    return plate.Source(picture, finished.passes(store, 0).depth, request.cameras, finished.cameras, framing)


def _video(finished: Finished, form: str) -> str:
    name = f"{form}{FORMS[form].container}"
    write_video(finished.folder.path / name, finished.frames(), finished.record.fps, form)
    return name


def _numbered(finished: Finished, folder: str, index: int, suffix: str) -> Path:
    path = finished.folder.path / folder / f"{index + 1:04d}.{suffix}"
    path.parent.mkdir(exist_ok=True)
    return path


WRITERS: dict[str, tuple[Callable[[Finished, Store], str], str]] = {
    "exr": (_exr, "multilayer EXR: colour, depth, motion vectors, provenance, holes"),
    "linear": (_linear, "scene-linear EXR of the colours alone"),
    "prores": (_prores, "video for editing: ProRes 422 HQ"),
    "prores4444": (_prores4444, "the same without halved chroma: ProRes 4444"),
    "ffv1": (_ffv1, "video without any loss: FFV1 in Matroska"),
    "colmap": (_colmap, "the cameras as a COLMAP model (text)"),
    "transforms": (_transforms, "the cameras as transforms.json (nerfstudio, instant-ngp)"),
    "plate": (_plate, "frames at the picture's own size, with its detail where it is seen"),
}
"""By option: what writes into the result folder and says the name of what it wrote, and what that is."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worldwarp export", description="Write a finished shot as other files.")
    parser.add_argument("result", type=Path, metavar="RESULT", help="its folder; the files are written there")
    parser.add_argument("--store", type=Path, help="where its chunks are kept")
    for name, (_, text) in WRITERS.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    return parser
