"""Zones against closed form."""

import numpy as np
from worldwarp.evaluation.suite.places import there_and_back
from worldwarp.evaluation.suite.zones import only_on_the_way, zones

from .walls import WIDTH, past

STEP = 6


def test_beside_a_wall_each_zone_is_a_band_of_known_columns() -> None:
    found = zones(past([0, STEP, 2 * STEP, 3 * STEP]))
    column = np.arange(WIDTH)
    for i in range(1, 4):
        picture = column < WIDTH - i * STEP
        never = column >= WIDTH - STEP
        assert (found.picture[i] == picture).all()
        assert (found.never[i] == never).all()
        assert (found.generated[i] == ~picture & ~never).all()


def test_the_picture_is_all_of_its_own_zone_and_zones_part_every_pixel() -> None:
    found = zones(past([0, STEP, 2 * STEP], (20, 32)))
    assert found.picture[0].all()
    total = found.picture.astype(int) + found.generated + found.never
    assert (total == 1).all()
    assert (found.holes == (found.generated | found.never)).all()


def test_what_a_box_uncovers_was_not_seen_though_it_projects_into_the_picture() -> None:
    found = zones(past([0, STEP], (20, 32)))
    # the wall's columns 20 to 32 were hidden; they are 6 further left now, and the box covers 12 less of them
    uncovered = found.never[1, 0]
    assert uncovered[20:25].all()  # column 25 meets a neighbour of the wall at the silhouette
    assert not uncovered[:20].any()
    assert not uncovered[26 : WIDTH - STEP].any()


def test_on_a_walk_back_nothing_is_new_and_the_middle_of_the_way_is_known_to_neither_end() -> None:
    back = there_and_back(past([0, STEP, 12, 18, 24, 0, 0, 0, 0]))
    np.testing.assert_array_equal(back.cameras.camera_to_world[::-1], back.cameras.camera_to_world)
    assert not zones(back).never[5:].any()
    assert not only_on_the_way(back).any()  # ends overlap: together they see all that the way between them shows
    apart = there_and_back(past([0, 40, 80, 120, 160, 0, 0, 0, 0]))
    assert only_on_the_way(apart)[2].all()
