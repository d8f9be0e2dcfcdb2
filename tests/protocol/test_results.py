import errno
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import plyfile
import pytest
from worldwarp_protocol import files
from worldwarp_protocol import messages as m
from worldwarp_protocol.errors import FolderError
from worldwarp_protocol.results import ResultFolder

from .samples import DIGEST, OTHER_RUN, RUN, cameras, frame_arrays, png, point_arrays, shot, stream


def fill(folder: ResultFolder, items: list[Any]) -> None:
    """What a reception does with the items of a stream."""
    for item, arrays in items:
        match item:
            case m.RunStarted():
                folder.begin(item.shot, item.width, item.height, **arrays, run=item.run)
            case m.ChunkCommitted():
                folder.commit_chunk(item.chunk, item.key, item.digest, item.first, item.count)
            case m.Frame():
                folder.add_frame(item.index, arrays["frame"].data, arrays["provenance"].data)
            case m.Points():
                folder.add_points(item.chunk, **arrays)
            case m.RunEnded():
                folder.finish(item.state, item.text)
                continue
        folder.received(item.seq)


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def names(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


def test_a_whole_run(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    assert names(folder.path) == {"shot.json", "cameras.npz", "points.ply", "frames", "provenance", "points"}
    for kind in ("frames", "provenance"):
        assert names(folder.path / kind) == {f"{n:04d}.png" for n in range(1, 10)}
    assert (folder.path / "frames/0007.png").read_bytes() == png(6)
    assert names(folder.path / "points") == {"0001.ply", "0002.ply"}
    described = json.loads((folder.path / "shot.json").read_text(encoding="utf-8"))
    expected = {"name": "Corridor", "fps": 24.0, "colour_space": "sRGB", "width": 32, "height": 16, "frames": 9}
    assert expected.items() <= described.items()
    assert (described["run"], described["state"], described["settings"]["profile"]) == (RUN, "done", "draft")


def test_cameras_map_the_world_into_the_camera(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    arrays = cameras(5)
    for pose in arrays["camera_to_world"]:
        q, r = np.linalg.qr(rng.normal(size=(3, 3)))
        pose[:3, :3] = q * np.sign(np.diag(r)) * np.sign(np.linalg.det(q * np.sign(np.diag(r))))
        pose[:3, 3] = rng.normal(size=3)
    ResultFolder(tmp_path / "shot").begin(shot(), 32, 16, **arrays)
    with np.load(tmp_path / "shot" / "cameras.npz", allow_pickle=False) as stored:
        found = dict(stored)
    assert found.keys() == {"K", "R", "t", "camera_to_world", "frame", "width", "height", "fps"}
    np.testing.assert_array_equal(found["camera_to_world"], arrays["camera_to_world"])
    assert (found["width"], found["height"], found["fps"]) == (32, 16, 24.0)
    np.testing.assert_array_equal(found["K"], arrays["K"])
    np.testing.assert_array_equal(found["frame"], [1, 2, 3, 4, 5])
    point = np.array([0.3, -0.2, 2.0, 1.0])
    for pose, R, t in zip(arrays["camera_to_world"], found["R"], found["t"], strict=True):
        np.testing.assert_allclose(R @ point[:3] + t, (np.linalg.inv(pose) @ point)[:3], atol=1e-12)
    read = files.read_cameras(tmp_path / "shot" / "cameras.npz")
    np.testing.assert_array_equal(read.R, found["R"])
    assert read.width == 32


def test_the_same_cameras_are_the_same_bytes() -> None:
    first, again = (files.CameraFile.of(**cameras(9), width=32, height=16, fps=24).encode() for _ in range(2))
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}, "the time of writing is not part of it"


def test_points_are_read_by_plyfile_in_the_order_of_their_chunks(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    ply = plyfile.PlyData.read(folder.path / "points.ply")
    assert (ply.text, ply.byte_order) == (False, "<")
    vertex = ply["vertex"]
    types = [(p.name, p.val_dtype) for p in vertex.properties]
    assert types == [(n, "f4") for n in "xyz"] + [(n, "u1") for n in ("red", "green", "blue", "provenance")]
    clouds = [point_arrays(10, seed=0), point_arrays(11, seed=1)]
    xyz, rgb, provenance = (np.concatenate([cloud[name] for cloud in clouds]) for name in ("xyz", "rgb", "provenance"))
    np.testing.assert_array_equal(np.column_stack([vertex[n] for n in "xyz"]), xyz)
    np.testing.assert_array_equal(np.column_stack([vertex[n] for n in ("red", "green", "blue")]), rgb)
    np.testing.assert_array_equal(vertex["provenance"], provenance)


def test_a_run_without_points(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, [(item, point_arrays(0) if isinstance(item, m.Points) else arrays) for item, arrays in stream()])
    assert plyfile.PlyData.read(folder.path / "points.ply")["vertex"].count == 0


def test_a_folder_goes_on_wherever_it_was_left(tmp_path: Path) -> None:
    items = stream(4, (2, 2))
    whole = ResultFolder(tmp_path / "whole")
    fill(whole, items)
    for broken_off in range(1, len(items)):
        path = tmp_path / str(broken_off)
        folder = ResultFolder(path)
        fill(folder, items[:broken_off])
        folder.save()
        folder = ResultFolder(path)
        after, have = folder.resume(RUN)
        assert after == broken_off
        assert len(have) == sum(isinstance(item, m.Points) for item, _ in items[:broken_off])
        fill(folder, items[after:])
        assert contents(whole.path) == contents(path)


def test_what_was_not_noted_comes_again(tmp_path: Path) -> None:
    items = stream()
    fill(ResultFolder(tmp_path / "shot"), items[:5])  # killed before it could save
    after, have = ResultFolder(tmp_path / "shot").resume(RUN)
    assert (after, have) == (1, []), "noted when the chunk was committed"
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, items[after:])
    assert folder.record is not None
    assert folder.record.state == "done"


def test_another_run_of_the_shot_needs_nothing_that_is_here(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    before = contents(folder.path)
    after, have = folder.resume(OTHER_RUN)
    items = stream(run=OTHER_RUN)
    assert (after, have) == (0, [item.digest for item, _ in items if isinstance(item, m.ChunkCommitted)])
    fill(folder, [(item, arrays) for item, arrays in items if not isinstance(item, m.Frame | m.Points)])
    now = contents(folder.path)
    assert before.pop("shot.json") != now.pop("shot.json")
    assert before == now


def test_a_file_that_the_user_deleted_comes_again(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    (folder.path / "frames/0002.png").unlink()
    after, have = ResultFolder(tmp_path / "shot").resume(RUN)
    second_chunk = [item.digest for item, _ in stream() if isinstance(item, m.ChunkCommitted)][1]
    assert (after, have) == (0, [second_chunk])


def test_a_file_of_an_unfinished_chunk_that_the_user_deleted_comes_again(tmp_path: Path) -> None:
    items = stream()
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, items[:5])
    folder.frame_path(0).unlink()
    with pytest.raises(FolderError, match=r"missing from .*: fetch the result again"):
        fill(folder, items[5:])
    after, _ = ResultFolder(tmp_path / "shot").resume(RUN)
    assert after == 0
    fill(ResultFolder(tmp_path / "shot"), items)


def test_a_path_that_got_longer_keeps_what_it_can(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream(9, (5, 4)))
    after, have = folder.resume(OTHER_RUN)
    longer = stream(12, (5, 7), run=OTHER_RUN)
    fill(folder, [(i, a) for i, a in longer if not (isinstance(i, m.Frame | m.Points) and i.chunk == 0)])
    assert folder.record is not None
    assert (after, len(have), folder.record.frames) == (0, 2, 12)
    assert len(list((folder.path / "frames").iterdir())) == 12
    assert len(np.load(folder.path / "cameras.npz")["K"]) == 12


def test_other_content_replaces_all_that_followed_from_the_old(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    fill(folder, stream(run=OTHER_RUN, tint=100)[:4])  # two frames of the new first chunk
    assert names(folder.path / "frames") == {"0001.png", "0002.png"}
    assert (folder.path / "frames/0001.png").read_bytes() == png(100)
    assert names(folder.path / "points") == set()
    assert not (folder.path / "points.ply").exists()


def test_commit_chunk_says_whether_its_files_are_needed(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    folder.begin(shot(), 32, 16, **cameras(5))
    assert folder.commit_chunk(0, DIGEST, DIGEST, 0, 5)
    for index in range(5):
        folder.add_frame(index, png(index), png(0, "L"))
    assert folder.commit_chunk(0, DIGEST, DIGEST, 0, 5)
    folder.add_points(0, **point_arrays(3))
    assert not folder.commit_chunk(0, DIGEST, DIGEST, 0, 5)
    folder.finish()
    folder.frame_path(3).unlink()
    assert folder.commit_chunk(0, DIGEST, DIGEST, 0, 5)


def test_passes_are_asked_for_where_they_lack_or_the_frame_after_them_is_new(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    assert folder.without_passes() == list(range(9))
    for index in (0, 2, 4, 5, 8):
        folder.add_passes(index, b"an EXR")
    assert folder.without_passes() == [1, 3, 6, 7]
    with pytest.raises(FolderError, match="Frame 10 came for a path of 9 frames"):
        folder.add_passes(9, b"an EXR")
    assert folder.commit_chunk(1, DIGEST, "6" * 64, 5, 4)  # another take of the second chunk
    assert folder.without_passes() == [1, 3, *range(4, 9)]  # frame 4 moves towards frame 5


def test_numbers_of_a_chunk_are_kept_and_come_to_folders_that_had_none(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path / "shot")
    folder.begin(shot(), 32, 16, **cameras(5))
    folder.commit_chunk(0, DIGEST, DIGEST, 0, 5)
    assert ResultFolder(folder.path).record.chunks[0].meta == {}
    numbers = {"coverage": 0.5, "prompt": "a mill à l'eau"}
    folder.commit_chunk(0, DIGEST, DIGEST, 0, 5, numbers)
    folder.save()
    assert ResultFolder(folder.path).record.chunks[0].meta == numbers


@pytest.mark.parametrize(
    "change",
    [
        {"shot": shot("Another")},
        {"width": 48},
        {"frame": np.arange(9, dtype=np.int32)},
        {"K": cameras(9)["K"] * 2},
        cameras(5),
    ],
    ids=["name", "size", "timeline", "lens", "a shorter path"],
)
def test_a_folder_of_another_shot_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    before = contents(folder.path)
    asked: dict[str, Any] = {"shot": shot(), "width": 32, "height": 16, **cameras(9)}
    folder.begin(**asked)
    fill(folder, [item for item in stream() if not isinstance(item[0], m.RunStarted)])
    with pytest.raises(FolderError, match=r"holds another shot \('Corridor'\): choose an empty folder, or delete it"):
        ResultFolder(folder.path).begin(**{**asked, **change})
    now = contents(folder.path)
    del before["shot.json"], now["shot.json"]
    assert before == now


def test_other_settings_of_the_same_shot_are_named(tmp_path: Path) -> None:
    fill(ResultFolder(tmp_path), stream())
    with pytest.raises(FolderError, match=r"holds this shot with other settings \(seed, cache_steps\): choose another"):
        ResultFolder(tmp_path).begin(shot(seed=2, cache_steps=7), 32, 16, **cameras(9))


@pytest.mark.parametrize("own", ["frames", "cameras.npz", "points.ply", "notes"])
def test_a_folder_that_is_somebody_elses_is_refused(tmp_path: Path, own: str) -> None:
    (tmp_path / own).mkdir()
    with pytest.raises(FolderError, match=rf"holds other files \({own}\): choose an empty folder"):
        ResultFolder(tmp_path).begin(shot(), 32, 16, **cameras(9))
    assert names(tmp_path) == {own}


@pytest.mark.parametrize("left", [".DS_Store", "Thumbs.db", "desktop.ini", "shot.json.part"])
def test_what_systems_and_kills_leave_does_not_matter(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_text("left")
    fill(ResultFolder(tmp_path), stream())
    assert (tmp_path / "shot.json").exists()


def test_files_that_the_user_adds_later_do_not_matter(tmp_path: Path) -> None:
    fill(ResultFolder(tmp_path), stream()[:3])
    (tmp_path / "notes.txt").write_text("mine")
    fill(ResultFolder(tmp_path), stream())
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'{"name": "../../x"}'])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "shot.json").write_bytes(content)
    with pytest.raises(FolderError, match=r"shot\.json is damaged"):
        ResultFolder(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04."])
def test_damaged_cameras_are_named(tmp_path: Path, content: bytes) -> None:
    fill(ResultFolder(tmp_path), stream())
    (tmp_path / "cameras.npz").write_bytes(content)
    with pytest.raises(FolderError, match=r"cameras\.npz cannot be read as cameras"):
        fill(ResultFolder(tmp_path), stream())


@pytest.mark.parametrize("content", [b"", b"ply\n", b"ply\nend_header\n" + bytes(160)])
def test_damaged_points_are_named(tmp_path: Path, content: bytes) -> None:
    folder = ResultFolder(tmp_path)
    fill(folder, stream()[:-1])
    (tmp_path / "points" / "0001.ply").write_bytes(content)
    with pytest.raises(FolderError, match=r"0001\.ply is not a point cloud"):
        folder.finish()


def test_a_run_that_is_done_has_all_its_frames(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    fill(folder, stream()[:8])
    with pytest.raises(FolderError, match="frames are missing"):
        folder.finish("done")
    folder.finish("cancelled", "The user ended it.")
    assert (tmp_path / "points.ply").exists()


def test_numbers_outside_the_path_name_no_file(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    fill(folder, stream()[:3])
    before = contents(tmp_path)
    for call in (
        lambda: folder.add_frame(9, b"", b""),
        lambda: folder.add_frame(-1, b"", b""),
        lambda: folder.add_points(7, **point_arrays(1)),
        lambda: folder.commit_chunk(1, DIGEST, DIGEST, 5, 10**9),
        lambda: folder.commit_chunk(5, DIGEST, DIGEST, 5, 4),
    ):
        with pytest.raises(FolderError):
            call()
    assert contents(tmp_path) == before


def test_nothing_is_written_before_the_shot_is_known(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="Nothing is known"):
        ResultFolder(tmp_path / "new").add_frame(0, png(0), png(0, "L"))
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shot.json"
    files.write(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FolderError, match=r"cannot be written \(No space left on device\): free some space"):
        files.write(path, b"new")
    assert contents(tmp_path) == {"shot.json": b"old"}


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space there, or choose another folder"),
        (errno.EACCES, "choose another folder"),
        (errno.ENOTDIR, "a file lies where its folder should be; choose another folder"),
    ],
)
def test_the_remedy_fits_the_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "reason")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FolderError, match=rf"cannot be written \(reason\): {remedy}\.$"):
        files.write(tmp_path / "shot.json", b"new")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderError, match=r"file.* is a file: choose another folder"):
        ResultFolder(tmp_path / "file").begin(shot(), 32, 16, **cameras(9))
    with pytest.raises(FolderError, match=r"file.shot is a file: choose another folder"):
        ResultFolder(tmp_path / "file" / "shot").begin(shot(), 32, 16, **cameras(9))


def test_samples_are_what_the_wire_carries() -> None:
    assert frame_arrays(3)["frame"].tobytes() == png(3)


def test_what_was_found_out_about_a_path_stays_when_its_shot_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "shot" / "cameras.npz"
    ResultFolder(tmp_path / "shot").begin(shot(), 32, 16, **cameras(5))
    with np.load(path, allow_pickle=False) as stored:
        np.savez(path, **stored, R_solved=stored["R"] * 2)
    ResultFolder(tmp_path / "shot").begin(shot(), 32, 16, **cameras(5))
    with np.load(path, allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["R_solved"], stored["R"] * 2)
    ResultFolder(tmp_path / "shot").begin(shot(), 32, 16, **cameras(6))
    with np.load(path, allow_pickle=False) as stored:
        assert len(stored["R"]) == 6
        assert "R_solved" not in stored


def test_what_was_found_out_about_frames_is_forgotten_when_their_chunk_is_done_again(tmp_path: Path) -> None:
    path, folder = tmp_path / "shot" / "cameras.npz", ResultFolder(tmp_path / "shot")
    fill(folder, stream())
    moved = cameras(9)["camera_to_world"].copy()
    moved[:, :3, 3] += 1
    folder.add_solved(0, moved, np.ones((9, 3)))
    first = folder.record.chunks[0].count
    folder.commit_chunk(1, "e" * 64, "f" * 64, first, 9 - first)
    with np.load(path, allow_pickle=False) as stored:
        assert not np.isclose(stored["t_solved"][:first], stored["t"][:first]).all(1).any()
        for name in ("R", "t"):
            np.testing.assert_array_equal(stored[f"{name}_solved"][first:], stored[name][first:])
        for name in ("residual_requested", "residual_solved"):
            np.testing.assert_array_equal(np.isnan(stored[name]), np.arange(9) >= first)
        np.testing.assert_array_equal(stored["inliers"], np.arange(9) < first)
    folder.commit_chunk(0, "c" * 64, "d" * 64, 0, first)
    with np.load(path, allow_pickle=False) as stored:
        assert not set(stored.files) & files.SOLVED
