"""Rays and distances against solids, in torch: on the CPU thing by thing within bounds, on a GPU all at once.

Every solid is a form of half size 1 under an affine map (``solids.Form``), so that a ray in its unit space meets it
within one interval of t, and t is the same t as in the world. Layouts are axis first: points and directions (3, P).
A solid is seen from outside only: a ray that starts within one passes out of it unseen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .solids import Form, Pattern, Scene, Solid, bounds

START = 1e-4
"""A hit is further than this share of the ray's direction: a ray that starts on a surface leaves it."""

TINY = 1e-9
"""No direction is smaller than this along an axis, so that none is divided by zero."""


@dataclass(frozen=True)
class Cluster:
    """k solids that are tested together, sorted by form."""

    first: int
    """Position of its first solid among all."""
    forms: tuple[tuple[Form, int, int], ...]
    """Which of the k have which form: (form, from, to)."""
    linear: Tensor
    """(3 k, 3), axis first: world directions to unit space."""
    shift: Tensor
    """(3 k, 1)."""
    half: Tensor
    """(3, k, 1)."""


@dataclass(frozen=True)
class Solids:
    """Clusters and, where there are several, the boxes around them as a cluster of its own."""

    clusters: tuple[Cluster, ...]
    around: Cluster | None


def pack(scene: Scene, device: str, dtype: torch.dtype, *, shadows: bool = False) -> Solids:
    """The solids of a scene on a device; for ``shadows`` without those that shine."""
    kept = [[s for s in thing if not (shadows and s.material.pattern == Pattern.GLOW)] for thing in scene.things]
    things = [sorted(thing, key=lambda s: s.form) for thing in kept if thing]
    if torch.device(device).type != "cpu":
        return Solids((_cluster(sorted(sum(things, []), key=lambda s: s.form), 0, device, dtype),), None)
    firsts = np.cumsum([0] + [len(thing) for thing in things])
    clusters = tuple(_cluster(thing, int(first), device, dtype) for thing, first in zip(things, firsts, strict=False))
    return Solids(clusters, _around(things, device, dtype))


def in_order(scene: Scene, device: str) -> list[Solid]:
    """The solids in the order in which ``nearest`` counts them."""
    things = [sorted(thing, key=lambda s: s.form) for thing in scene.things]
    flat: list[Solid] = sum(things, [])
    return flat if torch.device(device).type == "cpu" else sorted(flat, key=lambda s: s.form)


def nearest(solids: Solids, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays (3, P) first enter a solid: t (P,), inf where none is hit, and which solid (P,), -1 for none."""
    best = torch.full_like(origin[0], torch.inf)
    which = torch.full_like(best, -1, dtype=torch.int64)
    for cluster, rays in _candidates(solids, origin, direction, best):
        t, k = _entries(cluster, origin[:, rays], direction[:, rays]).min(0)
        nearer = t < best[rays]
        best[rays] = torch.where(nearer, t, best[rays])
        which[rays] = torch.where(nearer, k + cluster.first, which[rays])
    return best, which


def blocked(solids: Solids, origin: Tensor, direction: Tensor, reach: float) -> Tensor:
    """Whether (P,) anything lies within ``reach`` directions of the origins (3, P)."""
    free = torch.full_like(origin[0], reach)
    for cluster, rays in _candidates(solids, origin, direction, free):
        hit = (_entries(cluster, origin[:, rays], direction[:, rays]) < reach).any(0)
        free[rays] = torch.where(hit, -torch.inf, free[rays])
    return free < 0


def distance(solids: Solids, points: Tensor, reach: float = torch.inf) -> Tensor:
    """Metres (P,) from points (3, P) to the nearest solid, below 0 within one; no more than ``reach``.

    Exact but for solids that are stretched sideways, where it is a lower bound.
    """
    best = torch.full_like(points[0], reach)
    near = None if solids.around is None else _distances(solids.around, points)
    for i, cluster in enumerate(solids.clusters):
        at: Tensor | slice = slice(None) if near is None else (near[i] < best).nonzero()[:, 0]
        if isinstance(at, slice) or len(at):
            best[at] = torch.minimum(best[at], _distances(cluster, points[:, at]).amin(0))
    return best


def _candidates(
    solids: Solids, origin: Tensor, direction: Tensor, best: Tensor
) -> Iterator[tuple[Cluster, Tensor | slice]]:
    """Clusters and the rays that may hit something of them before ``best``, which the caller brings nearer."""
    if solids.around is None:
        yield from ((cluster, slice(None)) for cluster in solids.clusters)
        return
    near, far = _box(*_unit(solids.around, origin, direction))
    near = torch.where((near <= far) & (far > 0), near, torch.inf)
    for i, cluster in enumerate(solids.clusters):
        rays = (near[i] < best).nonzero()[:, 0]
        if len(rays):
            yield cluster, rays


def _entries(cluster: Cluster, origin: Tensor, direction: Tensor) -> Tensor:
    """t (k, P) at which rays enter each solid, inf where they do not."""
    o, d = _unit(cluster, origin, direction)
    found = []
    for form, start, end in cluster.forms:
        near, far = _INTERVALS[form](o[:, start:end], d[:, start:end])
        found.append(torch.where((near <= far) & (near > START), near, torch.inf))
    return torch.cat(found) if len(found) > 1 else found[0]


def _unit(cluster: Cluster, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Rays in the unit space of each solid: (3, k, P) each."""
    shape = 3, -1, origin.shape[1]
    o = torch.addmm(cluster.shift, cluster.linear, origin).view(shape)
    d = (cluster.linear @ direction).view(shape)
    return o, torch.where(d.abs() < TINY, TINY, d)


def _box(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    inverse = d.reciprocal_()
    reach = inverse.abs()
    middle = o * inverse
    near = torch.add(middle, reach).neg_()
    far = reach.sub_(middle)
    return torch.maximum(torch.maximum(near[0], near[1]), near[2]), torch.minimum(torch.minimum(far[0], far[1]), far[2])


def _cylinder(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    near, far = _round(o[:2], d[:2])
    inverse = d[2].reciprocal()
    middle, reach = -o[2] * inverse, inverse.abs()
    return torch.maximum(near, middle - reach), torch.minimum(far, middle + reach)


def _round(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Circle or sphere, from the point of the ray that is nearest to its centre: exact from afar."""
    a = (d * d).sum(0)
    middle = -(o * d).sum(0) / a
    closest = o + middle * d
    reach = ((1 - (closest * closest).sum(0)) / a).sqrt()  # NaN, and so never near <= far, where it is missed
    return middle - reach, middle + reach


_INTERVALS = {Form.BOX: _box, Form.CYLINDER: _cylinder, Form.SPHERE: _round}


def _distances(cluster: Cluster, points: Tensor) -> Tensor:
    """Metres (k, P) to each solid."""
    unit = torch.addmm(cluster.shift, cluster.linear, points).view(3, -1, points.shape[1])
    found = []
    for form, start, end in cluster.forms:
        q, half = unit[:, start:end] * cluster.half[:, start:end], cluster.half[:, start:end]
        side = torch.minimum(half[0], half[1])
        if form == Form.SPHERE:
            found.append(_length(unit[:, start:end]) * torch.minimum(side, half[2]) - torch.minimum(side, half[2]))
            continue
        if form == Form.BOX:
            out = q.abs() - half
        else:
            out = torch.stack([(_length(unit[:2, start:end]) - 1) * side, q[2].abs() - half[2]])
        found.append(_length(out.clamp_min(0)) + out.amax(0).clamp_max(0))
    return torch.cat(found)


def _length(vectors: Tensor) -> Tensor:
    """Of vectors along the first axis: torch's own norm is much slower along it."""
    return sum(x * x for x in vectors).sqrt()


def _cluster(solids: list[Solid], first: int, device: str, dtype: torch.dtype) -> Cluster:
    c, s = (f(np.array([solid.yaw for solid in solids])) for f in (np.cos, np.sin))
    zero, one = np.zeros_like(c), np.ones_like(c)
    turn = np.array([[c, s, zero], [-s, c, zero], [zero, zero, one]]).transpose(0, 2, 1)  # (3, k, 3), world to own
    half = np.array([solid.half for solid in solids]).T[:, :, None]
    linear = turn / half
    shift = -(linear * np.array([solid.centre for solid in solids])).sum(2)
    forms = [solid.form for solid in solids]
    ranges = tuple((form, forms.index(form), forms.index(form) + forms.count(form)) for form in sorted(set(forms)))
    linear_t, shift_t, half_t = (
        torch.tensor(x, dtype=dtype, device=device) for x in (linear.reshape(-1, 3), shift.reshape(-1, 1), half)
    )
    return Cluster(first, ranges, linear_t, shift_t, half_t)


def _around(things: list[list[Solid]], device: str, dtype: torch.dtype) -> Cluster:
    """Boxes around things, a little larger, so that rounding loses nothing."""
    material = things[0][0].material
    corners = [bounds(tuple(thing)) for thing in things]
    boxes = [Solid(Form.BOX, tuple((a + b) / 2), tuple((b - a) / 2 + 1e-3), material) for a, b in corners]
    return _cluster(boxes, 0, device, dtype)
