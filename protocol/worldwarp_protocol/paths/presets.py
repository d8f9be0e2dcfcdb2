"""Moves that camera operators have names for, and a camera that is moved by them.

A *motion* is an array (n, 10), one row for each frame after the start, one column for each of ``PARTS``: how far the
camera has gone and turned since the start. Moves at the same time add up, in any order: the camera stands on a rig that
travels along the axes it started with, on which it pans about the world's up, tilts about its own x and rolls about
its own axis. The whole rig turns about the target where it orbits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .cameras import Array, Cameras
from .rotations import from_vectors

PARTS = ("right", "forward", "up", "level_right", "ahead", "pan", "tilt", "roll", "zoom", "orbit")
"""Columns of a motion. World units: along the camera's x, its axis, the world's up, and level to the right and ahead
(the camera's axis without its slope). Radians: to the left, up, clockwise as the camera sees it, and
counter-clockwise from above about the target. ``zoom`` is the logarithm of the factor on the focal lengths."""

TRAVEL = 5
"""The first of ``PARTS`` are distances."""

EASINGS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda s: s,
    "ease": lambda s: s * s * (3 - 2 * s),
    "ease_in": lambda s: s * s,
    "ease_out": lambda s: s * (2 - s),
}
"""From the share of the time to the share of the way: at one speed; slowly at both ends, at the start, at the end."""

Curve = Callable[[float, Array], dict[str, Array]]
"""``curve(amount, share of the way (n,))``: the parts that move."""

DEGREE = float(np.pi / 180)


@dataclass(frozen=True)
class Preset:
    """A move with a name."""

    unit: str
    """Of its amount: m (world units), deg or x (factor on the focal length)."""
    text: str
    """What it does, for people."""
    curve: Curve
    seconds: float = 2.0
    """How long it takes where nobody says."""

    @property
    def travels(self) -> bool:
        """Whether the camera changes its place, so that it can keep looking at a target."""
        return self.unit == "m"


def _steady(whole: dict[str, float] | None = None, **rates: float) -> Curve:
    """Parts that grow with the way: by ``rates`` for each unit of the amount, by ``whole`` for all of the move."""

    def curve(amount: float, s: Array) -> dict[str, Array]:
        parts = {part: rate * amount * s for part, rate in rates.items()}
        return parts | {part: np.sign(amount) * total * s for part, total in (whole or {}).items()}

    return curve


def _zoom(sign: int) -> Curve:
    return lambda amount, s: {"zoom": sign * np.log(amount) * s}


def _circle(sign: int) -> Curve:
    """Once around; ``sign`` 1 turns left. The tangent is the way the camera looked along at the start."""

    def curve(radius: float, s: Array) -> dict[str, Array]:
        side, angle = sign * np.sign(radius), 2 * np.pi * s
        away, along = abs(radius) * (1 - np.cos(angle)), abs(radius) * np.sin(angle)
        return {"level_right": -side * away, "ahead": along, "pan": side * angle}

    return curve


def _float(amount: float, s: Array) -> dict[str, Array]:
    """A closed figure of two slow waves, without noise."""
    angle = 2 * np.pi * s
    return {
        "right": amount * np.sin(angle),
        "up": amount * np.sin(2 * angle) / 4,
        "forward": amount * (1 - np.cos(angle)) / 4,
    }


PRESETS = {
    "dolly_in": Preset("m", "along the camera's axis", _steady(forward=1)),
    "dolly_out": Preset("m", "back along the camera's axis", _steady(forward=-1)),
    "truck_left": Preset("m", "to the camera's left", _steady(right=-1)),
    "truck_right": Preset("m", "to the camera's right", _steady(right=1)),
    "pedestal_up": Preset("m", "up in the world", _steady(up=1)),
    "pedestal_down": Preset("m", "down in the world", _steady(up=-1)),
    "pan_left": Preset("deg", "turn left about the world's up", _steady(pan=DEGREE)),
    "pan_right": Preset("deg", "turn right about the world's up", _steady(pan=-DEGREE)),
    "tilt_up": Preset("deg", "look up", _steady(tilt=DEGREE)),
    "tilt_down": Preset("deg", "look down", _steady(tilt=-DEGREE)),
    "roll_cw": Preset("deg", "turn the camera clockwise, as it sees", _steady(roll=DEGREE)),
    "roll_ccw": Preset("deg", "turn the camera counter-clockwise", _steady(roll=-DEGREE)),
    "crane_up": Preset("m", "up, tilting down by 15 deg", _steady({"tilt": -15 * DEGREE}, up=1)),
    "crane_down": Preset("m", "down, tilting up by 15 deg", _steady({"tilt": 15 * DEGREE}, up=-1)),
    "tracking": Preset("m", "to the right, looking at a target or ahead", _steady(right=1)),
    "tracking_left": Preset("m", "to the left, looking at a target or ahead", _steady(right=-1)),
    "reveal": Preset("m", "to the right, turning right by 20 deg", _steady({"pan": -20 * DEGREE}, right=1)),
    "establishing": Preset(
        "m", "back, up by half of it, tilting down by 10 deg", _steady({"tilt": -10 * DEGREE}, forward=-1, up=0.5), 4.0
    ),
    "hero": Preset(
        "m", "in, down by a quarter of it, tilting up by 10 deg", _steady({"tilt": 10 * DEGREE}, forward=1, up=-0.25)
    ),
    "float": Preset("m", "a gentle drift that far to both sides, and back", _float, 4.0),
    "circle": Preset("m", "once around a circle of that radius on the left, looking ahead", _circle(1), 8.0),
    "circle_right": Preset("m", "once around a circle of that radius on the right, looking ahead", _circle(-1), 8.0),
    "zoom_in": Preset("x", "longer focal length; the camera stays", _zoom(1)),
    "zoom_out": Preset("x", "shorter focal length; the camera stays", _zoom(-1)),
    "orbit": Preset("deg", "around a target to the right, at its distance", _steady(orbit=DEGREE)),
    "orbit_left": Preset("deg", "around a target to the left, at its distance", _steady(orbit=-DEGREE)),
}
"""By name."""


def motion(name: str, amount: float, frames: int, easing: str = "linear") -> Array:
    """The motion (frames, 10) of one preset; its last row has gone the whole way.

    Args:
        name: of ``PRESETS``.
        amount: in the preset's unit; below zero it goes the other way (not for x, which is above zero).
        frames: that it takes.
        easing: of ``EASINGS``.
    """
    way = EASINGS[easing](np.arange(1, frames + 1) / frames)
    result = np.zeros((frames, len(PARTS)))
    for part, values in PRESETS[name].curve(amount, way).items():
        result[:, PARTS.index(part)] = values
    return result


def place(start: Cameras, motion: Array, target: Array | None = None, look_at_it: bool = False) -> Cameras:
    """The cameras that ``motion`` (n, 10) takes a camera to, without the start itself.

    Args:
        start: a path; the last of its cameras is moved.
        motion: of all moves at the same time, added up.
        target: (3,) in the world; what is orbited and looked at.
        look_at_it: the target keeps its pixel, less what the motion pans, tilts, rolls and zooms; the horizon
            stays level where the target is on the camera's axis.
    """
    old, R = start.centres[-1], start.camera_to_world[-1, :3, :3]
    pan, tilt, roll, zoom, orbit = motion[:, TRAVEL:].T
    turned = _about(2, orbit)
    centres = old + motion[:, :TRAVEL] @ _axes(R)
    if target is not None:
        centres = target + np.einsum("nij,nj->ni", turned, centres - target)
    poses = np.tile(np.eye(4), (len(motion), 1, 1))
    poses[:, :3, 3] = centres
    poses[:, :3, :3] = _about(2, pan + orbit) @ R @ _about(0, tilt) @ _about(2, roll)
    if target is not None and look_at_it:
        poses[:, :3, :3] = _aim(turned @ (target - old), target - centres) @ poses[:, :3, :3]
    K = np.repeat(start.K[-1:], len(motion), axis=0)
    K[:, [0, 1], [0, 1]] *= np.exp(zoom)[:, None]
    return replace(start, K=K, camera_to_world=poses, frame=start.frame[-1] + np.arange(1, len(motion) + 1))


def _axes(R: Array) -> Array:
    """(5, 3): the world's directions of the distances among ``PARTS``."""
    ahead = R[:2, 2] if np.hypot(*R[:2, 2]) > 1e-6 else -R[:2, 1]  # looking straight down or up: along the picture's up
    x, y = ahead / np.linalg.norm(ahead)
    return np.array([R[:, 0], R[:, 2], [0, 0, 1], [y, -x, 0], [x, y, 0]])


def _about(axis: int, angles: Array) -> Array:
    """(n, 3, 3): turns by angles (n,) about one of the axes."""
    return from_vectors(angles[:, None] * np.eye(3)[axis])


def _aim(old: Array, new: Array) -> Array:
    """(n, 3, 3): turns from directions (n, 3) to others, first about the world's up, then up or down."""
    azimuth = np.arctan2(new[:, 1], new[:, 0])
    pan = azimuth - np.arctan2(old[:, 1], old[:, 0])
    raised = _elevation(new) - _elevation(old)
    right = np.stack([np.sin(azimuth), -np.cos(azimuth), np.zeros_like(azimuth)], axis=1)
    return np.asarray(from_vectors(raised[:, None] * right) @ _about(2, pan))


def _elevation(directions: Array) -> Array:
    return np.asarray(np.arctan2(directions[:, 2], np.hypot(directions[:, 0], directions[:, 1])))
