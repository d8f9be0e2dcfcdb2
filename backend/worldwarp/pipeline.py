"""The WorldWarp loop, one chunk of it: the paper's Figure 3, read from top to bottom.

    history ──> geometry ──> Gaussian cache ──> priors along the path ──> fill and revise ──> chunk

The chunk becomes the history of the next one; ``engines.jobs`` closes the loop through the store.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from worldwarp_protocol.messages import Settings

from .cache.fit import fit
from .cache.gaussians import initialise
from .cache.priors import render_priors
from .cameras import Cameras
from .nouns import Bytes, Chunk, ChunkResult, Floats, Priors, Report, View
from .profiles import Profile


def generate_chunk(
    chunk: Chunk,
    cameras: Cameras,
    history: Sequence[View],
    history_cameras: Cameras,
    context: Sequence[View],
    settings: Settings,
    profile: Profile,
    report: Report,
) -> ChunkResult:
    """Generate one chunk.

    Args:
        cameras: of the chunk's frames, 4k + 1 of them: the requested ones, extended where the path ends early.
        history: frames that are known, in the order of trust; ``history_cameras[i]`` is the requested camera of
            ``history[i]``. Depth is unprojected at the cameras that were asked for, never at estimated ones.
        context: the true frames at the chunk's start, ``chunk.context`` of them.
        report: called at every step; raises ``Cancelled`` to end the work.
    """
    seconds: dict[str, float] = {}
    with _timed("geometry", seconds):
        report("geometry", 0, 1)
        geometry = profile.geometry(history, history_cameras, settings)
        estimated = {view.index: depth for view, depth in zip(history, geometry.depth, strict=True)}
        history, context = with_depth(history, estimated), with_depth(context, estimated)
    with _timed("cache", seconds):
        cache = initialise(history, geometry, history_cameras)
        cache, fitted = fit(cache, history, history_cameras, geometry, settings.cache_steps, settings.seed, report)
    with _timed("priors", seconds):
        priors = render_priors(cache, history, history_cameras, geometry, cameras, report)
        priors = with_context(priors, context)
    with _timed("fill", seconds):
        filled = profile.fill(priors, context, settings.seed, report)

    new = slice(chunk.first_new - chunk.start, chunk.stop - chunk.start)
    return ChunkResult(
        frames=filled.frames[new],
        provenance=filled.provenance[new],
        depth=filled.depth[new],
        priors=_as_bytes(priors)[new],
        holes=~priors.valid[new],
        meta={
            "coverage": float(priors.valid[new].mean()),
            "gaussians": float(len(cache.means)),
            "steps_cache": float(fitted.steps),
            "psnr_cache": fitted.psnr,
            **geometry.residuals,
            **{f"seconds_{stage}": value for stage, value in seconds.items()},
        },
    )


def with_depth(views: Sequence[View], estimated: Mapping[int, Floats]) -> list[View]:
    """The views, those without depth of their own with what was estimated, by position in the path."""
    return [view if view.depth is not None else replace(view, depth=estimated.get(view.index)) for view in views]


def with_context(priors: Priors, context: Sequence[View]) -> Priors:
    """True history in place of the first priors: what is fixed is not rendered again."""
    known = len(context)
    rgb, valid = priors.rgb.copy(), priors.valid.copy()
    depth, provenance = priors.depth.copy(), priors.provenance.copy()
    for i, view in enumerate(context):
        rgb[i] = view.rgb / np.float32(255)
        provenance[i] = view.provenance
        if view.depth is not None:
            depth[i] = view.depth
    valid[:known] = True
    return Priors(rgb, valid, depth, provenance)


def _as_bytes(priors: Priors) -> Bytes:
    shown: Floats = np.where(priors.valid[..., None], priors.rgb, 0)
    return np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
