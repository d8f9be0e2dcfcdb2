"""Things that stand in made places: around the origin, on the floor, their back towards -Y. Metres."""

from itertools import pairwise

from numpy.random import Generator

from .palettes import Palette, colour
from .solids import Material, Pattern, Solid, Thing, box, cylinder, sphere


def table(rng: Generator, p: Palette) -> Thing:
    """A top on four legs, or a round one on a foot, with something on it."""
    high = rng.uniform(0.65, 0.8)
    x, y = rng.uniform(0.5, 0.95), rng.uniform(0.35, 0.5)
    on_top = box((-0.2, -0.12, high), (0.12, 0.12, high + 0.06), p.accent), _vase(rng, p, 0.28, 0.05, high)
    if rng.random() < 0.35:
        foot = cylinder(0, 0, 0, high - 0.05, 0.06, p.dark), cylinder(0, 0, 0, 0.04, 0.3, p.dark)
        return (cylinder(0, 0, high - 0.05, high, y + 0.15, p.wood), *foot, *on_top)
    legs = [
        box(
            (sx * x - 0.04 * sx - 0.03, sy * y - 0.04 * sy - 0.03, 0),
            (sx * (x - 0.04) + 0.03, sy * (y - 0.04) + 0.03, high - 0.05),
            p.wood,
        )
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return (box((-x, -y, high - 0.05), (x, y, high), p.wood), *legs, *on_top)


def chair(rng: Generator, p: Palette) -> Thing:
    """A seat, a back and four legs."""
    seat = box((-0.22, -0.22, 0.42), (0.22, 0.22, 0.47), p.cloth if rng.random() < 0.5 else p.wood)
    back = box((-0.22, -0.22, 0.55), (0.22, -0.18, 0.95), p.wood)
    legs = [
        box((x - 0.02, y - 0.02, 0), (x + 0.02, y + 0.02, top), p.wood)
        for x in (-0.19, 0.19)
        for y, top in ((-0.2, 0.95), (0.19, 0.42))
    ]
    return (seat, back, *legs)


def shelf(rng: Generator, p: Palette) -> Thing:
    """Boards with books and boxes between two sides."""
    wide, high, deep = rng.uniform(0.45, 0.8), rng.uniform(1.3, 2.1), 0.16
    rows = int(rng.integers(3, 6))
    boards = [
        box((-wide, -deep, z), (wide, deep, z + 0.03), p.wood)
        for z in [high * i / rows + 0.04 * (i == 0) for i in range(rows)] + [high]
    ]
    sides = [box((x - 0.02, -deep, 0), (x + 0.02, deep, high + 0.03), p.wood) for x in (-wide, wide)]
    back = box((-wide, -deep - 0.02, 0), (wide, -deep, high + 0.03), p.dark)
    books = []
    for i in range(rows):
        left, right = sorted(rng.uniform(-wide + 0.04, wide - 0.04, 2))
        left, right = (left, right) if right - left > 0.3 else (-wide + 0.04, wide * rng.uniform(0.1, 0.9))
        low = high * i / rows + 0.03 + 0.04 * (i == 0)
        spines = Material(Pattern.BOOKS, colour(rng, 0.6), colour(rng, 0.6), 0.06, int(rng.integers(1 << 16)))
        books.append(box((left, -deep + 0.02, low), (right, deep - 0.05, low + high / rows * 0.75), spines))
    return (*boards, *sides, back, *books)


def cabinet(rng: Generator, p: Palette) -> Thing:
    """A chest of doors or drawers with knobs."""
    wide, high, deep = rng.uniform(0.5, 0.9), rng.uniform(0.7, 1.1), 0.22
    wood = p.wood if rng.random() < 0.6 else p.trim
    body = (
        box((-wide, -deep, 0.08), (wide, deep, high), wood),
        box((-wide + 0.05, -deep, 0), (wide - 0.05, deep - 0.05, 0.08), p.dark),
    )
    count = int(rng.integers(2, 4))
    edges = [-wide + 2 * wide * i / count for i in range(count + 1)]
    doors = [box((a + 0.03, deep, 0.13), (b - 0.03, deep + 0.02, high - 0.06), wood) for a, b in pairwise(edges)]
    knobs = [sphere(b - 0.09, deep + 0.04, high * 0.6, 0.025, p.metal) for b in edges[1:]]
    return (
        *body,
        box((-wide - 0.03, -deep, high), (wide + 0.03, deep + 0.04, high + 0.03), p.dark),
        *doors,
        *knobs,
        _vase(rng, p, wide * rng.uniform(-0.7, 0.7), 0, high + 0.03),
    )


def sofa(rng: Generator, p: Palette) -> Thing:
    """A base, a back, arms and cushions."""
    wide = rng.uniform(0.7, 1.05)
    base = box((-wide, -0.4, 0.08), (wide, 0.4, 0.38), p.cloth), box((-wide, -0.42, 0.08), (wide, -0.22, 0.82), p.cloth)
    arms = [box((x - 0.09, -0.42, 0.08), (x + 0.09, 0.42, 0.58), p.cloth) for x in (-wide, wide)]
    seats = [box((x + 0.1, -0.2, 0.38), (x + wide - 0.12, 0.42, 0.5), p.cloth) for x in (-wide, 0.02)]
    cushion = box((-wide + 0.14, -0.2, 0.5), (-wide + 0.5, -0.06, 0.8), p.accent)
    return (*base, *arms, *seats, cushion)


def bed(rng: Generator, p: Palette) -> Thing:
    """A frame with a mattress, a blanket and pillows; its head at -Y."""
    wide = rng.uniform(0.5, 0.85)
    frame = (
        box((-wide - 0.04, -1, 0.12), (wide + 0.04, 1.02, 0.3), p.wood),
        box((-wide - 0.04, -1.05, 0), (wide + 0.04, -1, rng.uniform(0.8, 1.1)), p.wood),
    )
    soft = (
        box((-wide, -1, 0.3), (wide, 1, 0.5), p.trim),
        box((-wide - 0.02, -0.35, 0.4), (wide + 0.02, 1.03, 0.54), p.cloth),
    )
    pillows = [
        box((x - 0.22, -0.95, 0.5), (x + 0.22, -0.6, 0.6), p.accent)
        for x in ((-wide / 2, wide / 2) if wide > 0.65 else (0.0,))
    ]
    return (*frame, *soft, *pillows)


def crates(rng: Generator, p: Palette) -> Thing:
    """One to three boxes with bars, the last on top."""
    things: list[Solid] = []
    for i in range(int(rng.integers(1, 4))):
        size, low = rng.uniform(0.2, 0.32), 0.0
        x, y = (0.0, 0.0) if i == 0 else (rng.uniform(0.58, 0.68), rng.uniform(-0.15, 0.15))
        if i == 2:
            x, y, low = 0.0, 0.0, 2 * things[0].half[2]
            size = rng.uniform(0.12, 0.19)
        things.append(box((x - size, y - size, low), (x + size, y + size, low + 2 * size), p.wood))
        for z in (low, low + 2 * size - 0.07):
            things.append(
                box((x - size - 0.02, y - size - 0.02, z), (x + size + 0.02, y + size + 0.02, z + 0.07), p.dark)
            )
    return tuple(things)


def plant(rng: Generator, p: Palette) -> Thing:
    """A pot with a ball or three of leaves."""
    pot, high = rng.uniform(0.13, 0.2), rng.uniform(0.5, 1.1)
    leaves = [
        sphere(
            rng.uniform(-0.12, 0.12),
            rng.uniform(-0.12, 0.12),
            high + rng.uniform(-0.1, 0.35),
            rng.uniform(0.16, 0.28),
            p.leaf,
        )
        for _ in range(int(rng.integers(2, 5)))
    ]
    return (cylinder(0, 0, 0, 0.32, pot, p.accent), cylinder(0, 0, 0.32, high, 0.025, p.dark), *leaves)


def tree(rng: Generator, p: Palette) -> Thing:
    """A trunk in a kerb, and a crown."""
    high = rng.uniform(1.8, 2.6)
    crown = [
        sphere(
            rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), high + rng.uniform(0, 0.9), rng.uniform(0.45, 0.75), p.leaf
        )
        for _ in range(5)
    ]
    kerb = cylinder(0, 0, 0, 0.25, 0.6, p.trim), cylinder(0, 0, 0.25, 0.27, 0.52, p.dark)
    return (*kerb, cylinder(0, 0, 0.2, high, rng.uniform(0.08, 0.13), p.dark), *crown)


def column(rng: Generator, p: Palette, high: float) -> Thing:
    """A shaft between a base and a capital."""
    r = rng.uniform(0.14, 0.24)
    ends = [box((-r - 0.08, -r - 0.08, z), (r + 0.08, r + 0.08, z + 0.18), p.trim) for z in (0.0, high - 0.18)]
    shaft = cylinder(0, 0, 0.18, high - 0.18, r, p.trim)
    return (shaft, *ends, cylinder(0, 0, 0.18, 0.26, r + 0.05, p.trim))


def plinth(rng: Generator, p: Palette) -> Thing:
    """A ball or a cylinder to look at, on a block."""
    r, high = rng.uniform(0.15, 0.26), rng.uniform(0.5, 1.0)
    block = box((-0.25, -0.25, 0), (0.25, 0.25, high), p.trim), box((-0.3, -0.3, 0), (0.3, 0.3, 0.1), p.trim)
    shown = (
        sphere(0, 0, high + r, r, p.accent) if rng.random() < 0.6 else cylinder(0, 0, high, high + 2.5 * r, r, p.accent)
    )
    return (*block, shown)


def steps(rng: Generator, p: Palette) -> Thing:
    """Some steps up to a block, from +Y."""
    count, wide, rise, tread = int(rng.integers(3, 6)), rng.uniform(0.6, 1.1), 0.17, 0.28
    return tuple(
        box(
            (-wide, -0.5, rise * i),
            (wide, -0.5 + tread * (count - i) + 0.3, rise * (i + 1)),
            p.trim if i % 2 else p.ceiling,
        )
        for i in range(count)
    )


def bench(rng: Generator, p: Palette) -> Thing:
    """A board on two blocks, with a back."""
    wide = rng.uniform(0.6, 0.9)
    blocks = [box((x - 0.07, -0.18, 0), (x + 0.07, 0.18, 0.42), p.trim) for x in (-wide + 0.15, wide - 0.15)]
    return (
        box((-wide, -0.22, 0.42), (wide, 0.22, 0.48), p.wood),
        box((-wide, -0.22, 0.6), (wide, -0.18, 0.85), p.wood),
        *blocks,
    )


def fountain(rng: Generator, p: Palette) -> Thing:
    """A basin with water, a stem and a bowl."""
    r = rng.uniform(0.7, 1.1)
    water = Material(Pattern.PLASTER, (0.1, 0.25, 0.3), (0, 0, 0))
    stem = (
        cylinder(0, 0, 0.3, 1.0, 0.1, p.trim),
        cylinder(0, 0, 1.0, 1.12, 0.4, p.trim),
        sphere(0, 0, 1.25, 0.16, p.trim),
    )
    return (cylinder(0, 0, 0, 0.4, r, p.trim), cylinder(0, 0, 0.4, 0.42, r - 0.12, water), *stem)


def standing_lamp(rng: Generator, p: Palette) -> Thing:
    """A foot, a pole and a shade that shines."""
    high = rng.uniform(1.35, 1.7)
    shade = Material(Pattern.GLOW, (1.5, 1.15, 0.7), (1, 1, 1))
    return (
        cylinder(0, 0, 0, 0.03, 0.16, p.dark),
        cylinder(0, 0, 0.03, high, 0.02, p.metal),
        cylinder(0, 0, high, high + 0.28, 0.17, shade),
    )


def _vase(rng: Generator, p: Palette, x: float, y: float, z: float) -> Solid:
    if rng.random() < 0.5:
        return sphere(x, y, z + 0.09, 0.09, p.accent)
    return cylinder(x, y, z, z + rng.uniform(0.15, 0.3), 0.06, p.metal)
