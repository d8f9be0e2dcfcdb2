"""Files of a world: points, a mesh and a Gaussian scene of committed chunks, made once and kept in the store.

What computes them is imported when something has to be computed.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from worldwarp_protocol import files
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.results import ChunkRecord

from ..nouns import Bytes, Report
from ..outputs.pictures import encode_png
from ..store import Store
from . import cloud
from .frames import Frames, committed, generated, picture_of
from .gltf import encode_glb
from .mesh import MAX_FACES, encode_ply

log = logging.getLogger(__name__)

CAP = 200_000
"""Gaussians: 48 bytes each in memory and 68 in the file, and a viewer draws them on any machine."""

STEPS = 600
"""Of the Gaussians' fit, one frame each."""

MOST = 4 << 30
"""Bytes of all products that are kept in a store, but for the newest; the oldest go."""


@dataclass(frozen=True)
class Choices:
    """What the user may choose of a world."""

    voxel: float | None = None
    """World units between points; a pixel's median footprint if None."""
    no_filled: bool = False
    """Whether what was filled smoothly, without a model, is left out."""
    faces: int = MAX_FACES
    """At most, of the mesh."""
    cap: int = CAP
    """At most so many Gaussians."""
    steps: int = STEPS
    """Of their fit."""


def silent(stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:
    """To nobody."""


@dataclass(frozen=True)
class World:
    """What files are made from: committed chunks, and what the user chose."""

    store: Store
    chunks: Sequence[ChunkRecord]
    """Consecutive, from the first."""
    seed: int
    choices: Choices = Choices()
    report: Report = silent

    @cached_property
    def frames(self) -> Frames:
        """The generated ones of all chunks, on the disk.

        Raises:
            WorldWarpError: no chunk is finished, or they do not follow on each other.
        """
        return generated(committed(self.store, self.chunks))

    @cached_property
    def cloud(self) -> cloud.Cloud:
        """The merged points: all three are made from them."""
        return cloud.merged(self.frames, self.report, self.choices.voxel, not self.choices.no_filled)


@dataclass(frozen=True)
class Product:
    """One of the three, as files."""

    files: Mapping[str, bytes]
    numbers: Mapping[str, Any]
    """What there is to know of it, by name."""


def folder(world: World, name: str) -> Path:
    """Where a product is kept.

    It is named by the content of all chunks and what computed them, the settings that matter and the version of what
    computes it.
    """
    _, version, settings = PRODUCTS[name]
    chosen = {setting: getattr(world.choices, setting) for setting in settings}
    if name == "gaussians":  # the others are made without chance
        chosen["seed"] = world.seed
    numerics, parts = _numerics(world), [[chunk.key, chunk.digest] for chunk in world.chunks]
    recipe = [name, version, cloud.VERSION, chosen, numerics, parts]
    return world.store.root / "derived" / hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def find(world: World, name: str) -> Product | None:
    """A product that was made before; its numbers were written last: where they are, it is whole."""
    kept = folder(world, name)
    numbers = kept / f"{name}.json"
    if not numbers.is_file():
        return None
    try:
        stored = json.loads(files.read(numbers))
        return Product({file: files.read(kept / file) for file in stored["files"]}, stored["numbers"])
    except (FolderError, ValueError, KeyError, TypeError):
        log.warning("%s is damaged; it is made again.", kept)
        return None


def make(world: World, name: str) -> Product:
    """A product, computed only where the store does not hold it yet.

    Raises:
        WorldWarpError: there is nothing to make it of.
        StoreError: a chunk is missing or damaged.
    """
    if found := find(world, name):
        return found
    kept, product = folder(world, name), PRODUCTS[name][0](world)
    for file, content in product.files.items():
        files.write(kept / file, content)
    about = {"numbers": product.numbers, "files": list(product.files)}
    files.write(kept / f"{name}.json", json.dumps(about).encode())
    _forget(world.store.root, kept)
    return product


def _forget(root: Path, newest: Path) -> None:
    """Remove the oldest products where there are too many, of other worlds and of this one before it grew."""
    about = [path for name in PRODUCTS for path in root.glob(f"derived/*/{name}.json")]
    left = MOST - _size(newest)
    for path in sorted(about, key=lambda one: one.stat().st_mtime_ns, reverse=True):
        if path.parent == newest:
            continue
        left -= _size(path.parent)
        if left < 0:
            path.unlink(missing_ok=True)  # first: where it is, all of it is
            shutil.rmtree(path.parent, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _points(world: World) -> Product:
    """``points.ply``."""
    found = world.cloud
    vertices = files.make_vertices(found.xyz, np.rint(found.rgb), found.provenance)
    origins = dict(zip(("picture", "generated", "filled"), np.bincount(found.provenance, minlength=3), strict=True))
    about = {"count": len(found), "voxel": found.voxel, **{name: int(count) for name, count in origins.items()}}
    return Product({"points.ply": files.encode_ply(vertices)}, about | _bounds(found.xyz))


def _mesh(world: World) -> Product:
    """``mesh.ply`` and ``mesh.glb``, the picture projected onto what it shows."""
    from . import fusion

    choices = world.choices
    mesh = fusion.fused(world.frames, world.cloud, world.report, choices.voxel, choices.faces)
    uv = fusion.texture_coordinates(mesh, world.frames)
    picture, _ = picture_of(world.frames)
    glb = encode_glb(mesh, uv, encode_png(picture))
    shown = float(np.isfinite(uv[:, 0]).mean()) if len(uv) else 0.0
    about = {"vertices": len(mesh.xyz), "faces": len(mesh.faces), "textured": shown}
    return Product({"mesh.ply": encode_ply(mesh, uv), "mesh.glb": glb}, about | _bounds(mesh.xyz))


def _gaussians(world: World) -> Product:
    """``gaussians.ply`` and, of the same, ``gaussians.splat``."""
    from . import gaussians
    from .splat import encode_splat

    choices = world.choices
    found = gaussians.fitted(world.frames, world.cloud, world.seed, world.report, choices.cap, choices.steps)
    g = found.gaussians
    about = {"count": len(g.means), "sky": int(g.sky.sum()), "psnr": found.psnr, "worst": found.worst}
    about |= {"psnr_before": found.psnr_before}
    ply = gaussians.encode_gaussians(g)
    return Product({"gaussians.ply": ply, "gaussians.splat": encode_splat(ply)}, about)


CLOUD = ("voxel", "no_filled")
"""Settings that the merged points depend on, and all that is made from them."""

POINTS, MESH, GAUSSIANS = "1", "1", "2"
"""Each raised when the same chunks give others; here, for what computes them is imported late."""

PRODUCTS: dict[str, tuple[Callable[[World], Product], str, tuple[str, ...]]] = {
    "points": (_points, POINTS, CLOUD),
    "mesh": (_mesh, MESH, (*CLOUD, "faces")),
    "gaussians": (_gaussians, GAUSSIANS, (*CLOUD, "cap", "steps")),
}
"""Name: what makes it, the version of that, and the settings that change it."""


def _numerics(world: World) -> list[str]:
    """What computed the chunks: device class, dtype, modes."""
    return sorted({str(world.store.manifest(chunk.key).recipe.get("numerics", "")) for chunk in world.chunks})


def _bounds(xyz: np.ndarray) -> dict[str, Any]:
    return {"low": xyz.min(axis=0).tolist(), "high": xyz.max(axis=0).tolist()} if len(xyz) else {}
