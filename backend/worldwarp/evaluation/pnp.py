"""Where a camera stands, from points of the world and the pixels that they fall on. All of it in float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from worldwarp_protocol.paths.rotations import from_vectors

from ..cameras.cameras import Array, project
from ..geometry.robust import BIWEIGHT, NORMAL, biweight

SAMPLES = 400
"""Triples that are tried: enough for one without an outlier where 4 in 5 are outliers (95 %)."""

NEAR = 3.0
"""Pixels within which a point agrees with a sampled pose."""

NOISE = 0.3
"""Pixels: least standard deviation that matches are believed to have."""

ROUNDS = 15
LEAST = 6
"""Points a pose is refined from."""


@dataclass(frozen=True)
class Located:
    """A camera that was found."""

    world_to_camera: Array
    """(4, 4)."""
    inliers: NDArray[np.bool_]
    """(n,): the points that agree."""
    residual: float
    """Median distance of the inliers from their pixels, in pixels; NaN where there are none."""


def locate(points: Array, pixels: Array, K: Array, seed: int = 0) -> Located | None:
    """The camera that most points agree with: RANSAC over P3P, then ``refine``.

    Args:
        points: (n, 3) in the world; pixels: (n, 2); K: (3, 3).

    Returns:
        None where fewer than ``LEAST`` points agree.
    """
    if len(points) < LEAST:
        return None
    rng = np.random.default_rng(seed)
    triples = rng.random((SAMPLES, len(points))).argpartition(3, axis=1)[:, :3]
    rays = np.concatenate([pixels, np.ones((len(pixels), 1))], 1) @ np.linalg.inv(K).T
    poses = three_points(points[triples], rays[triples])
    if not len(poses):
        return None
    agree = np.array([distances(points, pixels, K, pose) < NEAR for pose in poses])
    best = agree.sum(1).argmax()
    if agree[best].sum() < LEAST:
        return None
    found = refine(points[agree[best]], pixels[agree[best]], K, poses[best])
    found = refine(points, pixels, K, found.world_to_camera, within=NEAR)
    return found if found.inliers.sum() >= LEAST else None


def refine(
    points: Array,
    pixels: Array,
    K: Array,
    world_to_camera: Array,
    weights: Array | None = None,
    within: float = np.inf,
) -> Located:
    """The pose with the least reprojection error near a given one: Gauss-Newton on SE(3) under Tukey's biweight.

    Args:
        points: (n, 3) in the world; pixels: (n, 2); K: (3, 3); world_to_camera: (4, 4), where it starts.
        weights: (n,), how much each point counts.
        within: points further than this from their pixels say nothing of how noisy the matches are.
    """
    pose, counts = world_to_camera, np.ones(len(points)) if weights is None else weights
    for _ in range(ROUNDS):
        off = distances(points, pixels, K, pose)
        believed = counts * biweight(np.minimum(off, 1e6), _deviation(off, within))
        step = _step(points, pixels, K, pose, believed)
        pose = _moved(pose, step)
        if np.abs(step).max() < 1e-12:
            break
    return judged(points, pixels, K, pose, within)


def judged(points: Array, pixels: Array, K: Array, world_to_camera: Array, within: float = np.inf) -> Located:
    """A pose as it is, with the points that agree with it."""
    off = distances(points, pixels, K, world_to_camera)
    inliers = off < BIWEIGHT * _deviation(off, within) / 2
    residual = float(np.median(off[inliers])) if inliers.any() else np.nan
    return Located(world_to_camera, inliers, residual)


def three_points(points: Array, rays: Array) -> Array:
    """Poses (p, 4, 4), world to camera, from triples (s, 3, 3) of points and the rays (s, 3, 3) they are seen along.

    Grunert's solution (1841) in the form of Haralick et al. 1994, equation 9: up to four poses for a triple.
    """
    f = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    alpha, beta, gamma = ((f[:, i] * f[:, j]).sum(-1) for i, j in ((1, 2), (0, 2), (0, 1)))
    a, b, c = (np.square(points[:, i] - points[:, j]).sum(-1) for i, j in ((1, 2), (0, 2), (0, 1)))
    with np.errstate(all="ignore"):
        v = _real_roots(*_quartic(a / b, c / b, alpha, beta, gamma))
        d = ((a - c) / b)[:, None]
        alpha, beta, gamma, b = (one[:, None] for one in (alpha, beta, gamma, b))
        u = ((d - 1) * v**2 - 2 * d * beta * v + 1 + d) / (2 * (gamma - v * alpha))
        s = np.sqrt(b / (1 + v**2 - 2 * v * beta))
        lengths = np.stack([s, u * s, v * s], -1)
        good = np.isfinite(lengths).all(-1) & (lengths > 0).all(-1)
    triple, root = np.nonzero(good)
    return _rigid(points[triple], f[triple] * lengths[triple, root][..., None])


def _quartic(a: Array, c: Array, alpha: Array, beta: Array, gamma: Array) -> tuple[Array, ...]:
    """Coefficients of v = s3 / s1, highest first; ``a`` and ``c`` are squared sides in units of the third's."""
    d, e = a - c, a + c
    return (
        (d - 1) ** 2 - 4 * c * alpha**2,
        4 * (d * (1 - d) * beta - (1 - e) * alpha * gamma + 2 * c * alpha**2 * beta),
        2
        * (
            d**2
            - 1
            + 2 * d**2 * beta**2
            + 2 * (1 - c) * alpha**2
            - 4 * e * alpha * beta * gamma
            + 2 * (1 - a) * gamma**2
        ),
        4 * (-d * (1 + d) * beta + 2 * a * gamma**2 * beta - (1 - e) * alpha * gamma),
        (1 + d) ** 2 - 4 * a * gamma**2,
    )


def _real_roots(*coefficients: Array) -> Array:
    """Real roots (s, 4) of quartics, NaN where there is none, by the eigenvalues of companion matrices."""
    companion = np.zeros((len(coefficients[0]), 4, 4))
    companion[:, [1, 2, 3], [0, 1, 2]] = 1
    companion[:, 0] = -np.stack(coefficients[1:], -1) / coefficients[0][:, None]
    usable = np.asarray(np.isfinite(companion).all((1, 2)))
    roots = np.linalg.eigvals(np.where(usable[:, None, None], companion, 0))
    real = usable[:, None] & (np.abs(roots.imag) < 1e-4 * (1 + np.abs(roots.real)))
    return np.where(real, roots.real, np.nan)


def _rigid(points: Array, in_camera: Array) -> Array:
    """(p, 4, 4): the rotations and shifts that bring points (p, k, 3) nearest to ``in_camera`` (Kabsch 1976)."""
    middle, middle_in_camera = points.mean(1, keepdims=True), in_camera.mean(1, keepdims=True)
    U, _, Vt = np.linalg.svd((in_camera - middle_in_camera).transpose(0, 2, 1) @ (points - middle))
    U[..., 2] *= np.linalg.det(U @ Vt)[:, None]
    poses = np.tile(np.eye(4), (len(points), 1, 1))
    poses[:, :3, :3] = U @ Vt
    poses[:, :3, 3] = (middle_in_camera - middle @ poses[:, :3, :3].transpose(0, 2, 1))[:, 0]
    return poses


def distances(points: Array, pixels: Array, K: Array, pose: Array) -> Array:
    """Pixels (n,) between where points (n, 3) are seen and where they should be; infinite behind the camera."""
    seen, depth = project(points, K, pose)
    return np.where(depth > 0, np.linalg.norm(seen - pixels, axis=-1), np.inf)


def _deviation(off: Array, within: float) -> float:
    near = off[off < within]
    return max(NORMAL * float(np.median(near)), NOISE) if len(near) else NOISE


def _step(points: Array, pixels: Array, K: Array, pose: Array, weights: Array) -> Array:
    """(6,): the turn and shift in camera axes that lessens the weighted squares most."""
    used = weights > 0
    if used.sum() < LEAST:
        return np.zeros(6)
    x, y, z = (points[used] @ pose[:3, :3].T + pose[:3, 3]).T
    nil, (fx, fy) = np.zeros_like(z), (K[0, 0], K[1, 1])
    along_x = np.stack([-fx * x * y / z**2, fx * (1 + x**2 / z**2), -fx * y / z, fx / z, nil, -fx * x / z**2], -1)
    along_y = np.stack([-fy * (1 + y**2 / z**2), fy * x * y / z**2, fy * x / z, nil, fy / z, -fy * y / z**2], -1)
    J = np.concatenate([along_x, along_y])
    r = (project(points[used], K, pose)[0] - pixels[used]).T.reshape(-1)
    w = np.tile(weights[used], 2)[:, None]
    H = (w * J).T @ J
    return np.asarray(-np.linalg.lstsq(H, (w * J).T @ r, rcond=1e-12)[0])


def _moved(pose: Array, step: Array) -> Array:
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = from_vectors(step[:3]), step[3:]
    return np.asarray(move @ pose)
