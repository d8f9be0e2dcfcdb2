"""Solved cameras against the cameras that ray-cast frames were really taken from."""

import dataclasses

import numpy as np
import pytest
from worldwarp.cameras.cameras import project
from worldwarp.cameras.ease import ease
from worldwarp.world.solve import solve
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.paths.rotations import from_vectors, to_vectors

from ..cache import scene

FRAMES = 17
REQUESTED = scene.path(FRAMES, width=240, height=160, reach=0.5)
OBJECT = np.stack(np.meshgrid([-0.6, 0.4], [3.2, 4.0], [0.1, 0.9], indexing="ij"), -1).reshape(-1, 3)
"""The corners of a CG box that stands in the world, about 4 units away."""


def drifted(amount: float):
    """Cameras that leave the requested ones, up to 1 degree and 0.08 units (2 % of 4), as a generator drifts."""
    t = np.linspace(0, amount, len(REQUESTED))
    poses = REQUESTED.camera_to_world.copy()
    poses[:, :3, :3] = poses[:, :3, :3] @ from_vectors(np.radians(1.0) * t[:, None] * np.array([0.48, 0.8, 0.36]))
    poses[:, :3, 3] += 0.08 * t[:, None] * np.array([0.6, 0.0, 0.8])
    return dataclasses.replace(REQUESTED, camera_to_world=poses)


def seen_by(cameras, samples=2):
    views = [scene.view(cameras, i, samples=samples) for i in range(len(cameras))]
    return [v.rgb for v in views], [v.depth for v in views]


@pytest.fixture(scope="module")
def exact():
    return seen_by(REQUESTED)


@pytest.fixture(scope="module")
def off():
    """What is seen along the path that drifts."""
    return seen_by(drifted(1.0), 3)


def pixels_of(camera_to_world):
    inverse = np.linalg.inv(camera_to_world)
    return np.stack([project(OBJECT, K, pose)[0] for K, pose in zip(REQUESTED.K, inverse, strict=True)])


def slip(camera_to_world, truth):
    """How far the CG object is from where it stands in the frames: worst corner of each frame, in pixels."""
    return np.linalg.norm(pixels_of(camera_to_world) - pixels_of(truth), axis=-1).max(1)


def degrees(a, b):
    return np.degrees(np.linalg.norm(to_vectors(a[:, :3, :3].transpose(0, 2, 1) @ b[:, :3, :3]), axis=1))


@pytest.fixture(scope="module")
def injected(off):
    return drifted(1.0).camera_to_world, solve(*off, REQUESTED)


def test_drift_is_found_and_a_cg_object_sticks_to_the_frames(injected):
    truth, solved = injected
    before, after = slip(REQUESTED.camera_to_world, truth), slip(solved.camera_to_world, truth)
    assert before[-1] > 4
    assert after.max() < 0.1
    assert after[4:].max() < before[4:].min() / 20
    assert degrees(solved.camera_to_world, truth).max() < 0.05


def test_the_residual_says_by_how_much(injected):
    _, solved = injected
    assert not solved.kept.any()
    assert (solved.inliers[1:] > 60).all()
    assert (solved.residual_solved[1:] < 0.1).all()
    assert solved.residual_requested[-1] > 20 * solved.residual_solved[-1]
    assert np.isnan(solved.residual_solved[0])
    assert np.array_equal(solved.camera_to_world[0], REQUESTED.camera_to_world[0])


def test_exact_frames_keep_their_cameras(exact):
    solved = solve(*exact, REQUESTED)
    assert slip(solved.camera_to_world, REQUESTED.camera_to_world).max() < 0.1
    assert degrees(solved.camera_to_world, REQUESTED.camera_to_world).max() < 0.03
    assert (solved.residual_solved[1:] <= solved.residual_requested[1:]).all()


def test_frames_without_texture_keep_the_requested_cameras_and_say_so(exact):
    blank = [np.full((160, 240, 3), 128, np.uint8)] * 5
    solved = solve(blank, exact[1][:5], REQUESTED[:5])
    assert np.array_equal(solved.camera_to_world, REQUESTED[:5].camera_to_world)
    assert solved.kept.tolist() == [False, True, True, True, True]
    assert np.isnan(solved.residual_solved).all()
    assert not solved.inliers.any()


def test_frames_of_noise_keep_the_requested_cameras(exact):
    frames, depths = exact[0][:1], exact[1][:4]
    noise = np.random.default_rng(0).integers(0, 256, (3, 160, 240, 3), np.uint8)
    solved = solve([frames[0], *noise], depths, REQUESTED[:4])
    assert np.array_equal(solved.camera_to_world, REQUESTED[:4].camera_to_world)
    assert solved.kept[1:].all()


def test_a_frame_that_shows_nothing_goes_with_its_neighbours(off, injected):
    truth, _ = injected
    frames = [*off[0][:10], np.full_like(off[0][0], 90), *off[0][11:]]
    solved = solve(frames, off[1], REQUESTED)
    assert solved.kept.tolist() == [i == 10 for i in range(FRAMES)]
    assert solved.inliers[10] == 0
    wrong = slip(solved.camera_to_world, truth)
    assert wrong[10] < slip(REQUESTED.camera_to_world, truth)[10] / 3
    assert np.delete(wrong, 10).max() < 0.25


def test_a_thing_that_moves_through_the_frames_does_not_move_the_cameras(off, injected):
    truth, _ = injected
    frames, depths = [frame.copy() for frame in off[0]], off[1]
    patch = np.random.default_rng(1).integers(0, 256, (50, 60, 3), np.uint8)
    for i, frame in enumerate(frames):
        frame[60:110, 20 + 8 * i : 80 + 8 * i] = patch[:, : max(0, 240 - 20 - 8 * i)]
    solved = solve(frames, depths, REQUESTED)
    assert slip(solved.camera_to_world, truth).max() < 0.5


def test_estimated_depth_of_later_frames_may_be_as_wrong_as_estimates_are(off, injected):
    truth, _ = injected
    rng = np.random.default_rng(0)
    wrong = [d * (1 + 0.03 * rng.standard_normal()) * np.exp(0.05 * rng.standard_normal(d.shape)) for d in off[1][1:]]
    solved = solve(off[0], [off[1][0], *(d.astype(np.float32) for d in wrong)], REQUESTED)
    assert slip(solved.camera_to_world, truth).max() < 0.25


def test_frames_depths_and_cameras_must_be_as_many(exact):
    frames, depths = exact[0][:2], exact[1][:2]
    for given in ((frames, depths[:1]), (frames[:1], depths[:1])):
        with pytest.raises(InvalidShot, match="differ in number"):
            solve(*given, REQUESTED[:2])


def test_the_next_chunk_eases_back_without_a_jump():
    chunk = REQUESTED[:17]
    apart = np.eye(4)
    apart[:3, :3], apart[:3, 3] = from_vectors(np.array([0.0, 0.01, 0.0])), [0.05, 0, 0.02]
    solved = chunk.camera_to_world[:1] @ apart
    eased = ease(chunk, solved, 12)
    assert np.array_equal(eased.camera_to_world[0], solved[0])
    assert np.array_equal(eased.camera_to_world[12:], chunk.camera_to_world[12:])
    left = np.linalg.inv(chunk.camera_to_world) @ eased.camera_to_world
    share = left[:, 0, 3] / 0.05
    assert share[:13] == pytest.approx([1 - (k / 12) ** 2 * (3 - k / 6) for k in range(13)])
    assert np.allclose(to_vectors(left[:, :3, :3])[:, 1], 0.01 * share)
    assert np.abs(np.diff(share)).max() < 1.5 / 12 + 1e-9


def test_a_chunk_that_was_solved_as_requested_is_not_eased():
    eased = ease(REQUESTED, REQUESTED.camera_to_world[:5])
    assert np.array_equal(eased.camera_to_world, REQUESTED.camera_to_world)
    with pytest.raises(InvalidShot, match="at least one"):
        ease(REQUESTED, REQUESTED.camera_to_world[:0])
