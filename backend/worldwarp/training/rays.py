"""Rays and distances against the solids of a scene: in plain torch on any device, by ``kernels`` on the CPU.

Every solid is a form of half size 1 under an affine map (``solids.Form``), so that a ray in its unit space meets it
within one interval of t, and t is the same t as in the world. Layouts are axis first: points and directions (3, P).
A solid is seen from outside only: a ray that starts within one passes out of it unseen.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import kernels
from .solids import Form, Pattern, Scene, Solid, Thing, bounds

START = kernels.START
"""A hit is further than this share of the ray's direction: a ray that starts on a surface leaves it."""

TINY = kernels.TINY
"""No direction is smaller than this along an axis, so that none is divided by zero."""


@dataclass(frozen=True)
class Alike:
    """k solids of one form."""

    form: Form
    which: Tensor
    """(k,): their places among all."""
    linear: Tensor
    """(3 k, 3), axis first: world directions to unit space."""
    shift: Tensor
    """(3 k, 1)."""
    half: Tensor
    """(3, k, 1)."""


@dataclass(frozen=True)
class Solids:
    """The solids of a scene, thing by thing."""

    alike: tuple[Alike, ...]
    kernel: tuple[NDArray[np.generic], ...] | None
    """What ``kernels`` take on the CPU, None elsewhere."""


def pack(scene: Scene, device: str, dtype: torch.dtype, *, shadows: bool = False, plain: bool = False) -> Solids:
    """The solids of a scene on a device.

    Args:
        scene: the place.
        device: where.
        dtype: float32 or float64.
        shadows: without those that shine.
        plain: in plain torch on the CPU too.
    """
    kept = [tuple(s for s in thing if not (shadows and s.material.pattern == Pattern.GLOW)) for thing in scene.things]
    things = [thing for thing in kept if thing]
    solids = [solid for thing in things for solid in thing]
    linear, shift, half = _maps(solids)
    forms = np.array([solid.form for solid in solids], np.int64)
    alike = []
    for form in Form:
        at = np.flatnonzero(forms == form)
        if len(at):
            parts = (x[:, at].reshape(-1, n) for x, n in ((linear, 3), (shift, 1)))
            tensors = [torch.tensor(x, dtype=dtype, device=device) for x in (*parts, half[:, at, None])]
            alike.append(Alike(form, torch.tensor(at, device=device), *tensors))
    if plain or torch.device(device).type != "cpu":
        return Solids(tuple(alike), None)
    numbers = np.concatenate([linear.transpose(1, 0, 2).reshape(-1, 9), shift.T, half.T], 1)
    kind = torch.empty(0, dtype=dtype).numpy().dtype
    ends = np.cumsum([0] + [len(thing) for thing in things])
    return Solids(tuple(alike), (numbers.astype(kind), forms, _around(things).astype(kind), ends))


def nearest(solids: Solids, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays (3, P) first enter a solid: t (P,), inf where none is hit, and which solid (P,), -1 for none."""
    if solids.kernel is not None:
        return _cast(solids.kernel, origin, direction, np.inf, first=False)
    best = torch.full_like(origin[0], torch.inf)
    which = torch.full_like(best, -1, dtype=torch.int64)
    for alike in solids.alike:
        t, k = _entries(alike, origin, direction).min(0)
        which = torch.where(t < best, alike.which[k], which)
        best = torch.minimum(best, t)
    return best, which


def blocked(solids: Solids, origin: Tensor, direction: Tensor, reach: float) -> Tensor:
    """Whether (P,) anything lies within ``reach`` directions of the origins (3, P)."""
    if solids.kernel is not None:
        return _cast(solids.kernel, origin, direction, reach, first=True)[1] >= 0
    hits = [(_entries(alike, origin, direction) < reach).any(0) for alike in solids.alike]
    return torch.stack(hits).any(0)


def distance(solids: Solids, points: Tensor, reach: float = torch.inf) -> Tensor:
    """Metres (P,) from points (3, P) to the nearest solid, below 0 within one; no more than ``reach``.

    Exact but for solids that are stretched sideways, where it is a lower bound.
    """
    if solids.kernel is not None:
        out = kernels.empty(points.numpy())[0]
        kernels.distances(*solids.kernel, points.numpy(), out.dtype.type(reach), out)  # type: ignore[call-arg]
        return torch.from_numpy(out)
    found = [_distances(alike, points).amin(0) for alike in solids.alike]
    return torch.stack(found).amin(0).clamp_max(reach)


def _cast(
    kernel: tuple[NDArray[np.generic], ...], origin: Tensor, direction: Tensor, limit: float, *, first: bool
) -> tuple[Tensor, Tensor]:
    o, d = origin.numpy(), direction.numpy()
    t, which = kernels.empty(o)
    kernels.cast(*kernel, o, d, o.dtype.type(limit), first, t, which)  # type: ignore[call-arg]
    return torch.from_numpy(t), torch.from_numpy(which)


def _entries(alike: Alike, origin: Tensor, direction: Tensor) -> Tensor:
    """t (k, P) at which rays enter each solid, inf where they do not."""
    shape = 3, -1, origin.shape[1]
    o = torch.addmm(alike.shift, alike.linear, origin).view(shape)
    d = (alike.linear @ direction).view(shape)
    near, far = _INTERVALS[alike.form](o, torch.where(d.abs() < TINY, TINY, d))
    return torch.where((near <= far) & (near > START), near, torch.inf)


def _box(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    inverse = d.reciprocal()
    middle, reach = -o * inverse, inverse.abs()
    return (middle - reach).amax(0), (middle + reach).amin(0)


def _cylinder(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    side, caps = _round(o[:2], d[:2]), _box(o[2:], d[2:])
    return torch.maximum(side[0], caps[0]), torch.minimum(side[1], caps[1])


def _round(o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """Circle or sphere, from the point of the ray that is nearest to its centre: exact from afar."""
    a = (d * d).sum(0)
    middle = -(o * d).sum(0) / a
    closest = o + middle * d
    reach = ((1 - (closest * closest).sum(0)) / a).sqrt()  # NaN, and so never near <= far, where it is missed
    return middle - reach, middle + reach


_INTERVALS = {Form.BOX: _box, Form.CYLINDER: _cylinder, Form.SPHERE: _round}


def _distances(alike: Alike, points: Tensor) -> Tensor:
    """Metres (k, P) to each solid."""
    unit = torch.addmm(alike.shift, alike.linear, points).view(3, -1, points.shape[1])
    side = torch.minimum(alike.half[0], alike.half[1])
    if alike.form == Form.SPHERE:
        return (length(unit) - 1) * torch.minimum(side, alike.half[2])
    out = (unit.abs() - 1) * alike.half
    if alike.form == Form.CYLINDER:
        out = torch.stack([(length(unit[:2]) - 1) * side, out[2]])
    return length(out.clamp_min(0)) + out.amax(0).clamp_max(0)


def length(vectors: Tensor) -> Tensor:
    """Of vectors (c, ...) along the first axis, where torch's own norm is slow."""
    return (vectors * vectors).sum(0).sqrt()


def _maps(solids: list[Solid]) -> tuple[NDArray[np.float64], ...]:
    """World to unit space of k solids: linear (3, k, 3), shift (3, k); and half their size (3, k)."""
    c, s = (f(np.array([solid.yaw for solid in solids])) for f in (np.cos, np.sin))
    zero, one = np.zeros_like(c), np.ones_like(c)
    turn = np.array([[c, s, zero], [-s, c, zero], [zero, zero, one]]).transpose(0, 2, 1)
    half = np.array([solid.half for solid in solids]).T
    linear = turn / half[..., None]
    return linear, -(linear * np.array([solid.centre for solid in solids])).sum(2), half


def _around(things: list[Thing]) -> NDArray[np.float64]:
    """Boxes (g, 6) around things, a little larger, so that rounding loses nothing."""
    return np.array([np.concatenate([low - 1e-3, high + 1e-3]) for low, high in map(bounds, things)])
