"""Losses of geometry against closed forms, and against loops over float64 numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from worldwarp.geometry import poses
from worldwarp.training import geometry_losses as losses
from worldwarp.training.geometry_losses import Guess, Truth

ALPHA = 0.3
SHAPE = (2, 3, 4, 5)


def rotation(generator: torch.Generator) -> Tensor:
    q = torch.nn.functional.normalize(torch.randn(*SHAPE[:2], 4, generator=generator, dtype=torch.float64), dim=-1)
    q[..., 0].abs_()
    t = torch.randn(*SHAPE[:2], 3, generator=generator, dtype=torch.float64)
    return poses.matrix(torch.cat([t, q], -1))


def truth() -> Truth:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(*SHAPE, 3, generator=generator, dtype=torch.float64)
    points[..., 2] = points[..., 2].abs() + 1
    surface = torch.rand(SHAPE, generator=generator) < 0.8
    return Truth(points, surface, rotation(generator))


def perfect(told: Truth, factor: float = 1.0) -> Guess:
    """The truth itself, ``factor`` times as large, with confidence 2."""
    world = losses.in_world(told.points, told.camera_to_first)
    sure = torch.full(SHAPE, 2.0, dtype=torch.float64)
    pose = poses.encoding(told.camera_to_first)
    pose[..., :3] *= factor
    return Guess(factor * told.points, sure, factor * world, sure, pose)


@pytest.mark.parametrize("factor", [1.0, 7.0])
def test_the_truth_at_any_scale_costs_nothing_but_its_scale(factor: float) -> None:
    told = truth()
    found = losses.terms(perfect(told, factor), told, ALPHA)
    # a sky pixel's error counts as 1, at the confidence of 2
    sky = (~told.surface).double().mean()
    assert float(found["own"]) == pytest.approx(float(2 * sky) - ALPHA * np.log(2))
    assert float(found["world"]) == pytest.approx(float(2 * sky) - ALPHA * np.log(2))
    assert float(found["translation"]) == pytest.approx(0, abs=1e-9)
    assert float(found["rotation"]) == pytest.approx(0, abs=1e-9)
    assert float(found["scale"]) == pytest.approx(np.log(factor), abs=1e-12)


def test_a_guess_costs_what_a_loop_over_pixels_adds_up() -> None:
    told, generator = truth(), torch.Generator().manual_seed(1)
    noisy = perfect(told)
    points, world = (
        one + 0.3 * torch.randn(one.shape, generator=generator, dtype=torch.float64)
        for one in (noisy.points, noisy.world_points)
    )
    sure = 1 + torch.rand(SHAPE, generator=generator, dtype=torch.float64)
    guess = replace(noisy, points=points, world_points=world, confidence=sure)
    found = losses.terms(guess, told, ALPHA)
    own, there = [], []
    for b in range(SHAPE[0]):
        seen = told.surface[b].numpy()
        scale, guessed = (np.linalg.norm(one[b].numpy()[seen], axis=-1).mean() for one in (told.points, points))
        for at in np.ndindex(*SHAPE[1:]):
            p, q = points[b][at].numpy() / guessed, told.points[b][at].numpy() / scale
            deeper = np.log(q[2]) - np.log(max(p[2], losses.TINY))
            error = np.linalg.norm(p - q) + abs(deeper) if seen[at] else 1 + max(deeper, 0)
            own.append(float(sure[b][at]) * error - ALPHA * np.log(float(sure[b][at])))
            pose = told.camera_to_first[b, at[0]].numpy()
            right = (pose[:3, :3] @ told.points[b][at].numpy() + pose[:3, 3]) / scale
            error = np.linalg.norm(world[b][at].numpy() / guessed - right) if seen[at] else 1
            there.append(2 * error - ALPHA * np.log(2))
    assert float(found["own"]) == pytest.approx(np.mean(own), rel=1e-9)
    assert float(found["world"]) == pytest.approx(np.mean(there), rel=1e-9)


def test_a_turn_costs_half_its_angle_and_a_step_its_share_of_the_scale() -> None:
    told, angle = truth(), 0.02
    still = replace(told, camera_to_first=torch.eye(4, dtype=torch.float64).expand(*SHAPE[:2], 4, 4))
    turned = perfect(still)
    turned.pose[..., 3:] = torch.tensor([np.cos(angle / 2), 0, np.sin(angle / 2), 0], dtype=torch.float64)
    turned.pose[..., 0] = 0.5
    found = losses.terms(turned, still, ALPHA)
    assert float(found["rotation"]) == pytest.approx(angle / 2, rel=0.02)
    steps = 0.5 / losses.scale_of(told.points, told.surface)
    assert float(found["translation"]) == pytest.approx(float(steps.mean()), rel=1e-3)


def test_confidence_is_best_where_it_is_alpha_over_the_error() -> None:
    error = torch.tensor([0.1], dtype=torch.float64)
    sure = torch.linspace(1, 10, 9001, dtype=torch.float64)
    costs = torch.stack([losses.confident(error, one[None], ALPHA) for one in sure])
    assert float(sure[costs.argmin()]) == pytest.approx(ALPHA / 0.1, abs=2e-3)


def test_the_sky_is_pushed_away_and_never_drawn_near() -> None:
    told = replace(truth(), surface=torch.zeros(SHAPE, dtype=torch.bool))
    told.surface[..., 0, 0] = True
    for factor, pushed in ((0.5, True), (2.0, False)):
        points = perfect(told).points.clone()
        points[..., 1:, :, :] *= factor  # rows that are sky throughout
        points.requires_grad_()
        guess = replace(perfect(told), points=points)
        losses.terms(guess, told, ALPHA)["own"].backward()  # type: ignore[no-untyped-call]
        assert points.grad is not None
        assert bool((points.grad[..., 1:, :, 2] < 0).all()) == pushed
        assert bool((points.grad[..., 1:, :, :] == 0).all()) != pushed


def test_points_behind_the_camera_and_clips_of_sky_have_finite_gradients() -> None:
    told = replace(truth(), surface=torch.zeros(SHAPE, dtype=torch.bool))
    for known in (told, truth()):
        guess = perfect(known)
        points = (-guess.points).clone().requires_grad_()
        pose = guess.pose.clone().requires_grad_()
        found = losses.terms(replace(guess, points=points, pose=pose), known, ALPHA)
        torch.stack(list(found.values())).sum().backward()  # type: ignore[no-untyped-call]
        assert points.grad is not None
        assert pose.grad is not None
        assert points.grad.isfinite().all()
        assert pose.grad.isfinite().all()
