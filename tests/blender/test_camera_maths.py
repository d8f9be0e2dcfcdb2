"""The camera's maths, without Blender: against Blender's own view plane and projection, derived separately."""

import numpy as np
import pytest

from blender_addon.camera import (
    Lens,
    Raster,
    camera_to_world,
    intrinsics,
    lens_of,
    matrix_world,
    without_scale,
)
from blender_addon.problems import Problem


def random_camera(rng: np.random.Generator) -> tuple[Lens, Raster]:
    lens = Lens(
        lens=rng.uniform(8, 200),
        sensor_width=rng.uniform(5, 70),
        sensor_height=rng.uniform(5, 70),
        sensor_fit=str(rng.choice(["AUTO", "HORIZONTAL", "VERTICAL"])),
        shift_x=rng.uniform(-0.6, 0.6),
        shift_y=rng.uniform(-0.6, 0.6),
    )
    aspect = rng.choice([(1, 1), (1, 2), (2, 1), (1.0667, 1), (1, 1.422)])
    return lens, Raster(int(rng.integers(100, 4000)), int(rng.integers(100, 4000)), float(aspect[0]), float(aspect[1]))


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.linalg.det(q)


def blender_pixels(lens: Lens, raster: Raster, matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where Blender draws world ``points`` (p, 3): view plane at the near clip, frustum, NDC, then pixels from the top.

    After BKE_camera_params_compute_viewplane and the OpenGL frustum, not by way of a K.
    """
    near, far = 0.1, 1000.0
    size_x, size_y = raster.aspect_x * raster.width, raster.aspect_y * raster.height
    fit = lens.sensor_fit
    if fit == "AUTO":
        fit = "HORIZONTAL" if size_x >= size_y else "VERTICAL_BY_WIDTH"
    ycor = raster.aspect_y / raster.aspect_x
    sensor = lens.sensor_height if fit == "VERTICAL" else lens.sensor_width
    span = raster.width if fit == "HORIZONTAL" else ycor * raster.height
    pixel = sensor * near / lens.lens / span
    left = (-0.5 * raster.width + lens.shift_x * span) * pixel
    right = (0.5 * raster.width + lens.shift_x * span) * pixel
    bottom = (-0.5 * ycor * raster.height + lens.shift_y * span) * pixel
    top = (0.5 * ycor * raster.height + lens.shift_y * span) * pixel
    frustum = np.array(
        [
            [2 * near / (right - left), 0, (right + left) / (right - left), 0],
            [0, 2 * near / (top - bottom), (top + bottom) / (top - bottom), 0],
            [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, -1, 0],
        ]
    )
    unscaled = matrix.copy()
    unscaled[:3, :3] /= np.sqrt((unscaled[:3, :3] ** 2).sum(axis=0))
    clip = np.c_[points, np.ones(len(points))] @ np.linalg.inv(unscaled).T @ frustum.T
    ndc = clip[:, :2] / clip[:, 3:]
    return np.c_[(ndc[:, 0] + 1) / 2 * raster.width, (1 - ndc[:, 1]) / 2 * raster.height]


@pytest.mark.parametrize("seed", range(200))
def test_points_land_where_blender_draws_them(seed):
    rng = np.random.default_rng(seed)
    lens, raster = random_camera(rng)
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(rng) * rng.uniform(0.01, 20, size=3)
    matrix[:3, 3] = rng.normal(size=3) * 10
    K, pose = intrinsics(lens, raster), camera_to_world(matrix)

    pixels = rng.uniform(0, 1, size=(50, 2)) * [raster.width, raster.height]
    rays = np.c_[pixels, np.ones(50)] @ np.linalg.inv(K).T * rng.uniform(1, 30, size=(50, 1))
    points = rays @ pose[:3, :3].T + pose[:3, 3]

    np.testing.assert_allclose(blender_pixels(lens, raster, matrix, points), pixels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(50))
def test_lens_and_pose_come_back(seed):
    rng = np.random.default_rng(seed)
    lens, raster = random_camera(rng)
    K = intrinsics(lens, raster)
    for fit in ("AUTO", "HORIZONTAL", "VERTICAL"):
        np.testing.assert_allclose(intrinsics(lens_of(K, raster, 36.0, fit), raster), K, rtol=0, atol=1e-9)
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(rng)
    matrix[:3, 3] = rng.normal(size=3)
    np.testing.assert_allclose(matrix_world(camera_to_world(matrix)), matrix, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mutant", ["mirror", "half pixel", "scale"])
def test_the_reference_notices(mutant):
    """A mirrored axis, half a pixel and two percent of focal length are all seen by the test above."""
    lens, raster, matrix = Lens(35.0, shift_x=0.1), Raster(640, 480), np.eye(4)
    K, pose = intrinsics(lens, raster), camera_to_world(matrix)
    if mutant == "mirror":
        pose = pose @ np.diag([-1.0, 1.0, 1.0, 1.0])
    elif mutant == "half pixel":
        K[0, 2] += 0.5
    else:
        K[0, 0] *= 1.02
    point = pose[:3, :3] @ (np.linalg.inv(K) @ [100.0, 100.0, 1.0])
    assert np.abs(blender_pixels(lens, raster, matrix, point[None]) - [100.0, 100.0]).max() > 0.4


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.diag([1.0, 1.0, 0.0, 1.0]), "zero"),
        (np.diag([1.0, np.nan, 1.0, 1.0]), "undefined"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "mirrored"),
        (np.diag([-1.0, -1.0, -1.0, 1.0]), "mirrored"),
        (np.array([[1.0, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "sheared"),
    ],
)
def test_transforms_that_are_not_rigid_are_refused(matrix, word):
    with pytest.raises(Problem, match=word):
        without_scale(matrix)
