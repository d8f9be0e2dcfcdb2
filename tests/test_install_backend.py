"""The one command that installs the backend: where it puts it, and what it asks pip for."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from worldwarp_protocol import keys

SCRIPT = Path(__file__).parent.parent / "scripts" / "install_backend.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("install_backend", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_it_installs_beside_the_keys(script: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    for name in ("WORLDWARP_HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
        assert script.home() == keys.home()
    monkeypatch.setenv("WORLDWARP_HOME", "/somewhere")
    assert script.home() == keys.home() == Path("/somewhere")


def test_pytorch_comes_first_and_what_draws_on_a_gpu_where_there_is_one(script: ModuleType) -> None:
    torch, rest = script.steps(True, "https://example.org/whl")
    assert torch[:2] == ["--index-url", "https://example.org/whl"]
    assert torch[2].startswith("torch==")
    assert rest[-1].endswith("backend[wan,cuda]")
    assert script.steps(False, None)[0] == torch[2:]
    assert script.steps(False, None)[1][-1].endswith("backend[wan]")
    assert Path(rest[1]).is_file()


def test_older_pythons_are_refused_in_one_sentence(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They read the whole file before they get there: its annotations have to be no more than words to them."""
    for module in (script, script.environments):
        for function in vars(module).values():
            assert all(isinstance(word, str) for word in getattr(function, "__annotations__", {}).values())
    monkeypatch.setattr("sys.version_info", (3, 9, 6))
    monkeypatch.setattr("sys.argv", ["install_backend.py"])
    assert script.main() == 1
    assert capsys.readouterr().err == "WorldWarp needs Python 3.11, 3.12 or 3.13: run this with one of those.\n"


@pytest.mark.slow
def test_an_environment_that_is_whole_stays_and_a_torn_one_is_made_again(script: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "a home" / "env"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "left").touch()
    python = script.environment(folder)
    subprocess.run([python, "-m", "pip", "--version"], check=True, capture_output=True)
    assert not (folder / "bin" / "left").exists()
    (folder / "ours").touch()
    assert script.environment(folder) == python
    assert (folder / "ours").exists()


def test_what_keeps_the_environment_from_being_made_is_said(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def without_ensurepip(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, [sys.executable, "-m", "ensurepip"])

    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.argv", ["install_backend.py"])
    monkeypatch.setattr("venv.create", without_ensurepip)
    assert script.main() == 1
    assert "install python3-venv" in capsys.readouterr().err


def test_what_an_earlier_build_left_is_not_installed_again(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "backend" / "build" / "lib" / "worldwarp" / "gone.py"
    gone.parent.mkdir(parents=True)
    gone.touch()
    monkeypatch.setattr(script, "ROOT", tmp_path)
    script.clean()
    assert [*(tmp_path / "backend").iterdir()] == []
