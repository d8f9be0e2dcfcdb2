"""Tables, verdicts and pictures from results that are made up, so that it is known what has to be said."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from worldwarp.evaluation.suite import pictures, table
from worldwarp.evaluation.suite.bootstrap import Interval
from worldwarp.evaluation.suite.rows import GROUPS, PAPER, ROWS, chosen
from worldwarp.evaluation.suite.table import Held
from worldwarp.outputs.pictures import decode_png, encode_png
from worldwarp_protocol.errors import InvalidShot

PLACES = 8
SPREAD = np.random.default_rng(0).normal(size=PLACES)
"""How hard each place is: it cancels in pairs."""


def row(psnr: float, **measures: float) -> Held:
    noise = np.random.default_rng(int(100 * psnr)).normal(0, 0.05, (len(measures) + 1, PLACES))
    values = {"psnr": psnr, **measures}
    made = {name: value + 3 * SPREAD + e for (name, value), e in zip(values.items(), noise, strict=True)}
    return Held(made, 0.1 * psnr * np.ones((PLACES, PLACES)))


HELD = {
    "draft": row(18),
    "oracle": row(30, psnr_seen_later=28),
    "oracle, wrong geometry aligned": row(29, psnr_seen_later=27),
    "oracle, wrong geometry unaligned": row(20, psnr_seen_later=18),
    "return, oracle": row(19, psnr_return=25),
    "return, oracle, no memory": row(19, psnr_return=17),
    "mini": row(20),
    "cache none": row(12),
    "cache points": row(22),
}


def test_the_markdown_is_well_formed() -> None:
    text = table.markdown(HELD, Interval(0.01, -0.1, 0.2), ["Said."])
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 2
    for block in blocks:
        lines = block.splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) == {"|", "-"}
    assert len(blocks[0].splitlines()) == 2 + len(HELD)
    assert "nan" not in text
    assert "0.01 (-0.10 to 0.20)" in text


def test_pairs_cancel_what_places_have_in_common() -> None:
    found = table.difference(HELD, "mini", "cache points", "psnr")
    assert found.value == pytest.approx(-2, abs=0.1)
    assert found.high - found.low < 0.2  # the places differ by some 3 dB
    assert table.difference(HELD, "draft", "mini", "kid").value == pytest.approx(-0.2)


def test_controls_that_hold_are_said_to_hold_and_a_reversal_is_named() -> None:
    said = table.controls(HELD)
    assert "holds" in said[0]
    assert "*cache points*" in said[0]
    assert "(**9.99 (9.9" in said[1]
    assert "90%" in said[1]
    assert "not run" in said[3]
    assert not any("**does not hold**" in sentence for sentence in said)
    order = table.order(HELD)
    assert "as in the paper" in order[0]
    assert "**reversed**" in order[1]
    assert len(order) == 2


def test_controls_that_fail_are_said_to_fail() -> None:
    spoilt = HELD | {
        "draft": row(31),
        "oracle, wrong geometry aligned": row(21, psnr_seen_later=19),
        "return, oracle": row(19, psnr_return=17),
    }
    said = table.controls(spoilt)
    assert ["**does not hold**" in sentence for sentence in said] == [True, True, True, False]
    assert "*draft*" in said[0]


def test_the_csv_has_a_line_for_each_row() -> None:
    lines = list(csv.DictReader(io.StringIO(table.means_csv(HELD))))
    assert [line["row"] for line in lines] == list(HELD)
    assert float(lines[0]["psnr"]) == pytest.approx(HELD["draft"].measures["psnr"].mean(), rel=1e-4)
    assert lines[0]["psnr_return"] == "nan"


def test_every_row_is_held_against_one_that_its_group_has() -> None:
    for name in ("table-3", "all"):
        names = {one.name for one in GROUPS[name]}
        assert {one.against for one in GROUPS[name]} - {""} <= names
        assert {name for pair in PAPER for name in pair} <= names
    assert len({one.name for one in ROWS.values()}) == len(GROUPS["all"])
    assert all(one.settings.profile == "draft" for one in GROUPS["controls"])
    whats = [(one.settings, one.fill, one.geometry, one.back) for one in ROWS.values()]
    assert not any(what in whats[:i] for i, what in enumerate(whats))  # a row under two names would be a silent tie


def test_rows_are_chosen_by_group_and_by_name_in_the_order_of_the_tables() -> None:
    assert [one.name for one in chosen(["cache none", "controls"])] == [
        *(r.name for r in GROUPS["controls"]),
        "cache none",
    ]
    with pytest.raises(InvalidShot, match="has no 'cash'"):
        chosen(["cash"])


def test_a_sheet_shows_the_rows_that_were_run_and_tints_the_holes_alone(tmp_path: Path) -> None:
    frames = np.full((7, 16, 32, 3), 100, np.uint8)
    holes = np.zeros((7, 16, 32), bool)
    holes[6, :, 16:] = True
    strip = pictures.strip(frames, holes)
    assert strip.shape == (16, 6 * 32 + 5 * pictures.GAP, 3)
    assert (strip[:, :32] == 100).all()
    assert (strip[:, -16:] == np.rint(0.78 * 100 + 0.22 * pictures.TINT)).all()
    assert pictures.sheet(tmp_path, 0) is None
    for name in ("truth", "mini"):
        file = pictures.path(tmp_path, name, 0)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(encode_png(strip))
    sheet = pictures.sheet(tmp_path, 0)
    assert sheet is not None
    scale = pictures.WIDEST // strip.shape[1]
    assert decode_png(sheet).shape[0] == 2 * 16 * scale + pictures.GAP
