"""``worldwarp generate``: one shot in this process, without Blender and without a server."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol import files, messages
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.results import ResultFolder

from . import contents, profiles, shots, terminal
from .alone import alone
from .cameras import Cameras
from .cameras.extrapolate import WAYS, extrapolate
from .cameras.formats import read_cameras
from .cameras.make import walked
from .cameras.retiming import mismatches
from .cameras.sizes import Pixel
from .engines import jobs
from .masks import read_mask
from .nouns import Bytes, Report, Shot
from .options import add, read, read_overrides
from .outputs.lens import Distortion, read_distortion, st_map, undistort, undistort_mask, write_st_map
from .outputs.pictures import decode_png, read_depth, read_picture, tagged
from .outputs.video import write_video
from .shotfile import Request, distortion_of, other_versions, pack, unpack
from .store import Manifest, Store, default_root
from .world.command import deliver as write_products
from .world.points import stored_points
from .world.products import PRODUCTS, World

UNSEEN = 0.005
"""A share of a straightened picture that is worth a note."""

PATH_ONLY = ("frames", "lens", "sensor")
"""Options that say more of ``--path``."""


def command(arguments: Sequence[str]) -> int:
    """Generate a shot into a folder; prints warnings, progress and what was kept."""
    options = _parser().parse_args(arguments)
    request = _again(options) if options.source else _first(options)
    shot, warnings = shots.prepare(**vars(request))
    for warning in [*mismatches(request.cameras, options.fps, options.first_frame), *warnings]:
        print(f"Note: {terminal.in_options(warning)}", file=sys.stderr)
    lens, camera = options.distortion, shot.cameras
    bent = st_map(camera.K[0], camera.width, camera.height, lens) if lens else None
    files.strange(options.out)  # refuses what is no folder
    with alone(options.out):
        begin(folder := ResultFolder(options.out), shot, request, lens)
        if bent is not None:
            write_st_map(options.out / "st_map.exr", bent)
        _make(folder, shot, options)
    return 0


def _make(folder: ResultFolder, shot: Shot, options: argparse.Namespace) -> None:
    """Every chunk into the folder, as it is committed, then the video."""
    store = Store(options.store or default_root())
    peaks = [0.0]
    for index, (manifest, computed) in enumerate(run(shot, store, terminal.show)):
        deliver(folder, store, manifest, index)
        if computed:
            peaks.append(float(manifest.meta.get("peak_gpu_bytes", manifest.meta["peak_bytes"])))
        how = "computed" if computed else "kept from before"
        terminal.wipe()
        print(f"Frames {manifest.first + 1} to {manifest.first + manifest.count}: {how}.")
        for name in ("geometry_warning", "prompt_warning"):
            if note := manifest.meta.get(name):
                print(f"Note: {note}", file=sys.stderr)
        if options.world:
            make_world(folder, store, options.world, index + 1, computed)
    folder.finish()
    write_video(options.out / "video.mp4", frames(folder, len(shot.cameras)), shot.cameras.fps)
    print(f"{len(shot.cameras)} frames in {options.out}, and as a video in {options.out / 'video.mp4'}")
    if peak := max(peaks):
        print(f"Most memory that was held: {peak / 1e9:.1f} GB.")


def _first(options: argparse.Namespace) -> Request:
    """The shot that the options ask for."""
    for name, value in (("image", options.image), ("cameras", options.cameras or options.path), ("out", options.out)):
        if not value:
            words = " or --path" if name == "cameras" else ""
            raise InvalidShot(name, f"is missing; give --{name}{words}, or --from a folder that is to be made again.")
    _check_path(options)
    if options.extend_how and not options.extend:
        raise InvalidShot("extend-how", "says how to go on, but not how far; give --extend, too.")
    settings = read(options)
    profiles.check(settings.profile)
    cameras = _path(options) if options.path else read_cameras(options.cameras)
    if options.extend:
        cameras = extrapolate(cameras, options.extend, options.extend_how or WAYS[0])
    return Request(
        name=options.name or options.out.resolve().name,
        pictures=_pictures(options, cameras.K[0]),
        depth=_stacked("depth", [read_depth(path) for path in options.depth]) if options.depth else None,
        cameras=cameras,
        settings=settings,
        colour_space=options.colour_space or "sRGB",
        overrides=tuple(read_overrides(options)),
        mask=_mask(options, cameras, "mask"),
        sky=_mask(options, cameras, "sky"),
    )


def _check_path(options: argparse.Namespace) -> None:
    """Refuse what would be left aside, or is missing, beside ``--path``."""
    if options.path and not (options.lens or options.cameras):
        raise InvalidShot("path", "needs the picture's lens: give --lens (35mm or 1200px), or --cameras to start from.")
    for name in ("lens", "sensor"):
        if options.path and options.cameras and getattr(options, name):
            raise InvalidShot(name, "is that of --cameras, where the path starts; leave one of them out.")
    for name in PATH_ONLY:
        if getattr(options, name) is not None and not options.path:
            raise InvalidShot(name, f"goes with --path; leave --{name} out, or describe the path in words.")


def _path(options: argparse.Namespace) -> Cameras:
    """The path that words describe, from the first of the given cameras, or from a level one with the given lens."""
    height, width = read_picture(options.image[0]).shape[:2]
    first = {"start": options.cameras, "at": None, "first_frame": options.first_frame, "fps": options.fps}
    seen = {"width": width, "height": height, "lens": options.lens, "sensor": options.sensor}
    depth = options.depth[0] if options.depth else None
    return walked(options.path, argparse.Namespace(**first, **seen), options.frames, depth)


def _again(options: argparse.Namespace) -> Request:
    """The shot of a result folder, with what the options change of its settings; without --out in that folder."""
    given = "image", "depth", "mask", "sky", "cameras", "path", *PATH_ONLY, "extend", "colour_space", "distortion"
    for name in given:
        if getattr(options, name) != (0 if name == "extend" else None):
            raise InvalidShot(name, "is in the folder that --from names; leave it out.")
    folder = options.source.parent if options.source.name == "shot.json" else options.source
    options.out = options.out or folder
    if changed := other_versions(folder):
        print(f"Note: made with {', '.join(changed)}; the last bit of pixels may differ.", file=sys.stderr)
    request, options.distortion = unpack(folder), distortion_of(folder)
    settings = read(options, request.settings)
    profiles.check(settings.profile)
    overrides = tuple(read_overrides(options)) or request.overrides
    return replace(request, name=options.name or request.name, settings=settings, overrides=overrides)


def run(shot: Shot, store: Store, report: Report) -> Iterator[tuple[Manifest, bool]]:
    """Every chunk of a shot in order, as it is committed, and whether it had to be computed."""
    from .engines.compute import compute, numerics  # torch: only when something may have to be computed

    numbers = numerics()
    done = jobs.committed(shot, store, numbers)
    for manifest in done:
        yield manifest, False
    while job := jobs.make_job(shot, store, done, numbers):
        done.append(jobs.commit(store, job, compute(job, report)))
        yield done[-1], True


def begin(folder: ResultFolder, shot: Shot, request: Request | None = None, lens: Distortion | None = None) -> None:
    """Write what is known of a shot before any of it is generated, and the request, if known, to make it again.

    ``lens`` is what the request's pictures were straightened of.
    """
    path = shot.cameras
    wire = messages.Shot(
        name=shot.name,
        settings=shot.settings,
        fps=path.fps,
        colour_space=shot.colour_space,
        overrides=list(shot.overrides),
    )
    given, inputs = pack(request, lens) if request else (None, {})
    frames = path.K, path.camera_to_world, path.frame
    folder.begin(wire, path.width, path.height, *frames, given=given, window=shot.window)
    for name, content in inputs.items():
        folder.keep_input(name, content)
    for i, name in enumerate(given.pictures if given else []):
        files.write(folder.path / "plate" / f"{i + 1:04d}.png", tagged(inputs[name], shot.colour_space))


def deliver(folder: ResultFolder, store: Store, manifest: Manifest, index: int) -> None:
    """Write a committed chunk, the ``index``-th of its run, into a result folder; what is there already stays."""
    first, count = manifest.first, manifest.count
    fresh = folder.commit_chunk(index, manifest.key, manifest.digest, first, count, manifest.meta)
    if solved := contents.read_solved(store, manifest.key):
        folder.add_solved(first, *solved)
    if not fresh:
        return
    colours = folder.record.colour_space if folder.record else ""
    for i in range(first, first + count):
        frame, provenance = (store.read(manifest.key, contents.name(kind, i)) for kind in ("frames", "provenance"))
        folder.add_frame(i, tagged(frame, colours), provenance)
    if contents.FIGURE in manifest.files:
        files.write(folder.path / "noise" / f"chunk_{index + 1:04d}.png", store.read(manifest.key, contents.FIGURE))
    folder.add_points(index, *stored_points(store, manifest.key))


def make_world(folder: ResultFolder, store: Store, names: Sequence[str], chunks: int, changed: bool) -> None:
    """Make these products of the first ``chunks``, in the folder's ``world``; the Gaussian scene of all of them only.

    Where nothing ``changed``, nothing is made before the path is whole.
    """
    record = folder.record
    assert record
    there = record.chunks[:chunks]
    whole = sum(chunk.count for chunk in there) == record.frames
    wanted = [name for name in PRODUCTS if name in names and (whole or (changed and name != "gaussians"))]
    if wanted:
        world = World(store, there, record.settings.seed, report=terminal.show)
        write_products(folder.path / "world", world, wanted, record.frames)


def frames(folder: ResultFolder, count: int) -> Iterator[Bytes]:
    """The frames (H, W, 3) of a complete result folder, in order."""
    return (decode_png(folder.frame_path(i).read_bytes()) for i in range(count))


def _pictures(options: argparse.Namespace, K: NDArray[np.float64]) -> Bytes:
    """The first frames (f, H, W, 3), without their lens's distortion where the options know it."""
    pictures = _stacked("picture", [read_picture(path) for path in options.image])
    if options.distortion:
        straight = [undistort(picture, K, options.distortion) for picture in pictures]
        pictures = np.stack([picture for picture, _ in straight])
        if (unseen := straight[0][1]) > UNSEEN:
            print(f"Note: {unseen:.0%} of the straightened picture is its border carried on.", file=sys.stderr)
    return pictures


def _mask(options: argparse.Namespace, cameras: Cameras, name: str) -> NDArray[np.bool_] | None:
    """What the mask ``name`` sets of the first frames (f, H, W), straightened as they are."""
    size = cameras.width, cameras.height
    masks = [read_mask(path, size, name) for path in getattr(options, name) or ()]
    if options.distortion:
        masks = [undistort_mask(mask, cameras.K[0], options.distortion) for mask in masks]
    return np.stack(masks) if masks else None


def _stacked(field: str, images: list[NDArray[Pixel]]) -> NDArray[Pixel]:
    """One array of several images.

    Raises:
        InvalidShot: they differ in size.
    """
    if len({image.shape for image in images}) > 1:
        raise InvalidShot(field, "files differ in size; give first frames of one clip, all of one size.")
    return np.stack(images)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worldwarp generate", description="Generate a shot into a folder.")
    parser.add_argument(
        "--image",
        type=Path,
        nargs="+",
        help="the picture (PNG, JPEG, TIFF, ...), or 4k + 1 first frames",
    )
    parser.add_argument("--depth", type=Path, nargs="+", help="its planar depth in world units (.exr or .npy)")
    parser.add_argument(
        "--mask", type=Path, nargs="+", help="white is what must not become part of the world: people, passing things"
    )
    parser.add_argument("--sky", type=Path, nargs="+", help="white is sky: infinitely far away, whatever depth says")
    parser.add_argument("--cameras", type=Path, help="the path (cameras.npz); its first camera took the picture")
    parser.add_argument("--path", metavar="WORDS", help="or in words, such as 'dolly_in 1.5m + pan_left 20deg ease'")
    parser.add_argument("--lens", help="with --path: 35mm, or 1200px of the picture")
    parser.add_argument("--sensor", help="of a lens in mm, by name (full-frame)")
    parser.add_argument("--frames", type=int, help="with --path: in all; left out, as many as the moves take")
    parser.add_argument("--fps", type=float, help="of the timeline (24): of --path, or warned of where others differ")
    parser.add_argument("--first-frame", type=int, help="of the timeline (1), likewise")
    parser.add_argument("--out", type=Path, help="folder for frames, cameras.npz, points.ply and video.mp4")
    parser.add_argument("--name", help="of the shot; the folder's name if left out")
    parser.add_argument("--colour-space", help="of the picture, as Blender names it; carried along (sRGB)")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="SHOT.JSON",
        help="make a finished shot again, from its folder alone; settings given besides are changed",
    )
    parser.add_argument(
        "--distortion",
        type=read_distortion,
        metavar="K1,K2,P1,P2,K3",
        help="of the picture's lens (OpenCV, COLMAP): undone, and given back by st_map.exr",
    )
    parser.add_argument(
        "--world",
        nargs="+",
        choices=list(PRODUCTS),
        help="and these of it in OUT/world: points and mesh after each chunk, the Gaussian scene at the end",
    )
    parser.add_argument("--store", type=Path, help="where chunks are kept; computed ones are never computed again")
    parser.add_argument("--extend", type=int, default=0, metavar="N", help="go on N frames past the given path")
    parser.add_argument(
        "--extend-how",
        choices=WAYS,
        help=f"with the path's velocity, its motion again, back along it, or coming to rest ({WAYS[0]})",
    )
    add(parser)
    return parser
