"""The one command that installs the backend: where it puts it, and what it asks pip for."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from worldwarp_protocol import keys

SCRIPT = Path(__file__).parent.parent / "scripts" / "install_backend.py"


@pytest.fixture
def script() -> ModuleType:
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
