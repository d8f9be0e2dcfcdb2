"""``worldwarp geometry``: depth, lens, level, points and a proxy mesh of a picture, in a folder."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from .cameras import Cameras
from .cameras.sizes import Size
from .geometry import lens, sources
from .geometry.anchor import read_anchor
from .geometry.picture import PictureGeometry, describe, given, masked
from .masks import read_mask
from .nouns import Bytes, Provenance
from .outputs.pictures import read_depth, read_picture, write_exr
from .world.mesh import Mesh, depth_mesh, encode_ply
from .world.points import chunk_points

FULL_FRAME = "full-frame"


def command(arguments: Sequence[str]) -> int:
    """Describe a picture, write its geometry, say what is uncertain."""
    options = _parser().parse_args(arguments)
    if options.geometry == "given" and options.depth is None:
        raise InvalidShot("depth", "is missing; give it with --depth, or choose --geometry ttt3r.")
    if options.depth is not None and options.geometry not in (None, "given"):
        raise InvalidShot("depth", f"is given, and {options.geometry} would not look at it; leave one of them out.")
    if not options.far > 0:
        raise InvalidShot("far", f"is {options.far:g}; give a number above 0.")
    picture = read_picture(options.image)
    size = picture.shape[1], picture.shape[0]
    sensor = None if options.sensor is None else _sensor(options.sensor)
    known = _lens(options.focal, options.image, sensor, size)
    K = None if known is None else lens.intrinsics(known.focal, size)
    name = options.geometry or ("ttt3r" if options.depth is None else "given")
    source = given(read_depth(options.depth), options.far) if name == "given" else sources.load(name)
    mask, sky = (path and read_mask(path, size, name) for name, path in (("mask", options.mask), ("sky", options.sky)))
    source = masked(source, mask, sky)
    anchor = None if options.anchor is None else read_anchor(options.anchor)
    found = describe(picture, source, K, options.depth_scale, anchor)
    about = summary(found, known, sensor or lens.SENSORS[FULL_FRAME][0], size)
    write(options.out, picture, found, {"source": name, **about})
    for warning in found.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    print(
        f"{options.out}: lens {about['lens_mm']:.1f} mm on {about['sensor_width_mm']:g} mm ({about['lens_from']}), "
        f"camera {about['camera_height']:.3g} above the floor, pitch {about['pitch_degrees']:.1f}, "
        f"roll {about['roll_degrees']:.1f} degrees."
    )
    return 0


def summary(found: PictureGeometry, known: lens.Lens | None, sensor_width: float, size: Size) -> dict[str, object]:
    """What ``geometry.json`` says."""
    pose, focal = found.level, float(found.K[0, 0])
    return {
        "width": size[0],
        "height": size[1],
        "focal_px": focal,
        "focal_estimated_px": found.focal_estimated,
        "lens_mm": lens.to_mm(focal, sensor_width, size),
        "sensor_width_mm": sensor_width,
        "lens_from": "estimated" if known is None else known.source,
        "K": found.K.tolist(),
        "level": pose.tolist(),
        "floor_confidence": found.floor_confidence,
        "camera_height": float(pose[2, 3]),
        "pitch_degrees": math.degrees(math.asin(float(np.clip(pose[2, 2], -1, 1)))),
        "roll_degrees": math.degrees(math.atan2(float(pose[2, 0]), -float(pose[2, 1]))),
        "scale": found.scale,
        "warnings": found.warnings,
    }


def write(folder: Path, picture: Bytes, found: PictureGeometry, about: dict[str, object]) -> None:
    """Write ``geometry.json``, depth, confidence, points and mesh; the latter two in the levelled world.

    Raises:
        WorldWarpError: the folder cannot be written.
    """
    height, width = found.depth.shape
    camera = Cameras(found.K[None], found.level[None], width, height, np.array([1]))
    mesh = in_world(depth_mesh(found.depth, picture, found.K), found)
    points = chunk_points(
        picture[None],
        np.full((1, height, width), Provenance.PICTURE, np.uint8),
        found.depth[None],
        np.zeros((1, height, width), bool),
        camera,
        True,
    )
    files.write(folder / "geometry.json", json.dumps(about, indent=1).encode())
    write_exr(folder / "depth.exr", found.depth)
    write_exr(folder / "confidence.exr", found.confidence)
    files.write(folder / "mesh.ply", encode_ply(mesh))
    files.write(folder / "points.ply", files.encode_ply(files.make_vertices(*points)))


def in_world(mesh: Mesh, found: PictureGeometry) -> Mesh:
    """A mesh in the camera's axes, brought to the levelled world."""
    xyz = mesh.xyz @ found.level[:3, :3].T + found.level[:3, 3]
    return replace(mesh, xyz=xyz.astype(np.float32))


def _lens(focal: str | None, image: Path, sensor: float | None, size: Size) -> lens.Lens | None:
    """The lens as given, or as the camera wrote it; None where it has to be estimated."""
    if focal is not None:
        return lens.parse(focal, sensor or lens.SENSORS[FULL_FRAME][0], size)
    return lens.from_exif(image, sensor)


def _sensor(text: str) -> float:
    """A sensor's width in millimetres, by its name or as a number."""
    if text in lens.SENSORS:
        return lens.SENSORS[text][0]
    try:
        width = float(text.removesuffix("mm"))
    except ValueError:
        width = math.nan
    if not 0.5 < width < 500:
        raise InvalidShot("sensor", f"is {text!r}; give its width in mm, or one of {', '.join(lens.SENSORS)}.")
    return width


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp geometry", description=__doc__.partition(": ")[2])
    parser.add_argument("--image", type=Path, required=True, help="the picture (PNG, JPEG, TIFF, ...)")
    parser.add_argument("--out", type=Path, required=True, help="folder for geometry.json, depth, points and mesh")
    parser.add_argument("--depth", type=Path, help="planar depth in world units (.exr or .npy), where it is known")
    parser.add_argument("--mask", type=Path, help="white is left out: no depth, no points, no mesh")
    parser.add_argument("--sky", type=Path, help="white is sky: infinitely far away, whatever depth says")
    parser.add_argument("--geometry", choices=sources.NAMES, help="who estimates (ttt3r; given with --depth)")
    parser.add_argument("--focal", help="the lens, such as 35mm or 1200px; else EXIF's, else estimated")
    parser.add_argument("--sensor", help=f"its width in mm, or one of {', '.join(lens.SENSORS)} ({FULL_FRAME})")
    parser.add_argument("--depth-scale", type=float, default=1.0, help="that depth is multiplied by (1)")
    parser.add_argument("--anchor", help="u,v,distance: depth is scaled so that this point (0 to 1) is so far away")
    parser.add_argument("--far", type=float, default=Settings().far, help="given depth beyond it is sky")
    return parser
