"""The floor plan of a made place: what stands where, and what is free."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from . import furniture
from .buildings import THICK, Wall, ceiling_lamp, picture
from .palettes import Palette, colour, of_hue
from .solids import Light, Material, Pattern, Thing, bounds, box, placed

GAP = 0.12
"""Metres kept between things on the floor."""

Rectangle = tuple[float, float, float, float]

Make = Callable[[Generator, Palette], Thing]


@dataclass
class Site:
    """A place while it is being built."""

    rng: Generator
    palette: Palette
    things: list[Thing] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    taken: list[Rectangle] = field(default_factory=list)
    """Floor that is stood on or kept free."""


def furnish(site: Site, floor: Rectangle, walls: list[Wall]) -> None:
    """Large things against the walls, a rug and a table with chairs, and small things in between."""
    rng, p = site.rng, site.palette
    x0, y0, x1, y1 = floor
    big = [furniture.shelf, furniture.cabinet, furniture.sofa, furniture.bed, furniture.shelf]
    for make in some(rng, big, int(rng.integers(2, 4))):
        find_room(site, make, floor, walls[int(rng.integers(4))])
    x, y = rng.uniform(x0 + 1.4, x1 - 1.4), rng.uniform(y0 + 1.4, y1 - 1.4)
    if rng.random() < 0.7:
        w, d = rng.uniform(0.8, 1.3), rng.uniform(0.8, 1.3)
        rug = Material(Pattern.RUG, p.cloth.first, p.accent.first)
        site.things.append(
            (
                box(
                    (max(x - w, x0 + 0.2), max(y - d, y0 + 0.2), 0),
                    (min(x + w, x1 - 0.2), min(y + d, y1 - 0.2), 0.012),
                    rug,
                ),
            )
        )
    if rng.random() < 0.8 and stand(site, furniture.table(rng, p), x, y, rng.uniform(-0.2, 0.2), floor):
        for side in rng.permutation(4)[: int(rng.integers(1, 4))]:
            angle = side * np.pi / 2
            far = 1.05 if side % 2 == 0 else 0.75
            chair = furniture.chair(rng, p)
            stand(
                site,
                chair,
                x + far * np.cos(angle),
                y + far * np.sin(angle),
                angle + np.pi / 2 + rng.uniform(-0.3, 0.3),
                floor,
            )
    small = [furniture.plant, furniture.crates, furniture.chair, furniture.plinth, furniture.steps]
    for make in some(rng, small, int(rng.integers(2, 5))):
        find_room(site, make, floor, None)


def lamps(site: Site, floor: Rectangle, high: float) -> None:
    """A lamp on the ceiling, a standing one, or none."""
    rng, (x0, y0, x1, y1) = site.rng, floor
    warm = of_hue(rng.uniform(0.07, 0.12), rng.uniform(0.15, 0.45), 1)
    if rng.random() < 0.75:
        strength = rng.uniform(1.5, 3.5)
        lamp, light = ceiling_lamp(
            (x0 + x1) / 2,
            (y0 + y1) / 2,
            high,
            (strength * warm[0], strength * warm[1], strength * warm[2]),
            site.palette,
        )
        site.things.append(lamp)
        site.lights.append(light)
    if rng.random() < 0.5:
        thing = furniture.standing_lamp(rng, site.palette)
        for _ in range(10):
            x, y = rng.uniform(x0 + 0.4, x1 - 0.4), rng.uniform(y0 + 0.4, y1 - 0.4)
            if stand(site, thing, x, y, 0, floor):
                site.lights.append(
                    Light((x, y, thing[2].centre[2]), (1.3 * warm[0], 1.3 * warm[1], 1.3 * warm[2]), 0.35)
                )
                break


def find_room(site: Site, make: Make, floor: Rectangle, wall: Wall | None) -> None:
    """Stand a thing somewhere where there is room for it: against ``wall``, or anywhere."""
    rng, thing = site.rng, make(site.rng, site.palette)
    x0, y0, x1, y1 = floor
    low, high = bounds(thing)
    along = 0.0
    for _ in range(12):
        if wall is None:
            x, y, yaw = rng.uniform(x0, x1), rng.uniform(y0, y1), rng.uniform(-np.pi, np.pi)
        else:
            along, back = rng.uniform(wall.start + high[0], wall.end + low[0]), THICK + 0.03 - low[1]
            if wall.axis == 0:
                inward = 1 if wall.at < (y0 + y1) / 2 else -1
                x, y, yaw = along, wall.at + inward * back, 0.0 if inward > 0 else np.pi
            else:
                inward = 1 if wall.at < (x0 + x1) / 2 else -1
                x, y, yaw = wall.at + inward * back, along, -inward * np.pi / 2
        hidden = wall is not None and any(
            o.low < high[2] and o.start < along + 1 and o.end > along - 1 for o in wall.openings
        )
        if not hidden and stand(site, thing, float(x), float(y), float(yaw), floor):
            return


def stand(site: Site, thing: Thing, x: float, y: float, yaw: float, floor: Rectangle) -> bool:
    """Put a thing on the floor if nothing is there."""
    moved = placed(thing, float(x), float(y), float(yaw))
    (ax, ay, _), (bx, by, _) = bounds(moved)
    inside = ax > floor[0] + THICK and ay > floor[1] + THICK and bx < floor[2] - THICK and by < floor[3] - THICK
    here = ax - GAP, ay - GAP, bx + GAP, by + GAP
    if not inside or any(here[0] < c and here[2] > a and here[1] < d and here[3] > b for a, b, c, d in site.taken):
        return False
    site.taken.append((float(ax), float(ay), float(bx), float(by)))
    site.things.append(moved)
    return True


def some(rng: Generator, makers: Sequence[Make], count: int) -> list[Make]:
    return [makers[i] for i in rng.integers(len(makers), size=count)]


def art(site: Site, wall: Wall, middle: float, inward: float) -> Thing:
    rng = site.rng
    art = Material(Pattern.PICTURE, colour(rng, 0.8), colour(rng, 0.8), 1, int(rng.integers(1 << 16)))
    return picture(wall, middle, inward, (rng.uniform(0.25, 0.6), rng.uniform(0.22, 0.42)), site.palette, art)


def before(wall: Wall, start: float, end: float, deep: float, inward: float) -> Rectangle:
    """The floor before a part of a wall."""
    low, high = sorted((wall.at, wall.at + inward * deep))
    return (start, low, end, high) if wall.axis == 0 else (low, start, high, end)
