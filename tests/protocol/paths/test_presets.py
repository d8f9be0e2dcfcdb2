"""Moves: each goes where its name says, back again, and adds up with others in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.spatial.transform import Rotation
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import project
from worldwarp_protocol.paths.presets import EASINGS, PARTS, PRESETS, motion, place
from worldwarp_protocol.paths.rotations import from_vectors, mean, slerp, to_vectors

from tests.shots_for_tests import straight_path

INVERSE = {
    "dolly_in": "dolly_out",
    "truck_left": "truck_right",
    "pedestal_up": "pedestal_down",
    "pan_left": "pan_right",
    "tilt_up": "tilt_down",
    "roll_cw": "roll_ccw",
    "crane_up": "crane_down",
    "tracking": "tracking_left",
    "zoom_in": "zoom_out",
    "orbit": "orbit_left",
}
numbers = some.floats(-4, 4)
fast = settings(max_examples=20, deadline=None)


def camera(angles=(0.3, -0.2, 0.1), centre=(1.0, -2.0, 1.5)) -> Cameras:
    """One camera, panned, tilted and rolled."""
    start = straight_path(1)
    start.camera_to_world[0, :3, :3] = (
        Rotation.from_euler("Z", angles[0]).as_matrix()
        @ start.camera_to_world[0, :3, :3]
        @ Rotation.from_euler("XZ", angles[1:]).as_matrix()
    )
    start.camera_to_world[0, :3, 3] = centre
    return start


cameras = some.builds(
    camera, some.tuples(numbers, some.floats(-1.4, 1.4), numbers), some.tuples(numbers, numbers, numbers)
)


def moved(start: Cameras, name: str, amount: float, frames: int = 4, easing: str = "ease", target=None) -> Cameras:
    return place(start, motion(name, amount, frames, easing), target, target is not None and name != "orbit")


LEVEL = camera((0, 0, 0), (0, 0, 0))
"""Looks along +Y; right is +X."""


@pytest.mark.parametrize(
    ("name", "amount", "centre", "forward"),
    [
        ("dolly_in", 2, (0, 2, 0), (0, 1, 0)),
        ("dolly_out", 2, (0, -2, 0), (0, 1, 0)),
        ("truck_left", 2, (-2, 0, 0), (0, 1, 0)),
        ("truck_right", 2, (2, 0, 0), (0, 1, 0)),
        ("pedestal_up", 2, (0, 0, 2), (0, 1, 0)),
        ("pedestal_down", 2, (0, 0, -2), (0, 1, 0)),
        ("pan_left", 90, (0, 0, 0), (-1, 0, 0)),
        ("pan_right", 90, (0, 0, 0), (1, 0, 0)),
        ("tilt_up", 90, (0, 0, 0), (0, 0, 1)),
        ("tilt_down", 90, (0, 0, 0), (0, 0, -1)),
        ("crane_up", 2, (0, 0, 2), (0, np.cos(np.pi / 12), -np.sin(np.pi / 12))),
        ("tracking", 2, (2, 0, 0), (0, 1, 0)),
        ("reveal", 2, (2, 0, 0), (np.sin(np.pi / 9), np.cos(np.pi / 9), 0)),
        ("establishing", 2, (0, -2, 1), (0, np.cos(np.pi / 18), -np.sin(np.pi / 18))),
        ("hero", 2, (0, 2, -0.5), (0, np.cos(np.pi / 18), np.sin(np.pi / 18))),
        ("float", 2, (0, 0, 0), (0, 1, 0)),
        ("circle", 2, (0, 0, 0), (0, 1, 0)),
    ],
)
def test_a_move_ends_where_its_name_says(name, amount, centre, forward):
    last = moved(LEVEL, name, amount).camera_to_world[-1]
    np.testing.assert_allclose(last[:3, 3], centre, atol=1e-12)
    np.testing.assert_allclose(last[:3, 2], forward, atol=1e-12)


def test_a_clockwise_roll_lowers_the_right_side_of_the_camera():
    pose = moved(LEVEL, "roll_cw", 90).camera_to_world[-1]
    np.testing.assert_allclose(pose[:3, 0], [0, 0, -1], atol=1e-12)


def test_a_roll_never_changes_what_the_camera_looks_at():
    tilted = motion("tilt_up", 40, 4) + motion("pan_left", 20, 4)
    rolled = place(LEVEL, tilted + motion("roll_cw", 50, 4))
    np.testing.assert_allclose(
        rolled.camera_to_world[:, :3, 2], place(LEVEL, tilted).camera_to_world[:, :3, 2], atol=1e-14
    )


def test_zoom_multiplies_the_focal_lengths_and_moves_nothing():
    zoomed = moved(LEVEL, "zoom_in", 2)
    np.testing.assert_allclose(zoomed.K[-1], LEVEL.K[0] * [[2, 1, 1], [1, 2, 1], [1, 1, 1]])
    np.testing.assert_array_equal(zoomed.camera_to_world[-1], LEVEL.camera_to_world[0])


def test_a_circle_has_its_centre_on_the_left_and_looks_along_its_tangent():
    circle = moved(camera((0.4, 0, 0)), "circle", 2, 400, "linear")
    start = camera((0.4, 0, 0))
    middle = start.centres[0] - 2 * start.camera_to_world[0, :3, 0]
    np.testing.assert_allclose(np.linalg.norm(circle.centres - middle, axis=1), 2, atol=1e-12)
    tangent = np.gradient(circle.centres, axis=0)[1:-1]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    np.testing.assert_allclose(circle.camera_to_world[1:-1, :3, 2], tangent, atol=1e-3)


def test_an_orbit_goes_to_the_right_and_looks_back_at_the_target():
    orbit = moved(LEVEL, "orbit", 90, target=np.array([0.0, 3, 0]))
    np.testing.assert_allclose(orbit.centres[-1], [3, 3, 0], atol=1e-12)
    np.testing.assert_allclose(orbit.camera_to_world[-1, :3, 2], [-1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("name", INVERSE)
@fast
@given(start=cameras, amount=some.floats(0.1, 80), easing=some.sampled_from(sorted(EASINGS)))
def test_a_move_and_its_inverse_lead_back_to_the_start(name, easing, start, amount):
    target = start.centres[0] + [1, 2, -0.5]
    out = moved(start, name, amount, easing=easing, target=target if name == "orbit" else None)
    back = moved(out, INVERSE[name], amount, easing=easing, target=target if name == "orbit" else None)
    np.testing.assert_allclose(back.camera_to_world[-1], start.camera_to_world[0], atol=1e-11)
    np.testing.assert_allclose(back.K[-1], start.K[0], rtol=1e-12)


@pytest.mark.parametrize("name", ["float", "circle", "circle_right"])
@fast
@given(start=cameras, amount=some.floats(-20, 20))
def test_closed_moves_return_by_themselves(name, start, amount):
    last = moved(start, name, amount).camera_to_world[-1]
    np.testing.assert_allclose(last, start.camera_to_world[0], atol=1e-12)


@fast
@given(start=cameras, names=some.lists(some.sampled_from(sorted(PRESETS)), min_size=2, max_size=4), data=some.data())
def test_moves_at_the_same_time_add_up_in_any_order(start, names, data):
    motions = [motion(name, data.draw(some.floats(0.5, 5)), 5) for name in names]
    target = start.centres[0] + [0.5, 4, 1]
    one, other = place(start, sum(motions), target), place(start, sum(motions[::-1]), target)
    np.testing.assert_allclose(one.camera_to_world, other.camera_to_world, atol=1e-12)


@pytest.mark.parametrize(("first", "second"), [("pan_left", "tilt_up"), ("dolly_in", "zoom_in"), ("orbit", "tilt_up")])
@fast
@given(start=cameras, amount=some.floats(0.1, 30))
def test_moves_that_commute_end_alike_together_and_one_after_the_other(first, second, start, amount):
    target = start.centres[0] + [0.5, 4, 1]
    together = place(start, motion(first, amount, 3) + motion(second, amount, 3), target)
    for names in ((first, second), (second, first)):
        in_turn = start
        for name in names:
            in_turn = place(in_turn, motion(name, amount, 3), target)
        np.testing.assert_allclose(in_turn.camera_to_world[-1], together.camera_to_world[-1], atol=1e-11)


@fast
@given(start=cameras, amount=some.floats(-360, 360), ahead=some.floats(0.5, 8), u=some.floats(-0.8, 0.8))
def test_an_orbit_keeps_the_target_on_its_pixel_and_at_its_distance(start, amount, ahead, u):
    target = start.camera_to_world[0, :3, :3] @ [u * ahead, 0.3 * ahead, ahead] + start.centres[0]
    orbit = moved(start, "orbit", amount, 7, target=target)
    pixel, depth = project(target, start.K[0], start.world_to_camera[0])
    for i in range(7):
        seen, far = project(target, orbit.K[i], orbit.world_to_camera[i])
        np.testing.assert_allclose(seen, pixel, atol=1e-9)
        np.testing.assert_allclose(far, depth, atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(orbit.centres - target, axis=1), np.linalg.norm(start.centres[0] - target), atol=1e-9
    )


@pytest.mark.parametrize("name", ["tracking", "dolly_in", "crane_up", "float"])
@fast
@given(start=cameras, amount=some.floats(-3, 3), u=some.floats(-0.8, 0.8))
def test_a_travelling_camera_keeps_its_target_on_its_pixel(name, start, amount, u):
    target = start.camera_to_world[0, :3, :3] @ [u * 4, 1, 4] + start.centres[0]
    moves = motion(name, amount, 7)
    moves[:, PARTS.index("tilt")] = 0
    tracked = place(start, moves, target, True)
    pixel, _ = project(target, start.K[0], start.world_to_camera[0])
    for i in range(7):
        np.testing.assert_allclose(project(target, tracked.K[i], tracked.world_to_camera[i])[0], pixel, atol=1e-8)


def test_a_level_camera_stays_level_while_it_tracks_what_it_looks_at():
    start = camera((0.4, -0.3, 0))
    tracked = moved(start, "tracking", 3, target=start.camera_to_world[0, :3] @ [0, 0, 4, 1])
    np.testing.assert_allclose(tracked.camera_to_world[:, 2, 0], 0, atol=1e-12)


@fast
@given(start=cameras, name=some.sampled_from(sorted(PRESETS)), amount=some.floats(0.1, 50))
def test_every_camera_is_rigid(start, name, amount):
    R = moved(start, name, amount, target=start.centres[0] + [1, 2, 3]).camera_to_world[:, :3, :3]
    np.testing.assert_allclose(R.transpose(0, 2, 1) @ R, np.broadcast_to(np.eye(3), R.shape), atol=1e-13)
    np.testing.assert_allclose(np.linalg.det(R), 1, atol=1e-13)


def test_looking_straight_down_a_circle_goes_where_the_top_of_the_picture_points():
    down = moved(LEVEL, "tilt_down", 90)
    circle = moved(down[-1:], "circle", 1, 100)
    np.testing.assert_allclose(circle.centres[:, 2], 0, atol=1e-12)
    assert circle.centres[10, 1] > 0


@pytest.mark.parametrize(
    ("name", "quarter"), [("linear", 0.25), ("ease", 5 / 32), ("ease_in", 1 / 16), ("ease_out", 7 / 16)]
)
def test_easings_start_at_nothing_and_end_at_all(name, quarter):
    np.testing.assert_allclose(EASINGS[name](np.array([0, 0.25, 1])), [0, quarter, 1])


@fast
@given(vector=some.tuples(numbers, numbers, numbers))
def test_rotation_vectors_are_those_of_scipy(vector):
    R = from_vectors(np.array([vector]))
    np.testing.assert_allclose(R[0], Rotation.from_rotvec(vector).as_matrix(), atol=1e-13)
    np.testing.assert_allclose(from_vectors(to_vectors(R)), R, atol=1e-13)


def test_half_turns_have_vectors_too():
    for axis in np.vstack([np.eye(3), np.ones(3) / np.sqrt(3)]):
        vector = to_vectors(Rotation.from_rotvec(np.pi * axis).as_matrix())
        np.testing.assert_allclose(np.abs(vector), np.pi * axis, atol=1e-9)


def test_slerp_and_mean_are_those_of_scipy():
    R = Rotation.random(8, rng=0)
    turned = slerp(R.as_matrix()[:4], R.as_matrix()[4:], np.full(4, 0.3))
    expected = R[:4] * Rotation.from_rotvec(0.3 * (R[:4].inv() * R[4:]).as_rotvec())
    np.testing.assert_allclose(turned, expected.as_matrix(), atol=1e-12)
    near = Rotation.from_rotvec(0.2 * np.random.default_rng(1).normal(size=(5, 3)))
    np.testing.assert_allclose(mean(near.as_matrix()), near.mean().as_matrix(), atol=1e-12)
