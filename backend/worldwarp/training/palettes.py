"""Colours and materials that go together."""

import colorsys
from dataclasses import dataclass

from numpy.random import Generator

from .solids import Colour, Material, Pattern


@dataclass(frozen=True)
class Palette:
    """The materials of one place."""

    wall: Material
    floor: Material
    ceiling: Material
    trim: Material
    wood: Material
    dark: Material
    cloth: Material
    accent: Material
    metal: Material
    leaf: Material
    lawn: Material


def palette(rng: Generator, *, outside: bool = False) -> Palette:
    """Materials that go together: one hue for walls, one for cloth, one accent."""
    hue = rng.uniform(0, 1)
    seed = int(rng.integers(1 << 16))

    def some(pattern: Pattern, h: float, s: float, v: float, scale: float = 1.0, dim: float = 0.75) -> Material:
        return Material(pattern, of_hue(h, s, v), of_hue(h, s, v * dim), scale, seed)

    pale, wood_hue, wood = rng.uniform(0.7, 0.92), rng.uniform(0.05, 0.1), rng.uniform(0.4, 0.75)
    walls = [
        some(Pattern.PLASTER, hue, rng.uniform(0.05, 0.4), pale),
        some(Pattern.STRIPES, hue, rng.uniform(0.1, 0.35), pale, rng.uniform(0.16, 0.4), 0.86),
        some(Pattern.BRICKS, rng.uniform(0.01, 0.07), rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.75), 0.085, 1.2),
    ]
    floors = [
        some(Pattern.PLANKS, wood_hue, rng.uniform(0.4, 0.65), wood, rng.uniform(0.12, 0.2), 0.4),
        some(Pattern.TILES, rng.uniform(0, 1), 0.12, rng.uniform(0.5, 0.8), rng.uniform(0.3, 0.6), 0.55),
        some(Pattern.CHECKS, rng.uniform(0, 1), 0.15, rng.uniform(0.65, 0.9), rng.uniform(0.3, 0.5), 0.4),
    ]
    return Palette(
        wall=walls[rng.choice(3, p=[0.35, 0.1, 0.55] if outside else [0.6, 0.28, 0.12])],
        floor=floors[rng.choice(3, p=[0, 0.65, 0.35] if outside else [0.55, 0.22, 0.23])],
        ceiling=some(Pattern.PLASTER, hue, 0.04, 0.93),
        trim=some(Pattern.PLASTER, 0.1, 0.06, rng.uniform(0.8, 0.93)),
        wood=some(Pattern.GRAIN, wood_hue, rng.uniform(0.35, 0.7), rng.uniform(0.4, 0.8), 0.4),
        dark=some(Pattern.GRAIN, wood_hue, 0.5, rng.uniform(0.2, 0.38), 0.4),
        cloth=some(Pattern.PLASTER, hue + rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.65), rng.uniform(0.4, 0.75)),
        accent=some(Pattern.PLASTER, hue + rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.75), rng.uniform(0.5, 0.85)),
        metal=some(Pattern.PLASTER, 0.12, rng.uniform(0.05, 0.5), 0.6),
        lawn=Material(Pattern.LEAVES, of_hue(rng.uniform(0.2, 0.3), 0.4, 0.55), of_hue(0.25, 0.45, 0.42), 1.0, seed),
        leaf=Material(Pattern.LEAVES, of_hue(rng.uniform(0.22, 0.36), 0.6, 0.55), of_hue(0.3, 0.7, 0.28), 1.0, seed),
    )


def colour(rng: Generator, strength: float) -> Colour:
    """A colour of any hue, from grey (0) to strong (1), linear."""
    hue, value = rng.uniform(0, 1), rng.uniform(0.25, 0.75)
    return of_hue(hue, strength * rng.uniform(0.5, 1), value)


def of_hue(hue: float, saturation: float, value: float) -> Colour:
    """Hue, saturation and value (each 0 to 1, as displayed) as linear light."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return red**2.2, green**2.2, blue**2.2
