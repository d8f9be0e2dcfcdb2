"""Pictures of any size in, their geometry at the same size out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..nouns import Bytes, Floats
from .focal import focal
from .seams import paste
from .sizing import Crop, crop_of, extend, further_crops, network_input, read_at_picture
from .ttt3r import TTT3R, Estimate, Stream, advance
from .update import Rule

GUESSED = 1.0
"""Confidence of depth that was extended beyond what the network saw: the least that the network itself gives."""


@dataclass(frozen=True)
class ClipGeometry:
    """What the network knows of F pictures, up to one scale for all of them."""

    depth: Floats
    """(F, H, W), planar, in metres as the network guesses them; NaN where it places a point behind the camera."""
    confidence: Floats
    """(F, H, W): 0 where depth is NaN, at least 1 elsewhere."""
    focal: NDArray[np.float64]
    """(F,), in the picture's pixels, which are square."""
    camera_to_world: NDArray[np.float64]
    """(F, 4, 4), OpenCV axes; the world is near the first picture's camera."""


def picture_geometry(
    network: TTT3R,
    stream: Stream,
    pictures: Bytes,
    rule: Rule = "ttt3r",
    reset_interval: int | None = None,
    trunk: torch.dtype | None = None,
) -> tuple[ClipGeometry, Stream]:
    """Geometry of the next pictures (F, H, W, 3) of a clip, at their own size, and the stream to go on with.

    A picture of which much is cut off for the network (a square one) is looked at three times, each time from the
    same state; only the first look is remembered. The other arguments are those of ``advance``.

    Raises:
        InvalidShot: the pictures are too thin for the network.
    """
    crop = crop_of((pictures.shape[2], pictures.shape[1]), max(network.config.img_size))
    others = further_crops(crop)
    depths, confidences, focals, cameras = [], [], [], []
    for picture in pictures:
        frame, *more = (torch.from_numpy(network_input(picture, c))[None] for c in (crop, *others))
        further = [advance(network, stream, one, rule, None, trunk)[0] for one in more]
        first, stream = advance(network, stream, frame, rule, reset_interval, trunk)
        depth, confidence = _at_own_size(*_joined(first, crop, further, others), crop)
        depths.append(depth)
        confidences.append(confidence)
        focals.append(float(focal(first.points[0])) * crop.picture[0] / crop.scaled[0])
        cameras.append(first.camera_to_world[0].double().cpu().numpy())
    return ClipGeometry(np.stack(depths), np.stack(confidences), np.array(focals), np.stack(cameras)), stream


def _joined(first: Estimate, crop: Crop, further: Sequence[Estimate], others: Sequence[Crop]) -> tuple[Floats, Floats]:
    """Depth and confidence (H', W') at ``crop.scaled``: NaN and 0 where no crop reaches, or behind the camera."""
    width, height = crop.scaled
    canvas, confidence = np.full((height, width, 3), np.nan, np.float32), np.zeros((height, width), np.float32)
    canvas[crop.where], confidence[crop.where] = _known(first)
    for estimate, other in zip(further, others, strict=True):
        paste(canvas, confidence, crop, *_known(estimate), other)
    return np.where(canvas[..., 2] > 0, canvas[..., 2], np.float32(np.nan)), confidence


def _known(estimate: Estimate) -> tuple[Floats, Floats]:
    """Points (h, w, 3) of its one frame, NaN where behind the camera, and their confidence (h, w)."""
    points, confidence = estimate.points[0].cpu().numpy(), estimate.confidence[0].cpu().numpy()
    return np.where(points[..., 2:] > 0, points, np.float32(np.nan)), confidence


def _at_own_size(depth: Floats, confidence: Floats, crop: Crop) -> tuple[Floats, Floats]:
    """Depth and confidence (H, W) at the picture's own size, what no crop reached extended."""
    depth = read_at_picture(extend(depth), crop)
    rows, columns = (
        ((np.arange(side) + 0.5) * scaled / side).astype(np.intp)
        for side, scaled in zip(crop.picture[::-1], crop.scaled[::-1], strict=True)
    )
    nearest = np.maximum(confidence[np.ix_(rows, columns)], np.float32(GUESSED))
    return depth, np.where(np.isnan(depth), np.float32(0), nearest)
