"""``worldwarp evaluate`` and solved cameras in a result folder, on shots whose true cameras are known."""

import json

import numpy as np
import pytest
from worldwarp.cameras.formats import read_cameras, write_cameras
from worldwarp.cli import main
from worldwarp.evaluation.command import command
from worldwarp.evaluation.poses import compare
from worldwarp.evaluation.truth import read_truth
from worldwarp.outputs.pictures import encode_png
from worldwarp.store import Store
from worldwarp.world.solved import read_solved, solve_folder
from worldwarp_protocol.errors import FolderError, InvalidShot, WorldWarpError
from worldwarp_protocol.files import CameraFile
from worldwarp_protocol.files import read_cameras as read_file

from ..cache import scene
from .shots import drifted, finish, write_truth

REQUESTED = scene.path(11, width=192, height=128, reach=0.35)
TAKEN = drifted(REQUESTED)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    finish(folder, REQUESTED, TAKEN)
    write_truth(folder / "truth", REQUESTED)
    return folder


@pytest.fixture(scope="module")
def solved(root):
    return solve_folder(root / "shot", Store(root / "store"), lambda *_, **__: None)


def evaluated(root, *options):
    assert main(["evaluate", str(root / "shot"), "--store", str(root / "store"), *options]) == 0
    return json.loads((root / "shot" / "evaluation.json").read_text("utf-8"))


def test_solved_cameras_stand_beside_the_requested_ones(root, solved):
    path = root / "shot" / "cameras.npz"
    with np.load(path, allow_pickle=False) as data:
        assert data["R_solved"].shape == (11, 3, 3)
        x = data["R_solved"][-1] @ TAKEN.centres[-1] + data["t_solved"][-1]
        assert np.abs(x).max() < 0.01  # the true centre is where the solved camera has its own
        assert np.allclose(data["residual_solved"][1:], solved.residual_solved[1:])
        assert (data["residual_solved"][1:] < data["residual_requested"][1:] / 4).all()
        assert data["inliers"].tolist() == solved.inliers.tolist()
    asked = CameraFile.of(
        REQUESTED.K, REQUESTED.camera_to_world, REQUESTED.frame, REQUESTED.width, REQUESTED.height, REQUESTED.fps
    )
    assert np.array_equal(read_file(path).R, asked.R)
    assert np.allclose(read_cameras(path).camera_to_world, REQUESTED.camera_to_world)
    assert np.allclose(read_solved(path).camera_to_world, solved.camera_to_world)
    assert not list(path.parent.glob("*.part"))


def test_evaluating_finds_the_drift_by_its_own_means(root, solved, capsys):  # noqa: ARG001 - solves the folder
    found = evaluated(root, "--truth", str(root / "truth"))
    true = compare(TAKEN.camera_to_world, REQUESTED.camera_to_world).summary()
    assert found["against"] == "true cameras"
    assert found["generated"]["lost"] == 0
    for name in ("R_dist_mean", "T_dist_mean"):
        assert found["floor"][name] < 0.2 * found["generated"][name]
        assert found["generated"][name] == pytest.approx(true[name], abs=2 * found["floor"][name])
    assert found["mean"]["residual_solved"] < found["mean"]["residual_requested"] / 4
    assert len(found["per_frame"]["psnr"]) == 11
    assert found["per_frame"]["psnr"][0] == 100
    assert found["per_frame"]["ssim"][0] == pytest.approx(1)
    assert found["per_frame"]["psnr"][10] < found["per_frame"]["psnr"][1] < 100
    shown = capsys.readouterr().out
    assert "floor" in shown
    assert "px off, solved cameras" in shown


def test_frames_that_were_taken_as_asked_are_at_the_floor(tmp_path, capsys):
    asked = REQUESTED[:5]
    finish(tmp_path, asked, asked)
    found = evaluated(tmp_path, "--json")
    assert json.loads(capsys.readouterr().out) == found
    assert found["against"] == "requested cameras"
    assert found["floor"] is None
    assert found["generated"]["R_dist_last"] < 0.002
    assert found["mean"]["residual_requested"] < 0.6
    assert "residual_solved" not in found["mean"]


def test_a_path_that_stopped_is_solved_as_far_as_it_came(tmp_path):
    folder = finish(tmp_path, REQUESTED, TAKEN, each=5, finished=5)
    solve_folder(folder, Store(tmp_path / "store"), lambda *_, **__: None)
    cameras = read_solved(folder / "cameras.npz")
    assert np.allclose(cameras.camera_to_world[5:], REQUESTED.camera_to_world[5:])
    assert np.linalg.norm(cameras.centres[4] - TAKEN.centres[4]) < 0.005
    with np.load(folder / "cameras.npz") as data:
        assert np.isnan(data["residual_solved"][5:]).all()


@pytest.mark.parametrize("named", ["cameras only", "frames only"])
def test_truth_may_be_cameras_or_frames(root, tmp_path, named):
    asked = REQUESTED[:4]
    finish(tmp_path, asked, asked)
    if named == "cameras only":
        write_cameras(tmp_path / "true.npz", REQUESTED)
        found = evaluated(tmp_path, "--truth", str(tmp_path / "true.npz"))
        assert found["against"] == "true cameras"
        assert found["floor"] is None
    else:
        found = evaluated(tmp_path, "--truth", str(root / "truth" / "frames"))
        assert found["against"] == "requested cameras"
        assert found["mean"]["psnr"] == 100
        assert found["floor"]["lost"] == 0


def test_what_cannot_be_evaluated_is_said(root, tmp_path):
    store = ["--store", str(root / "store")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="holds no shot"):
        command([str(tmp_path / "empty"), *store])
    with pytest.raises(FolderError, match="holds no shot"):
        solve_folder(tmp_path / "empty", Store(root / "store"), lambda *_, **__: None)
    with pytest.raises(InvalidShot, match=r"neither cameras\.npz nor frames"):
        command([str(root / "shot"), *store, "--truth", str(tmp_path / "empty")])
    write_cameras(tmp_path / "short.npz", REQUESTED[:3])
    with pytest.raises(InvalidShot, match="3 cameras for 11 frames"):
        command([str(root / "shot"), *store, "--truth", str(tmp_path / "short.npz")])
    write_truth(tmp_path / "small", scene.path(1, width=48, height=32))
    (tmp_path / "small" / "cameras.npz").unlink()
    with pytest.raises(InvalidShot, match="is 48 x 32 and the frames are 192 x 128"):
        command([str(root / "shot"), *store, "--truth", str(tmp_path / "small")])
    with pytest.raises(WorldWarpError, match="does not hold the shot's chunks"):
        command([str(root / "shot"), "--store", str(tmp_path / "nowhere")])


def test_every_file_of_the_truth_is_of_the_frames_size(root, tmp_path):
    truth = write_truth(tmp_path / "truth", REQUESTED[:3])
    small = scene.view(scene.path(1, width=48, height=32), 0)
    (truth / "cameras.npz").unlink()
    words = [str(root / "shot"), "--store", str(root / "store"), "--truth", str(truth)]
    np.save(truth / "depth" / "0003.npy", small.depth)
    with pytest.raises(InvalidShot, match=r"0003.npy is 48 x 32"):
        command(words)
    (truth / "frames" / "0002.png").write_bytes(encode_png(small.rgb))
    with pytest.raises(InvalidShot, match=r"0002.png is 48 x 32"):
        command(words)


def test_files_of_the_truth_count_in_the_order_of_their_numbers(tmp_path):
    for name in ("f10.png", "f9.png", "f1.png"):
        (tmp_path / name).touch()
    assert [path.name for path in read_truth(tmp_path).frames] == ["f1.png", "f9.png", "f10.png"]
