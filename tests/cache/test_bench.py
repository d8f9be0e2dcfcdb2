"""The benchmark, at its smallest."""

import json
from pathlib import Path

import pytest
from worldwarp import bench


def test_ours_and_the_twin_do_the_same_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(bench, "SIZES", ((300, 48, 32),))
    assert bench.main(["cache", "--json", str(tmp_path / "numbers.json")]) == 0
    ours, twin = json.loads((tmp_path / "numbers.json").read_text())["rows"]
    assert ours["psnr"] == pytest.approx(twin["psnr"], abs=0.05)
    assert all(row["forward_ms"] > 0 and row["step_ms"] > 0 for row in (ours, twin))
    assert "300" in capsys.readouterr().out
