"""What a made place consists of: solids with materials, lights and a sky. World Z is up; metres."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""Linear red, green and blue: an albedo, or light."""

Point = tuple[float, float, float]


class Form(IntEnum):
    """A solid of half size 1, before it is stretched, turned about Z and moved."""

    BOX = 0
    CYLINDER = 1
    """Upright, with caps."""
    SPHERE = 2


class Pattern(IntEnum):
    """How a material varies over a surface; see ``textures``."""

    PLASTER = 0
    PLANKS = 1
    BRICKS = 2
    TILES = 3
    CHECKS = 4
    STRIPES = 5
    GRAIN = 6
    PICTURE = 7
    BOOKS = 8
    LEAVES = 9
    RUG = 10
    GLOW = 11
    """Shines by itself, and casts no shadow."""


@dataclass(frozen=True)
class Material:
    """Two colours and how they are laid out."""

    pattern: Pattern
    first: Colour
    second: Colour
    scale: float = 1.0
    """Metres that the pattern repeats over."""
    seed: int = 0


@dataclass(frozen=True)
class Solid:
    """A form in its place."""

    form: Form
    centre: Point
    half: Point
    """Half its size along its own axes."""
    material: Material
    yaw: float = 0.0
    """Radians that it is turned by about Z."""


Thing = tuple[Solid, ...]
"""Solids that belong together, such as a table; nearer to each other than to the rest."""


@dataclass(frozen=True)
class Light:
    """A lamp, a window or the sun."""

    position: Point
    """Where it is; of the sun, the direction to it."""
    colour: Colour
    """Irradiance at a distance of one metre; of the sun, anywhere."""
    radius: float = 0.0
    """Metres within which it grows no brighter. 0 is the sun."""
    facing: Point = (0.0, 0.0, 0.0)
    """The direction in which a window shines; zero shines everywhere."""


@dataclass(frozen=True)
class Sky:
    """What is seen where nothing is hit."""

    zenith: Colour
    horizon: Colour
    ground: Colour
    seed: int


@dataclass(frozen=True)
class Scene:
    """A place."""

    kind: str
    """"room", "suite", "corridor" or "courtyard"."""
    things: tuple[Thing, ...]
    lights: tuple[Light, ...]
    sky: Sky
    ambient: tuple[Colour, Colour]
    """Light from above and from below that reaches every open surface."""
    walkable: tuple[tuple[float, float, float, float], ...]
    """Rectangles (x0, y0, x1, y1) of floor at height 0 that a camera may stand on; those of one place touch."""
    exposure: float = 1.0


def box(low: Iterable[float], high: Iterable[float], material: Material) -> Solid:
    """The upright box between two corners."""
    a, b = np.array(tuple(low), float), np.array(tuple(high), float)
    return Solid(Form.BOX, _point((a + b) / 2), _point((b - a) / 2), material)


def cylinder(x: float, y: float, low: float, high: float, radius: float, material: Material) -> Solid:
    """An upright cylinder."""
    return Solid(Form.CYLINDER, (x, y, (low + high) / 2), (radius, radius, (high - low) / 2), material)


def sphere(x: float, y: float, z: float, radius: float, material: Material) -> Solid:
    """A ball."""
    return Solid(Form.SPHERE, (x, y, z), (radius, radius, radius), material)


def placed(thing: Thing, x: float, y: float, yaw: float, z: float = 0.0) -> Thing:
    """``thing``, made around the origin, turned and then moved."""
    c, s = np.cos(yaw), np.sin(yaw)
    return tuple(
        replace(
            solid,
            centre=(
                float(c * solid.centre[0] - s * solid.centre[1] + x),
                float(s * solid.centre[0] + c * solid.centre[1] + y),
                solid.centre[2] + z,
            ),
            yaw=solid.yaw + yaw,
        )
        for solid in thing
    )


def bounds(thing: Thing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest corner (3,) of a thing."""
    centre = np.array([solid.centre for solid in thing])
    half = np.array([solid.half for solid in thing])
    c, s = (np.abs(f([solid.yaw for solid in thing])) for f in (np.cos, np.sin))
    reach = np.stack([c * half[:, 0] + s * half[:, 1], s * half[:, 0] + c * half[:, 1], half[:, 2]], 1)
    return (centre - reach).min(0), (centre + reach).max(0)


def _point(xyz: NDArray[np.float64]) -> Point:
    return float(xyz[0]), float(xyz[1]), float(xyz[2])
