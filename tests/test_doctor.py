"""The doctor names every topic, finds what is missing, and never falls ill itself."""

import os
import socket
import subprocess
import sys

import pytest
from worldwarp import doctor
from worldwarp_protocol import client

GPU = """
__version__ = "2.11.0"
class cuda:
    device_count = staticmethod(lambda: 1)
    is_available = staticmethod(lambda: True)
    get_device_name = staticmethod(lambda i: "NVIDIA Test")
    get_device_properties = staticmethod(lambda i: type("P", (), {"total_memory": 24 * 2**30}))
"""


def topics(text):
    return {line[: doctor.WIDTH].strip(): line[doctor.WIDTH :] for line in text.splitlines() if line[0] != " "}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_command_reports_every_topic(home):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from worldwarp.cli import main; raise SystemExit(main(['doctor']))"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "WORLDWARP_HOME": str(home)},
    )
    found = topics(run.stdout)
    assert list(found) == [
        "Python", "Packages", "Machine", "Graphics", "Video", "Profiles", "Keys", "Store", "Server",
    ]  # fmt: skip
    assert found["Python"].startswith(sys.version.split()[0])
    assert "packages it needs are installed" in found["Packages"]
    assert "of memory" in found["Machine"]
    assert found["Video"] == "H.264 can be written."
    assert found["Profiles"] == "draft: can run here."
    assert "mini: can run here." in run.stdout
    assert found["Keys"] == f"{home} (made on first use)"
    assert found["Store"].startswith(str(home / "store"))
    assert "GB free" in found["Store"]
    assert not home.exists()


def test_the_doctor_itself_imports_no_torch():
    code = "import sys; from worldwarp import doctor as d; d._profiles(); d._video(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("source", "sentences"),
    [
        (GPU, ["NVIDIA Test with 24.0 GB (PyTorch 2.11.0).", "gsplat"]),
        ("raise OSError('libcudart.so is missing')", ["does not start (OSError: libcudart.so is missing); install"]),
    ],
)
def test_other_installations_of_torch(tmp_path, monkeypatch, source, sentences):
    """No GPU and no broken torch here: modules that stand for them, found by the probe's own process."""
    (tmp_path / "torch.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    lines = doctor._graphics()
    assert len(lines) == len(sentences)
    for line, sentence in zip(lines, sentences, strict=True):
        assert sentence in line


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(
        doctor.importlib.metadata, "requires", lambda _: ["numpy>=2", "no-such-package>=1", "x; extra == 'y'"]
    )
    (line,) = doctor._packages()
    assert line == "Missing: no-such-package. Install them with: pip install no-such-package"


def test_a_server_is_seen(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(client, "ADDRESS", address)
        assert doctor._server() == [f"Something answers at {address}, but it is not this user's WorldWarp server."]
    assert "start one with: worldwarp serve" in doctor._server()[0]
    assert not home.exists()


def test_a_topic_that_cannot_be_imported_does_not_end_the_report():
    def ill():
        raise ImportError("No module named 'av'")

    assert doctor._guarded(ill) == ["Cannot be looked at: No module named 'av'."]
