"""A chunk is there whole or not at all, is never changed, and damage is said, not used."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from worldwarp.store import Store, StoreError

KEY = "ab" * 32
FILES = {"frames/0001.png": b"one", "depth/0001.npy": b"two"}


def test_what_is_committed_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    committed = store.commit(KEY, {"a": 1}, 0, 1, FILES, {"seconds": 2.0})
    assert Store(tmp_path).manifest(KEY) == committed
    assert {name: store.read(KEY, name) for name in FILES} == FILES


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    a = store.commit("0" * 64, {"a": 1}, 0, 1, FILES, {"seconds": 2.0})
    b = store.commit("1" * 64, {"a": 2}, 0, 1, dict(reversed(FILES.items())), {"seconds": 3.0})
    c = store.commit("2" * 64, {"a": 1}, 0, 1, {**FILES, "depth/0001.npy": b"2"}, {})
    assert a.digest == b.digest != c.digest


def test_a_committed_chunk_stays_as_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.commit(KEY, {}, 0, 1, FILES, {})
    assert store.commit(KEY, {}, 0, 1, {"frames/0001.png": b"other"}, {}) == first
    assert store.read(KEY, "frames/0001.png") == b"one"


@pytest.mark.parametrize("harm", ["frames/0001.png", "manifest.json"])
@pytest.mark.parametrize("how", ["cut", "gone"])
def test_damage_is_refused_with_the_remedy(tmp_path: Path, harm: str, how: str) -> None:
    store = Store(tmp_path)
    store.commit(KEY, {}, 0, 1, FILES, {})
    (path,) = tmp_path.glob(f"chunks/*/*/{harm}")
    path.unlink() if how == "gone" else path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="to compute it again"):
        store.read(KEY, "frames/0001.png")


def test_a_failing_disk_leaves_nothing_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.commit(KEY, {}, 0, 1, FILES, {})
    assert not store.has(KEY)
    assert not any((tmp_path / "unfinished").iterdir())
    assert store.commit(KEY, {}, 0, 1, FILES, {}).count == 1


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--store"):
        Store(tmp_path / "file" / "store")


WRITER = """
import sys
from pathlib import Path
from worldwarp.store import Store
store = Store(Path(sys.argv[1]))
for i in range(10_000):
    key = f"{i:064x}"
    files = {f"frames/{j:04d}.png": bytes([i % 251]) * 20_000 for j in range(10)}
    manifest = store.commit(key, {}, 0, 10, files, {})
    print(key, manifest.digest, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_torn_and_nothing_committed_is_lost(tmp_path: Path) -> None:
    said: dict[str, str] = {}
    for attempt in range(8):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        for _ in range(3 + 5 * attempt):
            said.update([process.stdout.readline().split()])
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        said.update(line.split() for line in process.stdout if line.count(" ") == 1 and line.endswith("\n"))
        process.wait()
        process.stdout.close()
    store = Store(tmp_path)
    store.clean(older_than=0)
    assert len(said) > 30
    for key, digest in said.items():
        manifest = store.manifest(key)
        assert manifest.digest == digest
        assert all(len(store.read(key, name)) == 20_000 for name in manifest.files)
    visible = {path.parent.name for path in tmp_path.glob("chunks/*/*/manifest.json")}
    for key in visible:
        assert len(store.manifest(key).files) == 10
    assert not any((tmp_path / "unfinished").iterdir())


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("mine")
    with pytest.raises(StoreError, match=r"holds other files \(holiday.jpg.*not a store; choose another with --store"):
        Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_store_in_use_is_a_store(tmp_path: Path) -> None:
    Store(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    Store(tmp_path)
