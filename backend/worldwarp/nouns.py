"""The things that flow through the loop. Shapes first, then units and axes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.messages import Settings

from .cameras import Cameras

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

Report = Callable[[str, int, int], None]
"""``report(stage, step, steps)``: called often; may raise ``Cancelled`` to end the work between two steps."""


class Cancelled(Exception):
    """The user asked to end this work."""


class Provenance(IntEnum):
    """Where a pixel comes from."""

    PICTURE = 0
    """Seen in the user's picture and carried along by the cache."""
    GENERATED = 1
    """Revised or invented by a generative model."""
    FILLED = 2
    """A hole that was filled smoothly, without a model."""


@dataclass(frozen=True)
class Shot:
    """One request, checked and at the size that is generated (made by ``shots.prepare``)."""

    name: str
    pictures: Bytes
    """(f, H, W, 3), the first frames, display-referred in ``colour_space``."""
    depth: Floats | None
    """(f, H, W), planar, world units; inf is sky."""
    cameras: Cameras
    """n of them; camera 0 took the first picture."""
    settings: Settings
    colour_space: str = "sRGB"
    """Blender's name of it: carried along, so that what comes back shows as what was sent."""


@dataclass(frozen=True)
class View:
    """A frame that is known: what geometry and cache see of it."""

    index: int
    """Position in the path."""
    rgb: Bytes
    """(H, W, 3), display-referred."""
    depth: Floats | None
    """(H, W), planar, world units; inf is sky. None where it has to be estimated."""
    provenance: Bytes
    """(H, W) of ``Provenance``."""


@dataclass(frozen=True)
class Estimate:
    """What a source of geometry says of c frames, at its own scale and in its own world."""

    depth: Floats
    """(c, H, W), planar; inf is sky; meaningless where the confidence is 0."""
    confidence: Floats
    """(c, H, W), 0 is unknown."""
    camera_to_world: NDArray[np.float64] | None = None
    """(c, 4, 4), OpenCV axes; None where the source knows no cameras."""
    focal: NDArray[np.float64] | None = None
    """(c,), in pixels of these frames, which are square; None where the source does not estimate it."""
    affine: bool = False
    """Whether each frame's disparity (1 / depth) has a scale and a shift of its own, both unknown."""


Source = Callable[[Bytes, NDArray[np.float64] | None], Estimate]
"""``source(frames (c, H, W, 3), K (c, 3, 3) | None)``: frames in the order of the path, K in their pixels if known."""


@dataclass(frozen=True)
class Geometry:
    """What is known of the shape of the history, view by view, at the scale of the requested cameras."""

    depth: Floats
    """(c, H, W), planar, world units; inf is sky."""
    confidence: Floats
    """(c, H, W), 0 is unknown."""
    residuals: dict[str, float | str] = field(default_factory=dict)
    """How the estimate differs from what was asked for, by name; part of the chunk's ``meta``."""


@dataclass(frozen=True)
class Priors:
    """What is known of the frames to come, before any of them is generated."""

    rgb: Floats
    """(n, H, W, 3) in [0, 1]; meaningless where not valid."""
    valid: NDArray[np.bool_]
    """(n, H, W)."""
    depth: Floats
    """(n, H, W), planar, world units; inf is sky; meaningless where not valid."""
    provenance: Bytes
    """(n, H, W) of ``Provenance``; meaningless where not valid."""


@dataclass(frozen=True)
class Filled:
    """The frames that a profile made of the priors, n of them."""

    frames: Bytes
    """(n, H, W, 3), display-referred."""
    provenance: Bytes
    """(n, H, W) of ``Provenance``."""
    depth: Floats
    """(n, H, W), planar, world units; inf is sky."""


@dataclass(frozen=True)
class Chunk:
    """A planned piece of the path: frames [start, stop), the first ``context`` of which are fixed already."""

    index: int
    start: int
    stop: int
    context: int
    """The first frames' number for chunk 0 (1 for a picture), ``settings.context_frames`` later."""

    @property
    def first_new(self) -> int:
        """Position in the path of the first frame that this chunk contributes; chunk 0 contributes its picture."""
        return 0 if self.index == 0 else self.start + self.context


@dataclass(frozen=True)
class ChunkResult:
    """What one chunk contributes: its new frames [first_new, stop), m of them."""

    frames: Bytes
    """(m, H, W, 3), display-referred."""
    provenance: Bytes
    """(m, H, W) of ``Provenance``."""
    depth: Floats
    """(m, H, W), planar, world units; inf is sky."""
    priors: Bytes
    """(m, H, W, 3): the priors the frames were made from, black where nothing was known."""
    holes: NDArray[np.bool_]
    """(m, H, W): where nothing was known."""
    meta: dict[str, float | str]
    """Numbers by name: ``coverage``, ``gaussians``, ``psnr_cache``, ``seconds_<stage>``, ``peak_bytes``, ..."""
