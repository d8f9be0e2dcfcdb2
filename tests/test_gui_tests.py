"""When the tests in a real window are left out, and when leaving one out is a failure."""

import contextlib
import errno
import hashlib
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Debian's packages are Linux's")


@pytest.fixture
def gui(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("gui_tests")


@pytest.fixture
def blender(gui: ModuleType) -> ModuleType:
    return gui.gui_blender


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Root who may do everything; the folder of the program that enters a system."""
    folder = tmp_path / "programs"
    folder.mkdir()
    allow(folder, True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.mknod", lambda path, *_: Path(path).touch())
    return folder


def allow(folder: Path, allowed: bool) -> None:
    (folder / "chroot").write_text(f"#!/bin/sh\nexit {0 if allowed else 125}\n")
    (folder / "chroot").chmod(0o755)


def test_without_root_it_says_aloud_that_they_were_not_run(gui, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    assert gui.main(["--folder", str(tmp_path / "none"), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("THE WINDOW TESTS WERE NOT RUN: only root")
    assert said.count("\n") == 1


@LINUX
@pytest.mark.parametrize(("forbidden", "said"), [("chroot", "may not enter"), ("mknod", "no devices can be made")])
def test_where_root_is_not_allowed_what_it_needs_it_says_so(gui, root, monkeypatch, capsys, tmp_path, forbidden, said):
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if forbidden == "chroot":
        allow(root, False)
    else:
        monkeypatch.setattr("os.mknod", refuse)
    assert gui.main(["--folder", str(tmp_path / "kept" / "blender")]) == 0
    found = capsys.readouterr().out
    assert found.startswith("THE WINDOW TESTS WERE NOT RUN: ")
    assert said in found


@LINUX
@pytest.mark.usefixtures("root")
def test_with_root_a_mirror_that_does_not_answer_is_named(gui, blender, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(blender, "mirror", lambda: "http://127.0.0.1:9/debian")
    assert gui.main(["--folder", str(tmp_path / "kept" / "blender")]) == 0
    assert "127.0.0.1:9/debian cannot be reached" in capsys.readouterr().out
    assert list((tmp_path / "kept").iterdir()) == []


@LINUX
def test_with_root_and_a_mirror_what_fails_is_a_failure(blender, monkeypatch, tmp_path):
    monkeypatch.setattr(blender, "check_possible", lambda _, folder: folder.mkdir(exist_ok=True))

    def broken(_: str, folder: Path) -> None:
        folder.mkdir()
        raise SystemExit("debootstrap failed")

    monkeypatch.setattr(blender, "install", broken)
    with pytest.raises(SystemExit, match="debootstrap failed"):
        blender.real_blender("sid", tmp_path / "blender")
    assert not (tmp_path / "blender").exists()


@LINUX
def test_it_is_made_once_and_anew_where_its_parts_have_changed(blender, monkeypatch, tmp_path):
    made = []

    def install(suite: str, folder: Path) -> None:
        folder.mkdir()
        made.append(suite)

    monkeypatch.setattr(blender, "check_possible", lambda _, folder: folder.mkdir(exist_ok=True))
    monkeypatch.setattr(blender, "install", install)
    folder = tmp_path / "kept" / "blender"
    assert blender.real_blender("sid", folder) == folder == blender.real_blender("sid", folder)
    assert made == ["sid"]
    monkeypatch.setattr(blender, "PACKAGES", (*blender.PACKAGES, "one-more"))
    blender.real_blender("sid", folder)
    assert made == ["sid", "sid"]


@LINUX
def test_who_waited_for_another_process_does_not_make_it_again(blender, monkeypatch, tmp_path):
    monkeypatch.setattr(blender, "check_possible", lambda *_: None)

    @contextlib.contextmanager
    def after_another(folder: Path):
        folder.mkdir()
        (folder / "made-from").write_text(hashlib.sha256(repr(("sid", blender.PACKAGES)).encode()).hexdigest())
        yield

    monkeypatch.setattr(blender, "alone", after_another)
    monkeypatch.setattr(blender, "install", lambda *_: pytest.fail("it was there"))
    assert blender.real_blender("sid", tmp_path / "blender") == tmp_path / "blender"


@LINUX
def test_what_runs_in_there_ends_with_us(gui, monkeypatch, tmp_path):
    (tmp_path / "shared").mkdir()
    begin, begun = subprocess.Popen, []

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    def outside(line: list[str], **how: object) -> subprocess.Popen:
        begun.append(begin(line[2:], **how))
        begun[0].communicate = interrupted
        return begun[0]

    monkeypatch.setattr(subprocess, "Popen", outside)
    with pytest.raises(KeyboardInterrupt):
        gui.enter(gui.Place(tmp_path, tmp_path / "shared"), ["sleep", "60"])
    assert begun[0].returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("outcomes", "pictures", "code"),
    [([True, True], 1, 0), ([True, False], 1, 1), ([], 1, 1), ([True, True], 0, 1), ([False, True], 1, 1)],
)
def test_only_all_scripts_passed_and_something_to_look_at_is_well(gui, monkeypatch, tmp_path, outcomes, pictures, code):
    (tmp_path / "tmp").mkdir()
    told = iter(outcomes)

    def run_script(place, _: str) -> bool:
        for number in range(pictures):
            (place.shared / "pictures" / f"{number}.png").write_bytes(b"")
        return next(told)

    monkeypatch.setattr(gui, "run_script", run_script)
    monkeypatch.setattr(gui, "install", lambda *_: None)
    monkeypatch.setattr(gui, "server", lambda _: gui.contextlib.nullcontext("tcp://127.0.0.1:1"))
    assert gui.run_all(tmp_path, tuple(map(str, range(len(outcomes)))), tmp_path / "out") == code
    assert list((tmp_path / "tmp").iterdir()) == []


def test_every_script_is_run(gui):
    helpers = {"driving", "shot", "installing"}
    assert {file.stem for file in gui.SCRIPTS.glob("*.py")} - helpers == set(gui.ORDER)


def test_the_sentence_that_ends_a_script_is_the_one_that_is_looked_for(gui):
    assert f'PASSED = "{gui.PASSED}"' in (gui.SCRIPTS / "driving.py").read_text()


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ("deb http://mirror.example/debian trixie main\n", "http://mirror.example/debian"),
        ("deb [signed-by=/x.gpg] https://mirror.example/debian/ trixie main\n", "https://mirror.example/debian"),
        ("Types: deb\nURIs: http://a.example/debian-security http://b.example/debian\n", "http://b.example/debian"),
        ("# deb http://mirror.example/debian trixie main\n", None),
        ("deb http://archive.example/ubuntu noble main\n", None),
    ],
)
def test_the_mirror_is_the_one_that_apt_uses(blender, sources, found):
    assert blender.mirror_in(sources) == found
