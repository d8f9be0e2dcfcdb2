"""The zip as users get it: built, installed into real Blenders, and used against a real server."""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import OpenEXR
import pytest


@pytest.fixture
def server(tmp_path):
    """The address of a server that runs as a process of its own, with its own keys and store."""
    environment = {**os.environ, "WORLDWARP_HOME": str(tmp_path / "home")}
    worldwarp = shutil.which("worldwarp", path=str(Path(sys.executable).parent))
    command = [worldwarp, "serve", "--port", "0", "--store", str(tmp_path / "store")]
    log = (tmp_path / "serve.log").open("w+")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True)
    try:
        yield _address(process, tmp_path / "serve.log")
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _address(process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if "serves at" in line:
                return line.split()[-1]
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def test_zip_holds_what_blender_needs(extension):
    with zipfile.ZipFile(extension) as archive:
        names = archive.namelist()
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    wheels = [name for name in names if name.startswith("wheels/")]
    assert sorted(f"./{name}" for name in wheels) == sorted(manifest["wheels"])
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert set(manifest["permissions"]) == {"network", "files"}
    assert len(manifest["platforms"]) == 1
    for exact in ("msgspec-0.22.0-cp311", "msgspec-0.22.0-cp313", "msgspec-0.22.0-cp314", "pyzmq-27.3.0-cp311"):
        assert sum(exact in wheel for wheel in wheels) == 1, exact
    assert sum("cp312-abi3" in wheel for wheel in wheels) == 1
    assert sum("worldwarp_protocol" in wheel for wheel in wheels) == 1
    assert "LICENSE" in names
    for package in ("msgspec", "pyzmq", "worldwarp_protocol"):
        assert any(name.startswith(f"licenses/{package}/") for name in names), package
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in names)


@pytest.mark.slow
def test_every_operator_against_a_real_server(in_blender, extension, server, tmp_path):
    found = in_blender("extension.py", extension, server, tmp_path)
    words = {
        "camera": "no camera",
        "orthographic": "orthographic",
        "one frame": "at least 2",
        "many frames": "at most 10000",
        "exposure": "Exposure",
        "no file": "no picture",
        "file": "does not exist",
        "unsaved": "Save the file",
        "name": "no name",
        "profile": "wan",
        "no server": "worldwarp serve",
        "remote": "Online Access",
        "wrong key": "key",
        "depth size": "depth",
    }
    for case, word in words.items():
        assert word in found["dry"][case], found["dry"][case]
    assert found["kept"] in (49, 93)  # whole parts only
    assert found["counts"] == [64, 64, 64]


def test_missing_packages_are_said_in_a_sentence(in_blender, extension, tmp_path):
    """As a zip whose wheels are for other Pythons installs: without them, and without a word from Blender."""
    bare = changed(extension, tmp_path, rb"^wheels = \[.*?^\]\n", b"", leave_out="wheels/")
    assert "install the zip" in in_blender("no_wheels.py", bare)["said"]


def test_a_package_of_another_version_is_said_in_a_sentence(in_blender, extension, tmp_path):
    """As Blender leaves it where it keeps the wheel of an earlier installation."""
    newer = changed(extension, tmp_path, rb'^version = "[\d.]+"', b'version = "99.0.0"')
    assert "of an earlier installation, and 99.0.0 is needed" in in_blender("no_wheels.py", newer)["said"]


def changed(extension, folder, pattern, by, leave_out="nothing"):
    """The extension's zip with a part of its manifest replaced, and without some of its files."""
    path = folder / "changed.zip"
    with zipfile.ZipFile(extension) as archive, zipfile.ZipFile(path, "w") as target:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "blender_manifest.toml":
                content = re.sub(pattern, by, content, count=1, flags=re.S | re.M)
            if not name.startswith(leave_out):
                target.writestr(name, content)
    return path


@pytest.mark.slow
def test_geometry_against_a_real_server(in_blender, extension, server, tmp_path):
    found = in_blender("estimates.py", extension, server, tmp_path)
    assert found["name"] == "Room Geometry"
    assert found["state"] == "done"
    assert found["off"] < 1e-4
    assert found["faces"] > 10_000
    assert found["facing"] > 0.99  # towards the camera
    assert found["frame"] == 3
    assert found["closed"]
    assert found["sources"] == ["depth-anything", "given", "mini", "ttt3r"]
    assert found["anchor in shot"] is None  # a render's depth is exact
    assert found["height"] == pytest.approx(4.958 + 1, abs=0.01)
    assert found["up"] < 2e-3
    assert found["flat"] < 1e-5
    assert found["same collection"]
    for case in ("ttt3r", "generate", "path"):
        assert "worldwarp weights" in found[case], found[case]
    assert "weights" in found["depth-anything"] or found["depth-anything"] == ""
    lens = pytest.approx(50 / 36 * 96, abs=1e-3)
    assert found["told"] == {"given": lens, "depth-anything": lens, "ttt3r": None}
    assert "busy" in found["busy"]
    assert found["cancelled"] == "cancelled"
    assert found["connected"]
    assert "sky" in found["sky"]
    assert found["still connected"]
    assert found["path camera"] == "clip Path Camera"
    assert found["one step"] == [2, 0]


@pytest.mark.slow
def test_a_whole_path_is_drafted_and_a_world_made_by_a_real_server(in_blender, extension, server, tmp_path):
    found = in_blender("drafts.py", extension, server, tmp_path)
    assert found["state"] == ["draft", "done"]
    shares = [share for share, _ in found["shares"]]
    assert shares[0] > 0.99
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.95
    assert [holes for _, holes in found["shares"]][-1]
    assert found["moved"]
    assert found["in the take"]
    for name in ("points", "mesh"):
        count, away = found[name]
        assert count > 200
        assert away < 0.1, name  # world units, of a scene ten wide
    assert found["triangles"] > 200
    assert found["asked"] == [True, ["mesh", "points"]]
    assert found["again"] == ["done", False]
    assert found["grown"]


@pytest.mark.slow
def test_a_take_of_every_fourth_frame_plays_all_of_them(in_blender, extension, server, tmp_path):
    found = in_blender("every.py", extension, server, tmp_path)
    assert found["sent"] == 4
    assert found["files"] == [f"{number:04}.png" for number in range(1, 10)]
    assert found["keys"] == list(range(101, 110))
    assert found["plays"] == [9, 101, 0]
    assert found["pictures"] == 9  # each frame is one of its own
    assert found["follows"] < 1e-4
    assert found["shown"] == [[False, True], [True, False]]


@pytest.mark.slow
def test_a_run_outlives_blender_and_is_picked_up_by_the_next_one(in_blender, extension, server, tmp_path):
    left = in_blender("quitting.py", "quit", extension, server, tmp_path)
    assert 0 < left["frames"] < 137
    time.sleep(3)  # the server goes on meanwhile
    found = in_blender("quitting.py", "open", extension, server, tmp_path)
    assert found["known"] == [True, True]
    assert found["run"] == left["run"]
    assert found["picked up"] == ["done", left["run"], 137]
    assert found["missed"] > 0
    assert found["takes"] == [["Walk_v001"], []]
    assert found["over"] == [False, True]


@pytest.mark.slow
def test_a_takes_picture_is_used_again_unless_it_is_rendered_anew(in_blender, extension, server, tmp_path):
    found = in_blender("picture_again.py", extension, server, tmp_path)
    assert found["at first"] == ["", False, ""]
    assert found["then"] == ["Walk_v001", True, "Picture of Walk_v001"]
    for case in ("with a cube", "a late key", "from the panel"):
        assert found[case][:2] == [True, True], case  # the files sent are the same to the byte; so is what is kept
    assert found["with a cube"][2:] == [2, 2]
    assert found["a late key"][2:] == [1, 2]
    assert found["from the panel"][2:] == [2, 2]
    assert found["red"] == [False, True]
    assert found["anew"] == ["Walk_v001", False, ""]
    assert found["rendered anew"] == [0, False, "Walk_v005"]  # nothing is kept, and the next one uses it again
    assert found["earlier one shown"] == ["Walk_v001", 2]
    for case in ("first key", "size", "first frame", "view"):
        assert found[case] == "", case
    assert "Render Anew" in found["damaged"]


@pytest.mark.slow
def test_ranges_become_what_was_foretold_of_them(in_blender, extension, server, tmp_path):
    found = in_blender("ranges.py", extension, server, tmp_path, timeout=560)
    assert found["at first"] == [0, 137, "", ["new"] * 3]
    assert found["unmeasured"]
    assert found["made"] == [0, 137]
    assert found["then"] == [137, 0, "", ["kept"] * 3]
    assert found["row"] == [150, 193, 0, True, "0050.png"]
    assert found["lines"][0] == "Seed 0"
    assert found["lines"][2].startswith("From frame")
    assert all(101 <= int(frame) <= 149 for frame in re.findall(r"\d+", found["lines"][2]))
    assert "known, took" in found["lines"][1]
    assert found["thumbnail"]
    kept, new, differs, states = found["moved"]
    assert [kept, new, states] == [93, 44, ["kept", "kept", "again"]]
    assert 194 <= int(differs.removeprefix("camera at frame ")) <= 225
    assert found["measured"] == [True, True, False]
    assert found["plan"][0] == "93 kept; 44 computed ({}); {}".format(differs, "kept cameras move by less than 0.1 px")
    assert found["plan"][1].startswith("About ")
    assert found["plan"][1].endswith("GB of memory")
    assert found["kept"] == [2, True, False]
    assert found["cameras"] == [True, True]
    assert 0 < found["nudged"][0] < found["nudged"][2] < 0.02  # the cameras themselves did move
    assert found["beside"] is False  # all that is left to do has the key that was moved
    assert found["takes"] == ["Walk_v001", "Walk_v002"]
    assert found["earlier"] == ["Walk_v001", True]
    assert found["moved back"] == [137, 0, ""]
    assert found["locked"] == ""
    for sentence in found["refused"]:
        assert "Frames 194 to 237 are locked" in sentence
        assert "camera at frame " in sentence
    assert found["regenerated"] == [2, [[230, 1]], "done"]
    assert found["another"]
    assert found["entries"] == 0
    assert found["as before"] == [137, 0, ""]
    assert all("Nothing was generated of these frames yet" in said for said in found["nothing there"][:2])
    assert found["nothing there"][2:] == [400, 0]
    assert found["rolled back"] == [[101, 193], 2, 93]
    assert found["still there"] == [137, 137]
    assert found["next"] == ["stopped", 0, 49]
    assert found["and next"] == ["done", 1, 93]
    assert found["in work"][0][1:] == ["waiting", "waiting"]
    assert "frames 101\u2013149" in found["in work"][1]
    assert found["items"] == 3
    assert found["stopped"] == ["stopped", 93]
    assert found["unseen"] == [False, 137]  # as it was last looked at
    assert found["looked"] == [0, "camera at frame 101", 150]
    assert found["speeds"] == [
        "CUSTOM",
        ["FAST", "2", 50, 20, "dpm++"],
        ["BALANCED", "1", 100, 25, "dpm++"],
        ["BEST", "1", 100, 50, "euler"],
        "CUSTOM",
    ]
    assert found["preset"] == [33, 0.5, "1", "a barn"]
    assert len(found["step"]) == 1


@pytest.mark.slow
def test_fetched_depth_says_what_of_cg_is_seen(in_blender, extension, server, tmp_path):
    found = in_blender("depth.py", extension, server, tmp_path)
    assert found["before"] is False
    assert "Fetch Depth (EXR)" in found["refused"]
    assert found["fetched"] == ["done", 5, True]
    assert found["again"] == [["0003.exr"], True]
    with OpenEXR.File(str(Path(found["result"]) / "exr" / "0004.exr"), separate_channels=True) as file:
        depth = np.array(file.channels()["ViewLayer.Depth.Z"].pixels)
    assert depth.shape == (64, 96)
    assert 0.05 < np.mean(depth < found["away"]) < 0.9  # it is cut by a wall through its middle
    renders = np.load(tmp_path / "renders.npz")
    for case, share in {"far": 3, "middle": 1, "near": 1 / 3, "scaled": 1}.items():
        reach = found["nearly"] * depth / (share * found["away"])  # what lies on a surface counts as before it
        seen = reach > 1  # of CG
        expected = np.where(seen[..., None], np.array([255, 0, 0], np.uint8), renders["frame"])
        off = np.abs(renders[case].astype(int) - expected).max(axis=-1)
        sure = np.abs(reach - 1) > 1e-4
        assert off[sure].max() <= 1, (case, int((off > 1).sum()))
