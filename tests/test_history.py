"""History is the previous chunk and what the coming views would otherwise not know, in the order of trust."""

import numpy as np
import pytest
from worldwarp import history
from worldwarp.cameras import Cameras
from worldwarp.cameras.cameras import unproject
from worldwarp.history import Thumbnail, candidates, remember, select_history, thumbnail
from worldwarp.nouns import Chunk, Provenance

from .geometry.estimates import turned
from .shots_for_tests import straight_path

WALL = 4.0


def test_the_first_chunk_sees_the_picture() -> None:
    assert select_history(None) == [0]
    assert select_history(None, pictures=5) == [0, 1, 2, 3, 4]


def test_the_second_sees_the_picture_first_then_the_most_recent() -> None:
    chosen = select_history(Chunk(0, 0, 49, 1))
    assert chosen[:6] == [0, 48, 47, 46, 45, 44]
    assert chosen[1:] == sorted(chosen[1:], reverse=True)
    assert len(chosen) == len(set(chosen)) == 14  # the last keyframe is one of the last five


def test_without_memory_a_later_one_sees_nothing_older_than_the_previous_chunk() -> None:
    chosen = select_history(Chunk(2, 88, 137, 5))
    assert min(chosen) == 88
    assert max(chosen) == 136


def test_what_is_remembered_comes_after_the_recent_but_for_the_picture() -> None:
    chosen = select_history(Chunk(2, 88, 137, 5), memory=[40, 0, 12])
    assert chosen[0] == 0
    assert chosen[-2:] == [40, 12]
    assert chosen[1:] == sorted(chosen[1:], reverse=True)


def test_frames_that_may_be_remembered_are_bounded_on_a_path_of_any_length() -> None:
    assert candidates(9) == [8, 4, 0]
    for committed in (1_000, 1_025, 10_000, 1_000_000):
        found = candidates(committed)
        assert history.CANDIDATES / 2 <= len(found) <= history.CANDIDATES
        assert found[-1] == 0
        assert set(candidates(2 * committed)) & set(found)  # thumbnails are used again


def looking(*degrees: float) -> Cameras:
    """Cameras at the origin, turned to the left; width and height 64 x 48, 53 degrees wide."""
    path = straight_path(len(degrees), step=0)
    poses = path.camera_to_world.copy()
    for pose, angle in zip(poses, degrees, strict=True):
        pose[:3, :3] = turned(angle, (0, 0, 1)) @ pose[:3, :3]
    return Cameras(path.K, poses, path.width, path.height, path.frame)


def seeing(kind: Provenance = Provenance.GENERATED, depth: float = WALL) -> Thumbnail:
    return thumbnail(np.full((48, 64), depth, np.float32), np.full((48, 64), kind, np.uint8))


def remembered(path: Cameras, frames: list[Thumbnail], towards: float, most: int = 12) -> list[int]:
    """The last camera of the path is that of the only recent frame; every frame may be remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "STRIDE", 1)
        return remember([len(path) - 1], len(path), frames.__getitem__, path, looking(towards), most)


def test_frames_that_saw_what_comes_are_remembered_and_others_are_not() -> None:
    path = looking(0, 90, 180, 90)
    assert remembered(path, [seeing()] * 4, 180) == [2]
    assert remembered(path, [seeing()] * 4, 0) == [0]
    assert remembered(path, [seeing()] * 4, 90) == []  # known already
    assert remembered(path, [seeing()] * 4, 270) == []  # nobody has been there


def test_of_two_that_saw_the_same_the_most_recent_and_a_picture_s_pixels_before_all() -> None:
    path = looking(90, 0, 0, 0, 90)
    assert remembered(path, [seeing()] * 5, 0) == [3]
    frames = [seeing(), seeing(Provenance.PICTURE), seeing(), seeing(Provenance.FILLED), seeing()]
    assert remembered(path, frames, 0) == [1]


def test_the_picture_is_remembered_wherever_it_sees_anything_and_first() -> None:
    path = looking(40, 0, 0)
    assert remembered(path, [seeing(Provenance.PICTURE), seeing(), seeing()], 0) == [0]  # the recent one sees it all
    path = looking(40, 0, 120)
    assert remembered(path, [seeing(Provenance.PICTURE), seeing(), seeing()], 0) == [0, 1]
    assert remembered(path, [seeing(Provenance.PICTURE), seeing(), seeing()], 0, most=1) == [0]
    assert remembered(path, [seeing(Provenance.PICTURE), seeing(), seeing()], 0, most=0) == []


def test_what_lies_behind_a_surface_is_not_remembered() -> None:
    path = looking(180, 0, 0, 120)
    near, far = seeing(depth=2), seeing(depth=8)
    assert remembered(path, [seeing(), far, near, seeing()], 0) == [2]
    assert remembered(path, [seeing(), near, far, seeing()], 0) == [1]


@pytest.mark.parametrize("kind", [Provenance.GENERATED, Provenance.FILLED])
def test_a_wrong_surface_that_is_trusted_less_hides_no_picture(kind: Provenance) -> None:
    path = looking(0, 0, 120)
    picture, wrong = seeing(Provenance.PICTURE, 3), seeing(kind, 1)
    assert 0 in remembered(path, [picture, wrong, seeing()], 0)
    path = looking(180, 0, 0, 120)  # elsewhere than frame 0, which comes first anyway
    assert 1 in remembered(path, [seeing(), picture, wrong, seeing()], 0)
    assert remembered(path, [seeing(), wrong, seeing(kind, 3), seeing()], 0) == [1]  # its equal it does


def test_a_wrong_surface_hides_no_picture_within_one_frame() -> None:
    path = looking(180, 0, 120)
    path.camera_to_world[1, 0, 3] = 0.3
    kind, depth = np.full((48, 64), Provenance.PICTURE, np.uint8), np.full((48, 64), WALL, np.float32)
    kind[:, ::2], depth[:, ::2] = Provenance.FILLED, 1
    assert remembered(path, [seeing(), thumbnail(depth, kind), seeing()], 0) == [1]


def test_what_is_not_known_counts_for_nothing() -> None:
    path = looking(180, 0, 120)
    assert remembered(path, [seeing(), seeing(Provenance.PICTURE, np.nan), seeing()], 0) == []


def test_a_thumbnails_points_are_those_of_the_pixels_it_took() -> None:
    depth = np.random.default_rng(0).uniform(2, 9, (160, 240)).astype(np.float32)
    path = straight_path(1, 240, 160)
    seen = thumbnail(depth, np.zeros(depth.shape, np.uint8))
    taken = slice(seen.step // 2, None, seen.step)
    wanted = unproject(depth, path.K[0], path.camera_to_world[0])[taken, taken].reshape(-1, 3)
    assert seen.step > 1
    np.testing.assert_allclose(history._points(seen, path, 0)[0][:, :3], wanted, rtol=1e-9)


def test_sky_is_remembered_by_its_direction() -> None:
    path = looking(180, 0, 120)
    path.camera_to_world[1, :3, 3] = (100, 0, 0)
    assert remembered(path, [seeing(), seeing(depth=np.inf), seeing()], 0) == [1]
    assert remembered(path, [seeing(), seeing(), seeing()], 0) == []  # a wall 100 units aside is not there


def test_who_saw_it_from_near_is_remembered_rather_than_who_saw_it_from_afar() -> None:
    path = looking(180, 0, 0, 120)
    path.camera_to_world[2, 1, 3] = -8
    frames = [seeing(), seeing(), seeing(depth=12), seeing()]
    assert remembered(path, frames, 0) == [1]


def test_the_choice_is_the_same_on_every_call() -> None:
    rng = np.random.default_rng(0)
    path = looking(*rng.uniform(0, 360, 40))
    frames = [
        thumbnail(rng.uniform(2, 9, (48, 64)).astype(np.float32), rng.integers(0, 3, (48, 64), np.uint8))
        for _ in range(40)
    ]
    assert len({tuple(remembered(path, frames, 77.0)) for _ in range(3)}) == 1
