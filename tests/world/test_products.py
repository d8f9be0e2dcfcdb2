"""Files of worlds that are kept: the oldest go where there are too many."""

import os
from pathlib import Path

import pytest
from worldwarp.world import products


def kept(root: Path, name: str, age: int, size: int) -> Path:
    folder = root / "derived" / name
    folder.mkdir(parents=True)
    (folder / "mesh.ply").write_bytes(bytes(size - 2))
    (folder / "mesh.json").write_bytes(b"{}")
    os.utime(folder / "mesh.json", (1000 - age, 1000 - age))
    return folder


def test_the_oldest_products_go_and_the_newest_stays_however_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "MOST", 500)
    folders = [kept(tmp_path, name, age, 200) for age, name in enumerate("abcd")]
    other = tmp_path / "derived" / "z" / "points.npz"
    other.parent.mkdir()
    other.write_bytes(bytes(1000))
    products._forget(tmp_path, folders[0])
    assert [folder.exists() for folder in folders] == [True, True, False, False]
    huge = kept(tmp_path, "huge", -1, 10_000)
    products._forget(tmp_path, huge)
    assert sorted(path.name for path in (tmp_path / "derived").iterdir()) == ["huge", "z"]
