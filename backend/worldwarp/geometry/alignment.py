"""An estimate of the history's geometry, brought to the scale of the requested cameras.

The history is unprojected at the cameras that were asked for, always: estimated ones serve the scale and warnings only.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import WorldWarpError
from worldwarp_protocol.messages import Settings

from ..cameras import Cameras
from ..nouns import Estimate, Floats, Geometry, Source, View
from .affine import affine_depth
from .anchor import first_scale
from .baselines import baseline_scale, rotation_residual
from .overlap import agreement, overlap_scale
from .robust import Measured, combined

GUESS = 0.25
"""Relative standard deviation of a source's own idea of a metre; a clip of first frames that moves knows better."""

LARGE_ROTATION = 5.0
"""Degrees between the estimated path and the requested one that are worth a warning: 2.7 to 3.5 are common."""

LARGE_ERROR = 0.1
"""Median relative difference of aligned and known depth that is worth a warning."""

LARGE_DISPUTE = 0.2
"""Relative difference between the scales by overlap and by baselines that is worth a warning."""

UNANCHORED = "Nothing but filled holes is known of these frames' depth, so their scale is a guess."

LARGE_LENS = 0.15
"""Relative difference of estimated and requested focal lengths that is worth a warning."""


def geometry_of(source: Source, history: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
    """Ask ``source`` for the history, in the order of the path, and align what it says; arguments as ``align``."""
    order = np.argsort([view.index for view in history], kind="stable")
    said = source(np.stack([history[i].rgb for i in order]), cameras.K[order])
    back = np.argsort(order)
    estimate = Estimate(
        depth=said.depth[back],
        confidence=said.confidence[back],
        camera_to_world=None if said.camera_to_world is None else said.camera_to_world[back],
        focal=None if said.focal is None else said.focal[back],
        affine=said.affine,
    )
    return align(estimate, history, cameras, settings)


def align(estimate: Estimate, history: Sequence[View], cameras: Cameras, settings: Settings) -> Geometry:
    """Depth of the history at the scale of the requested cameras.

    The scale comes from known depth (what the views carry) and from requested baselines, combined by their variances;
    where neither is there (chunk 0), from the settings. One factor counts for all views; a source of affine disparity
    gets a factor and a shift for each.

    Args:
        estimate: of the history, view by view.
        history: in the order of trust; ``cameras[i]`` is the requested camera of ``history[i]``.

    Returns:
        Depth in every pixel (guessed from its neighbours where the confidence is 0), and in ``residuals``:
        ``geometry_scale`` (world units per unit of the estimate) and ``geometry_scale_deviation`` (relative),
        ``geometry_overlap`` (share of pixels with known depth), ``geometry_overlap_scale``, ``geometry_overlap_error``
        (median, relative, after alignment), ``geometry_baseline_scale``, ``geometry_rotation_degrees``,
        ``geometry_focal_ratio`` (estimated over requested), ``geometry_warning`` (sentences).

    Raises:
        InvalidShot: the anchor lies in the sky.
        WorldWarpError: the source knows no depth at all.
    """
    estimate = _cleaned(_with_sky(estimate, history))
    residuals = _camera_residuals(estimate, cameras)
    if estimate.affine:
        depth, factors = affine_depth(estimate, history, cameras, settings)
        residuals["geometry_scale"] = 1 / float(np.median(factors))
    else:
        scale, said = _scale(estimate, history, cameras, settings)
        depth = (estimate.depth * np.float32(scale)).astype(np.float32)
        residuals.update(said)
    error = agreement(depth, estimate.confidence, history)
    if error is not None:
        residuals["geometry_overlap_error"] = error
    depth = np.where(depth > settings.far, np.float32(np.inf), depth)
    depth = np.stack([_complete(z, sure > 0) for z, sure in zip(depth, estimate.confidence, strict=True)])
    unanchored = error is None and any(view.depth is not None and np.isfinite(view.depth).any() for view in history)
    warning = " ".join(([UNANCHORED] if unanchored else []) + _sentences(residuals))
    return Geometry(depth, estimate.confidence, residuals | ({"geometry_warning": warning} if warning else {}))


def _scale(
    estimate: Estimate, history: Sequence[View], cameras: Cameras, settings: Settings
) -> tuple[float, dict[str, float]]:
    """One factor for all views, and what it was made of."""
    known, share = overlap_scale(estimate, history)
    walked = None
    if estimate.camera_to_world is not None:
        middle = float(np.median(estimate.depth[(estimate.confidence > 0) & np.isfinite(estimate.depth)]))
        walked = baseline_scale(estimate.camera_to_world, cameras.camera_to_world, middle)
    said = {"geometry_overlap": share}
    if known:
        said["geometry_overlap_scale"] = float(np.exp(known.value))
    if walked:
        said["geometry_baseline_scale"] = float(np.exp(walked.value))
    if known is None:
        wished = first_scale(estimate.depth[0], estimate.confidence[0], settings)
        # an anchor is exact
        known, walked = Measured(float(np.log(wished)), GUESS**2), None if settings.anchor else walked
    total = combined([part for part in (known, walked) if part])
    said |= {"geometry_scale": float(np.exp(total.value)), "geometry_scale_deviation": float(total.variance**0.5)}
    return said["geometry_scale"], said


def _with_sky(estimate: Estimate, history: Sequence[View]) -> Estimate:
    """The estimate with sky, and no doubt, where the views know it to be."""
    sky = np.stack(
        [np.zeros(view.rgb.shape[:2], bool) if view.depth is None else view.depth == np.inf for view in history]
    )
    depth = np.where(sky, np.float32(np.inf), estimate.depth)
    return replace(estimate, depth=depth, confidence=np.where(sky, np.float32(1), estimate.confidence))


def _cleaned(estimate: Estimate) -> Estimate:
    """The estimate with no confidence in what is no depth: NaN, zero, behind the camera."""
    with np.errstate(invalid="ignore"):
        is_depth = estimate.depth > 0
    confidence = np.where(is_depth, np.nan_to_num(estimate.confidence), np.float32(0))
    if not (np.isfinite(estimate.depth) & (confidence > 0)).any():
        raise WorldWarpError("The source of geometry sees nothing but sky; give depth with the picture.")
    return replace(estimate, depth=np.where(is_depth, estimate.depth, np.float32(1)), confidence=confidence)


def _camera_residuals(estimate: Estimate, cameras: Cameras) -> dict[str, float | str]:
    residuals: dict[str, float | str] = {}
    if estimate.camera_to_world is not None and len(cameras) > 1:
        residuals["geometry_rotation_degrees"] = rotation_residual(estimate.camera_to_world, cameras.camera_to_world)
    if estimate.focal is not None:
        requested = np.sqrt(cameras.K[:, 0, 0] * cameras.K[:, 1, 1])
        ratio = float(np.median(estimate.focal / requested))
        if 0 < ratio < np.inf:
            residuals["geometry_focal_ratio"] = ratio
    return residuals


def _complete(depth: Floats, known: NDArray[np.bool_]) -> Floats:
    """Depth (H, W) with what is not ``known`` taken from the nearest known pixel of its row, or else its column."""
    for axis in (1, 0):
        depth, known = np.moveaxis(depth, axis, 1), np.moveaxis(known, axis, 1)
        place = np.arange(depth.shape[1])
        before = np.maximum.accumulate(np.where(known, place, -1), axis=1)
        after = np.minimum.accumulate(np.where(known, place, 2 * len(place))[:, ::-1], axis=1)[:, ::-1]
        left_is_nearer = (before >= 0) & (place - before <= after - place)
        nearest = np.where(left_is_nearer, before, np.where(after < len(place), after, np.maximum(before, 0)))
        depth = np.moveaxis(np.take_along_axis(depth, nearest, 1), 1, axis)
        known = np.moveaxis(np.repeat(known.any(1, keepdims=True), len(place), 1), 1, axis)
    return depth


def _sentences(residuals: dict[str, float | str]) -> list[str]:
    """What the user should know; none where all is well."""
    numbers = {name: value for name, value in residuals.items() if isinstance(value, float)}
    sentences = []
    turned = numbers.get("geometry_rotation_degrees", 0.0)
    if turned > LARGE_ROTATION:
        sentences.append(f"The estimated cameras are turned by {turned:.1f} degrees against the requested ones.")
    error = numbers.get("geometry_overlap_error", 0.0)
    if error > LARGE_ERROR:
        sentences.append(f"Estimated depth differs from known depth by {error:.0%}.")
    overlap, walked = (numbers.get(f"geometry_{name}_scale") for name in ("overlap", "baseline"))
    if overlap and walked and abs(np.log(overlap / walked)) > LARGE_DISPUTE:
        sentences.append(f"Known depth asks for a scale of {overlap:.2f}, the cameras' steps for {walked:.2f}.")
    lens = numbers.get("geometry_focal_ratio", 1.0)
    if abs(np.log(lens)) > np.log1p(LARGE_LENS):
        sentences.append(f"The picture looks as if taken with {lens:.2f} times the camera's focal length.")
    return sentences
