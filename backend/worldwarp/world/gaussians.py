"""One Gaussian scene of all committed frames, fitted from the disk, and the file that viewers of such scenes read."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..cache.fit import activated, adam, free
from ..cache.gaussians import OPACITY, SKY_DISTANCE, GaussianCache
from ..cache.loss import Target, loss
from ..cache.rasterise import Rendering, device, rasterise
from ..cache.surface import THICKNESS, quaternions
from ..cameras.cameras import Array, pixel_rays
from ..nouns import Floats, Provenance, Report
from .cloud import Cloud, averaged, bounded, footprint, joined, looked_at, nothing, rethinned, summed
from .frames import Frames

SKY_SHARE = 0.1
"""Of the cap, that the shell of the sky may take where there is sky."""

SKY_STRIDE = 4
"""Pixels from one to the next that the shell is made from."""

SPREAD = 0.5
"""Standard deviation along the surface of a Gaussian that stands for a voxel, in voxels: no cracks between them."""

TRUST = {Provenance.PICTURE: 1.0, Provenance.GENERATED: 1.0, Provenance.FILLED: 0.1}
"""What a pixel weighs in the fit: holes that were filled smoothly show nothing that is worth fitting."""

SH_C0 = 0.28209479177387814
"""The constant spherical harmonic, 1 / (2 sqrt(pi))."""

PROPERTIES = (
    *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)
"""Of the release of Kerbl et al. 2023, without the higher harmonics."""


@dataclass(frozen=True)
class Fitted:
    """A scene and how well it shows the frames it was fitted to."""

    gaussians: GaussianCache
    psnr: float
    """dB over all frames, whole pictures, blended onto black as viewers do, without any test of visibility."""
    psnr_before: float
    """The same of the start."""
    worst: float
    """dB of the frame that it shows worst."""


def fitted(frames: Frames, cloud: Cloud, seed: int, report: Report, cap: int, steps: int) -> Fitted:
    """Gaussians on the surfaces and a shell of sky behind them, fitted to all frames: one frame a step, from the disk.

    Frames come in a seeded random order, each once before any comes again. Memory holds one frame at a time.

    Args:
        cloud: where surfaces are (``cloud.merged`` of the same frames).
        cap: the most Gaussians there may be, sky included.
        steps: of Adam.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # torch's threads spin while numba's work
    try:
        start = begin(frames, cloud, cap)
        before = psnrs(start, frames, report)
        found = _fit(start, frames, steps, seed, report)
        after = psnrs(found, frames, report)
    finally:
        torch.set_num_threads(threads)
    return Fitted(found, float(after.mean()), float(before.mean()), float(after.min()))


def begin(frames: Frames, cloud: Cloud, cap: int) -> GaussianCache:
    """At most ``cap`` Gaussians: a flat one for each voxel, and the sky's shell."""
    sky = _shell(frames, cloud, int(cap * SKY_SHARE))
    most = cap - (0 if sky is None else len(sky.means))
    solid = rethinned(cloud, most)
    surface = _discs(solid, np.maximum(solid.footprint, solid.voxel) * SPREAD)
    if sky is None:
        return surface
    return GaussianCache(*(torch.cat([getattr(a, f.name) for a in (surface, sky)]) for f in fields(GaussianCache)))


def psnrs(gaussians: GaussianCache, frames: Frames, report: Report) -> Array:
    """(n,) dB of each frame as the Gaussians show it, where anything is known of it."""
    found = np.empty(len(frames))
    for i in range(len(frames)):
        report("psnr", i, len(frames))
        with torch.no_grad():
            shown = _shown(gaussians, frames, i).features.clamp(0, 1).cpu().numpy()
        view, depth = frames.solid(i)
        error = ((shown - view.rgb / 255.0) ** 2)[~np.isnan(depth)]
        found[i] = -10 * np.log10(max(float(error.mean()), 1e-10))
    return found


def encode_gaussians(gaussians: GaussianCache) -> bytes:
    """A binary little-endian PLY file of ``PROPERTIES`` (float), as viewers of 3D Gaussians read it.

    Scales are natural logarithms, opacities logits, quaternions wxyz and normalised, colours the constant harmonic's
    factor: (c - 0.5) / ``SH_C0``. Normals are 0, as in the release.
    """
    g = gaussians
    opacity = torch.logit(g.opacities.clamp(1e-6, 1 - 1e-6))
    columns = [g.means, torch.zeros_like(g.means), (g.colours - 0.5) / SH_C0, opacity[:, None], g.scales.log()]
    columns.append(torch.nn.functional.normalize(g.quats, dim=1))
    table = torch.cat(columns, dim=1).cpu().numpy().astype("<f4")
    properties = "".join(f"property float {name}\n" for name in PROPERTIES)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(table)}\n{properties}end_header\n"
    return header.encode("ascii") + table.tobytes()


def _fit(start: GaussianCache, frames: Frames, steps: int, seed: int, report: Report) -> GaussianCache:
    unit = _unit(frames)
    parameters = free(start)
    optimiser = adam(parameters, footprint(frames))
    draw, order = np.random.default_rng(seed), np.empty(0, np.intp)
    for step in range(steps):
        report("gaussians", step, steps)
        if not len(order):
            order = draw.permutation(len(frames))
        i, order = int(order[0]), order[1:]
        optimiser.zero_grad()
        seen = _shown(activated(parameters, start), frames, i)
        # As viewers blend: onto black, so that light which passes is a fault. Depth counts where something is.
        opaque = Rendering(seen.features, torch.where(seen.alpha > 0.5, seen.depth, unit), torch.ones_like(seen.alpha))
        target = _target(frames, i, unit)
        # What is not known is as it is shown: else it would bleed through the likeness of its surroundings.
        known = torch.where(target.weight[..., None] > 0, target.rgb, opaque.features.detach())
        value, _ = loss(opaque, replace(target, rgb=known))
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return activated({name: value.detach() for name, value in parameters.items()}, start)


def _shown(g: GaussianCache, frames: Frames, i: int) -> Rendering:
    cameras = frames.cameras
    camera = cameras.K[i], cameras.world_to_camera[i], cameras.width, cameras.height
    return rasterise(g.means, g.quats, g.scales, g.opacities, g.colours, *camera)


def _target(frames: Frames, i: int, unit: float) -> Target:
    view, depth = frames.solid(i)
    solid = np.isfinite(depth)
    trust = np.choose(view.provenance, [TRUST[p] for p in Provenance]) * ~np.isnan(depth)
    arrays = view.rgb / 255.0, np.where(solid, unit / np.where(solid, depth, 1), 0), trust, solid * trust
    rgb, disparity, weight, weight_disparity = (_tensor(a) for a in arrays)
    return Target(rgb, disparity, weight, weight_disparity, unit)


def _unit(frames: Frames) -> float:
    """The median depth, about: of the pixels that ``footprint`` looks at."""
    K = frames.cameras.K[0]
    return footprint(frames) * float(np.sqrt(K[0, 0] * K[1, 1]))


def _shell(frames: Frames, cloud: Cloud, most: int) -> GaussianCache | None:
    """The sky as Gaussians far behind everything, None where there is none."""
    centres = frames.cameras.centres
    middle = centres.mean(axis=0)
    reach = max(float(np.linalg.norm(cloud.xyz - middle, axis=1).max(initial=0)), float(np.ptp(centres, axis=0).max()))
    radius = SKY_DISTANCE * max(reach, 1e-3)
    pixel = SKY_STRIDE * radius / float(frames.cameras.K[:, 0, 0].mean())
    sums = nothing(pixel)
    for i in looked_at(frames):
        rows = _sky_pixels(frames, i, middle, radius, pixel)
        sums = bounded(joined(sums, summed(rows, np.ones(len(rows)), sums.voxel)), most)
    sky = averaged(sums)
    if not len(sky):
        return None
    return replace(
        _discs(sky, np.full(len(sky), sums.voxel * SPREAD)), sky=torch.ones(len(sky), dtype=torch.bool, device=device())
    )


def _sky_pixels(frames: Frames, i: int, middle: Array, radius: float, pixel: float) -> Array:
    """(p, 11), as ``cloud.seen`` gives what is solid."""
    view, depth = frames.solid(i)
    sky = np.isinf(depth[::SKY_STRIDE, ::SKY_STRIDE])
    rays = pixel_rays(frames.cameras.K[i], *view.rgb.shape[1::-1])[::SKY_STRIDE, ::SKY_STRIDE][sky]
    towards = rays @ frames.cameras.camera_to_world[i, :3, :3].T
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    provenance = view.provenance[::SKY_STRIDE, ::SKY_STRIDE][sky][:, None]
    colour = view.rgb[::SKY_STRIDE, ::SKY_STRIDE][sky]
    columns = [middle + radius * towards, colour, -towards, provenance, np.full((len(rays), 1), pixel)]
    return np.concatenate([np.asarray(column, np.float64) for column in columns], axis=1)


def _discs(cloud: Cloud, sigma: NDArray[np.floating]) -> GaussianCache:
    """A flat Gaussian for each point, across its normal."""
    scales = np.stack([sigma, sigma, THICKNESS * sigma / SPREAD], axis=1)
    return GaussianCache(
        means=_tensor(cloud.xyz),
        quats=_tensor(quaternions(_frames_across(cloud.normal))),
        scales=_tensor(scales),
        opacities=_tensor(np.full(len(cloud), OPACITY)),
        colours=_tensor(cloud.rgb / 255),
        provenance=torch.from_numpy(cloud.provenance).to(device()),
        sky=torch.zeros(len(cloud), dtype=torch.bool, device=device()),
    )


def _frames_across(normal: Floats) -> Array:
    """(p, 3, 3) rotations whose third column is the normal (p, 3)."""
    n = normal.astype(np.float64)
    n = np.where(np.linalg.norm(n, axis=1, keepdims=True) > 0.5, n, [0.0, 0.0, 1.0])
    helper = np.where(np.abs(n[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    u = np.cross(helper, n)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return np.stack([u, np.cross(n, u), n], axis=2)


def _tensor(a: NDArray[np.floating]) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float32, device=device())
