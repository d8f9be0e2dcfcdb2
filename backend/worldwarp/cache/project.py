"""Gaussians in the world to ellipses on the image, forward and backward, on the CPU (numba).

EWA splatting (Zwicker et al. 2001, "EWA Volume Splatting", eq. 24-31) as gsplat 1.5.3 has it: the covariance goes
through the camera's rotation and the perspective Jacobian at the mean, and is dilated by ``EPS2D``. Everything is
computed in float64 and stored in the Gaussians' own type: this is a small part of the time.

An ellipse's box: gsplat's opacity-aware one, min(3.33, sqrt(2 ln(255 opacity))) standard deviations. Outside of it
alpha is below 1/255 and cut anyway, so boxes and tiles never change a pixel.
"""

import math

import numpy as np
from numba import njit, prange

EPS2D = 0.3
"""Dilation in px^2: every ellipse is at least about a pixel wide."""

ALPHA_CUT = 1.0 / 255.0
"""Smaller alphas are not blended."""

FOV_SLACK = 1.3
"""The Jacobian is taken inside this many half fields of view; further out it would blow up."""


@njit(inline="always")
def rotation(q, R):  # type: ignore[no-untyped-def]
    """Unit quaternion wxyz to R (3, 3), in place."""
    w, x, y, z = q[0], q[1], q[2], q[3]
    R[0, 0] = 1 - 2 * (y * y + z * z)
    R[0, 1] = 2 * (x * y - w * z)
    R[0, 2] = 2 * (x * z + w * y)
    R[1, 0] = 2 * (x * y + w * z)
    R[1, 1] = 1 - 2 * (x * x + z * z)
    R[1, 2] = 2 * (y * z - w * x)
    R[2, 0] = 2 * (x * z - w * y)
    R[2, 1] = 2 * (y * z + w * x)
    R[2, 2] = 1 - 2 * (x * x + y * y)


@njit(inline="always")
def normalise(quat, q):  # type: ignore[no-untyped-def]
    """Unit quaternion into q; returns the length it had."""
    norm = max(math.sqrt(quat[0] ** 2.0 + quat[1] ** 2.0 + quat[2] ** 2.0 + quat[3] ** 2.0), 1e-12)
    for i in range(4):
        q[i] = quat[i] / norm
    return norm


@njit(inline="always")
def _axes(Rq, scale, W, V):  # type: ignore[no-untyped-def]
    """V = W Rq diag(scale) (3, 3): the Gaussian's axes in the camera; its covariance there is V V^T."""
    for i in range(3):
        for j in range(3):
            V[i, j] = (W[i, 0] * Rq[0, j] + W[i, 1] * Rq[1, j] + W[i, 2] * Rq[2, j]) * scale[j]


@njit(inline="always")
def _clamped(u, focal, centre, size):  # type: ignore[no-untyped-def]
    """x / z (or y / z) kept where the Jacobian is tame, and whether it was inside."""
    slack = (FOV_SLACK - 1.0) * 0.5 * size / focal
    low, high = -centre / focal - slack, (size - centre) / focal + slack
    return min(max(u, low), high), low <= u <= high


@njit(inline="always")
def to_camera(m, pose):  # type: ignore[no-untyped-def]
    """A point (3,) of the world in camera axes, by pose (3, 4)."""
    x = pose[0, 0] * m[0] + pose[0, 1] * m[1] + pose[0, 2] * m[2] + pose[0, 3]
    y = pose[1, 0] * m[0] + pose[1, 1] * m[1] + pose[1, 2] * m[2] + pose[1, 3]
    z = pose[2, 0] * m[0] + pose[2, 1] * m[1] + pose[2, 2] * m[2] + pose[2, 3]
    return x, y, z


@njit(inline="always")
def _rotation_backward(v_R, q, norm, out):  # type: ignore[no-untyped-def]
    """Gradient to R (3, 3) to gradient to the quaternion (4,) before it was normalised, in ``out``."""
    w, a, b, c = q[0], q[1], q[2], q[3]
    v_w = 2 * (a * (v_R[2, 1] - v_R[1, 2]) + b * (v_R[0, 2] - v_R[2, 0]) + c * (v_R[1, 0] - v_R[0, 1]))
    v_a = 2 * (
        -2 * a * (v_R[1, 1] + v_R[2, 2])
        + b * (v_R[0, 1] + v_R[1, 0])
        + c * (v_R[0, 2] + v_R[2, 0])
        + w * (v_R[2, 1] - v_R[1, 2])
    )
    v_b = 2 * (
        a * (v_R[0, 1] + v_R[1, 0])
        - 2 * b * (v_R[0, 0] + v_R[2, 2])
        + c * (v_R[1, 2] + v_R[2, 1])
        + w * (v_R[0, 2] - v_R[2, 0])
    )
    v_c = 2 * (
        a * (v_R[0, 2] + v_R[2, 0])
        + b * (v_R[1, 2] + v_R[2, 1])
        - 2 * c * (v_R[0, 0] + v_R[1, 1])
        + w * (v_R[1, 0] - v_R[0, 1])
    )
    along = v_w * w + v_a * a + v_b * b + v_c * c
    out[0] = (v_w - along * w) / norm
    out[1] = (v_a - along * a) / norm
    out[2] = (v_b - along * b) / norm
    out[3] = (v_c - along * c) / norm


@njit(parallel=True, cache=True)
def project(means, quats, scales, opacities, camera, pose, near, width, height, ellipse, depth, box):  # type: ignore[no-untyped-def]
    """Forward.

    Args:
        means (g, 3), quats (g, 4) wxyz, scales (g, 3), opacities (g,): the Gaussians.
        camera: (4,) float64: fx, fy, cx, cy in px.
        pose: (3, 4) float64, world to camera.
        ellipse: out (g, 6): mean x, y in px; the inverse covariance's xx, xy, yy; the largest exponent that is blended.
        depth: out (g,), planar.
        box: out (g, 4) int32: first and last pixel in x, then in y; empty (0, -1, 0, -1) where culled.
    """
    W = pose[:, :3]
    for g in prange(len(means)):
        box[g, 0], box[g, 1], box[g, 2], box[g, 3] = 0, -1, 0, -1
        x, y, z = to_camera(means[g], pose)
        depth[g] = z
        if not (z > near and opacities[g] > ALPHA_CUT):
            continue
        fx, fy = camera[0], camera[1]
        q, Rq, V = np.empty(4), np.empty((3, 3)), np.empty((3, 3))
        normalise(quats[g], q)
        rotation(q, Rq)
        _axes(Rq, scales[g], W, V)
        ux, _ = _clamped(x / z, fx, camera[2], width)
        uy, _ = _clamped(y / z, fy, camera[3], height)
        a, b, c = EPS2D, 0.0, EPS2D
        for j in range(3):
            t0 = (V[0, j] - ux * V[2, j]) * fx / z
            t1 = (V[1, j] - uy * V[2, j]) * fy / z
            a += t0 * t0
            b += t0 * t1
            c += t1 * t1
        det = a * c - b * b
        px, py = fx * x / z + camera[2], fy * y / z + camera[3]
        cut = math.log(opacities[g] / ALPHA_CUT)
        rx, ry = math.sqrt(2 * cut * a), math.sqrt(2 * cut * c)
        if not (det > 0 and px + rx > 0 and px - rx < width and py + ry > 0 and py - ry < height):
            continue
        ellipse[g, 0], ellipse[g, 1] = px, py
        ellipse[g, 2], ellipse[g, 3], ellipse[g, 4] = c / det, -b / det, a / det
        ellipse[g, 5] = cut
        # A pixel is inside when its centre, at +0.5, is; the margin takes up float32's rounding of the ellipse.
        box[g, 0] = max(math.ceil(px - rx - 0.5 - 1e-3), 0)
        box[g, 1] = min(math.floor(px + rx - 0.5 + 1e-3), width - 1)
        box[g, 2] = max(math.ceil(py - ry - 0.5 - 1e-3), 0)
        box[g, 3] = min(math.floor(py + ry - 0.5 + 1e-3), height - 1)


@njit(inline="always")
def _inverse_backward(A, B, C, v_A, v_B, v_C):  # type: ignore[no-untyped-def]
    """Inverse covariance P to covariance: -P vP P; the off-diagonal is given halved and returned doubled."""
    p00, p01, p10, p11 = A * v_A + B * v_B, A * v_B + B * v_C, B * v_A + C * v_B, B * v_B + C * v_C
    return -(p00 * A + p01 * B), -2 * (p00 * B + p01 * C), -(p10 * B + p11 * C)


@njit(inline="always")
def _axes_backward(v_V, Rq, scale, W, v_R, v_scale):  # type: ignore[no-untyped-def]
    """V = W Rq diag(s): from V to Rq and to the scales, in place."""
    for j in range(3):
        total = 0.0
        for i in range(3):
            v_M = W[0, i] * v_V[0, j] + W[1, i] * v_V[1, j] + W[2, i] * v_V[2, j]
            total += v_M * Rq[i, j]
            v_R[i, j] = v_M * scale[j]
        v_scale[j] = total


@njit(parallel=True, cache=True)
def project_backward(  # type: ignore[no-untyped-def]
    means, quats, scales, camera, pose, width, height,
    ellipse, box, offsets, partial, v_means, v_quats, v_scales, v_rest,
):  # fmt: skip
    """Backward: sums each Gaussian's gradients over its tiles, in their fixed order, and takes them to 3D.

    Args:
        offsets: (g + 1,): Gaussian g's tiles are the rows offsets[g] to offsets[g + 1] of ``partial``.
        partial: (p, 6 + c): gradients to mean x, y, inverse covariance xx, xy, yy, opacity, then c features, of
            which the last that ``v_rest`` has room for is the depth.
        v_means (g, 3), v_quats (g, 4), v_scales (g, 3), v_rest (g, 1 + c): out; v_rest is opacity and features.
    """
    W = pose[:, :3]
    channels = v_rest.shape[1] - 1
    for g in prange(len(means)):
        v_means[g], v_quats[g], v_scales[g], v_rest[g] = 0, 0, 0, 0
        if box[g, 1] < box[g, 0] or box[g, 3] < box[g, 2]:
            continue
        total = np.zeros(6 + channels)
        for row in range(offsets[g], offsets[g + 1]):
            for i in range(6 + channels):
                total[i] += partial[row, i]
        for i in range(1 + channels):
            v_rest[g, i] = total[5 + i]

        fx, fy = camera[0], camera[1]
        x, y, z = to_camera(means[g], pose)
        q, Rq, V = np.empty(4), np.empty((3, 3)), np.empty((3, 3))
        norm = normalise(quats[g], q)
        rotation(q, Rq)
        _axes(Rq, scales[g], W, V)
        ux, free_x = _clamped(x / z, fx, camera[2], width)
        uy, free_y = _clamped(y / z, fy, camera[3], height)

        va, vb, vc = _inverse_backward(ellipse[g, 2], ellipse[g, 3], ellipse[g, 4], total[2], total[3] / 2, total[4])

        # Covariance T T^T to T = J V, and on to V and to the Jacobian J: j00, j02 = -j00 ux; j11, j12 = -j11 uy.
        v_V = np.empty((3, 3))
        v_j0, v_u0, v_j1, v_u1 = 0.0, 0.0, 0.0, 0.0
        j0, j1 = fx / z, fy / z
        for j in range(3):
            n0, n1 = V[0, j] - ux * V[2, j], V[1, j] - uy * V[2, j]
            t0, t1 = j0 * n0, j1 * n1
            v_t0, v_t1 = 2 * va * t0 + vb * t1, 2 * vc * t1 + vb * t0
            v_V[0, j], v_V[1, j] = j0 * v_t0, j1 * v_t1
            v_V[2, j] = -ux * v_V[0, j] - uy * v_V[1, j]
            v_j0 += v_t0 * n0
            v_j1 += v_t1 * n1
            v_u0 -= v_V[0, j] * V[2, j]
            v_u1 -= v_V[1, j] * V[2, j]

        v_x, v_y = total[0] * j0, total[1] * j1
        v_z = total[-1] - (total[0] * j0 * x + total[1] * j1 * y + v_j0 * j0 + v_j1 * j1) / z
        if free_x:
            v_x += v_u0 / z
            v_z -= v_u0 * x / (z * z)
        if free_y:
            v_y += v_u1 / z
            v_z -= v_u1 * y / (z * z)
        for i in range(3):
            v_means[g, i] = W[0, i] * v_x + W[1, i] * v_y + W[2, i] * v_z

        v_R = np.empty((3, 3))
        _axes_backward(v_V, Rq, scales[g], W, v_R, v_scales[g])
        _rotation_backward(v_R, q, norm, v_quats[g])
