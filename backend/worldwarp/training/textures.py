"""Colours of surfaces as functions of where on them, each filtered over the width of a pixel so that none aliases.

Everything here is over P points: ``u``, ``v`` (P,) metres along the surface, ``width`` (P,) metres that a pixel covers
there, ``unit`` (2, P) in [-1, 1] across the face, ``first`` and ``second`` (3, P) the material's colours, ``scale`` and
``seed`` (P,). Colours come back as (3, P), linear.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .solids import Pattern


@dataclass(frozen=True)
class Spots:
    """Points on surfaces of one pattern."""

    u: Tensor
    v: Tensor
    width: Tensor
    unit: Tensor
    first: Tensor
    second: Tensor
    scale: Tensor
    seed: Tensor


def albedo(pattern: Pattern, at: Spots) -> Tensor:
    """Colours (3, P) of the points of one pattern."""
    return _PATTERNS[pattern](at)


def noise(x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
    """Smooth noise in [-1, 1], one value per unit square."""
    i, j = torch.floor(x), torch.floor(y)
    a, b = (t * t * (3 - 2 * t) for t in (x - i, y - j))
    rows = [torch.lerp(_hash(i, j + k, seed), _hash(i + 1, j + k, seed), a) for k in (0, 1)]
    return torch.lerp(rows[0], rows[1], b) * 2 - 1


def _hash(i: Tensor, j: Tensor, seed: Tensor) -> Tensor:
    """A number in [0, 1) for each cell: integers, so that every processor agrees."""
    h = i.to(torch.int32) * 73856093 ^ j.to(torch.int32) * 19349663 ^ seed * 83492791
    h = (h ^ (h >> 13)) * 1274126177
    h = (h ^ (h >> 16)) * 668265263
    return ((h >> 9) & 0xFFFF).to(i.dtype) / 65536


def _share(x: Tensor, duty: Tensor | float, width: Tensor) -> Tensor:
    """How much of [x - width / 2, x + width / 2] lies in the first ``duty`` of unit cells: a filtered pulse train."""
    w = width.clamp_min(1e-3)

    def area(t: Tensor) -> Tensor:
        whole = torch.floor(t)
        return whole * duty + torch.clamp(t - whole, max=duty)

    return (area(x + w / 2) - area(x - w / 2)) / w


def _fade(width: Tensor) -> Tensor:
    """1 where a pixel is small beside a cell, 0 where it holds one or more."""
    return (1.4 - 1.4 * width).clamp(0, 1)


def _mottle(at: Spots, size: float) -> Tensor:
    """Noise of two sizes around 0, in metres."""
    coarse = noise(at.u / size, at.v / size, at.seed) * _fade(at.width / size)
    return coarse + 0.5 * noise(at.u / size * 2.7, at.v / size * 2.7, at.seed + 1) * _fade(at.width / size * 2.7)


def _cells(at: Spots, x: Tensor, y: Tensor, wx: Tensor, wy: Tensor, joint: Tensor, spread: float) -> Tensor:
    """Cells of ``first``, each of its own shade, between joints of ``second``; x and y count cells."""
    shade = 1 + spread * (_hash(torch.floor(x), torch.floor(y), at.seed) * 2 - 1) * _fade(torch.maximum(wx, wy))
    body = _share(x - joint[0], 1 - joint[0] * 2, wx) * _share(y - joint[1], 1 - joint[1] * 2, wy)
    return at.second + (at.first * shade - at.second) * body


def _plaster(at: Spots) -> Tensor:
    return at.first * (1 + 0.07 * _mottle(at, 0.35))


def _planks(at: Spots) -> Tensor:
    x = at.u / at.scale
    length = at.scale * 9
    y = at.v / length + _hash(torch.floor(x), torch.zeros_like(x), at.seed)
    joint = torch.stack([torch.full_like(x, 0.035), torch.full_like(x, 0.004)])
    grain = noise(at.u / at.scale * 4, at.v / at.scale * 0.5, at.seed) * _fade(at.width / at.scale * 4)
    return _cells(at, x, y, at.width / at.scale, at.width / length, joint, 0.2) * (1 + 0.07 * grain)


def _bricks(at: Spots) -> Tensor:
    y = at.v / at.scale
    x = at.u / (at.scale * 3) + 0.5 * torch.floor(y)
    joint = torch.stack([torch.full_like(x, 0.025), torch.full_like(x, 0.075)])
    return _cells(at, x, y, at.width / (at.scale * 3), at.width / at.scale, joint, 0.22)


def _tiles(at: Spots) -> Tensor:
    joint = torch.full_like(at.u, 0.02).expand(2, -1)
    w = at.width / at.scale
    return _cells(at, at.u / at.scale, at.v / at.scale, w, w, joint, 0.07)


def _checks(at: Spots) -> Tensor:
    a, b = (_share(t / at.scale / 2, 0.5, at.width / at.scale / 2) for t in (at.u, at.v))
    return torch.lerp(at.second, at.first, a * b + (1 - a) * (1 - b)) * (1 + 0.03 * _mottle(at, 0.2))


def _stripes(at: Spots) -> Tensor:
    return torch.lerp(at.second, at.first, _share(at.u / at.scale, 0.5, at.width / at.scale))


def _grain(at: Spots) -> Tensor:
    """Wood, along the longer direction of the face's own ``v``."""
    streak = noise(at.u / at.scale * 9, at.v / at.scale, at.seed) * _fade(at.width / at.scale * 9)
    return at.first * (1 + 0.13 * streak + 0.06 * noise(at.u / at.scale * 2, at.v / at.scale * 0.7, at.seed + 1))


def _picture(at: Spots) -> Tensor:
    """A landscape in a mount: sky, hills and a sun, of the two colours and the seed."""
    x, y = at.unit
    soft = 0.02 + at.width
    phase = (at.seed % 97).to(x.dtype)
    hill = 0.25 * torch.sin(x * 2.1 + phase) + 0.12 * torch.sin(x * 5.3 + 2 * phase) - 0.15
    sky = torch.lerp(at.first, torch.ones_like(at.first) * 0.85, ((y + 1) / 2 * 0.6).clamp(0, 1))
    land = torch.lerp(at.second, at.second * 0.45, ((hill - y) * 0.9).clamp(0, 1))
    disc = ((x - 0.5 * torch.sin(phase)) ** 2 + (y - 0.35) ** 2).sqrt()
    sky = torch.lerp(sky, torch.tensor([[0.9], [0.65], [0.3]]).to(sky), _step(0.22 - disc, soft))
    scene = torch.lerp(sky, land, _step(hill - y, soft))
    inside = _step(0.8 - torch.maximum(x.abs(), y.abs()), soft)
    return torch.lerp(torch.full_like(scene, 0.75), scene, inside)


def _books(at: Spots) -> Tensor:
    """Spines of many colours, of different heights, before the dark back of a shelf."""
    x = at.u / at.scale
    cell = torch.floor(x)
    pick = torch.stack([_hash(cell, torch.full_like(cell, k), at.seed) for k in range(3)])
    spine = torch.lerp(at.first, at.second, pick[0]) * (0.55 + 0.8 * pick[1])
    spine = torch.lerp((at.first + at.second) / 2, spine, _fade(at.width / at.scale))
    body = _share(x - 0.06, 0.88, at.width / at.scale) * _step(0.2 + 0.7 * pick[2] - at.unit[1], 0.05 + at.width)
    band = _step(0.08 - (at.unit[1] + 0.5).abs(), 0.05 + at.width) * _fade(at.width / at.scale)
    return torch.lerp(at.first * 0.12, spine * (1 + 0.35 * band), body)


def _leaves(at: Spots) -> Tensor:
    amount = (0.5 + 0.6 * _mottle(at, 0.16) * at.scale.clamp(0, 1)).clamp(0, 1)
    return torch.lerp(at.second, at.first, amount)


def _rug(at: Spots) -> Tensor:
    """A border, a field and a diamond."""
    x, y = at.unit
    soft = 0.02 + at.width
    edge = torch.maximum(x.abs(), y.abs())
    border = _step(edge - 0.82, soft) + _step(0.74 - edge, soft) * _step(edge - 0.68, soft)
    diamond = _step(0.5 - x.abs() - y.abs(), soft) * (1 - 0.6 * _step(0.28 - x.abs() - y.abs(), soft))
    return torch.lerp(at.first, at.second, (border + diamond).clamp(0, 1)) * (1 + 0.05 * _mottle(at, 0.05))


def _glow(at: Spots) -> Tensor:
    return at.first


def _step(x: Tensor, soft: Tensor) -> Tensor:
    return (x / soft + 0.5).clamp(0, 1)


_PATTERNS: dict[Pattern, Callable[[Spots], Tensor]] = {
    Pattern.PLASTER: _plaster,
    Pattern.PLANKS: _planks,
    Pattern.BRICKS: _bricks,
    Pattern.TILES: _tiles,
    Pattern.CHECKS: _checks,
    Pattern.STRIPES: _stripes,
    Pattern.GRAIN: _grain,
    Pattern.PICTURE: _picture,
    Pattern.BOOKS: _books,
    Pattern.LEAVES: _leaves,
    Pattern.RUG: _rug,
    Pattern.GLOW: _glow,
}
