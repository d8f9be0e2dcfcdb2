"""Walls with openings, windows, doors and roofs of made places. Metres."""

from dataclasses import dataclass

from .palettes import Palette
from .solids import Light, Material, Pattern, Solid, Thing, box, cylinder, sphere

THICK = 0.12
"""Half of a wall's thickness, in metres."""


@dataclass(frozen=True)
class Opening:
    """A hole in a wall, in metres along it and up; one that starts at 0 can be walked through."""

    start: float
    end: float
    low: float
    high: float
    pane: bool = False
    """Whether it has a frame and bars."""


@dataclass(frozen=True)
class Wall:
    """A wall along X (``axis`` 0) or Y (1), at ``at`` on the other axis, from ``start`` to ``end``."""

    axis: int
    at: float
    start: float
    end: float
    high: float
    openings: tuple[Opening, ...] = ()


def built(wall: Wall, p: Palette, outside: Material | None = None, *, skirting: bool = True) -> Thing:
    """The pieces of a wall around its openings, skirting, and frames."""
    pieces: list[Solid] = []
    here = wall.start - THICK
    for hole in (*sorted(wall.openings, key=lambda o: o.start), None):
        until = wall.end + THICK if hole is None else hole.start
        pieces += [_slab(wall, here, until, 0, wall.high, THICK, outside or p.wall)]
        if skirting:
            pieces += [_slab(wall, here, until, 0, 0.1, THICK + 0.02, p.trim)]
        if hole is not None:
            pieces += _around(wall, hole, p, outside or p.wall)
            here = hole.end
    return tuple(pieces)


def window_light(wall: Wall, hole: Opening, inward: float, colour: tuple[float, float, float]) -> tuple[Light, ...]:
    """The light that a window brings in, from two places of it; ``inward`` is the sign of the way into the room."""
    area = (hole.end - hole.start) * (hole.high - hole.low)
    facing = (0.0, inward, 0.0) if wall.axis == 0 else (inward, 0.0, 0.0)
    lights = []
    for share in (0.25, 0.75):
        along, across = hole.start + share * (hole.end - hole.start), wall.at + inward * (THICK + 0.05)
        x, y = (along, across) if wall.axis == 0 else (across, along)
        red, green, blue = (c * area / 2 for c in colour)
        lights.append(Light((x, y, (hole.low + hole.high) / 2), (red, green, blue), area**0.5 / 2, facing))
    return tuple(lights)


def shut_door(wall: Wall, start: float, inward: float, p: Palette) -> Thing:
    """A closed door with a frame and a knob, on a wall."""
    face = THICK * inward

    def slab(a: float, b: float, low: float, high: float, depth: float, material: Material) -> Solid:
        return _slab(wall, a, b, low, high, depth, material, wall.at + face)

    end = start + 0.9
    panels = [slab(start + 0.14, end - 0.14, low, high, 0.045, p.wood) for low, high in ((0.15, 0.95), (1.1, 1.9))]
    jambs = [slab(a, b, 0, 2.12, 0.06, p.trim) for a, b in ((start - 0.08, start), (end, end + 0.08))]
    knob = slab(end - 0.11, end - 0.05, 1.0, 1.06, 0.09, p.metal)
    return (slab(start, end, 0, 2.05, 0.03, p.wood), *panels, *jambs, slab(start, end, 2.04, 2.12, 0.06, p.trim), knob)


def picture(wall: Wall, centre: float, inward: float, size: tuple[float, float], p: Palette, art: Material) -> Thing:
    """A painting in a frame; ``size`` is half its width and height."""
    wide, high = size
    face, low, top = wall.at + THICK * inward, 1.5 - high, 1.5 + high
    frame = _slab(wall, centre - wide - 0.05, centre + wide + 0.05, low - 0.05, top + 0.05, 0.025, p.dark, face)
    return frame, _slab(wall, centre - wide, centre + wide, low, top, 0.035, art, face)


def _around(wall: Wall, hole: Opening, p: Palette, material: Material) -> list[Solid]:
    """What is below and above an opening, and its frame."""
    pieces = [_slab(wall, hole.start, hole.end, hole.high, wall.high, THICK, material)]
    if hole.low > 0:
        pieces += [_slab(wall, hole.start, hole.end, 0, hole.low, THICK, material)]
        pieces += [_slab(wall, hole.start - 0.06, hole.end + 0.06, hole.low - 0.04, hole.low, THICK + 0.06, p.trim)]
    sides = [(hole.start, hole.start + 0.06), (hole.end - 0.06, hole.end)]
    deep = 0.04 if hole.pane else THICK + 0.025
    pieces += [_slab(wall, a, b, hole.low, hole.high, deep, p.trim) for a, b in sides]
    pieces += [_slab(wall, hole.start, hole.end, hole.high - 0.06, hole.high, deep, p.trim)]
    if hole.pane:
        middle, height = (hole.start + hole.end) / 2, (hole.low + hole.high) / 2
        pieces += [_slab(wall, middle - 0.025, middle + 0.025, hole.low, hole.high, 0.03, p.trim)]
        pieces += [_slab(wall, hole.start, hole.end, height - 0.025, height + 0.025, 0.03, p.trim)]
    return pieces


def _slab(
    wall: Wall,
    start: float,
    end: float,
    low: float,
    high: float,
    half: float,
    material: Material,
    at: float | None = None,
) -> Solid:
    """A box along a wall, ``half`` thick to both sides of ``at``."""
    middle = wall.at if at is None else at
    if wall.axis == 0:
        return box((start, middle - half, low), (end, middle + half, high), material)
    return box((middle - half, start, low), (middle + half, end, high), material)


def ceiling_lamp(
    x: float, y: float, high: float, colour: tuple[float, float, float], p: Palette
) -> tuple[Thing, Light]:
    """A shining bowl that hangs from the ceiling."""
    glow = Material(Pattern.GLOW, (1.6, 1.4, 1.1), (1, 1, 1))
    return (cylinder(x, y, high - 0.35, high, 0.012, p.dark), sphere(x, y, high - 0.42, 0.13, glow)), Light(
        (x, y, high - 0.42), colour, 0.5
    )
