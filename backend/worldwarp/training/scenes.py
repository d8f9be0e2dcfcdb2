"""Made places: rooms, suites of two rooms, corridors and courtyards, all from a seed. World Z is up; metres."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.random import Generator

from . import furniture
from .buildings import THICK, Opening, Wall, built, ceiling_lamp, shut_door, window_light
from .palettes import colour, of_hue, palette
from .sites import Rectangle, Site, art, before, find_room, furnish, lamps, some, stand
from .solids import Light, Material, Pattern, Scene, Sky, box, placed

__all__ = ["Scene", "scene"]


def scene(seed: int) -> Scene:
    """The place of a seed: the same one always, and no two alike."""
    rng = np.random.default_rng([seed, 0])
    kind = str(rng.choice(list(_KINDS), p=[0.4, 0.2, 0.17, 0.23]))
    return _KINDS[kind](rng)


def _room(rng: Generator) -> Scene:
    site = Site(rng, palette(rng))
    wide, deep, high = rng.uniform(4, 7), rng.uniform(4, 7), rng.uniform(2.5, 3.2)
    walls = _rectangle((0, 0, wide, deep), high)
    sunny = rng.random() < 0.6
    _enclose(site, walls, range(4), high, windows=int(rng.integers(1, 4)))
    _slabs(site, (0, 0, wide, deep), high)
    furnish(site, (0, 0, wide, deep), walls)
    lamps(site, (0, 0, wide, deep), high)
    return _finish(site, "room", ((0, 0, wide, deep),), sunny)


def _suite(rng: Generator) -> Scene:
    """Two rooms with a wide opening between them."""
    site = Site(rng, palette(rng))
    wide, deep, high, other = rng.uniform(3.6, 5.5), rng.uniform(3.6, 5.5), rng.uniform(2.5, 3.1), rng.uniform(3, 5)
    gap = rng.uniform(1.0, 2.2)
    start = rng.uniform(0.5, deep - gap - 0.5)
    door = Opening(start, start + gap, 0, 2.15)
    near, far = _rectangle((0, 0, wide, deep), high), _rectangle((wide, 0, wide + other, deep), high)
    between = Wall(1, wide, 0, deep, high, (door,))
    site.things.append(built(between, site.palette))
    site.taken.append((wide - 1.1, start, wide + 1.1, start + gap))
    _enclose(site, near, (0, 2, 3), high, windows=int(rng.integers(1, 3)))
    second = Material(Pattern.PLASTER, colour(rng, 0.35), (0, 0, 0))
    _enclose(site, far, (0, 1, 2), high, windows=int(rng.integers(1, 3)), wall=second)
    _slabs(site, (0, 0, wide + other, deep), high)
    furnish(site, (0, 0, wide, deep), [near[0], between, near[2], near[3]])
    furnish(site, (wide, 0, wide + other, deep), [far[0], far[1], far[2], between])
    lamps(site, (0, 0, wide, deep), high)
    lamps(site, (wide, 0, wide + other, deep), high)
    gate = (wide - 0.5, start + 0.2, wide + 0.5, start + gap - 0.2)
    return _finish(site, "suite", ((0, 0, wide, deep), (wide, 0, wide + other, deep), gate), rng.random() < 0.6)


def _corridor(rng: Generator) -> Scene:
    """Long, with windows and doors; sometimes columns."""
    site = Site(rng, palette(rng))
    p = site.palette
    wide, deep, high = rng.uniform(2, 3.4), rng.uniform(9, 15), rng.uniform(2.5, 3.4)
    floor = 0, 0, wide, deep
    walls = _rectangle(floor, high)
    count = int(deep / 2.6)
    pitch, low = deep / count, rng.choice([0.45, 0.9])
    holes = tuple(
        Opening(pitch * (i + 0.5) - 0.6, pitch * (i + 0.5) + 0.6, low, high - 0.4, True) for i in range(count)
    )
    walls[3] = Wall(1, 0, 0, deep, high, holes)
    day = _daylight(rng)
    for hole in holes[:: max(1, count // 2)]:
        site.lights += window_light(walls[3], hole, 1, day)[:1]
    site.things += [built(wall, p) for wall in walls]
    for i in range(count):
        at = pitch * (i + 0.5)
        if rng.random() < 0.6:
            site.things.append(shut_door(walls[1], at - 0.45, -1, p))
            site.taken.append((wide - 0.8, at - 0.6, wide, at + 0.6))
        else:
            site.things.append(art(site, walls[1], at, -1))
    if rng.random() < 0.5 and wide > 2.5:
        for i in range(1, count):
            for x in (0.35, wide - 0.35):
                stand(site, furniture.column(rng, p, high), x, pitch * i, 0, floor)
    _slabs(site, floor, high)
    site.things.append(shut_door(walls[2], wide / 2 - 0.45, -1, p))
    runner = Material(Pattern.RUG, p.cloth.first, p.accent.first)
    site.things.append((box((wide / 2 - 0.5, 0.8, 0), (wide / 2 + 0.5, deep - 0.8, 0.012), runner),))
    for make in some(rng, [furniture.plant, furniture.plinth, furniture.crates, furniture.cabinet, furniture.chair], 4):
        find_room(site, make, floor, walls[1])
    for y in np.arange(2.0, deep, 5.0):
        lamp, light = ceiling_lamp(wide / 2, float(y), high, (2.4, 2.0, 1.5), p)
        site.things.append(lamp)
        site.lights.append(light)
    return _finish(site, "corridor", (floor,), rng.random() < 0.7)


def _courtyard(rng: Generator) -> Scene:
    """Walls under the open sky, an arcade, trees, a fountain and steps."""
    site = Site(rng, palette(rng, outside=True))
    p = site.palette
    wide, deep, high = rng.uniform(7, 12), rng.uniform(7, 12), rng.uniform(2.6, 4.6)
    floor = 0, 0, wide, deep
    walls = _rectangle(floor, high)
    glass = Material(Pattern.PLASTER, (0.03, 0.05, 0.08), (0, 0, 0))
    for i, (wall, inward) in enumerate(zip(walls, (1, -1, -1, 1), strict=True)):
        length = wall.end - wall.start
        if i == 1 and rng.random() < 0.7:
            wall = Wall(
                wall.axis, wall.at, wall.start, wall.end, high, (Opening(length / 2 - 0.9, length / 2 + 0.9, 0, 2.4),)
            )
        elif high > 3.2:
            count = int(length / 2.4)
            middles = [length * (k + 0.5) / count for k in range(count)]
            holes = tuple(Opening(m - 0.45, m + 0.45, 1.1, 2.4, True) for m in middles)
            wall = Wall(wall.axis, wall.at, wall.start, wall.end, high, holes)
            behind = Wall(wall.axis, wall.at - inward * THICK * 2, wall.start, wall.end, high)
            site.things.append(built(behind, p, glass, skirting=False))
        elif rng.random() < 0.6:
            site.things.append(shut_door(wall, length / 2 - 0.45, inward, p))
        site.things.append(built(wall, p, skirting=False))
        cap = built(Wall(wall.axis, wall.at, wall.start, wall.end, 0.12), p, p.trim, skirting=False)
        site.things.append(placed(cap, 0, 0, 0, high))
    site.things.append(
        (
            box((-40, -40, -0.4), (wide + 40, deep + 40, -0.02), p.lawn),
            box((-0.1, -0.1, -0.3), (wide + 0.1, deep + 0.1, 0), p.floor),
        )
    )
    if rng.random() < 0.6:
        _arcade(site, wide, deep, min(high, 3.0))
    if rng.random() < 0.6:
        stand(site, furniture.fountain(rng, p), wide / 2, deep / 2, 0, floor)
    if rng.random() < 0.7:
        find_room(site, furniture.steps, floor, walls[int(rng.integers(3))])
    for make in some(
        rng,
        [
            furniture.tree,
            furniture.bench,
            furniture.plinth,
            furniture.crates,
            furniture.plant,
            furniture.tree,
            furniture.table,
        ],
        8,
    ):
        find_room(site, make, floor, walls[int(rng.integers(4))] if make is furniture.bench else None)
    return _finish(site, "courtyard", (floor,), sunny=True, open_air=True)


def _arcade(site: Site, wide: float, deep: float, high: float) -> None:
    """Columns along one side, and the roof that they carry."""
    p, reach = site.palette, 1.6
    count = int(deep / 2.2)
    for i in range(count + 1):
        shaft = furniture.column(site.rng, p, high - 0.3)
        stand(site, shaft, reach, 0.35 + (deep - 0.7) * i / count, 0, (0, 0, wide, deep))
    beam = box((reach - 0.2, 0, high - 0.3), (reach + 0.2, deep, high - 0.05), p.trim)
    site.things.append((beam, box((0, 0, high - 0.05), (reach + 0.35, deep, high + 0.1), p.dark)))


def _rectangle(floor: Rectangle, high: float) -> list[Wall]:
    """Four walls: at the least Y, the greatest X, the greatest Y and the least X."""
    x0, y0, x1, y1 = floor
    return [Wall(0, y0, x0, x1, high), Wall(1, x1, y0, y1, high), Wall(0, y1, x0, x1, high), Wall(1, x0, y0, y1, high)]


def _enclose(
    site: Site,
    walls: list[Wall],
    which: Iterable[int],
    high: float,
    *,
    windows: int,
    wall: Material | None = None,
) -> None:
    """Build walls, some with windows, one with a door, the others with pictures."""
    rng, p = site.rng, site.palette
    order = rng.permutation(list(which))
    day = _daylight(rng)
    for rank, i in enumerate(order):
        here, inward = walls[i], (1, -1, -1, 1)[i]
        middle = (here.start + here.end) / 2
        if rank < windows:
            half, low = rng.uniform(0.5, (here.end - here.start) * 0.32), rng.choice([0.35, 0.85, 0.95])
            hole = Opening(middle - half, middle + half, float(low), high - rng.uniform(0.3, 0.6), True)
            walls[i] = here = Wall(here.axis, here.at, here.start, here.end, high, (hole,))
            site.lights += window_light(here, hole, inward, day)
        else:
            if rank == len(order) - 1:
                at = rng.uniform(here.start + 0.4, middle - 1.0) if middle - here.start > 1.4 else here.start + 0.3
                site.things.append(shut_door(here, at, inward, p))
                site.taken.append(before(here, at, at + 0.9, 0.9, inward))
                middle += 0.6
            site.things.append(art(site, here, middle, inward))
        site.things.append(built(here, p, wall))


def _slabs(site: Site, floor: Rectangle, high: float) -> None:
    """Floor, ceiling and the ground outside."""
    x0, y0, x1, y1 = (v + s * THICK for v, s in zip(floor, (-1, -1, 1, 1), strict=True))
    p = site.palette
    site.things.append((box((x0, y0, -0.3), (x1, y1, 0), p.floor),))
    site.things.append((box((x0, y0, high), (x1, y1, high + 0.2), p.ceiling),))
    site.things.append((box((x0 - 40, y0 - 40, -0.8), (x1 + 40, y1 + 40, -0.5), p.lawn),))


def _daylight(rng: Generator) -> tuple[float, float, float]:
    strength = rng.uniform(1.6, 3.2)
    return strength * 0.85, strength * 0.95, strength * 1.1


def _finish(site: Site, kind: str, walkable: tuple[Rectangle, ...], sunny: bool, *, open_air: bool = False) -> Scene:
    """Sky, sun and the light from all around."""
    rng = site.rng
    hue, warm = rng.uniform(0.54, 0.62), rng.uniform(0, 1)
    zenith, horizon = of_hue(hue, rng.uniform(0.35, 0.65), 0.9), of_hue(0.09 if warm > 0.6 else hue, 0.15, 0.98)
    sky = Sky(zenith, horizon, of_hue(rng.uniform(0.2, 0.35), 0.3, 0.45), int(rng.integers(1 << 16)))
    lights = list(site.lights)
    if sunny:
        angle, up = _sunward(site), rng.uniform(0.35, 1.1) if open_air else rng.uniform(0.3, 0.75)
        direction = (float(np.cos(angle) * np.cos(up)), float(np.sin(angle) * np.cos(up)), float(np.sin(up)))
        strength = rng.uniform(1.5, 2.2)
        lights.append(Light(direction, (strength, strength * (0.95 - 0.15 * warm), strength * (0.85 - 0.3 * warm))))
    above, below = ((0.5, 0.6, 0.75), (0.3, 0.27, 0.22)) if open_air else ((0.19, 0.19, 0.2), (0.15, 0.135, 0.12))
    return Scene(kind, tuple(site.things), tuple(lights), sky, (above, below), walkable, 1.7)


def _sunward(site: Site) -> float:
    """The angle to the sun about Z: in through one of the windows, if there are any."""
    windows = [light.facing for light in site.lights if any(light.facing)]
    if not windows:
        return float(site.rng.uniform(-np.pi, np.pi))
    x, y, _ = windows[site.rng.integers(len(windows))]
    return float(np.arctan2(-y, -x) + site.rng.uniform(-0.9, 0.9))


_KINDS: dict[str, Callable[[Generator], Scene]] = {
    "room": _room,
    "suite": _suite,
    "corridor": _corridor,
    "courtyard": _courtyard,
}
