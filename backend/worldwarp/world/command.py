"""``worldwarp world``: points, a mesh and a Gaussian scene of a finished or half-finished shot."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import InvalidShot, WorldWarpError
from worldwarp_protocol.results import Record, ResultFolder

from .. import terminal
from ..store import Store, default_root
from .mesh import MAX_FACES
from .products import CAP, PRODUCTS, STEPS, Choices, World, make
from .solved import solve_folder


def command(arguments: Sequence[str]) -> int:
    """Make what is asked for (all of it where nothing is named), or fetch it from where it was made before."""
    options = _parser().parse_args(arguments)
    _check(options)
    record = _record(options.result)
    store = Store(options.store or default_root())
    choices = Choices(**{field.name: getattr(options, field.name) for field in fields(Choices)})
    world = World(store, record.chunks, record.settings.seed, choices, terminal.show)
    chosen = [name for name in PRODUCTS if getattr(options, name)]
    if not chosen and not options.solve:
        chosen = list(PRODUCTS)
    about = deliver(options.out, world, chosen, record.frames)
    if options.solve:
        found = solve_folder(options.result, store, terminal.show)
        terminal.wipe()
        about["solve"] = {
            "residual_requested": _median(found.residual_requested),
            "residual_solved": _median(found.residual_solved),
            "frames_with_evidence": int((found.inliers > 0).sum()),
        }
        print(f"solved cameras: {', '.join(f'{key} {_short(value)}' for key, value in about['solve'].items())}")
    write_numbers(options.out, about)
    return 0


def deliver(out: Path, world: World, names: Sequence[str], of: int) -> dict[str, Any]:
    """Write products into ``out``, with a line for each, and their numbers into its ``world.json``; returns these.

    Args:
        of: frames of the whole path.

    Raises:
        WorldWarpError: there is nothing to make them of.
    """
    extent = {"frames": sum(chunk.count for chunk in world.chunks), "of": of}
    about = _known(out, extent) | extent
    for name in names:
        product = make(world, name)
        for file, content in product.files.items():
            files.write(out / file, content)
        terminal.wipe()
        about[name] = dict(product.numbers)
        print(f"{name}: {', '.join(f'{key} {_short(value)}' for key, value in about[name].items())}")
    write_numbers(out, about)
    return about


def write_numbers(out: Path, about: dict[str, Any]) -> None:
    """Write ``world.json``."""
    files.write(out / "world.json", json.dumps(_plain(about), indent=1, allow_nan=False).encode())


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


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("worldwarp world", description=__doc__.partition(": ")[2])
    parser.add_argument("result", type=Path, help="the shot's result folder; it may still be half finished")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files and world.json")
    parser.add_argument("--store", type=Path, help="where the shot's chunks are kept")
    parser.add_argument("--points", action="store_true", help="points.ply: one point cloud of all frames")
    parser.add_argument("--mesh", action="store_true", help="mesh.ply and mesh.glb: a proxy mesh of all frames")
    parser.add_argument("--gaussians", action="store_true", help="gaussians.ply, .splat: a Gaussian scene of them all")
    parser.add_argument("--solve", action="store_true", help="solved cameras, into the result's own cameras.npz")
    parser.add_argument("--voxel", type=float, help="world units between points (a pixel's median footprint)")
    parser.add_argument("--no-filled", action="store_true", help="without what was filled smoothly, without a model")
    parser.add_argument("--faces", type=int, default=MAX_FACES, help=f"at most, of the mesh ({MAX_FACES})")
    parser.add_argument("--cap", type=int, default=CAP, help=f"at most so many Gaussians ({CAP})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of the Gaussians' fit ({STEPS})")
    return parser
