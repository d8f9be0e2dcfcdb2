"""R_dist and T_dist against what can be worked out by hand."""

import numpy as np
import pytest
from worldwarp.evaluation.poses import compare, rotation_distance
from worldwarp_protocol.paths.rotations import from_vectors

from ..cache import scene

PATH = scene.path(5).camera_to_world


def line(*x: float) -> np.ndarray:
    poses = np.tile(np.eye(4), (len(x), 1, 1))
    poses[:, 0, 3] = x
    return poses


def test_a_path_is_no_distance_from_itself():
    found = compare(PATH, PATH)
    assert found.R_dist == pytest.approx(np.zeros(5), abs=1e-7)
    assert found.T_dist == pytest.approx(np.zeros(5), abs=1e-12)


def test_a_turn_of_so_many_radians_is_so_far_whatever_its_axis():
    generated = line(0, 1, 2)
    generated[1, :3, :3] = from_vectors(np.array([0, 0.3, 0]))
    generated[2, :3, :3] = from_vectors(0.7 * np.array([0.48, 0.8, 0.36]))
    found = compare(generated, line(0, 1, 2))
    assert found.R_dist == pytest.approx([0, 0.3, 0.7])
    assert found.T_dist == pytest.approx([0, 0, 0])
    half = np.diag([1.0, -1, -1])[None]
    assert rotation_distance(half, np.eye(3)[None]) == pytest.approx([np.pi])


def test_each_translation_counts_in_units_of_its_own_furthest_frame():
    assert compare(line(0, 1, 2, 4), line(0, 1, 2, 4) * 1.0).T_dist == pytest.approx([0, 0, 0, 0])
    found = compare(line(0, 30, 20, 40), line(0, 1, 2, 4))
    assert found.T_dist == pytest.approx([0, 0.5, 0, 0])
    back = compare(line(0, 4, 2), line(0, 2, 4))
    assert back.T_dist == pytest.approx([0, 0.5, 0.5])


def test_neither_scale_nor_where_the_world_is_matters():
    moved = PATH.copy()
    moved[:, :3, 3] *= 7
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = from_vectors(np.array([0.5, -1, 2])), [3, 4, 5]
    found = compare(world @ moved, PATH)
    assert found.R_dist == pytest.approx(np.zeros(5), abs=1e-7)
    assert found.T_dist == pytest.approx(np.zeros(5), abs=1e-9)


def test_drift_grows_from_the_first_frame_and_is_summed_up():
    generated = line(0, 1, 2, 3, 4)
    generated[:, :3, :3] = from_vectors(np.outer(0.1 * np.arange(5), [0, 1, 0]))
    found = compare(generated, line(0, 1, 2, 3, 4)).summary()
    assert found["R_dist_mean"] == pytest.approx(0.25)
    assert found["R_dist_sum"] == pytest.approx(1.0)
    assert found["R_dist_last"] == pytest.approx(0.4)
    assert found["T_dist_sum"] == pytest.approx(0.0)
    assert found["lost"] == 0


def test_lost_frames_are_counted_and_not_measured_not_even_as_the_furthest():
    generated = line(0, 1, 2, 9)
    generated[3] = np.nan
    found = compare(generated, line(0, 1, 2, 4))
    assert found.T_dist[:3] == pytest.approx([0, 0, 0])
    assert np.isnan(found.T_dist[3])
    assert found.summary()["lost"] == 1
    assert found.summary()["T_dist_mean"] == pytest.approx(0)
    assert np.isnan(found.summary()["R_dist_last"])


def test_a_camera_that_only_turns_has_no_distance_to_measure():
    found = compare(line(0, 0.1, 0.1), line(0, 0, 0))
    assert np.isnan(found.T_dist).all()
    assert found.R_dist == pytest.approx([0, 0, 0])
