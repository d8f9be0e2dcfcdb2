"""The examples in the documentation run."""

import re
from pathlib import Path

import numpy as np
import pytest
from worldwarp.cameras.formats import read_cameras

DOCS = Path(__file__).parent.parent / "docs"


def test_the_path_that_formats_shows_is_one_and_the_reading_example_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = re.findall(r"```python\n(.*?)```", (DOCS / "formats.md").read_text("utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    exec(writing, {})
    path = read_cameras(Path("path.npz"))
    np.testing.assert_allclose(path.centres[-1], [0, 1, 0], atol=1e-12)
    Path("path.npz").rename("cameras.npz")
    exec(reading, {})
    x, y = map(float, capsys.readouterr().out.split())
    assert (round(x, 6), round(y, 6)) == (360 + 600 * 1.0 / 2.0, 240 - 600 * 0.5 / 2.0)


PAGES = sorted(page for page in [*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md"), DOCS.parent / "protocol" / "SPEC.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_every_file_picture_and_heading_that_a_page_links_is_there(page: Path) -> None:
    for link in links(page.read_text("utf-8")):
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page.name} links {link}"
        if heading:
            assert heading in anchors(target.read_text("utf-8")), f"{page.name} links {link}"


def test_every_picture_is_shown_somewhere() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page.read_text("utf-8"))}
    assert {picture.resolve() for picture in (DOCS / "images").iterdir()} <= shown


def links(text: str) -> list[str]:
    """Targets in this repository, of links and pictures outside code."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(text))
    return [link for link in found if ":" not in link]


def anchors(text: str) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)$", without_code(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def without_code(text: str) -> str:
    return re.sub(r"(?ms)^```.*?^```", "", text)
