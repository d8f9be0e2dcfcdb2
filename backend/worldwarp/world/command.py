"""``worldwarp world``: points, a mesh and a Gaussian scene of a finished or half-finished shot."""

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.results import ChunkRecord, Record, ResultFolder

from .. import terminal
from ..nouns import Report
from ..outputs.pictures import encode_png
from ..store import Store, default_root
from . import cloud, fusion
from .frames import Frames, committed, picture_of
from .gltf import encode_glb
from .mesh import encode_ply
from .solved import solve_folder

Product = dict[str, bytes]
"""Files by name."""


@dataclass(frozen=True)
class World:
    """What files are made from: frames, and what the user chose."""

    frames: Frames
    options: argparse.Namespace
    seed: int
    report: Report

    @cached_property
    def cloud(self) -> cloud.Cloud:
        """The merged points: all three are made from them."""
        return cloud.merged(self.frames, self.report, self.options.voxel, not self.options.no_filled)


def command(arguments: Sequence[str]) -> int:
    """Make what is asked for (all of it where nothing is named), or fetch it from where it was made before."""
    options = _parser().parse_args(arguments)
    _check(options)
    record = _record(options.result)
    store = Store(options.store or default_root())
    world = World(committed(store, record.chunks), options, record.settings.seed, terminal.show)
    chosen = [name for name in PRODUCTS if getattr(options, name)]
    if not chosen and not options.solve:
        chosen = list(PRODUCTS)
    extent = {"frames": len(world.frames), "of": record.frames}
    about = _known(options.out, extent) | extent
    for name in chosen:
        about[name] = deliver(options.out, store, record.chunks, name, world)
        print(f"{name}: {', '.join(f'{key} {_short(value)}' for key, value in about[name].items())}")
    if options.solve:
        found = solve_folder(options.result, store, terminal.show)
        terminal.wipe()
        about["solve"] = {
            "residual_requested": _median(found.residual_requested),
            "residual_solved": _median(found.residual_solved),
            "frames_with_evidence": int((found.inliers > 0).sum()),
        }
        print(f"solved cameras: {', '.join(f'{key} {_short(value)}' for key, value in about['solve'].items())}")
    files.write(options.out / "world.json", json.dumps(_plain(about), indent=1, allow_nan=False).encode())
    return 0


def deliver(out: Path, store: Store, chunks: Sequence[ChunkRecord], name: str, world: World) -> dict[str, Any]:
    """Write one product into ``out`` and return its numbers; computed only where the store does not hold it yet.

    What is kept is named by the content of all chunks and what computed them, the settings that matter and the
    version of what computes it.
    Its numbers are written last: where they are, it is whole.
    """
    make, version, settings = PRODUCTS[name]
    chosen = {setting: getattr(world.options, setting) for setting in settings}
    if name == "gaussians":  # the others are made without chance
        chosen["seed"] = world.seed
    numerics, parts = _numerics(store, chunks), [[chunk.key, chunk.digest] for chunk in chunks]
    recipe = [name, version, cloud.VERSION, chosen, numerics, parts]
    kept = store.root / "derived" / hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    numbers = kept / f"{name}.json"
    if not numbers.is_file():
        product, about = make(world)
        for file, content in product.items():
            files.write(kept / file, content)
        terminal.wipe()
        files.write(numbers, json.dumps({"numbers": about, "files": list(product)}).encode())
    stored = json.loads(files.read(numbers))
    for file in stored["files"]:
        files.write(out / file, files.read(kept / file))
    return dict(stored["numbers"])


def make_points(world: World) -> tuple[Product, dict[str, Any]]:
    """``points.ply``."""
    found = world.cloud
    vertices = files.make_vertices(found.xyz, np.rint(found.rgb), found.provenance)
    origins = dict(zip(("picture", "generated", "filled"), np.bincount(found.provenance, minlength=3), strict=True))
    about = {"count": len(found), "voxel": found.voxel, **{name: int(count) for name, count in origins.items()}}
    return {"points.ply": files.encode_ply(vertices)}, about | _bounds(found.xyz)


def make_mesh(world: World) -> tuple[Product, dict[str, Any]]:
    """``mesh.ply`` and ``mesh.glb``, the picture projected onto what it shows."""
    mesh = fusion.fused(world.frames, world.cloud, world.report, world.options.voxel, world.options.faces)
    uv = fusion.texture_coordinates(mesh, world.frames)
    picture, _ = picture_of(world.frames)
    glb = encode_glb(mesh, uv, encode_png(picture))
    shown = float(np.isfinite(uv[:, 0]).mean()) if len(uv) else 0.0
    about = {"vertices": len(mesh.xyz), "faces": len(mesh.faces), "textured": shown}
    return {"mesh.ply": encode_ply(mesh, uv), "mesh.glb": glb}, about | _bounds(mesh.xyz)


def make_gaussians(world: World) -> tuple[Product, dict[str, Any]]:
    """``gaussians.ply``."""
    from . import gaussians  # torch: only when something has to be fitted

    options = world.options
    found = gaussians.fitted(world.frames, world.cloud, world.seed, world.report, options.cap, options.steps)
    g = found.gaussians
    about = {"count": len(g.means), "sky": int(g.sky.sum()), "psnr": found.psnr, "worst": found.worst}
    about |= {"psnr_before": found.psnr_before}
    return {"gaussians.ply": gaussians.encode_gaussians(g)}, about


CLOUD = ("voxel", "no_filled")
"""Settings that the merged points depend on, and all that is made from them."""

GAUSSIANS = "1"
"""Raised when the same chunks give other Gaussians; here, for the module that fits them loads torch."""

Make = Callable[[World], tuple[Product, dict[str, Any]]]

PRODUCTS: dict[str, tuple[Make, str, tuple[str, ...]]] = {
    "points": (make_points, "1", CLOUD),
    "mesh": (make_mesh, fusion.VERSION, (*CLOUD, "faces")),
    "gaussians": (make_gaussians, GAUSSIANS, (*CLOUD, "cap", "steps")),
}
"""Name: what makes it, the version of that, and the settings that change it."""


def _record(path: Path) -> Record:
    record = ResultFolder(path).record
    if record is None:
        raise WorldWarpError(f"{path} is no result folder: it has no shot.json; give the folder of a shot.")
    return record


def _known(out: Path, extent: dict[str, int]) -> dict[str, Any]:
    """The numbers of products that were made into ``out`` before, of as many frames; none where they are unreadable."""
    try:
        found = json.loads((out / "world.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and extent.items() <= found.items() else {}


def _numerics(store: Store, chunks: Sequence[ChunkRecord]) -> list[str]:
    """What computed the chunks: device class, dtype, modes."""
    return sorted({str(store.manifest(chunk.key).recipe.get("numerics", "")) for chunk in chunks})


def _plain(value: Any) -> Any:
    """The same for JSON, which knows no NaN."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _median(values: np.ndarray) -> float | None:
    """Of those that are known; None where none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None


def _check(options: argparse.Namespace) -> None:
    if options.voxel is not None and not 0 < options.voxel < np.inf:
        raise InvalidShot("voxel", f"is {options.voxel:g}; give a length above 0, in world units.")
    for name, least in (("cap", 1000), ("faces", 100), ("steps", 1)):
        if getattr(options, name) < least:
            raise InvalidShot(name, f"is {getattr(options, name)}; give at least {least}.")


def _bounds(xyz: np.ndarray) -> dict[str, Any]:
    return {"low": xyz.min(axis=0).tolist(), "high": xyz.max(axis=0).tolist()} if len(xyz) else {}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp world", description=__doc__.partition(": ")[2])
    parser.add_argument("result", type=Path, help="the shot's result folder; it may still be half finished")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files and world.json")
    parser.add_argument("--store", type=Path, help="where the shot's chunks are kept")
    parser.add_argument("--points", action="store_true", help="points.ply: one point cloud of all frames")
    parser.add_argument("--mesh", action="store_true", help="mesh.ply and mesh.glb: a proxy mesh of all frames")
    parser.add_argument("--gaussians", action="store_true", help="gaussians.ply: a Gaussian scene fitted to all frames")
    parser.add_argument("--solve", action="store_true", help="solved cameras, into the result's own cameras.npz")
    parser.add_argument("--voxel", type=float, help="world units between points (a pixel's median footprint)")
    parser.add_argument("--no-filled", action="store_true", help="without what was filled smoothly, without a model")
    parser.add_argument(
        "--faces", type=int, default=fusion.MAX_FACES, help=f"at most, of the mesh ({fusion.MAX_FACES})"
    )
    parser.add_argument("--cap", type=int, default=200_000, help="at most so many Gaussians (200000)")
    parser.add_argument("--steps", type=int, default=600, help="of the Gaussians' fit (600)")
    return parser
