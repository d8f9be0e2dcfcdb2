"""Poses, activations, focal lengths: against the reference's numbers, and against the truth."""

import numpy as np
import pytest
import torch
from worldwarp.geometry import activations, poses
from worldwarp.geometry.focal import focal

from .goldens import error, load


def golden(name):
    return torch.from_numpy(load("geometry_golden")[name])


def test_poses_are_the_reference_s():
    assert error(poses.pose(golden("pose/raw_head_output")), golden("pose/camera_pose_encoding")) < 1e-6
    assert error(poses.matrix(golden("pose/camera_pose_encoding")), golden("pose/c2w")) < 1e-6
    assert error(poses.encoding(golden("pose/c2w")), golden("pose/encoding_from_c2w")) < 1e-6


def test_points_confidence_and_colours_are_the_reference_s():
    raw = golden("dense/raw").movedim(1, -1)
    assert error(activations.points(raw[..., :3]), golden("dense/pts3d")) < 1e-6
    assert error(activations.confidence(raw[..., 3]), golden("dense/conf")) < 1e-6
    assert error(activations.colours(golden("dense/raw_rgb").movedim(1, -1)), golden("dense/rgb")) < 1e-6


def test_chained_poses_are_the_reference_s():
    raw, resets = golden("chain/c2w_in"), golden("chain/reset").tolist()
    chained, base = poses.chain(raw, resets, torch.eye(4))
    assert error(chained, golden("chain/c2w_out")) < 1e-6
    world = torch.einsum("fij,fhwj->fhwi", chained[:, :3, :3], golden("chain/pts_self")) + chained[:, None, None, :3, 3]
    assert error(world, golden("chain/pts_world")) < 1e-6
    # the last reset was after frame 5, and all that follows is relative to it
    assert error(base, golden("chain/c2w_out")[5]) < 1e-6


@pytest.mark.parametrize("case", [0, 1, 3, 4])
def test_focal_lengths_are_the_reference_s(case):
    points, centre = golden(f"focal/{case}/pts3d"), golden(f"focal/{case}/pp")
    assert float(focal(points, centre)) == pytest.approx(float(golden(f"focal/{case}/focal")), abs=1e-4)
    assert torch.equal(focal(points), focal(points, centre))


def test_outliers_do_not_take_over_the_focal_length():
    """Where the reference says 6 for 22."""
    assert float(focal(golden("focal/2/pts3d"))) == pytest.approx(float(golden("focal/2/true_focal")), rel=0.01)


def test_several_focal_lengths_at_once():
    points = torch.stack([golden("focal/0/pts3d"), golden("focal/2/pts3d"), golden("focal/4/pts3d")])
    assert torch.allclose(focal(points), torch.stack([focal(one) for one in points]))
    assert np.allclose(focal(points), [28, 22, 28], rtol=0.01)
