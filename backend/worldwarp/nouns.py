"""The things that flow through the loop. Shapes first, then units and axes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.messages import Override, Settings

from .cameras import Cameras
from .cameras.overscan import Window

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Report(Protocol):
    """``report(stage, step, steps)``: called often; may raise ``Cancelled`` to end the work between two steps."""

    def __call__(self, stage: str, step: int, steps: int, preview: Bytes | None = None) -> None:
        """``preview`` (t, h, w, 3): what every fourth frame of the chunk looks like so far, coarsely."""


class Cancelled(Exception):
    """The user asked to end this work."""


class Provenance(IntEnum):
    """Where a pixel comes from."""

    PICTURE = 0
    """Seen in the user's picture and carried along by the cache; a model may have revised it."""
    GENERATED = 1
    """Invented by a generative model."""
    FILLED = 2
    """A hole that was filled smoothly, without a model."""


WORTH = np.array([1.0, 0.6, 0.3], np.float32)
"""What it counts for to know a pixel, by its ``Provenance``; in the order of trust."""


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
    overrides: tuple[Override, ...] = ()
    """What differs in single chunks."""
    mask: NDArray[np.bool_] | None = None
    """(f, H, W): what of the pictures must not become part of the world."""
    sky: NDArray[np.bool_] | None = None
    """(f, H, W): what of them is infinitely far away, whatever an estimate says; ``depth`` says it already. Carried on
    beyond what they fill."""
    known: NDArray[np.bool_] | None = None
    """(H, W): what of their frames the pictures fill; the rest is their edge carried on. None: all."""
    window: Window | None = None
    """What of a frame was asked for; the rest is overscan. None: all."""


@dataclass(frozen=True)
class View:
    """A frame that is known: what geometry and cache see of it."""

    index: int
    """Position in the path."""
    rgb: Bytes
    """(H, W, 3), display-referred."""
    depth: Floats | None
    """(H, W), planar, world units; inf is sky, NaN is not known. None where all of it has to be estimated."""
    provenance: Bytes
    """(H, W) of ``Provenance``."""
    left_out: NDArray[np.bool_] | None = None
    """(H, W): what must not become part of the world; None where all may."""
    known: NDArray[np.bool_] | None = None
    """(H, W): what is known of it; the rest is yet to be made. None: all."""


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
    confidence: Floats
    """(n, H, W) in [0, 1]: how sure the cache is of a valid pixel; 0 where not valid."""


@dataclass(frozen=True)
class Prompt:
    """What a chunk should look like, in words."""

    text: str = ""
    negative: str = ""


@dataclass(frozen=True)
class NoiseMap:
    """ST-Diff's noise levels before the first step, one per token (paper equation 9).

    A token covers 16 x 16 pixels of four frames (of one frame in the first row of T').
    """

    start: Floats
    """(T', H/16, W/16): the sigma that each token starts from, 0 to 1; 0 is frozen."""
    valid: NDArray[np.bool_]
    """(T', H/16, W/16): which tokens carry a warped prior, context among them."""


@dataclass(frozen=True)
class Filled:
    """The frames that a profile made of the priors, n of them."""

    frames: Bytes
    """(n, H, W, 3), display-referred."""
    provenance: Bytes
    """(n, H, W) of ``Provenance``."""
    depth: Floats | None = None
    """(n, H, W), planar, world units; inf is sky. None: to be estimated from the frames."""
    known: NDArray[np.bool_] | None = None
    """(n, H, W): what carries on what the priors show; the rest is invented. None: all that is valid in the priors."""
    noise: NoiseMap | None = None
    """What the frames were made from; None where no noise was."""
    figure: Bytes | None = None
    """(h, w, 3): the noise levels over the steps, drawn (paper figure 9)."""
    meta: dict[str, float | str] = field(default_factory=dict)
    """Numbers by name: ``seam_psnr``, ``colour_shift``, ``sharpness``, ..."""


@dataclass(frozen=True)
class Chunk:
    """A planned piece of the path: frames [start, stop) of those that are generated (``settings.every``), the first
    ``context`` of which are fixed already."""

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
class Solved:
    """The cameras of n frames as they were found."""

    camera_to_world: NDArray[np.float64]
    """(n, 4, 4), OpenCV axes, Blender's world."""
    residual_requested: NDArray[np.float64]
    """(n,): median distance in pixels of the known points from where the requested camera sees them; NaN: none seen."""
    residual_solved: NDArray[np.float64]
    """(n,): the same points under the solved camera."""
    inliers: NDArray[np.int64]
    """(n,): how many points that is; 0 where a frame says nothing of its camera."""
    kept: NDArray[np.bool_]
    """(n,): the requested camera stays, since it fits as well or the frame says nothing of its camera; in the latter
    case it goes along with solved neighbours within a few frames, so that nothing jumps between them."""


@dataclass(frozen=True)
class ChunkResult:
    """What one chunk contributes: its new frames [first_new, stop), m of them."""

    frames: Bytes
    """(m, H, W, 3), display-referred."""
    provenance: Bytes
    """(m, H, W) of ``Provenance``."""
    depth: Floats
    """(m, H, W), planar, world units; inf is sky, NaN is not known: what was left out."""
    priors: Bytes
    """(m, H, W, 3): the priors the frames were made from, black where nothing was known."""
    holes: NDArray[np.bool_]
    """(m, H, W): where nothing was known, or what was known was not used."""
    meta: dict[str, float | str]
    """Numbers by name: ``coverage``, ``gaussians``, ``psnr_cache``, ``seconds_<stage>``, ``peak_bytes``, ..."""
    noise: NoiseMap | None = None
    """As in ``Filled``."""
    figure: Bytes | None = None
    """As in ``Filled``."""
    solved: Solved | None = None
    """The cameras that the new frames were taken from; None where they are those that were asked for."""
