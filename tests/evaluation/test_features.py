"""Corners and their matches on ray-cast frames: where a match lies is known from depth and cameras."""

import numpy as np
import pytest
from worldwarp.cameras.cameras import project
from worldwarp.evaluation import features, pnp
from worldwarp.evaluation.images import blur, sample, scaled

from ..cache import scene

CAMERAS = scene.path(41, width=240, height=160)


@pytest.fixture(scope="module")
def views():
    return {i: scene.view(CAMERAS, i) for i in (0, 4, 40)}


def pose_error(found, i):
    truth = CAMERAS.world_to_camera[i]
    turn = found.world_to_camera[:3, :3] @ truth[:3, :3].T
    centre = -found.world_to_camera[:3, :3].T @ found.world_to_camera[:3, 3]
    angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    return angle, np.linalg.norm(centre - CAMERAS.centres[i])


@pytest.mark.parametrize(("i", "right", "degrees", "distance"), [(4, 0.8, 0.1, 0.01), (40, 0.4, 0.4, 0.06)])
def test_matches_are_where_depth_and_cameras_say_and_lead_to_the_camera(views, i, right, degrees, distance):
    known = features.landmarks(views[0].rgb, views[0].depth, CAMERAS.K[0], CAMERAS.camera_to_world[0])
    found = features.detect(views[i].rgb)
    pairs = features.match(known.features, found)
    points, pixels = known.points[pairs[:, 0]], found.positions[pairs[:, 1]]
    off = np.linalg.norm(project(points, CAMERAS.K[i], CAMERAS.world_to_camera[i])[0] - pixels, axis=1)
    assert (off < 2).mean() > right
    located = pnp.locate(points, pixels, CAMERAS.K[i])
    angle, apart = pose_error(located, i)
    assert angle < degrees
    assert apart < distance


def test_a_frame_matches_itself_and_its_landmarks_are_its_own_pixels(views):
    found = features.detect(views[0].rgb)
    pairs = features.match(found, found)
    assert len(pairs) > 100
    apart = np.linalg.norm(found.positions[pairs[:, 0]] - found.positions[pairs[:, 1]], axis=1)
    assert apart.max() < features.ELSEWHERE
    known = features.landmarks(views[0].rgb, views[0].depth, CAMERAS.K[0], CAMERAS.camera_to_world[0])
    seen, z = project(known.points, CAMERAS.K[0], CAMERAS.world_to_camera[0])
    assert np.allclose(seen, known.features.positions, atol=1e-9)
    assert (z > 0).all()


def test_a_corner_is_found_between_pixels():
    y, x = np.mgrid[0:400, 0:400] / 10
    blob = np.exp(-((x - 20.3) ** 2 + (y - 18.6) ** 2) / 6)
    image = blob.reshape(40, 10, 40, 10).mean((1, 3))
    frame = np.rint(np.repeat(image[..., None], 3, -1) * 255).astype(np.uint8)
    found = features.detect(frame)
    nearest = found.positions[np.linalg.norm(found.positions - [20.35, 18.65], axis=1).argmin()]
    assert np.abs(nearest - [20.35, 18.65]).max() < 0.15


def test_nothing_to_see_is_no_corner_and_no_match():
    flat = np.full((64, 96, 3), 90, np.uint8)
    found = features.detect(flat)
    assert len(found.positions) == 0
    assert features.match(found, found).shape == (0, 2)
    known = features.landmarks(flat, np.ones((64, 96), np.float32), np.eye(3), np.eye(4))
    assert known.points.shape == (0, 3)


def test_noise_shares_nothing_with_noise():
    first, second = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
    pairs = features.match(features.detect(first), features.detect(second))
    assert len(pairs) < 0.05 * len(features.detect(first).positions)


def test_images_are_read_between_their_pixels_and_scaled_about_the_corner():
    ramp = np.add.outer(2.0 * (np.arange(20) + 0.5), np.arange(30) + 0.5)
    at = np.array([[3.25, 4.5], [29.5, 19.5], [40.0, -3.0]])
    assert np.allclose(sample(ramp[None], at)[:, 0], [3.25 + 9, 29.5 + 39, 29.5 + 1])
    half = scaled(ramp, 0.5)
    assert half.shape == (10, 15)
    assert np.isclose(half[5, 7], 2 * (5.5 * 2) + 7.5 * 2)
    assert np.allclose(blur(np.full((9, 9), 0.3), 2.0), 0.3)
