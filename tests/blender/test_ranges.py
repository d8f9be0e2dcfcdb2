"""The ranges of a walk, what Generate will do to them, and what it will take: without Blender."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from worldwarp import chunks
from worldwarp.cameras import Cameras
from worldwarp.nouns import Shot
from worldwarp_protocol import inputs, messages
from worldwarp_protocol.files import CameraFile
from worldwarp_protocol.messages import Diffusion, Override, Settings
from worldwarp_protocol.results import ResultFolder

from blender_addon import costs, plan, ranges, shifts

SIZE = 16
FIRST = 101
"""Frame of the timeline that the walks begin at."""


@pytest.mark.parametrize("every", [1, 2, 4])
@pytest.mark.parametrize("frames", [2, 48, 49, 50, 93, 94, 137, 250])
def test_a_walk_is_cut_as_the_server_cuts_it(frames, every):
    settings = Settings(every=every)
    poses = np.tile(np.eye(4), (frames, 1, 1))
    cameras = Cameras(np.tile(np.eye(3), (frames, 1, 1)), poses, 16, 16, np.arange(frames), 24.0)
    shot = Shot("x", np.zeros((1, 16, 16, 3), np.uint8), None, cameras, settings)
    planned = chunks.plan(frames, settings)
    found = ranges.cut(frames, settings.chunk_frames, settings.context_frames, every)
    assert [list(range(one.first, one.first + one.count)) for one in found] == [
        list(chunks.contributed(shot, chunk)) for chunk in planned
    ]
    for one, chunk in zip(found, planned, strict=True):
        assert {chunks.at(shot, index) for index in range(chunk.start, chunk.stop)} <= set(one.seen)


def test_a_frame_is_found_in_its_range():
    found = ranges.cut(137, 49, 5)
    assert [ranges.holding(found, position) for position in (0, 48, 49, 92, 93, 136)] == [0, 0, 1, 1, 2, 2]
    assert found[1].among(range(101, 238)) == (150, 193)


def test_frames_are_named_in_few_words():
    assert ranges.spans([1, 2, 3, 7, 9, 10]) == "1\u20133, 7, 9\u201310"


def walk(frames: int = 137) -> CameraFile:
    """A camera that goes sideways."""
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, 0, 3] = np.arange(frames) / 100
    K = np.tile([[20.0, 0, 8], [0, 20, 8], [0, 0, 1]], (frames, 1, 1))
    return CameraFile.of(K, poses, FIRST + np.arange(frames), SIZE, SIZE, 24.0)


def wish(settings=None, overrides=(), cameras=None, masks=()) -> plan.Wish:
    return plan.Wish(settings or Settings(), tuple(overrides), cameras or walk(), frozenset(masks))


def take(folder, made: plan.Wish, numbers=(), complete=3) -> plan.Take:
    """The result folder of a shot, with ``numbers`` of each of its finished ranges."""
    cameras = made.cameras
    sent = messages.Shot(name="Walk", settings=made.settings, overrides=list(made.overrides))
    path = {"K": cameras.K, "camera_to_world": cameras.camera_to_world, "frame": cameras.frame}
    arrays = {"picture": np.zeros((1, SIZE, SIZE, 3), np.uint8), **path}
    arrays |= {name: np.zeros((1, SIZE, SIZE), np.uint8) for name in made.masks}
    result = ResultFolder(folder)
    result.begin(sent, SIZE, SIZE, **path)
    result.keep_inputs(*inputs.pack(sent, arrays, made.files))
    for index, one in enumerate(made.ranges[:complete]):
        meta = dict(numbers[index]) if index < len(numbers) else {}
        result.commit_chunk(index, "0" * 64, "0" * 64, one.first, one.count, meta)
        result.record.chunks[-1].complete = True
    result.save()
    return plan.read(folder)


def moved(at: int, by: float = 0.01) -> CameraFile:
    """The walk with its camera elsewhere from position ``at`` on."""
    poses = walk().camera_to_world.copy()
    poses[at:, 1, 3] += by
    return CameraFile.of(walk().K, poses, walk().frame, SIZE, SIZE, 24.0)


WAN = Settings(profile="wan")
CHANGES = {
    "nothing": (wish(), wish(), ""),
    "seed": (wish(), wish(Settings(seed=1)), "seed"),
    "draft knows no words": (wish(), wish(Settings(diffusion=Diffusion(prompt="a mill"))), ""),
    "words": (wish(WAN), wish(structs.replace(WAN, diffusion=Diffusion(prompt="a mill"))), "prompt"),
    "a camera at frame 220": (wish(), wish(cameras=moved(119)), "camera at frame 220"),
    "a camera at the last frame of a range": (wish(), wish(cameras=moved(48)), "camera at frame 149"),
    "a camera at the first frame of the next": (wish(), wish(cameras=moved(49)), "camera at frame 150"),
    "a range's seed": (wish(), wish(overrides=[Override(chunk=1, seed=5)]), "seed"),
    "a range's freedom": (wish(WAN), wish(WAN, [Override(chunk=2, sigma=0.5)]), "freedom"),
    "a shorter walk": (wish(), wish(cameras=walk(93)), ""),
    "a walk that ends within a range": (wish(), wish(cameras=walk(120)), "length of the walk"),
    "a longer walk": (wish(), wish(cameras=walk(181)), ""),
    "nothing to remember yet": (wish(), wish(Settings(memory_frames=0)), "memory frames"),
    "draft is never eased": (wish(), wish(Settings(ease_frames=0)), ""),
    "easing begins after the first range": (wish(WAN), wish(Settings(profile="wan", ease_frames=4)), "ease frames"),
    "every 2nd frame": (wish(), wish(Settings(every=2)), "every"),
}


def keys(asked: plan.Wish, monkeypatch) -> list[str]:
    """What the server calls the ranges, the content of each taken to follow from its name."""
    monkeypatch.setattr(chunks.profiles, "recipe", lambda settings: settings.profile)
    K, poses, frame = asked.cameras.K, asked.cameras.camera_to_world, asked.cameras.frame
    picture, depth = np.zeros((1, SIZE, SIZE, 3), np.uint8), np.ones((1, SIZE, SIZE), np.float32)
    path = Cameras(K, poses, SIZE, SIZE, frame, 24.0)
    shot = Shot("x", picture, depth, path, asked.settings, overrides=asked.overrides)
    found: list[str] = []
    for chunk in chunks.plan(len(frame), asked.settings):
        found.append(chunks.key(chunks.recipe(shot, chunk, chunks.past(found), "cpu")))
    return found


@pytest.mark.parametrize("case", CHANGES)
def test_what_is_kept_is_what_the_server_keeps(case, tmp_path, monkeypatch):
    before, now, differs = CHANGES[case]
    old, new = keys(before, monkeypatch), keys(now, monkeypatch)
    equal = next(
        (i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
    )
    assert plan.kept(take(tmp_path / "take", before), now) == (equal, differs)


def test_rounding_to_32_bits_moves_no_camera(tmp_path):
    rounded = walk().camera_to_world.astype(np.float32)
    cameras = CameraFile.of(walk().K.astype(np.float32), rounded, walk().frame, SIZE, SIZE, 24.0)
    assert plan.kept(take(tmp_path / "take", wish()), wish(cameras=cameras)) == (3, "")


def test_masks_and_unfinished_ranges_count(tmp_path):
    assert plan.kept(take(tmp_path / "a", wish()), wish(masks={"sky"})) == (0, "masks")
    assert plan.kept(take(tmp_path / "b", wish(), complete=2), wish()) == (2, "")


def test_the_take_that_most_is_kept_of_counts_and_folders_that_are_none_do_not(tmp_path):
    short, long = take(tmp_path / "a", wish(cameras=walk(49))), take(tmp_path / "b", wish())
    assert plan.best([short, long], wish())[:2] == (long, 3)
    assert plan.best([short, long], wish(cameras=moved(49))) == (long, 1, "camera at frame 150")
    assert plan.best([], wish()) == (None, 0, "")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "shot.json").write_text("{")
    assert plan.read(tmp_path / "c") is plan.read(tmp_path / "nowhere") is None


def test_time_goes_with_frames_pixels_and_steps(tmp_path):
    settings = Settings(profile="wan", diffusion=Diffusion(steps=10))
    numbers = {"seconds_fill": 100.0, "seconds_cache": 10.0, "seconds_caption": 99.0, "psnr_cache": 30.0}
    one = take(tmp_path / "take", wish(settings), [numbers] * 3)
    new = wish(settings).ranges[1:2]
    assert costs.seconds([one], settings, SIZE * SIZE, new) == pytest.approx(110)
    assert costs.seconds([one], settings, 4 * SIZE * SIZE, new) == pytest.approx(440)
    twice = structs.replace(settings, diffusion=Diffusion(steps=20))
    assert costs.seconds([one], twice, SIZE * SIZE, new) == pytest.approx(210)
    assert costs.seconds([one], settings, SIZE * SIZE, []) == 0
    assert costs.seconds([one], Settings(profile="mini"), SIZE * SIZE, new) is None  # never a guess


def test_another_picture_is_noticed_where_files_were_noted(tmp_path):
    was, now = {"picture": "a", "mask": "m"}, {"picture": "b", "mask": "m"}
    noted = take(tmp_path / "a", replace(wish(), files=was))
    for files, kept, sure in ((was, (3, ""), True), (now, (0, "another picture"), True), ({}, (3, ""), False)):
        asked = replace(wish(), files=files)
        assert plan.kept(noted, asked) == kept
        assert plan.same_picture(noted, asked) == sure
    assert plan.kept(noted, replace(wish(), files=was | {"mask": "n"})) == (0, "other masks")
    unnoted = take(tmp_path / "b", wish())
    assert plan.kept(unnoted, replace(wish(), files=was)) == (3, "")
    assert not plan.same_picture(unnoted, replace(wish(), files=was))
    assert not plan.same_picture(None, replace(wish(), files=was))


def test_a_rendered_picture_is_used_again_where_the_camera_begins_the_same(tmp_path):
    made = replace(wish(), masks=frozenset())
    K, poses, frame = walk().K, walk().camera_to_world, walk().frame
    sent = messages.Shot(name="Walk", settings=made.settings, colour_space="AgX Base sRGB")
    path = {"K": K, "camera_to_world": poses, "frame": frame}
    picture = {"picture": np.zeros((1, SIZE, SIZE, 3), np.uint8), "depth": np.ones((1, SIZE, SIZE), np.float32)}

    def rendered(name: str, run: str = "r", noted=None, **arrays) -> plan.Take:
        result = ResultFolder(tmp_path / name)
        result.begin(sent, SIZE, SIZE, **path, run=run)
        result.keep_inputs(*inputs.pack(sent, picture | path | arrays, noted))
        result.save()
        return plan.read(tmp_path / name)

    one = rendered("a")
    for late in (walk(), moved(1), walk(49)):  # what comes later is no matter
        assert plan.pictured(one, late, "AgX Base sRGB")
    assert not plan.pictured(one, moved(0), "AgX Base sRGB")
    assert not plan.pictured(one, walk(), "sRGB")
    wider = CameraFile.of(K, poses, frame, 2 * SIZE, SIZE, 24.0)
    later = CameraFile.of(K, poses, frame + 1, SIZE, SIZE, 24.0)
    assert not plan.pictured(one, wider, "AgX Base sRGB")
    assert not plan.pictured(one, later, "AgX Base sRGB")
    assert not plan.pictured(rendered("b", noted={"picture": "x"}), walk(), "AgX Base sRGB")  # it was a file
    assert not plan.pictured(rendered("c", run=""), walk(), "AgX Base sRGB")  # not a client's
    other = rendered("d", depth=np.full((1, SIZE, SIZE), 2, np.float32))
    again = replace(made, picture=plan.picture_of(one))
    assert (plan.same_picture(one, again), plan.same_picture(other, again)) == (True, False)
    assert not plan.same_picture(one, made)
    assert plan.kept(take(tmp_path / "e", made), again)[1] == "another picture"
    (one.folder / "inputs" / plan.picture_of(one)[1]).unlink()
    assert not plan.pictured(one, walk(), "AgX Base sRGB")


def test_memory_is_the_most_that_was_used_and_grows_with_the_size(tmp_path):
    numbers = [{"peak_bytes": 2e9}, {"peak_bytes": 3e9}]
    one = take(tmp_path / "take", wish(), numbers)
    assert costs.memory([one], "draft", 640, 480) == costs.Memory(3e9, False, SIZE, SIZE)  # never a guess
    gpu = take(tmp_path / "gpu", wish(WAN), [{"peak_bytes": 2e9, "peak_gpu_bytes": 7e9}])
    assert costs.memory([one, gpu], "wan", 16, 16) == costs.Memory(7e9, True, SIZE, SIZE)
    assert costs.memory([one], "wan", 16, 16) is None
    larger = replace(gpu, record=structs.replace(gpu.record, width=32, chunks=[replaced(gpu, 9e9), *one.record.chunks]))
    assert costs.memory([larger, gpu], "wan", 16, 16) == costs.Memory(7e9, True, SIZE, SIZE)
    assert costs.memory([larger, gpu], "wan", 32, 32) == costs.Memory(13e9, True, 32, 32)  # 2 GB for each 256 pixels


def replaced(one: plan.Take, peak: float) -> object:
    """Its first chunk, with another peak of memory."""
    chunk = one.record.chunks[0]
    return structs.replace(chunk, meta=chunk.meta | {"peak_gpu_bytes": peak})


def test_rows_say_what_becomes_of_each_range(tmp_path):
    settings = Settings(seed=3)
    one = take(tmp_path / "take", wish(settings), [{"coverage": 0.5}] * 3)
    now = wish(settings, [Override(chunk=2, seed=9)], walk(181))
    rows = plan.planned(now, *plan.best([one], now)[:2])
    assert [(row.first, row.last, row.state) for row in rows] == [
        (101, 149, "kept"),
        (150, 193, "kept"),
        (194, 237, "again"),
        (238, 281, "new"),
    ]
    assert [row.chosen["seed"] for row in rows] == [3, 3, 3, 3]  # what is there was made with; the rest will be
    assert [row.meta.get("coverage") for row in rows] == [0.5, 0.5, 0.5, None]
    assert rows[1].picture == tmp_path / "take" / "frames" / "0050.png"
    assert rows[3].picture is None


def test_rows_of_a_run_follow_it(tmp_path):
    one = take(tmp_path / "take", wish(), complete=1)
    assert [row.state for row in plan.running(one, 1, 1)] == ["done", "working", "waiting"]
    assert [row.picture is None for row in plan.running(one, 1, 1)] == [False, True, True]
    assert [row.state for row in plan.running(replace(one), 3, None)] == ["done"] * 3


def test_a_path_is_told_from_curves_as_blender_evaluates_it(in_blender):
    found = in_blender("ranges_path.py")
    for case in ("still", "XYZ", "ZXY", "QUATERNION", "AXIS_ANGLE"):
        K, poses = found[case]
        assert K < 1e-2, case  # of 2,000 pixels
        assert poses < shifts.CLOSE, case
    assert found["frame"] == [17, 17]
    for case in ("constraint", "muted", "driver", "another time", "no pinhole"):
        assert found[case], case


def test_a_changed_picture_file_is_foretold_and_captions_are_taken(in_blender, extension, tmp_path):
    found = in_blender("forecasts.py", extension, tmp_path)
    for case in ("same", "touched", "put back"):
        assert found[case] == "All is kept", case
    for case in ("changed", "read otherwise"):
        assert found[case] == "All is computed (another picture)", case
    assert found["rendered"] != "All is kept"  # nobody knows before it is rendered
    assert found["thumbnails"] == [f"results/Walk_v001/frames/{number}.png" for number in ("0001", "0050")]
    assert found["pieces"] == found["again"] == [2, True, 2]
    assert found["shorter"] == [True, 1]
    assert found["two scenes"] == [[2, 1], 2, [False] * 3]
    assert found["caption"] == [160, True, "a mill by a stream"]
    assert found["of its own"] == "49 kept; 44 computed (prompt)"


def test_keys_are_made_local_and_the_path_stays(in_blender, extension):
    found = in_blender("local_keys.py", extension)
    assert set(found["by default"]) == {"CONT_ACCEL"}
    assert found["reaching"] == 2  # the last key, of frame 137, moves it
    assert found["curves"] == 3 + 3 + 3 + 1 + 3
    assert found["same"]
    assert found["left"] == 0
    assert found["local"] == 121
    assert found["added"] == [131, 0]
    assert found["far"] == [[True, False], [False, False], [False, False]]
    assert found["written"] == [True, 0]
    for sentence in (found["nothing to do"], found["once"]):
        assert "No key of the camera" in sentence
