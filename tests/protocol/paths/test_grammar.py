"""Paths in words: what they mean, how long they take, and errors that point at the word."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from worldwarp.cameras.cameras import project
from worldwarp.cameras.checks import check_cameras
from worldwarp_protocol.errors import InvalidShot
from worldwarp_protocol.limits import MAX_FRAMES
from worldwarp_protocol.paths.grammar import PACES, Ahead, Description, Move, Pixel, Place, Step, parse
from worldwarp_protocol.paths.presets import EASINGS, PRESETS, motion, place
from worldwarp_protocol.paths.walking import lengths, walk

from tests.shots_for_tests import straight_path

START = replace(straight_path(1), frame=np.array([1001]))
EXAMPLE = "dolly_in 1.5m + pan_left 20deg ease, then orbit 45deg @target 3m"


def one(move: Move) -> Description:
    return Description((Step((move,)),))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("dolly_in 1.5m", one(Move("dolly_in", 1.5))),
        ("dolly_in 1.5 m", one(Move("dolly_in", 1.5))),
        ("slow pan_left .5deg ease_in", one(Move("pan_left", 0.5, "slow", "ease_in"))),
        ("fast zoom_in 2x", one(Move("zoom_in", 2, "fast"))),
        ("orbit -45deg @0.4,0.6", one(Move("orbit", -45, target=Pixel(0.4, 0.6)))),
        ("orbit 45deg @cursor", one(Move("orbit", 45, target=Place("cursor")))),
        ("hero 1m over 48 frames linear", one(Move("hero", 1, "", "linear", frames=48))),
        ("hero 1m over 1 frame", one(Move("hero", 1, frames=1))),
        ("hero 1m over 2.5s @target 3m", one(Move("hero", 1, seconds=2.5, target=Ahead(3)))),
        (
            EXAMPLE,
            Description(
                (
                    Step((Move("dolly_in", 1.5), Move("pan_left", 20, "", "ease"))),
                    Step((Move("orbit", 45, target=Ahead(3)),)),
                )
            ),
        ),
    ],
)
def test_words_mean_what_they_say(text, path):
    assert parse(text) == path


def test_spaces_and_the_words_between_steps_do_not_matter():
    paths = {
        parse(text)
        for text in ("dolly_in 1m+pan_left 2deg,tilt_up 3deg", " dolly_in  1m + pan_left 2 deg\n then tilt_up 3deg ")
    }
    assert paths == {parse("dolly_in 1m + pan_left 2deg, then tilt_up 3deg")}


def test_capitals_and_parts_of_a_metre_are_read():
    said = parse("Slow Dolly_In 1.5M EASE + truck_left 50CM @Target 300 cm, THEN Pan_Left 7DEG Over 2S")
    assert said == parse("slow dolly_in 1.5m ease + truck_left 0.5m @target 3m, then pan_left 7deg over 2s")
    assert parse("dolly_in 1500mm") == parse("dolly_in 1.5m")


@pytest.mark.parametrize(
    ("text", "word", "sentence"),
    [
        (
            "dolly_in 1.5m + pann_left 20deg",
            "pann_left",
            "'pann_left' (word 4): there is no such move; did you mean pan_left?",
        ),
        ("wibble 2m", "wibble", "'wibble' (word 1): there is no such move; the moves are dolly_in, dolly_out,"),
        ("dolly_in 1.5", "1.5", "'1.5' (word 2): dolly_in needs an amount in m, such as 1.5m."),
        ("dolly_in 20deg", "20deg", "'20deg' (word 2): dolly_in needs an amount in m, such as 1.5m."),
        ("pan_left 20cm", "20cm", "'20cm' (word 2): pan_left needs an amount in deg, such as 20deg."),
        ("dolly_in ease", "ease", "'ease' (word 2): dolly_in needs an amount"),
        ("pan_left 99999deg", "99999deg", "(word 2): this number is too large to be meant."),
        ("zoom_in 0x", "0x", "'0x' (word 2): a factor is above 0."),
        ("dolly_in 1m eese", "eese", "'eese' (word 3): this says nothing about dolly_in; did you mean ease?"),
        ("dolly_in 1m pan_left 2deg", "pan_left", "write '+' or ', then' before the next move."),
        ("dolly_in 1m linear ease", "ease", "'ease' (word 4): this is said of dolly_in already;"),
        ("dolly_in 1m over 2.5 frames", "frames", "(word 5): a move takes whole frames, or seconds above 0."),
        ("dolly_in 1m over 48", "48", "'over' needs a time, such as 48 frames or 2s."),
        ("slow dolly_in 1m over 2s", "over", "'over' (word 4): 'slow' says how long it takes, too;"),
        ("pan_left 2deg @target 3m", "@target", "pan_left stays where it is and has no target;"),
        ("orbit 45deg + dolly_in 1m", "+", "orbit needs a target, such as @target 3m or @0.5,0.6."),
        ("orbit 45deg @target -3m", "-3m", "a target is ahead, at a distance above 0."),
        ("orbit 45deg @0.5,2", "@0.5,2", "a target is @target and a distance, or @u,v, both from 0 to 1"),
        (
            "orbit 9deg @target 2m + tracking 1m @target 3m over 2s",
            "@target",
            "(word 8): moves at the same time have one",
        ),
        ("dolly_in 1m + + pan_left 2deg", "+", "'+' (word 4): a move is missing;"),
    ],
)
def test_an_error_points_at_the_word(text, word, sentence):
    with pytest.raises(InvalidShot) as error:
        parse(text)
    first, shown, mark = str(error.value).split("\n")
    assert sentence in first
    assert first.startswith("path: ")
    assert shown[2:] == text
    assert shown[mark.index("^") : mark.rindex("^") + 1] == word


@pytest.mark.parametrize(
    "text", ["", "dolly_in", "dolly_in 1m +", "dolly_in 1m, then", "orbit 45deg", "orbit 1deg @target"]
)
def test_a_path_that_ends_too_early_is_pointed_at_behind_its_end(text):
    with pytest.raises(InvalidShot, match="path: ends too early: ") as error:
        parse(text)
    assert str(error.value).split("\n")[2] == "  " + " " * (len(text) + 1) + "^"


def test_long_texts_are_refused():
    with pytest.raises(InvalidShot, match="path: has 5,000 characters"):
        parse("x" * 5000)


@settings(max_examples=200, deadline=None)
@given(some.text(alphabet=some.sampled_from("dolly_in pan_left 20deg1.5m@,+ orbitoverthen\n"), max_size=40))
def test_any_text_is_a_path_or_is_refused(text):
    with contextlib.suppress(InvalidShot):
        assert parse(text).steps


def test_a_path_begins_with_its_first_camera_as_it_is():
    cameras = walk(parse(EXAMPLE), START, 97)
    for field in ("K", "camera_to_world", "frame"):
        np.testing.assert_array_equal(getattr(cameras, field)[:1], getattr(START, field))
    np.testing.assert_array_equal(cameras.frame, np.arange(1001, 1098))
    check_cameras(cameras)


def test_the_example_is_its_moves_by_hand():
    cameras = walk(parse(EXAMPLE), START, 97)
    first = place(START, motion("dolly_in", 1.5, 48) + motion("pan_left", 20, 48, "ease"))
    target = first.centres[-1] + 3 * first.camera_to_world[-1, :3, 2]
    second = place(first, motion("orbit", 45, 48), target)
    np.testing.assert_array_equal(cameras.camera_to_world[1:49], first.camera_to_world)
    np.testing.assert_array_equal(cameras.camera_to_world[49:], second.camera_to_world)
    np.testing.assert_allclose(np.linalg.norm(cameras.centres[48:] - target, axis=1), 3, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "fps", "frames", "expected"),
    [
        ("dolly_in 1m", 24, None, [48]),
        ("slow dolly_in 1m", 24, None, [96]),
        ("fast dolly_in 1m, establishing 1m", 25, None, [25, 100]),
        ("dolly_in 1m over 2s, pan_left 1deg over 10 frames", 30, None, [60, 10]),
        ("dolly_in 1m over 12 frames + pan_left 1deg", 24, None, [12]),
        ("dolly_in 1m, pan_left 1deg, tilt_up 1deg", 24, 49, [16, 16, 16]),
        ("slow dolly_in 1m, fast pan_left 1deg", 24, 51, [40, 10]),
        ("dolly_in 1m over 30 frames, pan_left 1deg", 24, 49, [30, 18]),
        ("dolly_in 1m, pan_left 1deg", 24, 3, [1, 1]),
    ],
)
def test_steps_take_their_time(text, fps, frames, expected):
    assert lengths(parse(text), fps, frames) == expected


@settings(max_examples=100, deadline=None)
@given(paces=some.lists(some.sampled_from(["slow", "", "fast"]), min_size=1, max_size=9), spare=some.integers(0, 200))
def test_frames_are_shared_without_a_remainder(paces, spare):
    path = parse(", ".join(f"{pace} dolly_in 1m" for pace in paces))
    count = 1 + len(paces) + spare
    found = lengths(path, 24, count)
    assert sum(found) + 1 == count
    assert min(found) >= 1
    even = (count - 1) / sum(PACES[pace] for pace in paces)
    if min(even * PACES[pace] for pace in paces) >= 2:
        assert all(abs(n - even * PACES[pace]) <= 1 for n, pace in zip(found, paces, strict=True))


@pytest.mark.parametrize(
    ("text", "frames", "sentence"),
    [
        ("dolly_in 1m over 48 frames", 97, "97 do not fit: the times in the path need exactly 49, the first included"),
        ("dolly_in 1m over 48 frames, pan_left 1deg", 49, "49 do not fit: .* at least 50"),
        ("dolly_in 1m", 1, "1 make no path"),
        ("dolly_in 1m over 10000 frames", None, f"10,001 make no path; it has 2 to {MAX_FRAMES:,}"),
    ],
)
def test_times_that_do_not_fit_are_refused(text, frames, sentence):
    with pytest.raises(InvalidShot, match=f"frames: {sentence}"):
        walk(parse(text), START, frames)


def test_a_shorter_move_rests_while_the_others_go_on():
    cameras = walk(parse("dolly_in 1m + fast pan_left 20deg"), START, 49)
    angle = np.degrees(np.arctan2(-cameras.camera_to_world[:, 0, 2], cameras.camera_to_world[:, 1, 2]))
    np.testing.assert_allclose(angle[[12, 24, 36, 48]], [10, 20, 20, 20], atol=1e-9)
    np.testing.assert_allclose(cameras.centres[[24, 48], 1], [0.5, 1], atol=1e-12)


def test_with_a_target_a_move_turns_for_nothing_else():
    cameras = walk(parse("crane_up 1m @target 4m"), START, 9)
    pixels, _ = project(np.array([0.0, 4, 0]), cameras.K[-1], cameras.world_to_camera[-1])
    np.testing.assert_allclose(pixels, [32, 24], atol=1e-9)


def test_a_target_in_the_picture_lies_where_its_depth_says():
    cameras = walk(parse("dolly_in 1m, orbit 90deg @0.75,0.25"), START, 9, depth=lambda u, v: 10 * u + v)
    target = np.array([7.75 * 0.25, 7.75, 7.75 * 12 / 64])  # u = 48 of 64, v = 12 of 48; focal length 64
    distance = np.linalg.norm(cameras.centres[4:] - target, axis=1)
    np.testing.assert_allclose(distance, np.linalg.norm(target - [0, 1, 0]), atol=1e-12)


def test_a_target_in_the_picture_needs_depth_and_no_sky():
    path = parse("orbit 90deg @0.5,0.5")
    with pytest.raises(InvalidShot, match=r"path: @0.5,0.5 is a pixel of the picture, .* give --depth"):
        walk(path, START)
    for sky in (np.inf, 1e10, np.nan, 0.0):
        with pytest.raises(InvalidShot, match=r"path: @0.5,0.5 shows sky"):
            walk(path, START, depth=lambda _u, _v, sky=sky: sky)


@pytest.mark.parametrize("way", ["3m", "5m"])
def test_a_camera_that_runs_through_what_it_looks_at_is_refused(way):
    with pytest.raises(InvalidShot, match=r"path: runs through its target at frame 10\d\d; go less far"):
        walk(parse(f"dolly_in {way} @target 3m"), START)
    assert len(walk(parse("dolly_in 2.9m @target 3m"), START)) == 49


amounts = {"m": some.floats(-3, 3), "deg": some.floats(-90, 90), "x": some.floats(0.5, 3)}


@some.composite
def sentences(draw):
    def move():
        name = draw(some.sampled_from(sorted(PRESETS)))
        amount = draw(amounts[PRESETS[name].unit])
        target = "@target 3m" if name.startswith("orbit") else ""
        return f"{name} {amount:.6f}{PRESETS[name].unit} {draw(some.sampled_from([*EASINGS, '']))} {target}"

    return ", then ".join(
        " + ".join(move() for _ in range(draw(some.integers(1, 3)))) for _ in range(draw(some.integers(1, 3)))
    )


@settings(max_examples=40, deadline=None)
@given(text=sentences())
def test_a_path_has_no_jumps_and_is_rigid(text):
    """Twice as many frames: steps half as large, also where moves join."""
    path = parse(text)

    def largest(frames):
        cameras = walk(path, START, frames)
        check_cameras(cameras)
        return max(np.abs(np.diff(part, axis=0)).max() for part in (cameras.camera_to_world, cameras.K / 64))

    assert largest(2401) <= 0.6 * largest(1201) + 1e-9


def test_a_place_is_looked_at_by_who_knows_it():
    place = START.centres[0] + 3 * START.camera_to_world[0, :3, 2] + [0.5, 0, 0.2]
    walked = walk(
        parse("tracking 1m @cursor, then orbit 30deg @object"), START, 9, places={"cursor": place, "object": place}
    )
    pixels = [project(place, walked.K[i], walked.world_to_camera[i])[0] for i in (0, 4)]
    np.testing.assert_allclose(pixels[1], pixels[0], atol=1e-6)
    distances = np.linalg.norm(walked.centres[4:] - place, axis=1)
    np.testing.assert_allclose(distances, distances[0], atol=1e-9)
    with pytest.raises(InvalidShot, match="path: @cursor is a place in Blender's scene"):
        walk(parse("tracking 1m @cursor"), START)
