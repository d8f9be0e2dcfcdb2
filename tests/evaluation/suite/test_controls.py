"""The positive controls, in short: what stands in for networks shows what the suite has to be able to show."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from worldwarp.evaluation.suite import cells
from worldwarp.evaluation.suite.cells import Suite
from worldwarp.evaluation.suite.rows import GROUPS, Row

pytestmark = pytest.mark.slow


def quick(row: Row) -> Row:
    return replace(row, settings=structs.replace(row.settings, cache_steps=20))


@pytest.fixture(scope="module")
def psnr(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Measures by row, on one place."""
    folder: Path = tmp_path_factory.mktemp("controls")
    suite = Suite(folder, frames=25, height=64, width=96, chunk_frames=9)
    rows = [quick(row) for row in GROUPS["controls"]]
    return {one["row"]: one["measures"] for one in cells.work(suite, rows, 1, jobs=1)}


def test_the_oracle_beats_the_draft_and_truth_beats_all(psnr: dict[str, dict[str, float]]) -> None:
    assert psnr["truth"]["psnr"] == 100
    assert psnr["oracle"]["psnr"] > psnr["draft"]["psnr"] + 2


def test_wrong_geometry_costs_and_alignment_recovers(psnr: dict[str, dict[str, float]]) -> None:
    exact, aligned, wrong = (
        psnr[name]["psnr_seen_later"]
        for name in ("oracle", "oracle, wrong geometry aligned", "oracle, wrong geometry unaligned")
    )
    assert exact - wrong > 2
    assert aligned - wrong > 0.7 * (exact - wrong)


def test_memory_helps_on_the_way_back(psnr: dict[str, dict[str, float]]) -> None:
    with_memory, without = (psnr[name]["psnr_return"] for name in ("return, oracle", "return, oracle, no memory"))
    assert with_memory > without
