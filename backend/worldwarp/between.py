"""Frames between generated ones, rendered from the two beside them as if nothing in the scene moved.

Both are carried to the camera in between by their depth: patches of surface with a z-buffer say which surface each
pixel shows, and the pixel's own place on it is looked up in the generated frame. Where both show one surface they are
mixed by their distance in time; of two surfaces the nearer one is seen; what neither shows is filled smoothly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cameras import Cameras
from .cameras.reach import reach
from .holes import fill_frame
from .nouns import Bytes, ChunkResult, Floats, Provenance, Report, View
from .outputs.motion import landing
from .outputs.sampling import cubic

AGREES = 0.05
"""Relative difference of disparity up to which two pixels show one surface."""


@dataclass(frozen=True)
class Source:
    """A generated frame."""

    view: View
    """With its depth."""
    cameras: Cameras
    """The one that it was generated at."""


@dataclass(frozen=True)
class Carried:
    """What one source shows at another camera."""

    rgb: Floats
    """(H, W, 3), 0 to 255; meaningless where the disparity is NaN."""
    disparity: Floats
    """(H, W), 1 / planar depth; 0 is sky, NaN is nothing."""
    provenance: Bytes
    """(H, W), likewise."""


def interleave(
    result: ChunkResult,
    generated: Sequence[int],
    cameras: Cameras,
    before: Source | None,
    path: Cameras,
    report: Report,
) -> ChunkResult:
    """A chunk's frames with those between them: as many as ``path`` has cameras.

    Args:
        result: the generated frames; frame ``i`` of them is number ``generated[i]`` of ``path``, the last its last.
        cameras: those that they were generated at.
        before: the generated frame before the first one, which stands before ``path``; None where ``path`` begins with
            a generated frame.
        report: called at every frame; may raise ``Cancelled``.
    """
    sources = [*_before(before), *(_source(result, cameras, i) for i in range(len(generated)))]
    places = [*([-1] if before else []), *generated]
    woven = _spread(result, generated, len(path))
    for a, b, first, last in zip(sources, sources[1:], places, places[1:], strict=False):
        for i in range(first + 1, last):
            report("save", i, len(path))
            _put(woven, i, a, b, path[[i]], (i - first) / (last - first))
    return woven


def between(a: Source, b: Source, camera: Cameras, share: float) -> tuple[Floats, Floats, Bytes, NDArray[np.bool_]]:
    """What two frames show at ``camera``, which is ``share`` of the way in time from ``a`` to ``b``.

    Returns:
        Colour (H, W, 3), 0 to 255, and planar depth (H, W), whole; provenance (H, W); and where (H, W) neither shows
        anything, which is filled.
    """
    one, other = carried(a, camera), carried(b, camera)
    weight = _weight(one.disparity, other.disparity, share)
    empty = np.isnan(weight)
    mix = np.nan_to_num(weight)
    rgb = np.where(mix == 0, 0, mix)[..., None] * other.rgb + (1 - mix)[..., None] * one.rgb
    disparity = np.where(mix > 0, mix * np.nan_to_num(other.disparity), 0)
    disparity += np.where(mix < 1, (1 - mix) * np.nan_to_num(one.disparity), 0)
    provenance = np.where(mix > 0.5, other.provenance, one.provenance)
    with np.errstate(divide="ignore"):
        depth = (1 / disparity).astype(np.float32)
    if empty.any():
        rgb, depth = fill_frame(np.where(empty[..., None], 0, rgb).astype(np.float32), depth, ~empty)
        provenance[empty] = Provenance.FILLED
    return np.clip(rgb, 0, 255).astype(np.float32), depth, provenance, empty


def carried(source: Source, camera: Cameras) -> Carried:
    """What ``source`` shows at ``camera``."""
    depth = source.view.depth
    assert depth is not None  # frames that are generated have it
    pair = replace(
        source.cameras,
        K=np.concatenate([source.cameras.K, camera.K]),
        camera_to_world=np.concatenate([source.cameras.camera_to_world, camera.camera_to_world]),
        frame=np.arange(2),
    )
    seen = reach(depth, pair, (camera.width, camera.height))[1]
    there, here = ((pair.K[i], pair.camera_to_world[i]) for i in (0, 1))
    _, ratio = landing(depth, *there, *here)
    z = np.where(seen >= 0, (depth * ratio).ravel()[seen], np.nan)
    places, _ = landing(np.where(np.isnan(z), np.inf, z), *here, *there)
    rgb = cubic(source.view.rgb.astype(np.float32), np.clip(np.nan_to_num(places), 0, max(depth.shape)))
    return Carried(rgb, (1 / z).astype(np.float32), source.view.provenance.ravel()[seen])


def _weight(one: Floats, other: Floats, share: float) -> Floats:
    """(H, W): how much the other's pixel counts, 0 to 1; NaN where neither shows anything."""
    with np.errstate(invalid="ignore"):
        same = np.abs(one - other) <= AGREES * np.maximum(one, other)
        nearer = np.where(np.isnan(one) | (other > one), np.float32(1), np.float32(0))
    weight = np.where(same, np.float32(share), np.where(np.isnan(other), np.float32(0), nearer))
    return np.where(np.isnan(one) & np.isnan(other), np.float32(np.nan), weight)


def _before(source: Source | None) -> Iterator[Source]:
    if source is not None:
        yield source


def _source(result: ChunkResult, cameras: Cameras, i: int) -> Source:
    return Source(View(i, result.frames[i], result.depth[i], result.provenance[i]), cameras[[i]])


def _spread(result: ChunkResult, generated: Sequence[int], count: int) -> ChunkResult:
    """The result with room for ``count`` frames, its own at ``generated``."""

    def spread(array: NDArray[Any]) -> NDArray[Any]:
        wide = np.zeros((count, *array.shape[1:]), array.dtype)
        wide[list(generated)] = array
        return wide

    return replace(
        result,
        frames=spread(result.frames),
        provenance=spread(result.provenance),
        depth=spread(result.depth),
        priors=spread(result.priors),
        holes=spread(result.holes),
    )


def _put(woven: ChunkResult, i: int, a: Source, b: Source, camera: Cameras, share: float) -> None:
    rgb, woven.depth[i], woven.provenance[i], woven.holes[i] = between(a, b, camera, share)
    woven.frames[i] = np.rint(rgb)
    woven.priors[i] = np.where(woven.holes[i][..., None], 0, woven.frames[i])
