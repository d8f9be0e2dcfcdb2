"""The WorldWarp loop, one chunk of it: the paper's Figure 3, read from top to bottom.

    history ──> geometry ──> Gaussian cache ──> priors along the path ──> fill and revise ──> chunk

The chunk becomes the history of the next one; ``engines.jobs`` closes the loop through the store.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from worldwarp_protocol.limits import MAX_TEXT
from worldwarp_protocol.messages import Settings

from .cache.warp import warp
from .cameras import Cameras
from .geometry import views
from .masks import leave_out, without
from .nouns import Bytes, Chunk, ChunkResult, Filled, Floats, Priors, Report, Solved, View
from .profiles import Profile, eases
from .world.taken import taken

T = TypeVar("T")

WARNING = "geometry_warning"
"""What geometry says to the user, by name."""


def generate_chunk(
    chunk: Chunk,
    cameras: Cameras,
    history: Sequence[View],
    history_cameras: Cameras,
    context: Sequence[View],
    settings: Settings,
    profile: Profile,
    report: Report,
    requested: Cameras | None = None,
) -> ChunkResult:
    """Generate one chunk.

    Args:
        cameras: of the chunk's frames, 4k + 1 of them: the requested ones, extended where the path ends early, and
            eased back to where the context has drifted from them.
        history: frames that are known, in the order of trust; ``history_cameras[i]`` is the camera of ``history[i]``:
            the one that was asked for, or solved where the frame has drifted; never that of the geometry.
        context: the true frames at the chunk's start, ``chunk.context`` of them.
        settings: of this chunk.
        report: called at every step, from two threads; raises ``Cancelled`` to end the work.
        requested: as ``cameras``, of the path itself; None where nothing has drifted.
    """
    seconds: dict[str, float] = {}
    with ThreadPoolExecutor(1) as aside:  # words take as long as geometry, and need none of it
        words = aside.submit(_timed_call, "caption", seconds, profile.caption, history, settings, report)
        with _timed("geometry", seconds):
            report("geometry", 0, 1)
            geometry = profile.geometry(history, history_cameras, settings)
            geometry = leave_out(geometry, history)
            estimated = {view.index: depth for view, depth in zip(history, geometry.depth, strict=True)}
            history, context = with_depth(history, estimated), with_depth(context, estimated)
        prompt = words.result()
    with _timed("cache", seconds):
        priors, said = warp(history, history_cameras, geometry, cameras, settings, report)
        priors = with_context(priors, context)
    with _timed("fill", seconds):
        filled = profile.fill(priors, context, prompt, settings, report)
        known = priors if filled.known is None else replace(priors, valid=filled.known)
    with _timed("depth", seconds):
        report("geometry", 0, 1)
        depth, residuals = _depth(chunk, filled, known, cameras, settings, profile)
        depth = without(views.beyond(depth, context), context)
    with _timed("solve", seconds):
        arguments = chunk, filled.frames, depth, cameras, requested or cameras, history, history_cameras, context
        solved = taken(*arguments, partial(report, "geometry")) if eases(settings) else None

    new = slice(chunk.first_new - chunk.start, chunk.stop - chunk.start)
    return ChunkResult(
        frames=filled.frames[new],
        provenance=filled.provenance[new],
        depth=depth[new],
        priors=_as_bytes(priors)[new],
        holes=~known.valid[new],
        meta={
            "coverage": float(priors.valid[new].mean()),
            **said,
            **_both(geometry.residuals, residuals),
            **filled.meta,
            **(_drift(solved) if solved else {}),
            **({"prompt": prompt.text[:MAX_TEXT]} if prompt.text else {}),
            **{f"seconds_{stage}": value for stage, value in seconds.items()},
        },
        noise=filled.noise,
        figure=filled.figure,
        solved=solved,
    )


def _depth(
    chunk: Chunk, filled: Filled, known: Priors, cameras: Cameras, settings: Settings, profile: Profile
) -> tuple[Floats, dict[str, float | str]]:
    """Depth of the new frames, and how its estimate differs from what was known.

    Estimated here, at the end of a chunk, and not at the beginning of the next one (paper 4.2): the estimate is the
    same, and every frame that is kept has its depth, the last one's too.
    """
    if filled.depth is not None:
        return filled.depth, {}
    estimated = profile.geometry(views.as_views(filled.frames, known, chunk.start), cameras, settings)
    return views.complete(known, estimated), estimated.residuals


def _both(first: dict[str, float | str], then: dict[str, float | str]) -> dict[str, float | str]:
    """What two estimates of one chunk say: the later one's numbers count, the warnings of both are told."""
    said = " ".join(str(numbers[WARNING]) for numbers in (first, then) if WARNING in numbers)
    told = " ".join(dict.fromkeys(re.split(r"(?<=[.]) ", said)))
    return {**first, **then, **({WARNING: told[:MAX_TEXT]} if told else {})}


def _drift(solved: Solved) -> dict[str, float | str]:
    """How far known points are from where the cameras see them, in pixels: the median over the frames that say so."""
    seen = solved.inliers > 0
    names = ("residual_requested", "residual_solved") if seen.any() else ()
    medians = {name: float(np.median(getattr(solved, name)[seen])) for name in names}
    return {**medians, "drifted": float(not solved.kept.all())}


def with_depth(views: Sequence[View], estimated: Mapping[int, Floats]) -> list[View]:
    """The views with all of their depth: where it is not known, with what was estimated, by position in the path."""
    return [replace(view, depth=_completed(view.depth, estimated.get(view.index))) for view in views]


def _completed(depth: Floats | None, estimated: Floats | None) -> Floats | None:
    if depth is None or estimated is None:
        return estimated if depth is None else depth
    return np.where(np.isnan(depth), estimated, depth)


def with_context(priors: Priors, context: Sequence[View]) -> Priors:
    """True history in place of the first priors: what is fixed is not rendered again."""
    rgb, valid, confidence = priors.rgb.copy(), priors.valid.copy(), priors.confidence.copy()
    depth, provenance = priors.depth.copy(), priors.provenance.copy()
    for i, view in enumerate(context):
        rgb[i] = view.rgb / np.float32(255)
        provenance[i] = view.provenance
        valid[i] = confidence[i] = True if view.known is None else view.known
        if view.depth is not None:
            depth[i] = view.depth
    return Priors(rgb, valid, depth, provenance, confidence)


def _as_bytes(priors: Priors) -> Bytes:
    shown: Floats = np.where(priors.valid[..., None], priors.rgb, 0)
    return np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def _timed_call(stage: str, seconds: dict[str, float], call: Callable[..., T], *arguments: Any) -> T:
    with _timed(stage, seconds):
        return call(*arguments)


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
