"""The suite's work: real walks through real places by the real loop, small."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from worldwarp import mini
from worldwarp.cli import main
from worldwarp.evaluation.suite import cells, command
from worldwarp.evaluation.suite.cells import Suite
from worldwarp.evaluation.suite.rows import ROWS, Row
from worldwarp.training import st_diff, vae
from worldwarp.training.configs import SMALL_ST_DIFF, SMALL_VAE

pytestmark = pytest.mark.slow


def quick(name: str) -> Row:
    """A row without the fit of a cache, with few steps."""
    row = ROWS[name]
    cache = "points" if row.settings.cache == "3dgs" else row.settings.cache
    diffusion = structs.replace(row.settings.diffusion, steps=2)
    return replace(row, settings=structs.replace(row.settings, cache=cache, diffusion=diffusion))


DRAFT, ORACLE, TRUTH = (quick(name) for name in ("draft", "oracle", "truth"))


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return Suite(tmp_path_factory.mktemp("suite"), frames=13, height=32, width=48, chunk_frames=9)


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mini models of the smallest sizes, with random weights."""
    cpu = torch.device("cpu")
    vae.make({**SMALL_VAE, "base_dim": 8, "num_res_blocks": 1}, 0, cpu).save_pretrained(tmp_path / "vae")
    sizes = {**SMALL_ST_DIFF, "num_attention_heads": 1, "ffn_dim": 32, "num_layers": 1}
    st_diff.make(sizes, 0, cpu).save_pretrained(tmp_path / "st-diff")
    known = {"frames": 9, "width": 48, "height": 32, "gaps": 0.1, "sigma": 0.5, "label": "random weights"}
    (tmp_path / "trained.json").write_text(json.dumps(known))
    monkeypatch.setattr(mini, "FOLDER", tmp_path)
    for cached in (mini.trained, mini._digests):
        cached.cache_clear()
    yield
    for cached in (mini.trained, mini._digests):
        cached.cache_clear()


def test_what_is_finished_is_not_repeated_after_a_kill_in_the_middle_of_a_line(suite: Suite) -> None:
    rows = [DRAFT, TRUTH]
    at_work = cells.work(suite, rows, 1, jobs=1)
    first = next(at_work)
    at_work.close()
    with (suite.folder / cells.RESULTS).open("a") as file:
        file.write('{"row": "truth", "sce')
    assert list(cells.finished(suite, rows, 1)) == [("draft", 0)]
    rest = list(cells.work(suite, rows, 1, jobs=1))
    assert [(one["row"], one["scene"]) for one in (first, *rest)] == [("draft", 0), ("truth", 0)]
    lines = (suite.folder / cells.RESULTS).read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == ["draft", "truth"]
    assert list(cells.work(suite, rows, 1, jobs=1)) == []


def test_results_of_other_settings_do_not_count_and_chunks_are_kept(suite: Suite) -> None:
    before = {one["row"]: one for one in cells.work(suite, [DRAFT], 1, 1)} or cells.finished(suite, [DRAFT], 1)
    (result,) = before.values()
    other = replace(DRAFT, settings=structs.replace(DRAFT.settings, cache="none"))
    assert not cells.finished(suite, [other], 1)
    assert not cells.finished(replace(suite, chunk_frames=5), [DRAFT], 1)
    chunks = sorted((suite.folder / "store").rglob("manifest.json"))
    times = [path.stat().st_mtime_ns for path in chunks]
    assert cells.compute(suite, cells.Cell(DRAFT, 0)) == result  # to the bit, its seconds too: nothing was computed
    assert sorted((suite.folder / "store").rglob("manifest.json")) == chunks
    assert [path.stat().st_mtime_ns for path in chunks] == times


def test_truth_is_perfect_in_every_zone_and_the_oracle_in_the_holes(suite: Suite) -> None:
    list(cells.work(suite, [DRAFT, ORACLE, TRUTH], 1, 1))
    found = {name: one["measures"] for (name, _), one in cells.finished(suite, [DRAFT, ORACLE, TRUTH], 1).items()}
    assert {value for name, value in found["truth"].items() if name.startswith("psnr") and value} == {100}
    assert found["truth"]["gradient_ratio"] == 1
    assert 100 > found["oracle"]["psnr"] > found["draft"]["psnr"]
    assert found["oracle"]["psnr_holes"] > found["draft"]["psnr_holes"] + 2


@pytest.mark.usefixtures("networks")
def test_mini_rows_run_and_the_best_of_samples_is_no_worse_than_the_first(suite: Suite) -> None:
    rows = [quick("mini"), quick("noise full"), quick("cache none")]
    found = {one["row"]: one["measures"] for one in cells.work(replace(suite, samples=2), rows, 1, 1)}
    assert list(found) == ["mini", "noise full", "cache none"]
    for row in found.values():
        assert row["best_psnr_holes"] >= row["psnr_holes"]
    assert any(row["best_psnr_holes"] > row["psnr_holes"] for row in found.values())
    assert len({row["psnr"] for row in found.values()}) == 3


def test_the_command_writes_the_tables_and_the_sheets(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    def run(frames: int, chunk: int) -> int:
        size = f"--scenes 1 --width 48 --height 32 --frames {frames} --chunk-frames {chunk}".split()
        return main(["evaluate", "--suite", "procedural", "--out", str(suite.folder), *size, "--rows", "truth"])

    for sizes, sentence in (((13, 5), "9 at least"), ((14, 9), "give 4k + 1"), ((9, 9), "nothing is carried on")):
        assert run(*sizes) == 1
        assert sentence in capsys.readouterr().err
    assert run(13, 9) == 0
    text = (suite.folder / command.MARKDOWN).read_text("utf-8")
    assert "| truth |" in text
    assert "(place-01.png)" in text
    assert (suite.folder / "place-01.png").exists()
    assert (suite.folder / command.CSV).read_text().startswith("row,scenes,kid")
    with np.load(cells.features_path(suite, ROWS["truth"], 0), allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["made"], kept["true"])
