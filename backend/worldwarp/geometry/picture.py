"""What a single picture shows: depth at the user's scale, lens, floor and horizon."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.messages import Settings

from ..cameras.cameras import Array
from ..cameras.sizes import Size
from ..nouns import Bytes, Estimate, Floats, Source
from . import lens
from .anchor import first_scale
from .floor import find_floor, level

UNSURE = 0.5
"""A floor of less confidence than this is worth a warning."""

Anchor = tuple[float, float, float]
"""u, v in [0, 1] from the picture's left and top edge, and the planar distance there in world units."""


@dataclass(frozen=True)
class PictureGeometry:
    """What is known of one picture, in world units."""

    depth: Floats
    """(H, W), planar; inf is sky, or unknown where the confidence is 0."""
    confidence: Floats
    """(H, W), 0 is unknown."""
    K: Array
    """(3, 3), pixels of the picture."""
    focal_given: bool
    """Whether K was given, not estimated."""
    focal_estimated: float | None
    """Pixels; None where the source does not estimate it."""
    level: Array
    """(4, 4): the camera's own OpenCV axes to a Z-up world: the floor at Z = 0, the camera above the origin, looking
    along Y but for its pitch. It is the camera's camera_to_world there."""
    floor_confidence: float
    """In [0, 1]; 0 where no floor was found and the picture is taken as upright."""
    scale: float
    """That the source's depth was multiplied by."""
    warnings: list[str]


def describe(
    picture: Bytes,
    source: Source,
    K: Array | None = None,
    depth_scale: float = 1.0,
    anchor: Anchor | None = None,
) -> PictureGeometry:
    """Depth, lens and level of a picture (H, W, 3).

    Args:
        picture: display-referred.
        source: of geometry (``sources.load``).
        K: (3, 3) in the picture's pixels; None takes the focal length that the source estimates.
        depth_scale: that the source's depth is multiplied by.
        anchor: a point whose distance is known; overrides ``depth_scale``.

    Raises:
        InvalidShot: the scale is not above zero, the anchor on no surface, nothing known anywhere, or no focal length.
    """
    settings = _settings(depth_scale, anchor)
    size = picture.shape[1], picture.shape[0]
    estimate = source(picture[None], None if K is None else K[None])
    estimated = lens.estimated(estimate.focal, size)
    K, focal_given = _intrinsics(K, estimated, size), K is not None
    known = (estimate.confidence[0] > 0) & np.isfinite(estimate.depth[0]) & (estimate.depth[0] > 0)
    if not known.any():
        raise InvalidShot("picture", "shows no surface at all, only sky; choose another one.")
    depth = np.where(known, estimate.depth[0], np.float32(np.inf))
    scale = first_scale(depth, estimate.confidence[0], settings)
    depth = (depth * np.float64(scale)).astype(np.float32)
    floor = find_floor(depth, estimate.confidence[0], K)
    sure = 0.0 if floor is None else floor.confidence
    warnings = _warnings(float(K[0, 0]) if focal_given else None, estimated, size, sure, estimate)
    return PictureGeometry(
        depth, estimate.confidence[0], K, focal_given, estimated, level(floor), sure, scale, warnings
    )


def given(depth: Floats, far: float = np.inf) -> Source:
    """The source that says what is known: planar depth (H, W) in world units; infinite or beyond ``far`` is sky.

    Raises:
        InvalidShot: depth is NaN or not above zero somewhere, or (when called) of another size than the picture.
    """
    bad = np.isnan(depth) | (depth <= 0)
    if bad.any():
        raise InvalidShot(
            "depth", f"is NaN, zero or negative in {int(bad.sum()):,} of {bad.size:,} pixels; write infinity for sky."
        )

    def source(frames: Bytes, K: Array | None) -> Estimate:  # noqa: ARG001 - a source's signature
        if frames.shape[:3] != (1, *depth.shape):
            here, there = (f"{shape[1]} x {shape[0]}" for shape in (depth.shape, frames.shape[1:3]))
            raise InvalidShot("depth", f"is {here}, the picture is {there}; render or export both at the same size.")
        seen = np.where(depth > far, np.float32(np.inf), depth)[None]
        return Estimate(seen, np.ones_like(seen))

    return source


def masked(source: Source, mask: NDArray[np.bool_] | None, sky: NDArray[np.bool_] | None) -> Source:
    """The source with nothing known where ``mask`` (H, W) is set, and sky without doubt where ``sky`` (H, W) is."""

    def overruled(frames: Bytes, K: Array | None) -> Estimate:
        said = source(frames, K)
        depth, confidence = said.depth, said.confidence
        if sky is not None:
            depth, confidence = np.where(sky, np.float32(np.inf), depth), np.where(sky, np.float32(1), confidence)
        if mask is not None:
            confidence = np.where(mask, np.float32(0), confidence)
        return replace(said, depth=depth, confidence=confidence)

    return overruled


def within(depth: Floats, far: float) -> Floats:
    """Given depth (H, W) whose every pixel beyond ``far`` is sky.

    Raises:
        InvalidShot: as ``given``, or it is sky everywhere.
    """
    given(depth)  # refuses what is no depth
    if not (depth <= far).any():
        raise InvalidShot("depth", f"is sky everywhere (infinite or beyond {far:g}); check the file, or raise far.")
    return np.where(depth > far, np.float32(np.inf), depth)


def _settings(depth_scale: float, anchor: Anchor | None) -> Settings:
    """What a generated shot would be told, checked."""
    if not 0 < depth_scale < np.inf:
        raise InvalidShot("depth_scale", f"is {depth_scale:g}; give a number above 0.")
    if anchor is not None and not (0 <= anchor[0] <= 1 and 0 <= anchor[1] <= 1 and 0 < anchor[2] < np.inf):
        said = ", ".join(f"{number:g}" for number in anchor)
        raise InvalidShot("anchor", f"is {said}; give u and v from 0 to 1 and a distance above 0.")
    return Settings(depth_scale=depth_scale, anchor=anchor)


def _intrinsics(K: Array | None, estimated: float | None, size: Size) -> Array:
    if K is not None:
        return K
    if estimated is None:
        raise InvalidShot("focal", "is not known and cannot be told from this picture; give one, such as 35mm.")
    return lens.intrinsics(estimated, size)


def _warnings(given: float | None, estimated: float | None, size: Size, floor: float, estimate: Estimate) -> list[str]:
    warnings = []
    if given is not None and estimated is not None and lens.differs(given, estimated):
        mine, other = (lens.to_mm(focal, 36, size) for focal in (given, estimated))
        warnings.append(
            f"The camera's lens ({mine:.0f} mm on full frame) differs by more than {lens.DIFFERS:.0%} from what the "
            f"picture shows ({other:.0f} mm): check the lens, or take the estimated one."
        )
    if floor == 0:
        warnings.append("No floor was found: the picture is taken as upright, its camera at Z = 0.")
    elif floor < UNSURE:
        warnings.append(f"The floor is uneven or no floor (confidence {floor:.0%}): check the horizon.")
    if estimate.affine:
        warnings.append("This source knows depth up to a shift of disparity: distances are rough.")
    return warnings
