"""Pictures and exact depth of a made place: one ray per pixel, and four more where the picture has an edge."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import rays, textures
from .solids import Form, Light, Pattern, Scene, Sky

TILE = {"cpu": 1 << 15, "cuda": 1 << 18}
"""Rays at a time: what fits a core's cache, and what keeps a GPU busy within a few GB."""

CONTRAST = 0.08
"""Neighbours that differ by more are an edge, and averaged over four rays."""

EDGE_RAYS = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))
"""Where in the pixel they go: a rotated grid."""

LIFT = 2e-3
"""Metres above a surface at which its shadow rays start."""

NOOKS = ((0.08, 0.3), (0.35, 0.4))
"""Metres from a surface, and how much darker it is where nothing is free so far: contact and corner shadow."""

LONGWAYS = (Pattern.GRAIN, Pattern.PLANKS)
"""Patterns that run along the longer side of a face."""


@dataclass(frozen=True)
class World:
    """A scene on a device: what its rays need."""

    scene: Scene
    solids: rays.Solids
    casters: rays.Solids
    form: Tensor
    pattern: Tensor
    seed: Tensor
    numbers: Tensor
    """(15, solids): cos and sin of the yaw, centre, half, first colour, second colour, scale."""


def render(
    scene: Scene,
    camera_to_world: NDArray[np.float64],
    K: NDArray[np.float64],
    height: int,
    width: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """What n cameras see.

    Args:
        scene: the place.
        camera_to_world: (n, 4, 4), OpenCV axes (x right, y down, z forward).
        K: (n, 3, 3) in pixels, whose centres are at + 0.5.
        height: of the pictures, in pixels.
        width: of the pictures, in pixels.
        device: where it is computed, and where the answer is.
        dtype: float64 is the twin that float32 is tested against.

    Returns:
        Colours (n, H, W, 3) in [0, 1], display-referred, and planar depth (n, H, W) along the ray through the
        pixel's centre; inf is sky.
    """
    world = _world(scene, device, dtype)
    pose, lens = (torch.as_tensor(x).to(device, dtype) for x in (camera_to_world, np.linalg.inv(K)))
    focal = torch.as_tensor(K[:, 0, 0]).to(device, dtype)
    pixels = torch.arange(len(pose) * height * width, device=device)
    size, tile = (height, width), TILE[pixels.device.type]
    seen = [_look(world, pose, lens, focal, p, size, (0.0, 0.0)) for p in torch.split(pixels, tile)]
    rgb, depth = torch.cat([s[0] for s in seen], 1), torch.cat([s[1] for s in seen])
    edges = pixels[_edges(rgb.view(3, -1, height, width)).flatten()]
    for p in torch.split(edges, tile):
        around = [_look(world, pose, lens, focal, p, size, offset)[0] for offset in EDGE_RAYS]
        rgb[:, p] = torch.stack(around).mean(0)
    return rgb.T.reshape(-1, height, width, 3).contiguous(), depth.view(-1, height, width)


def _world(scene: Scene, device: str, dtype: torch.dtype) -> World:
    solids = [solid for thing in scene.things for solid in thing]
    numbers = [
        (np.cos(s.yaw), np.sin(s.yaw), *s.centre, *s.half, *s.material.first, *s.material.second, s.material.scale)
        for s in solids
    ]
    form, pattern, seed = (
        torch.tensor(x, dtype=torch.int32, device=device)
        for x in zip(*[(s.form, s.material.pattern, s.material.seed) for s in solids], strict=True)
    )
    return World(
        scene,
        rays.pack(scene, device, dtype),
        rays.pack(scene, device, dtype, shadows=True),
        form,
        pattern,
        seed,
        torch.tensor(numbers, dtype=dtype, device=device).T.contiguous(),
    )


def _look(
    world: World,
    pose: Tensor,
    lens: Tensor,
    focal: Tensor,
    pixels: Tensor,
    size: tuple[int, int],
    offset: tuple[float, float],
) -> tuple[Tensor, Tensor]:
    """Display-referred colour (3, P) and planar depth (P,) at pixels (P,) counted over all frames."""
    height, width = size
    frame, place = pixels // (height * width), pixels % (height * width)
    x, y = place % width + (0.5 + offset[0]), place // width + (0.5 + offset[1])
    uv = torch.stack([x, y, torch.ones_like(x)]).to(pose)
    # the camera's z component of each direction is 1, so that t is planar depth
    direction = _turned(pose[:, :3, :3] @ lens, frame, uv)
    origin = pose[:, :3, 3].T[:, frame]
    t, which = rays.nearest(world.solids, origin, direction)
    light = _sky(world.scene.sky, direction)
    hit = (which >= 0).nonzero()[:, 0]
    spread = t[hit] / focal[frame[hit]]
    light[:, hit] = _surface(world, origin[:, hit], direction[:, hit], t[hit], which[hit], spread)
    return (1 - torch.exp(-world.scene.exposure * light)) ** (1 / 2.2), t


def _turned(matrices: Tensor, which: Tensor, vectors: Tensor) -> Tensor:
    """matrices[which] @ vectors, (3, P)."""
    rows = matrices.permute(1, 2, 0)[:, :, which]
    return (rows * vectors).sum(1)


def _surface(world: World, origin: Tensor, direction: Tensor, t: Tensor, which: Tensor, spread: Tensor) -> Tensor:
    """Light (3, P) that leaves surfaces towards the camera; ``spread`` is metres across a pixel that faces it."""
    numbers = world.numbers[:, which]
    c, s, half = numbers[0], numbers[1], numbers[5:8]
    point = origin + t * direction
    own, unit = _own(point, numbers)
    normal, (u, v), face = _face(world, which, own, unit, half)
    normal = torch.stack([c * normal[0] - s * normal[1], s * normal[0] + c * normal[1], normal[2]])
    normal = normal / rays.length(normal)
    slant = ((normal * direction).sum(0) / rays.length(direction)).abs().clamp_min(0.3)
    spots = textures.Spots(u, v, spread / slant, face, numbers[8:11], numbers[11:14], numbers[14], world.seed[which])
    pattern = world.pattern[which]
    colour = _colours(pattern, spots)
    shining = pattern == Pattern.GLOW
    received = _received(world, point, normal)
    return torch.where(shining, colour, colour * received)


def _own(point: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Points in the axes of their solids: in metres from the world's origin, and in units from the solid's centre."""
    c, s = numbers[0], numbers[1]
    own = torch.stack([c * point[0] + s * point[1], c * point[1] - s * point[0], point[2]])
    x, y, z = point - numbers[2:5]
    return own, torch.stack([c * x + s * y, c * y - s * x, z]) / numbers[5:8]


def _face(
    world: World, which: Tensor, own: Tensor, unit: Tensor, half: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
    """Normal (3, P) in the solid's axes, metres along the surface (P,) twice, and [-1, 1] across the face (2, P)."""
    form = world.form[which]
    radius = rays.length(unit[:2])
    side = (form == Form.CYLINDER) & (radius > unit[2].abs())
    ball = form == Form.SPHERE
    axis = unit.abs().argmax(0)
    axis = torch.where(form == Form.CYLINDER, 2, axis)
    flat = torch.nn.functional.one_hot(axis, 3).T.to(unit) * unit.sign()
    normal = torch.where(ball, unit / half, torch.where(side, unit / half * unit.new_tensor([[1], [1], [0]]), flat))
    a, b = torch.where(axis == 0, 1, 0), torch.where(axis == 2, 1, 2)
    longways = sum(((world.pattern[which] == p) for p in LONGWAYS), torch.zeros_like(ball))
    swap = longways & (half.gather(0, a[None])[0] > half.gather(0, b[None])[0])
    a, b = torch.where(swap, b, a), torch.where(swap, a, b)
    u, v, *face = (m.gather(0, i[None])[0] for m in (own, unit) for i in (a, b))
    around = torch.atan2(unit[1], unit[0])
    curved = side | ball
    u, v = torch.where(curved, around * half[0], u), torch.where(curved, own[2], v)
    return normal, (u, v), torch.stack(face)


def _colours(pattern: Tensor, at: textures.Spots) -> Tensor:
    """Albedo (3, P) of points of any patterns."""
    colour = torch.empty_like(at.first)
    for kind in torch.unique(pattern).tolist():
        of = (pattern == kind).nonzero()[:, 0]
        here = textures.Spots(*(getattr(at, name)[..., of] for name in at.__dataclass_fields__))
        colour[:, of] = textures.albedo(Pattern(kind), here)
    return colour.clamp(0, 1)


def _received(world: World, point: Tensor, normal: Tensor) -> Tensor:
    """Light (3, P) that falls onto points: from all around, darker in nooks, and from each light not in shadow."""
    above, below = (point.new_tensor(colour)[:, None] for colour in world.scene.ambient)
    received = torch.lerp(below, above, normal[2] * 0.5 + 0.5) * _openness(world, point, normal)
    start = point + LIFT * normal
    for light in world.scene.lights:
        towards, strength = _towards(light, start, normal)
        lit = (strength > 4e-3).nonzero()[:, 0]
        towards, strength = towards[:, lit], strength[lit]
        reach = 1.0 if light.radius else torch.inf
        strength = torch.where(rays.blocked(world.casters, start[:, lit], towards, reach), 0, strength)
        received[:, lit] += strength * point.new_tensor(light.colour)[:, None]
    return received


def _towards(light: Light, point: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """The way to a light (3, P) and the share (P,) of its irradiance that arrives if nothing stands between."""
    position = point.new_tensor(light.position)[:, None]
    if not light.radius:
        towards = (position / position.norm()).expand_as(point).contiguous()
        return towards, (normal * towards).sum(0).clamp_min(0)
    towards = position - point
    square = (towards * towards).sum(0)
    cosine = (normal * towards).sum(0) / square.sqrt()
    facing = point.new_tensor(light.facing)
    emitted = (-(facing[:, None] * towards).sum(0) / square.sqrt()).clamp_min(0) if any(light.facing) else 1.0
    return towards, cosine.clamp_min(0) * emitted / (square + light.radius**2)


def _openness(world: World, point: Tensor, normal: Tensor) -> Tensor:
    """How much (P,) of the light from all around reaches a point."""
    closed = torch.zeros_like(point[0])
    for step, weight in NOOKS:
        free = rays.distance(world.casters, point + step * normal, step)
        closed += weight * (1 - free / step).clamp(0, 1)
    return 1 - closed


def _sky(sky: Sky, direction: Tensor) -> Tensor:
    """Light (3, P) from a cloudy sky above the horizon, and from hazy ground below it."""
    x, y, up = direction / rays.length(direction)
    zenith, horizon, ground = (direction.new_tensor(c)[:, None] for c in (sky.zenith, sky.horizon, sky.ground))
    light = torch.lerp(horizon, zenith, up.clamp(0, 1).sqrt())
    plane = 1 / (up.clamp_min(0) + 0.15)
    seed = torch.full_like(up, sky.seed, dtype=torch.int32)
    cloud = textures.noise(x * plane * 1.3, y * plane * 1.3, seed)
    cloud += 0.5 * textures.noise(x * plane * 3.1, y * plane * 3.1, seed + 1)
    light = torch.lerp(light, torch.ones_like(light), (cloud * 0.6).clamp(0, 0.6) * (up * 4).clamp(0, 1))
    hills = 0.05 + 0.03 * torch.sin(5 * torch.atan2(y, x) + sky.seed) + 0.015 * torch.sin(13 * torch.atan2(y, x))
    return torch.lerp(light, ground.expand_as(light), ((hills - up) / 0.01 + 0.5).clamp(0, 1))


def _edges(rgb: Tensor) -> Tensor:
    """Pixels (n, H, W) of pictures (3, n, H, W) that differ from a neighbour."""
    edges = torch.zeros_like(rgb[0], dtype=torch.bool)
    down = ((rgb[:, :, 1:] - rgb[:, :, :-1]).abs() > CONTRAST).any(0)
    right = ((rgb[..., 1:] - rgb[..., :-1]).abs() > CONTRAST).any(0)
    edges[:, 1:] |= down
    edges[:, :-1] |= down
    edges[..., 1:] |= right
    edges[..., :-1] |= right
    return edges
