"""Health of a path before it is paid for: what the picture shows of each frame, and how fast the camera moves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..nouns import Floats
from .cameras import Array, Cameras
from .checks import passed_through
from .parallax import FAST_TURN, parallax, rotation
from .reach import reach
from .sizes import Framing, frame_cameras, resample_depth

WIDTH = 240
"""Pixels of a frame's longer side as it is looked at: shares known are right to 1 %."""

LITTLE = 0.5
"""Less than this share known: most of the frame is invented."""

OUTSIDE = 0.05
"""Less than this share known: the path has left the picture."""

FAST_PARALLAX = 0.04
"""Of the picture's width, from frame to frame: at 24 frames a second what is near crosses the picture in a second."""


AT_ONCE = 256
"""Frames that are looked at together: 40 MB."""


@dataclass(frozen=True)
class Health:
    """A path of n frames, frame by frame. Motion is that since the frame before; of the first it is 0."""

    frame: NDArray[np.int64]
    """(n,), numbers in the user's timeline."""
    known: Array
    """(n,): share of the frame that the picture shows, with what is hidden from it taken away."""
    rotation: Array
    """(n,), degrees."""
    parallax: Array
    """(n,): the median motion in the image that is due to the camera's travel, not its turn; pixels of the picture."""
    parallax_most: Array
    """(n,): what 95 % of the image stay below."""
    outside: NDArray[np.bool_]
    """(n,): hardly anything of the picture is in view."""
    through: NDArray[np.bool_]
    """(n,): the camera passes through a surface that the picture shows."""
    width: int
    """Of the picture, in pixels."""

    @property
    def worst(self) -> int:
        """Position in the path of the frame that is known least."""
        return int(np.argmin(self.known))


def health(depth: Floats, cameras: Cameras) -> Health:
    """What a path through the scene that ``depth`` (H, W) shows from camera 0 will see.

    ``depth`` has the cameras' own size; planar, inf is sky, NaN is left out.
    """
    small, path = shrunk(depth, cameras, WIDTH)
    known = _known(small, path)
    median, most = cameras.width / path.width * parallax(small, path, (0.5, 0.95))
    return Health(
        cameras.frame,
        known,
        rotation(cameras),
        median,
        most,
        known < OUTSIDE,
        passed_through(depth, cameras),
        cameras.width,
    )


def sentences(health: Health) -> list[str]:
    """What a user should know and do about a path, in the frame numbers of the user's timeline."""
    little = (health.known < LITTLE) & ~health.outside
    fast = health.rotation > FAST_TURN
    near = health.parallax_most > FAST_PARALLAX * health.width
    said = [
        _said(
            health,
            health.through,
            "the camera passes through a surface that the picture shows; what lies behind it will be invented: "
            "lead the path around it.",
        ),
        _said(
            health,
            health.outside,
            f"hardly anything of the picture is in view (less than {OUTSIDE:.0%}); turn back to it, "
            "or check that path and depth are in the same units.",
        ),
        _said(
            health,
            little,
            f"less than {LITTLE:.0%} of the view is known from the picture ({_least(health, little)}); "
            "the rest will be invented: move or turn less if that is not meant.",
        ),
        _said(
            health,
            fast,
            f"the camera turns by up to {_most(health.rotation, fast):.1f} degrees a frame; "
            f"take more frames, so that it stays below {FAST_TURN:g}.",
        ),
        _said(
            health,
            near,
            f"what is near moves by up to {_most(health.parallax_most, near):.0f} pixels a frame; take more frames, "
            f"or keep further away, so that it stays below {FAST_PARALLAX * health.width:.0f}.",
        ),
    ]
    return [sentence for sentence in said if sentence]


def ranges(frame: NDArray[np.int64], where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last frame number of each run of frames ``where`` (n,) something holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    return [(int(frame[a]), int(frame[b - 1])) for a, b in edges.reshape(-1, 2)]


def shrunk(depth: Floats, cameras: Cameras, longest: int) -> tuple[Floats, Cameras]:
    """Depth and cameras with a longer side of ``longest`` pixels; as they are where they are no larger."""
    framing = small(cameras, longest)
    return resample_depth(depth, framing), frame_cameras(cameras, framing)


def small(cameras: Cameras, longest: int) -> Framing:
    """How the cameras' picture is brought to a longer side of ``longest`` pixels, if it is larger."""
    scale = min(1.0, longest / max(cameras.width, cameras.height))
    width, height = (max(1, round(side * scale)) for side in (cameras.width, cameras.height))
    return Framing(width, height, scale, 0.0, 0.0)


def _known(depth: Floats, cameras: Cameras) -> Array:
    """(n,): some frames at a time, as a path may have ten thousand."""
    parts = [range(first, min(first + AT_ONCE, len(cameras))) for first in range(0, len(cameras), AT_ONCE)]
    size = cameras.width, cameras.height
    return np.concatenate([(reach(depth, cameras[[0, *part]], size)[1:] >= 0).mean(axis=(1, 2)) for part in parts])


def _said(health: Health, where: NDArray[np.bool_], text: str) -> str:
    runs = [f"{a}" if a == b else f"{a} to {b}" for a, b in ranges(health.frame, where)]
    if not runs:
        return ""
    if len(runs) > 3:
        runs = [*runs[:3], f"{len(runs) - 3} more stretches"]
    return f"Frame{'s' * (int(where.sum()) > 1)} {', '.join(runs)}: {text}"


def _least(health: Health, where: NDArray[np.bool_]) -> str:
    i = int(np.argmin(np.where(where, health.known, np.inf)))
    return f"{health.known[i]:.0%} at frame {health.frame[i]}"


def _most(values: Array, where: NDArray[np.bool_]) -> float:
    return float(values[where].max(initial=0.0))
